# mypy: ignore-errors
"""What crossings pass, by groups too, and the collisions in them by class."""

from numba import njit


@njit(cache=True, nogil=True)
def count_alone(offsets, event, of, hardest, kind, companions):
    """Count each crossing's collisions by class, those that are on their own.

    Parameters
    ----------
    offsets, event : int64 arrays
        Of a `Plan`: the hardest collision of a crossing is its first.
    of : int16 array
        Class of each collision of the pool.
    hardest, kind : int64 arrays, shape (n,)
        Filled: the hardest collision and its class; -1 where there is none.
    companions : int32 array, shape (n, p)
        Filled: all others by class.
    """
    for i in range(len(kind)):
        row = companions[i]
        row[:] = 0
        hardest[i] = kind[i] = -1
        if offsets[i] < offsets[i + 1]:
            hardest[i] = event[offsets[i]]
            kind[i] = of[hardest[i]]
        for c in range(offsets[i] + 1, offsets[i + 1]):
            row[of[event[c]]] += 1


@njit(cache=True, nogil=True)
def count_stacked(offsets, number, inside, event, each, of, hardest, kind, companions):
    """Add the collisions in the blocks of crossings.

    Parameters
    ----------
    offsets, number : int64 arrays
        Of a `Stack`.
    inside, event : int64 arrays
        Offsets and collisions of its blocks.
    each : int16 array, shape (blocks, p)
        Collisions of each class in each block.
    of : int16 array
        Class of each collision of the pool.
    hardest, kind, companions : arrays
        As `count_alone` left them: where nothing is on its own the first collision in a block is the hardest.
    """
    for i in range(len(kind)):
        # Rows, for with all indices in the innermost loop it is no vectors': 0.35 us a crossing instead of 0.1.
        row = companions[i]
        for c in range(offsets[i], offsets[i + 1]):
            block = each[number[c]]
            for k in range(len(row)):
                row[k] += block[k]
        if hardest[i] < 0 and offsets[i] < offsets[i + 1]:
            hardest[i] = event[inside[number[offsets[i]]]]
            kind[i] = of[hardest[i]]
            row[kind[i]] -= 1


@njit(cache=True, nogil=True)
def count_passes(bits, event, stratum, passes, tried):
    """Count crossings by the cluster of their hardest collision; see `accumulate.RateCounts`.

    Parameters
    ----------
    bits : bool array, shape (rows, n)
        What passed.
    event : int64 array, shape (n,)
        Number of the hardest collision, of which the remainder by E is the cluster.
    stratum : int
        Of all of them.
    passes, tried : int64 arrays, shapes (rows, K + 1, E) and (K + 1, E)
        Added to.
    """
    clusters = tried.shape[1]
    for i in range(len(event)):
        cluster = event[i] % clusters
        tried[stratum, cluster] += 1
        for r in range(len(bits)):
            if bits[r, i]:
                passes[r, stratum, cluster] += 1


@njit(cache=True, nogil=True)
def list_cells(passes, event, cell, passed):
    """List where anything passed; see `accumulate.Piece`.

    Parameters
    ----------
    passes : int64 array, shape (rows, 1, E)
    event : int64 array, shape (t,)
        Clusters that were drawn.
    cell, passed : int64 arrays, shape (rows * t,)
        Filled from their first on.

    Returns
    -------
    int
        Cells filled.
    """
    found, clusters = 0, passes.shape[2]
    for r in range(len(passes)):
        row = passes[r, 0]
        for e in event:
            if row[e] > 0:
                cell[found], passed[found] = r * clusters + e, row[e]
                found += 1
    return found


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


@njit(cache=True, nogil=True)
def with_groups(decided, member, bits):
    """Put the bits of groups under those of algorithms.

    Parameters
    ----------
    decided : bool array, shape (algorithms, n)
    member : bool array, shape (groups, algorithms)
    bits : bool array, shape (algorithms + groups, n)
        Filled.
    """
    algorithms = len(decided)
    for a in range(algorithms):
        bits[a] = decided[a]
    for g in range(len(member)):
        row = bits[algorithms + g]
        row[:] = False
        for a in range(algorithms):
            if member[g, a]:
                one = decided[a]
                for i in range(len(one)):
                    row[i] |= one[i]
