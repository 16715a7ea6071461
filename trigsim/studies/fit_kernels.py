# mypy: ignore-errors
"""Unions of packed decisions, counted by stratum."""

import numpy as np
from numba import njit

from trigsim.studies.word_kernels import popcount


@njit(cache=True, nogil=True)
def union(words, columns, out):
    """OR the rows `columns` of `words` into `out`."""
    for c in columns:
        row = words[c]
        for p in range(len(out)):
            out[p] |= row[p]


@njit(cache=True, nogil=True)
def weigh(bits, segments, weight):
    """Sum of weights of the bits set: words ``segments[k]:segments[k + 1]`` weigh ``weight[k]`` a bit."""
    total = 0.0
    for k in range(len(weight)):
        count = np.int64(0)
        for p in range(segments[k], segments[k + 1]):
            count += popcount(bits[p])
        total += weight[k] * count
    return total


@njit(cache=True, nogil=True)
def scan(words, base, columns, segments, weight, out):
    """Fill ``out[v]`` with the weight of `base` joined with the rows ``columns[v]`` of `words`."""
    n, joining = columns.shape
    joined = base.copy()
    for v in range(n):
        # All rows but the last are joined first; the last is joined as it is counted.
        for c in range(joining - 1):
            row = words[columns[v, c]]
            before = base if c == 0 else joined
            for p in range(len(joined)):
                joined[p] = before[p] | row[p]
        before = joined if joining > 1 else base
        last = words[columns[v, joining - 1]] if joining else base
        total = 0.0
        for k in range(len(weight)):
            count = np.int64(0)
            for p in range(segments[k], segments[k + 1]):
                count += popcount(before[p] | last[p])
            total += weight[k] * count
        out[v] = total
