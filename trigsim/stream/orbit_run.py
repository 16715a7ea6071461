"""Triggers of consecutive orbits through masks, prescales, vetoes and dead time, in the order of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.progress import progress
from trigsim.menu.prescale import FinalDecision
from trigsim.stream.beam import SLOTS
from trigsim.stream.deadtime import DeadTime
from trigsim.stream.filling import FillingScheme
from trigsim.stream.orbit import Triggers
from trigsim.stream.orbit_counts import OrbitCounts


@dataclass(frozen=True, slots=True)
class Readout:
    """All that follows the algorithm bits.

    Attributes
    ----------
    algorithms : tuple of str
        In the order of the bits.
    groups : mapping of str to int64 array
        Group → columns of its algorithms.
    final : FinalDecision
        Masks, prescales and vetoes; its counters run on over chunks and orbits.
    dead_time : DeadTime
        What blocks.
    scheme : FillingScheme
        Whose colliding crossings are counted.
    """

    algorithms: tuple[str, ...]
    groups: Mapping[str, NDArray[np.int64]]
    final: FinalDecision
    dead_time: DeadTime
    scheme: FillingScheme

    @property
    def rows(self) -> tuple[str, ...]:
        """Algorithms, then ``group NAME`` for each group, then ``total``."""
        return (*self.algorithms, *(f"group {g}" for g in self.groups), "total")

    def run(self, source: Iterable[Triggers], orbits: int, title: str = "orbits") -> OrbitCounts:
        """Count what triggers of `orbits` orbits become.

        Parameters
        ----------
        source : iterable of Triggers
            Consecutive, from orbit 0 on.
        orbits : int
            How many there are.
        title : str
            Of the progress bar.
        """
        state = self.dead_time.start()
        prescales = self.final.start()
        watched = self.scheme.colliding
        counts = OrbitCounts.empty(self.rows, self.dead_time.causes, self.dead_time.occupancy_shape, orbits)
        with progress(title, orbits, "orbits") as advance:
            for part in source:
                batch = part.first * len(counts.orbits) // orbits
                bx = part.times % SLOTS
                final = self.final.apply(part.bits, prescales, bx)
                prescales = final.counters
                fired = self._rows(final.bits[final.final_or])
                vetoed = self.dead_time.apply(part.times[final.final_or], state, watched, orbits * SLOTS)
                state = vetoed.state
                counts.orbits[batch] += part.orbits
                counts.crossings[batch] += part.orbits * int(watched.sum())
                counts.raw[batch] += self._rows(part.bits).sum(axis=0)
                counts.fired[batch] += fired.sum(axis=0)
                counts.kept[batch] += fired[vetoed.kept].sum(axis=0)
                counts.blocked[batch] += vetoed.blocked
                counts.alone[batch] += vetoed.alone
                counts.dead[batch] += vetoed.dead
                counts.occupancy[:] += vetoed.occupancy
                for row, slots in enumerate((bx[final.final_or], bx[final.final_or][vetoed.kept])):
                    counts.by_slot[row] += np.bincount(slots, minlength=SLOTS)
                advance(part.orbits)
        return counts

    def _rows(self, bits: NDArray[np.bool_]) -> NDArray[np.bool_]:
        grouped = [bits[:, columns].any(axis=1, keepdims=True) for columns in self.groups.values()]
        return np.concatenate([bits, *grouped, bits.any(axis=1, keepdims=True)], axis=1)
