"""Blocks of crossings: from a plan to trigger objects and large-R jets with their features."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.events.model import N_ETA, N_PHI
from trigsim.objects.layout import Muons, Tracks, outputs, trigger_objects, workspace
from trigsim.objects.model import TriggerObjects
from trigsim.objects.scales import SLOTS
from trigsim.objects.settings import ObjectSettings, parameters
from trigsim.stream.block_kernels import build_block
from trigsim.stream.plan import Plan, Pool
from trigsim.tagger.features import FEATURES


@dataclass(frozen=True, slots=True)
class Block:
    """n crossings as the menu and the taggers see them.

    Attributes
    ----------
    objects : TriggerObjects
        Of n crossings.
    crossing, slot : int64, shape (c,)
        Place of each large-R jet: ``objects.collections["FATJET"]`` at [crossing, slot].
    features_hw : int32, shape (c, 39)
        Its features in hardware integers; zero in the columns that were not wanted.
    """

    objects: TriggerObjects
    crossing: NDArray[np.int64]
    slot: NDArray[np.int64]
    features_hw: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds blocks from plans; holds nothing that changes, so that threads can share it.

    Attributes
    ----------
    pool : Pool
        All collisions.
    settings : ObjectSettings
        Of the object reconstruction.
    d0_resolution : float64, shape (2, 58)
        By ring in abs(eta); see `tagger.features.d0_table`.
    wanted : bool, shape (39,)
        Features to compute.
    """

    pool: Pool
    settings: ObjectSettings
    d0_resolution: NDArray[np.float64]
    wanted: NDArray[np.bool_]

    def build(self, plan: Plan) -> Block:
        """Build the crossings of `plan`."""
        most_tracks = _most(self.pool.track_offsets, plan)
        n = len(plan)
        out = outputs(n)
        jets = n * SLOTS["FATJET"]
        crossing, slot = np.zeros(jets, np.int64), np.zeros(jets, np.int64)
        features = np.zeros((jets, len(FEATURES)), np.int32)
        found = build_block(
            self.pool,
            (plan.offsets, plan.event, plan.rotation, plan.mirror, plan.z0),
            parameters(self.settings),
            self.d0_resolution,
            np.zeros((N_ETA, 2 * N_PHI), np.int32),
            np.zeros((N_ETA, N_PHI), np.int32),
            Tracks(*(np.zeros(most_tracks, np.int32) for _ in Tracks._fields)),
            Muons(*(np.zeros(_most(self.pool.muon_offsets, plan), np.int32) for _ in Muons._fields)),
            workspace(most_tracks),
            self.wanted,
            out,
            crossing,
            slot,
            features,
        )
        return Block(trigger_objects(out), crossing[:found], slot[:found], features[:found])


def _most(offsets: NDArray[np.int64], plan: Plan) -> int:
    """Return the largest sum over a crossing of what its collisions have, at least 1."""
    per_collision = np.diff(offsets)[plan.event]
    running = np.concatenate([[0], np.cumsum(per_collision)])
    return max(1, int(np.diff(running[plan.offsets]).max(initial=0)))


def wanted_features(columns: Iterable[NDArray[np.int64]]) -> NDArray[np.bool_]:
    """Return which of the 39 features any of several taggers reads."""
    wanted = np.zeros(len(FEATURES), np.bool_)
    for some in columns:
        wanted[some] = True
    return wanted
