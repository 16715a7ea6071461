# mypy: ignore-errors
"""Decisions as words of 64 crossings of one algorithm, and counts of what passes all pairs of algorithms."""

import numpy as np
from numba import config, njit, types
from numba.extending import intrinsic

from trigsim.menu.bit_kernels import bit_number

#: Words of an algorithm that are looked at together.
TILE = 256


@intrinsic
def _population(typingctx, word):
    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


if config.DISABLE_JIT:

    def popcount(word):
        """Return how many bits of a word are set."""
        return int(word).bit_count()

else:

    @njit(nogil=True)
    def popcount(word):
        """Return how many bits of a word are set: one machine instruction."""
        return np.int64(_population(word))


@njit(cache=True, nogil=True)
def turn(packed, places, words):
    """Set bit ``places[c]`` of ``words[i]`` where crossing c passes algorithm i; places < 0 are left out."""
    n_alg = words.shape[0]
    for c in range(len(packed)):
        p = places[c]
        if p < 0:
            continue
        bit = np.uint64(1) << np.uint64(p & 63)
        for b in range(packed.shape[1]):
            byte = np.int64(packed[c, b])
            while byte:
                i = 8 * b + bit_number(byte)
                if i < n_alg:
                    words[i, p >> 6] |= bit
                byte &= byte - 1


@njit(cache=True, nogil=True)
def overlaps(words, start, size, length, weight, first, last, sums, squares):
    """Add to ``sums[i, j]`` and ``squares[i, j]`` for algorithms first <= i < last and j >= i.

    Group g has ``size[g]`` collisions of ``length[g]`` words, whose crossings weigh ``weight[g]`` each: word t of
    its collision q is ``start[g] + t * size[g] + q``. Words are taken a tile at a time: they stay in the cache.
    """
    n_alg = words.shape[0]
    count = np.zeros(TILE, np.int64)
    for g in range(len(start)):
        step = max(TILE // length[g], 16)
        for q in range(0, size[g], step):
            n = min(step, size[g] - q)
            for i in range(first, last):
                for j in range(i, n_alg):
                    total, total2 = np.int64(0), np.int64(0)
                    if length[g] == 1:
                        a, b = words[i, start[g] + q :], words[j, start[g] + q :]
                        for p in range(n):
                            both = popcount(a[p] & b[p])
                            total += both
                            total2 += both * both
                    else:
                        for p in range(n):
                            count[p] = 0
                        for t in range(length[g]):
                            at = start[g] + t * size[g] + q
                            a, b = words[i, at:], words[j, at:]
                            for p in range(n):
                                count[p] += popcount(a[p] & b[p])
                        for p in range(n):
                            total += count[p]
                            total2 += count[p] * count[p]
                    sums[i, j] += weight[g] * total
                    squares[i, j] += weight[g] ** 2 * total2
