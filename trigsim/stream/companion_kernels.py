# mypy: ignore-errors
"""Counting the collisions of crossings by class."""

from numba import njit


@njit(cache=True, nogil=True)
def count_classes(offsets, event, of, out):
    """Count each crossing's collisions by class.

    Parameters
    ----------
    offsets, event : int64 arrays
        Of a `Plan`: the hardest collision of a crossing is its first.
    of : int16 array
        Class of each collision of the pool.
    out : int32 array, shape (n, 2, p)
        Zeros; [:, 0] becomes the counts of the hardest, [:, 1] those of its companions.
    """
    for i in range(len(offsets) - 1):
        for c in range(offsets[i], offsets[i + 1]):
            role = 0 if c == offsets[i] else 1
            out[i, role, of[event[c]]] += 1


@njit(cache=True, nogil=True)
def add_classes(bits, counts, out):
    """Add up the counts of the crossings that passed, for each row.

    A product of matrices, but of few non-zeros; BLAS would also start threads inside ours.

    Parameters
    ----------
    bits : bool array, shape (n, rows)
    counts : int32 array, shape (n, 2, p)
    out : int64 array, shape (rows, 2, p)
        Added to.
    """
    for i in range(bits.shape[0]):
        for r in range(bits.shape[1]):
            if bits[i, r]:
                for c in range(2):
                    for j in range(counts.shape[2]):
                        out[r, c, j] += counts[i, c, j]


@njit(cache=True, nogil=True)
def count_stacked(alone, offsets, number, first, of, each, out):
    """Add the collisions in the blocks of crossings.

    Parameters
    ----------
    alone : int64 array
        Offsets of the collisions on their own: where there are none the first in a block is the hardest.
    offsets, number, first : int64 arrays
        Of a `Stack`.
    of : int16 array
        Class of each collision of the pool.
    each : int32 array, shape (blocks, p)
        Collisions of each class in each block.
    out : int32 array, shape (n, 2, p)
        As `count_classes` left it.
    """
    for i in range(len(offsets) - 1):
        for c in range(offsets[i], offsets[i + 1]):
            for k in range(out.shape[2]):
                out[i, 1, k] += each[number[c], k]
        if alone[i] == alone[i + 1] and first[i] >= 0:
            out[i, 0, of[first[i]]] += 1
            out[i, 1, of[first[i]]] -= 1
