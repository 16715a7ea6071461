# mypy: ignore-errors
"""Objects that are assigned to a neighbouring crossing."""

from numba import njit


@njit(cache=True, nogil=True)
def reassign(fields, order, shift, empty, out):
    """Gather in each crossing the objects that are assigned to it, the largest first.

    Parameters
    ----------
    fields : int32 array, shape (F, n, slots)
        All fields of one kind of object.
    order : int
        The field that objects are ordered by; 0 there is no object.
    shift : int8 array, shape (n, slots)
        Crossings, -1 to 1, from an object's own to the one it is assigned to.
    empty : int32 array, shape (F,)
        What fills slots without an object.
    out : int32 array, shape (F, n, slots)
        Written; the softest objects beyond the slots are lost.
    """
    count, n, slots = fields.shape
    for i in range(n):
        found = 0
        for source in (i, i + 1, i - 1):
            if source < 0 or source >= n:
                continue
            for s in range(slots):
                size = fields[order, source, s]
                if size == 0 or source + shift[source, s] != i:
                    continue
                place = min(found, slots)
                while place > 0 and out[order, i, place - 1] < size:
                    place -= 1
                if place == slots:
                    continue
                for f in range(count):
                    for k in range(min(found, slots - 1), place, -1):
                        out[f, i, k] = out[f, i, k - 1]
                    out[f, i, place] = fields[f, source, s]
                found += 1
        for s in range(min(found, slots), slots):
            for f in range(count):
                out[f, i, s] = empty[f]
