"""What a walk over orbits counts: integers, in batches of consecutive orbits whose spread tells the error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.stream.beam import SLOTS

#: Batches at most; with fewer orbits each is a batch.
BATCHES = 256


@dataclass(frozen=True, slots=True)
class OrbitCounts:
    """Counts of B batches of orbits.

    Attributes
    ----------
    rows : tuple of str
        Algorithms, groups, "total".
    causes : tuple of str
        Of dead time.
    orbits, crossings : int64, shape (B,)
        Orbits, and colliding crossings in them.
    raw : int64, shape (B, rows)
        Crossings that passed before masks and prescales.
    fired : int64, shape (B, rows)
        After masks, prescales and vetoes, before dead time.
    kept : int64, shape (B, rows)
        Read out.
    blocked, alone : int64, shape (B, causes)
        Triggers that each cause blocked, and that it alone blocked.
    dead : int64, shape (B, causes + 1)
        Colliding crossings in which each cause blocks; in the last place, in which any does.
    occupancy : int64, shape (buckets, largest size + 1)
        Triggers that found so many in each bucket or buffer.
    by_slot : int64, shape (2, 3564)
        Triggers in each slot of the orbit: all, and those read out.
    """

    rows: tuple[str, ...]
    causes: tuple[str, ...]
    orbits: NDArray[np.int64]
    crossings: NDArray[np.int64]
    raw: NDArray[np.int64]
    fired: NDArray[np.int64]
    kept: NDArray[np.int64]
    blocked: NDArray[np.int64]
    alone: NDArray[np.int64]
    dead: NDArray[np.int64]
    occupancy: NDArray[np.int64]
    by_slot: NDArray[np.int64]

    @classmethod
    def empty(
        cls, rows: tuple[str, ...], causes: tuple[str, ...], room: tuple[int, int], orbits: int
    ) -> OrbitCounts:
        """Return zeros for a run of `orbits`; `room` is the shape of `occupancy`."""
        batches = min(orbits, BATCHES)

        def zeros(*shape: int) -> NDArray[np.int64]:
            return np.zeros(shape, np.int64)

        return cls(
            rows=rows,
            causes=causes,
            orbits=zeros(batches),
            crossings=zeros(batches),
            raw=zeros(batches, len(rows)),
            fired=zeros(batches, len(rows)),
            kept=zeros(batches, len(rows)),
            blocked=zeros(batches, len(causes)),
            alone=zeros(batches, len(causes)),
            dead=zeros(batches, len(causes) + 1),
            occupancy=zeros(*room),
            by_slot=zeros(2, SLOTS),
        )
