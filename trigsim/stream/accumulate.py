"""Accumulators: integers only, so that merging is exact and the order of chunks cannot matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.stream.companions import Held
from trigsim.stream.count_kernels import add_classes, count_passes, list_cells

#: Clusters that the hardest collisions of a stratum are counted in, at most. Collisions of a larger library share
#: them by number, which leaves the mean of a variance as it is and bounds the memory.
CLUSTERS = 2048


class Piece(NamedTuple):
    """Counts of crossings of one stratum in sparse arrays: what a worker sends.

    Attributes
    ----------
    crossings : int
        Crossings drawn.
    event, tried : int64 and int32, shape (t,)
        Clusters of hardest collisions that were drawn, and how often.
    cell, passed : int64 and int32, shape (c,)
        ``row * E + cluster`` where anything passed, and how often.
    class_tried, class_passed : int32, shapes (2, p) and (rows, 2, p)
        As in `RateCounts`.
    """

    crossings: int
    event: NDArray[np.int64]
    tried: NDArray[np.int32]
    cell: NDArray[np.int64]
    passed: NDArray[np.int32]
    class_tried: NDArray[np.int32]
    class_passed: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class RateCounts:
    """Passes of weighted crossings, by the hardest collision in them and by what else is in them.

    Attributes
    ----------
    rows : tuple of str
        What is counted: algorithms, groups, the total.
    passes : int64, shape (rows, K + 1, E)
        Crossings that passed, by stratum of the crossing and by cluster of its hardest collision (padded with zeros
        to the longest; the empty crossing is cluster 0 of stratum K).
    tried : int64, shape (K + 1, E)
        The same for all crossings drawn.
    class_passed : int64, shape (rows, K + 1, 2, p)
        Collisions in the crossings that passed, by their class (`companions.Classes`): [..., 0, :] the hardest of
        each crossing, [..., 1, :] its companions.
    class_tried : int64, shape (K + 1, 2, p)
        The same for all crossings drawn.
    """

    rows: tuple[str, ...]
    passes: NDArray[np.int64]
    tried: NDArray[np.int64]
    class_passed: NDArray[np.int64]
    class_tried: NDArray[np.int64]

    @classmethod
    def empty(cls, rows: tuple[str, ...], strata: int, events: int, classes: int = 0) -> RateCounts:
        """Return zero counts for K + 1 = `strata`, E = `events` (at most `CLUSTERS`) and p = `classes`."""
        events = min(events, CLUSTERS)
        return cls(
            rows,
            np.zeros((len(rows), strata, events), np.int64),
            np.zeros((strata, events), np.int64),
            np.zeros((len(rows), strata, 2, classes), np.int64),
            np.zeros((strata, 2, classes), np.int64),
        )

    @property
    def drawn(self) -> NDArray[np.int64]:
        """Crossings drawn in each stratum, shape (K + 1,)."""
        return np.asarray(self.tried.sum(axis=1), dtype=np.int64)

    def fill(
        self,
        stratum: int,
        event: NDArray[np.int64],
        bits: NDArray[np.bool_],
        held: Held | None = None,
    ) -> None:
        """Count n crossings of one stratum.

        Parameters
        ----------
        stratum : int
            Stratum of the crossings.
        event : int64, shape (n,)
            Number of each one's hardest collision within the stratum.
        bits : bool, shape (n, rows)
            What passed.
        held : Held, optional
            Collisions of each class in them.
        """
        rows = np.ascontiguousarray(bits.T)
        count_passes(rows, event, stratum, self.passes, self.tried)
        if held is not None:
            add_classes(rows, held.kind, held.companions, stratum, self.class_passed, self.class_tried)

    def piece(self) -> Piece:
        """Return counts of a single stratum as sparse arrays."""
        if len(self.tried) != 1:
            raise ValueError(f"counts of {len(self.tried)} strata are no piece; count one")
        event = np.flatnonzero(self.tried)
        cell, passed = np.empty((2, len(self.rows) * len(event)), np.int64)
        found = list_cells(self.passes, event, cell, passed)
        return Piece(
            int(self.tried.sum()),
            event,
            self.tried[0, event].astype(np.int32),
            cell[:found].copy(),
            passed[:found].astype(np.int32),
            self.class_tried[0].astype(np.int32),
            self.class_passed[:, 0].astype(np.int32),
        )

    def add(self, stratum: int, piece: Piece) -> None:
        """Add the counts of crossings of one stratum to these, which have the same rows, E and p."""
        events = self.passes.shape[2]
        self.tried[stratum, piece.event] += piece.tried
        self.passes[piece.cell // events, stratum, piece.cell % events] += piece.passed
        self.class_tried[stratum] += piece.class_tried
        self.class_passed[:, stratum] += piece.class_passed

    def merge(self, other: RateCounts) -> None:
        """Add the counts of `other`, of the same rows and strata, to these."""
        if other.rows != self.rows:
            raise ValueError("only counts of the same rows can be merged")
        self.passes[:] += other.passes
        self.tried[:] += other.tried
        self.class_passed[:] += other.class_passed
        self.class_tried[:] += other.class_tried


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
