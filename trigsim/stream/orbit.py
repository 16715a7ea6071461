"""Real orbits, slot by slot: every colliding crossing is drawn, built and decided with its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from trigsim.menu.menu import Menu
from trigsim.numeric.random import stream_rng
from trigsim.objects.model import TriggerObjects
from trigsim.stream.beam import SLOTS
from trigsim.stream.block import Builder
from trigsim.stream.filling import FillingScheme, require_bunches
from trigsim.stream.orbit_config import Timing
from trigsim.stream.orbit_objects import SlotObjects, beam_signals, draw_shift, spread
from trigsim.stream.parallel import in_order
from trigsim.stream.pileup import PileupByBunch
from trigsim.stream.source import Source
from trigsim.stream.variant import Variant


@dataclass(frozen=True, slots=True)
class Triggers:
    """Crossings of consecutive orbits in which some algorithm passed.

    Attributes
    ----------
    first, orbits : int
        Orbits from `first` on.
    times : int64, shape (n,)
        Slots since the start, strictly rising.
    bits : bool, shape (n, algorithms)
        Before masks and prescales.
    """

    first: int
    orbits: int
    times: NDArray[np.int64]
    bits: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Emulation:
    """Full emulation of orbits.

    Attributes
    ----------
    source : Source
        Where collisions come from.
    builder : Builder
        Makes objects and features.
    variant : Variant
        The menu with its taggers.
    menu : Menu
        For the names of external signals.
    scheme : FillingScheme
        Bunches; as many collide as the beam of `source` says.
    timing : mapping of str to Timing
        Kinds of objects that may be assigned to the wrong crossing.
    single_beam : float
        Mean number of soft collisions where one bunch passes alone.
    """

    source: Source
    builder: Builder
    variant: Variant
    menu: Menu
    scheme: FillingScheme
    timing: Mapping[str, Timing] = field(default_factory=dict)
    single_beam: float = 0.0

    def triggers(self, orbits: int, seed: int, threads: int) -> Iterator[Triggers]:
        """Yield each orbit's triggers; before the first and after the last orbit the machine is empty.

        Raises
        ------
        InputError
            If the scheme is not of the beam.
        """
        require_bunches(self.scheme, self.source.beam.colliding_bunches)
        no_collision = np.zeros((1, len(self.source.members)), np.int64)
        empty = self._objects(no_collision, stream_rng(seed, "orbit/empty"))
        signals = beam_signals(self.scheme, self.menu.externals)
        outside = self._slots(-1, seed, empty, np.zeros_like(signals))

        def work(orbit: int) -> SlotObjects:
            return self._slots(orbit, seed, empty, signals)

        # One more where objects may move.
        before, after = (reach + bool(self.timing) for reach in self.variant.menu.reach)
        walk = chain([outside], in_order(work, range(orbits), threads), [outside])
        for orbit, (last, current, following) in enumerate(_triples(walk)):
            parts = [last.rows(slice(SLOTS - before, SLOTS)), current, following.rows(slice(0, after))]
            objects = SlotObjects.joined(parts).assigned(empty)
            bits = self.variant.menu.decide(objects, "consecutive", (before, after))
            passed = np.flatnonzero(bits.any(axis=1))
            yield Triggers(orbit, 1, orbit * SLOTS + passed, bits[passed])

    def _filled(self) -> NDArray[np.int64]:
        """Return the slots in which there may be collisions."""
        scheme = self.scheme
        return np.flatnonzero(scheme.colliding | scheme.single if self.single_beam else scheme.colliding)

    def _counts(self, slots: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the collisions of each stratum in each of `slots`; a lone bunch makes soft ones only."""
        both = self.scheme.colliding[slots]
        counts = np.zeros((len(slots), len(self.source.members)), np.int64)
        counts[~both, 0] = rng.poisson(self.single_beam, int((~both).sum()))
        strata, pileup = self.source.strata, self.source.beam.mean_pileup
        if isinstance(pileup, PileupByBunch):
            which = np.searchsorted(self.source.beam.pileup_points()[0], pileup.by_bunch)
            counts[both] = rng.poisson(strata.means[which])
        else:
            counts[both] = strata.draw_all(int(both.sum()), rng)
        return counts

    def _objects(self, counts: NDArray[np.int64], rng: np.random.Generator) -> TriggerObjects:
        return self.variant.scored(self.builder.build(self.source.plan(counts, rng)))

    def _slots(self, orbit: int, seed: int, empty: TriggerObjects, externals: NDArray[np.uint64]) -> SlotObjects:
        """Draw and build an orbit; -1 is one without beam."""
        menu = self.variant.menu
        kinds = [k for k in empty.collections if menu.networks or any(k == kind for kind, _ in menu.fields)]
        timing = {kind: one for kind, one in self.timing.items() if kind in kinds}
        if orbit < 0:
            collections = spread(empty, np.zeros(0, np.int64), empty, kinds)
        else:
            rng, slots = stream_rng(seed, "orbit/plan", orbit), self._filled()
            collections = spread(self._objects(self._counts(slots, rng), rng), slots, empty, kinds)
        shift = {kind: draw_shift(collections[kind], kind, one, seed, orbit + 1) for kind, one in timing.items()}
        return SlotObjects(TriggerObjects(collections, externals), shift)


def _triples(items: Iterator[SlotObjects]) -> Iterator[tuple[SlotObjects, SlotObjects, SlotObjects]]:
    last, current = next(items), next(items)
    for following in items:
        yield last, current, following
        last, current = current, following
