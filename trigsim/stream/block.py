"""Blocks of crossings: from a plan to trigger objects and large-R jets with their features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import local

import numpy as np
from numpy.typing import NDArray

from trigsim.objects.layout import Muons, Workspace, outputs, trigger_objects, workspace
from trigsim.objects.model import TriggerObjects
from trigsim.objects.scales import SLOTS
from trigsim.objects.settings import ObjectSettings, parameters
from trigsim.stream.block_kernels import build_block
from trigsim.stream.demand import EVERYTHING, Demand
from trigsim.stream.pack import PackedBlocks, PackedPool, most_entries, pack_blocks, pack_pool, plan_arrays
from trigsim.stream.plan import Blocks, Plan
from trigsim.stream.source import Source
from trigsim.tagger.features import FEATURES


@dataclass(frozen=True, slots=True)
class Block:
    """n crossings as the menu and the taggers see them.

    Attributes
    ----------
    objects : TriggerObjects
        Of n crossings.
    crossing, slot : int64, shape (c,)
        Place of each large-R jet that is to be scored: ``objects.collections["FATJET"]`` at [crossing, slot].
    features_hw : int32, shape (c, 39)
        Its features in hardware integers; zero in the columns that were not wanted.
    """

    objects: TriggerObjects
    crossing: NDArray[np.int64]
    slot: NDArray[np.int64]
    features_hw: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds blocks from plans; threads can share it, each has its own memory.

    Attributes
    ----------
    pool : PackedPool
        All collisions.
    packed : PackedBlocks
        The source's blocks of soft collisions.
    blocks : Blocks or None
        What `packed` was made from: the only ones that plans may hold.
    settings : ObjectSettings
        Of the object reconstruction.
    d0_resolution : float64, shape (2, 58)
        By ring in abs(eta); see `tagger.features.d0_table`.
    wanted : bool, shape (39,)
        Features to compute.
    demand : Demand
        What is made; see `stream.demand`.
    """

    pool: PackedPool
    packed: PackedBlocks
    blocks: Blocks | None
    settings: ObjectSettings
    d0_resolution: NDArray[np.float64]
    wanted: NDArray[np.bool_]
    demand: Demand = EVERYTHING
    _own: local = field(default_factory=local, init=False, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        source: Source,
        settings: ObjectSettings,
        d0_resolution: NDArray[np.float64],
        wanted: NDArray[np.bool_],
        demand: Demand = EVERYTHING,
    ) -> Builder:
        """Return a builder of the crossings of `source`."""
        par = parameters(settings)
        pool = pack_pool(source.pool, par)
        packed = pack_blocks(source.blocks, source.pool, pool, par)
        return cls(pool, packed, source.blocks, settings, d0_resolution, wanted, demand)

    def build(self, plan: Plan) -> Block:
        """Build the crossings of `plan`."""
        if plan.stack is not None and plan.stack.blocks is not self.blocks:
            raise ValueError("the plan's blocks are of another source than the builder's")
        n = len(plan)
        out = outputs(n)
        jets = n * SLOTS["FATJET"]
        crossing, slot = np.zeros(jets, np.int64), np.zeros(jets, np.int64)
        features = np.zeros((jets, len(FEATURES)), np.int32)
        work, muons = self._memory(*most_entries(self.pool, self.packed, plan))
        found = build_block(
            self.pool,
            self.packed,
            plan_arrays(plan),
            self.demand.raised(parameters(self.settings)),
            self.d0_resolution,
            muons,
            work,
            self.demand.track_jets,
            self.demand.scored,
            self.wanted,
            out,
            crossing,
            slot,
            features,
        )
        return Block(trigger_objects(out), crossing[:found], slot[:found], features[:found])

    def _memory(self, most_tracks: int, most_muons: int) -> tuple[Workspace, Muons]:
        """Return this thread's memory of one crossing, made anew only where it is too small."""
        held: tuple[Workspace, Muons] | None = getattr(self._own, "memory", None)
        if held is None or len(held[0].face) < most_tracks or len(held[1].pt) < most_muons:
            # With room to spare: the next chunk's fullest crossing may hold a little more.
            muons = Muons(*(np.zeros(2 * most_muons, np.int32) for _ in Muons._fields))
            held = self._own.memory = workspace(most_tracks + most_tracks // 4), muons
        return held


def wanted_features(columns: Iterable[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Return which of the 39 features any of several taggers reads."""
    wanted = np.zeros(len(FEATURES), np.bool_)
    for some in columns:
        wanted[some] = True
    return wanted
