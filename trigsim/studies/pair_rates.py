"""Intervals of the rates of pairs of algorithms that know the company, as those of rates do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate
from trigsim.studies.decided import Decided
from trigsim.studies.decided_sums import row_rates
from trigsim.studies.word_sums import Entries, Rows, Told, table_rates

#: Algorithms whose pairs are counted one by one, at most: their number grows as the square.
MOST = 64
#: Decisions of crossings on pairs that are in memory at once, bytes.
CHUNK = 1 << 27
Pair = tuple[int, int]


def pair_ends(
    sample: Decided, told: Told | None, threads: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the ends of the intervals of all pairs, float64 (A, A), kHz; None where no company is known.

    Parameters
    ----------
    sample : Decided
        Beam crossings.
    told : Told or None
        What tells the company where the sample does not.
    threads : int
        0 is one per core.
    """
    n = len(sample.names)
    if n > MOST or (told is None and sample.company is None):
        return None
    pairs = [(i, j) for i in range(n) for j in range(i, n)]
    step = max(8, CHUNK // max(len(sample), 1) // 8 * 8)
    found: list[Estimate] = []
    for first in range(0, len(pairs), step):
        found += _rates(sample, told, pairs[first : first + step], threads)
    low, high = np.zeros((n, n)), np.zeros((n, n))
    for (i, j), one in zip(pairs, found, strict=True):
        low[i, j] = low[j, i] = one.low
        high[i, j] = high[j, i] = one.high
    return low, high


def _rates(sample: Decided, told: Told | None, pairs: Sequence[Pair], threads: int) -> list[Estimate]:
    """Return the rates of some pairs."""
    # Nothing is to be counted of the pairs together: they all are vetoes.
    alone, n = np.ones(len(pairs), np.bool_), len(pairs)
    if told is None:
        assert sample.company is not None
        return row_rates(_of_pairs(sample, pairs), sample.company, np.inf, alone, (), threads)[:n]
    beside = told.beside
    those = replace(
        told,
        entries=_entries(told.entries, pairs),
        beside=None if beside is None else (_entries(beside[0], pairs), beside[1]),
    )
    return table_rates(those, Rows(np.ones(n), alone, {}), np.inf, threads)[0]["rate"][:n]


def _entries(entries: Entries, pairs: Sequence[Pair]) -> Entries:
    return replace(entries, sample=_of_pairs(entries.sample, pairs))


def _of_pairs(sample: Decided, pairs: Sequence[Pair]) -> Decided:
    """Return the same crossings, decided by pairs."""
    bits = np.unpackbits(sample.packed, axis=1, count=len(sample.names), bitorder="little").view(np.bool_)
    one, other = np.array(pairs).T
    packed = np.packbits(bits[:, one] & bits[:, other], axis=1, bitorder="little")
    return replace(sample, names=tuple(f"{i} and {j}" for i, j in pairs), packed=packed)
