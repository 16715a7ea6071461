# mypy: ignore-errors
"""Counting the collisions of crossings by class."""

from numba import njit


@njit(cache=True, nogil=True)
def count_alone(offsets, event, of, kind, companions):
    """Count each crossing's collisions by class, those that are on their own.

    Parameters
    ----------
    offsets, event : int64 arrays
        Of a `Plan`.
    of : int16 array
        Class of each collision of the pool.
    kind : int64 array, shape (n,)
        Class of each crossing's hardest collision, which is not counted; -1 where there is none.
    companions : int32 array, shape (n, p)
        Filled.
    """
    for i in range(len(kind)):
        row = companions[i]
        row[:] = 0
        if kind[i] >= 0:
            row[kind[i]] = -1
        for c in range(offsets[i], offsets[i + 1]):
            row[of[event[c]]] += 1


@njit(cache=True, nogil=True)
def count_stacked(offsets, number, each, companions):
    """Add the collisions in the blocks of crossings.

    Parameters
    ----------
    offsets, number : int64 arrays
        Of a `Stack`.
    each : int16 array, shape (blocks, p)
        Collisions of each class in each block.
    companions : int32 array, shape (n, p)
        Added to.
    """
    for i in range(len(companions)):
        # Rows, for with all indices in the innermost loop it is no vectors': 0.35 us a crossing instead of 0.1.
        row = companions[i]
        for c in range(offsets[i], offsets[i + 1]):
            block = each[number[c]]
            for k in range(len(row)):
                row[k] += block[k]


@njit(cache=True, nogil=True)
def count_passes(bits, cluster, stratum, passes, tried):
    """Count crossings by the cluster of their hardest collision; see `accumulate.RateCounts`.

    Parameters
    ----------
    bits : bool array, shape (rows, n)
        What passed.
    cluster : int64 array, shape (n,)
    stratum : int
        Of all of them.
    passes, tried : int64 arrays, shapes (rows, K + 1, E) and (K + 1, E)
        Added to.
    """
    for i in range(len(cluster)):
        tried[stratum, cluster[i]] += 1
    for r in range(len(bits)):
        row = bits[r]
        for i in range(len(cluster)):
            if row[i]:
                passes[r, stratum, cluster[i]] += 1


@njit(cache=True, nogil=True)
def add_classes(bits, kind, companions, stratum, passed, tried):
    """Add up the collisions of crossings by class, for each row those that passed; see `accumulate.RateCounts`.

    A product of matrices, but of few non-zeros; BLAS would also start threads inside ours.

    Parameters
    ----------
    bits : bool array, shape (rows, n)
    kind, companions : int64 and int32 arrays, shapes (n,) and (n, p)
        Of `companions.Held`.
    stratum : int
        Of all crossings.
    passed, tried : int64 arrays, shapes (rows, K + 1, 2, p) and (K + 1, 2, p)
        Added to.
    """
    for i in range(len(kind)):
        some = companions[i]
        if kind[i] >= 0:
            tried[stratum, 0, kind[i]] += 1
        total = tried[stratum, 1]
        for k in range(len(some)):
            total[k] += some[k]
        for r in range(len(bits)):
            if bits[r, i]:
                if kind[i] >= 0:
                    passed[r, stratum, 0, kind[i]] += 1
                total = passed[r, stratum, 1]
                for k in range(len(some)):
                    total[k] += some[k]
