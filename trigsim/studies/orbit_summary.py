"""From counts of orbits to rates and losses, each with its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from trigsim.menu.menu import Menu
from trigsim.numeric.intervals import Estimate
from trigsim.stream.beam import ORBIT_FREQUENCY_HZ, SLOTS
from trigsim.stream.filling import FillingScheme
from trigsim.stream.orbit_config import TrainConfig
from trigsim.stream.orbit_counts import OrbitCounts
from trigsim.stream.orbit_run import Readout
from trigsim.studies.batches import library_variance, ratio, variance
from trigsim.studies.orbit_results import CauseLoss, OrbitResult, Place, RowLoss

#: From counts to numerators and denominators, batch by batch.
Part = Callable[[OrbitCounts], tuple[NDArray[np.int64], NDArray[np.int64]]]


def summary(
    menu: Menu,
    config: TrainConfig,
    readout: Readout,
    counts: OrbitCounts,
    crossings_from: str,
    replicas: Sequence[OrbitCounts] = (),
) -> OrbitResult:
    """Return rates, losses and their intervals.

    Parameters
    ----------
    menu, config, readout
        What was run.
    counts : OrbitCounts
        Of the run.
    crossings_from : str
        See `OrbitResult`.
    replicas : sequence of OrbitCounts
        Shorter runs with replicas of the library, whose spread is added to the errors.
    """
    total = len(counts.rows) - 1
    longer = int(counts.orbits.sum()) / max(1, sum(int(r.orbits.sum()) for r in replicas[:1]))

    def library(of: Part) -> float:
        if not replicas:
            return 0.0
        sums = np.array([[part.sum() for part in of(replica)] for replica in replicas])
        return library_variance(sums[:, 0], sums[:, 1], variance(*of(counts)), longer)

    def share(of: Part, more: float | None = None) -> Estimate:
        return ratio(*of(counts), more_variance=library(of) if more is None else more)

    def rate(of: Callable[[OrbitCounts], NDArray[np.int64]]) -> Estimate:
        def part(c: OrbitCounts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            return of(c), c.orbits

        return ratio(*part(counts), ORBIT_FREQUENCY_HZ / 1e3, "kHz", library(part))

    # A row's lost share follows the total rate, not the row's own: rare rows have too few replicas' counts to tell.
    of_all = library(lambda c: (c.fired[:, total] - c.kept[:, total], c.fired[:, total]))

    def row(r: int) -> RowLoss:
        return RowLoss(
            raw=rate(lambda c: c.raw[:, r]),
            fired=rate(lambda c: c.fired[:, r]),
            kept=rate(lambda c: c.kept[:, r]),
            lost=rate(lambda c: c.fired[:, r] - c.kept[:, r]),
            share=share(lambda c: (c.fired[:, r] - c.kept[:, r], c.fired[:, r]), of_all),
        )

    def cause(i: int) -> CauseLoss:
        return CauseLoss(
            blocked=share(lambda c: (c.blocked[:, i], c.fired[:, total])),
            alone=share(lambda c: (c.alone[:, i], c.fired[:, total])),
            dead=share(lambda c: (c.dead[:, i], c.crossings)),
        )

    orbits = int(counts.orbits.sum())
    seen = counts.occupancy.sum(axis=1, keepdims=True)
    occupancy = np.divide(counts.occupancy, seen, out=np.zeros(counts.occupancy.shape), where=seen > 0)
    sizes = readout.dead_time.size + 1
    return OrbitResult(
        menu=menu.name,
        train=config.name,
        scheme=readout.scheme.name,
        dead_time_source=config.dead_time.source,
        crossings_from=crossings_from,
        orbits=orbits,
        seconds=orbits / ORBIT_FREQUENCY_HZ,
        colliding=int(readout.scheme.colliding.sum()),
        rows={name: row(r) for r, name in enumerate(counts.rows)},
        causes={name: cause(i) for i, name in enumerate(counts.causes)},
        dead=share(lambda c: (c.dead[:, -1], c.crossings)),
        occupancy={
            name: tuple(shares[:size].tolist())
            for name, shares, size in zip(readout.dead_time.buckets, occupancy, sizes, strict=True)
        },
        by_slot=tuple((int(a), int(b)) for a, b in counts.by_slot.T),
        by_place=_by_place(readout.scheme, counts),
    )


def _by_place(scheme: FillingScheme, counts: OrbitCounts) -> tuple[Place, ...]:
    """Sum the slots by their place in a row of colliding bunches; slots without a collision are left out."""
    place = np.zeros(SLOTS, np.int64)
    run = 0
    for slot in range(SLOTS):
        run = run + 1 if scheme.colliding[slot] else 0
        place[slot] = run
    slots, (triggers, kept) = np.bincount(place), (np.bincount(place, row) for row in counts.by_slot)
    orbits = int(counts.orbits.sum())
    return tuple(Place.of(p, int(slots[p]), orbits, int(triggers[p]), int(kept[p])) for p in range(1, len(slots)))
