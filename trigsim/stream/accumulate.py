"""Accumulators: integers only, so that merging is exact and the order of chunks cannot matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RateCounts:
    """Passes of weighted crossings, by the hardest collision in them.

    Attributes
    ----------
    rows : tuple of str
        What is counted: algorithms, groups, the total.
    passes : int64, shape (rows, K + 1, E)
        Crossings that passed, by stratum of the crossing and by number of its hardest collision within the
        stratum's events (padded with zeros to the longest; the empty crossing is event 0 of stratum K).
    drawn : int64, shape (K + 1,)
        Crossings drawn in each stratum.
    """

    rows: tuple[str, ...]
    passes: NDArray[np.int64]
    drawn: NDArray[np.int64]

    @classmethod
    def empty(cls, rows: tuple[str, ...], strata: int, events: int) -> RateCounts:
        """Return zero counts for K + 1 = `strata` and E = `events`."""
        return cls(rows, np.zeros((len(rows), strata, events), np.int64), np.zeros(strata, np.int64))

    def fill(self, stratum: int, event: NDArray[np.int64], bits: NDArray[np.bool_]) -> None:
        """Count n crossings of one stratum.

        Parameters
        ----------
        stratum : int
            Stratum of the crossings.
        event : int64, shape (n,)
            Number of each one's hardest collision within the stratum.
        bits : bool, shape (n, rows)
            What passed.
        """
        self.drawn[stratum] += len(event)
        for row in range(len(self.rows)):
            self.passes[row, stratum] += np.bincount(event[bits[:, row]], minlength=self.passes.shape[2])

    def merge(self, other: RateCounts) -> None:
        """Add the counts of `other`, of the same rows and strata, to these."""
        if other.rows != self.rows:
            raise ValueError("only counts of the same rows can be merged")
        self.passes[:] += other.passes
        self.drawn[:] += other.drawn


@dataclass(frozen=True, slots=True)
class EfficiencyCounts:
    """Passes of signal crossings.

    Attributes
    ----------
    rows : tuple of str
        As in `RateCounts`.
    passed : int64, shape (rows,)
        Crossings that passed.
    drawn : int64, shape (1,)
        Crossings drawn.
    """

    rows: tuple[str, ...]
    passed: NDArray[np.int64]
    drawn: NDArray[np.int64]

    @classmethod
    def empty(cls, rows: tuple[str, ...]) -> EfficiencyCounts:
        """Return zero counts."""
        return cls(rows, np.zeros(len(rows), np.int64), np.zeros(1, np.int64))

    def fill(self, bits: NDArray[np.bool_]) -> None:
        """Count n crossings; `bits` is bool of shape (n, rows)."""
        self.passed[:] += bits.sum(axis=0)
        self.drawn[:] += len(bits)

    def merge(self, other: EfficiencyCounts) -> None:
        """Add the counts of `other`, of the same rows, to these."""
        if other.rows != self.rows:
            raise ValueError("only counts of the same rows can be merged")
        self.passed[:] += other.passed
        self.drawn[:] += other.drawn
