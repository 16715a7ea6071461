"""Crossings of a library in plain numpy, as arguments of `objects.reconstruct`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.config import load
from trigsim.events.library import Library
from trigsim.events.model import FINE, N_ETA, N_PHI
from trigsim.objects.layout import Muons, Tracks
from trigsim.stream.beam import Beam
from trigsim.stream.plan import Plan, Pool, draw_plan
from trigsim.stream.source import Source

ROOT = Path(__file__).parents[1]
Given = tuple[NDArray[np.int32], NDArray[np.int32], Tracks, NDArray[np.int64], Muons, NDArray[np.int64]]


def crossings(library: Path, pile_up: int, what: str, n: int, seed: int = 1) -> Given:
    """Return n crossings: "beam", a signal's name or a stratum's; of pile-up 0 only the hardest collision."""
    beam = load(ROOT / "configs" / "beams" / "pileup200.yaml", Beam)
    source = Source.open(
        Library.open(library), beam.model_copy(update={"mean_pileup": float(max(pile_up, 1))}), "test", exact=True
    )
    if what == "beam":
        rng = np.random.default_rng(seed)
        plan = draw_plan(source.strata.draw_all(n, rng), source.members, beam.vertex_sigma_z_mm, rng)
    elif what in source.signals:
        plan = source.signal_plan(what, 0, n, seed)
    else:
        plan = source.rate_plan(source.strata.names.index(what), n, seed, "bench", 0)
    towers = np.zeros((2, n, N_ETA, N_PHI), np.int32)
    parts = [_overlay(source.pool, plan, i, pile_up > 0, towers[:, i]) for i in range(n)]
    tracks, muons = (
        type(parts[0][k])(
            *(np.concatenate(values).astype(np.int32) for values in zip(*(p[k] for p in parts), strict=True))
        )
        for k in (0, 1)
    )
    ends = [np.concatenate([[0], np.cumsum([len(p[k].pt) for p in parts])]) for k in (0, 1)]
    return *towers, tracks, ends[0], muons, ends[1]


def _overlay(pool: Pool, plan: Plan, i: int, whole: bool, towers: NDArray[np.int32]) -> tuple[Tracks, Muons]:
    first, last = plan.offsets[i], plan.offsets[i + 1]
    tracks, muons = [], []
    for c in range(first, last if whole else min(first + 1, last)):
        e, turn, sign = plan.event[c], plan.rotation[c], -1 if plan.mirror[c] else 1
        t, k, m = (
            slice(ends[e], ends[e + 1]) for ends in (pool.tower_offsets, pool.track_offsets, pool.muon_offsets)
        )
        row = pool.tower_ieta[t].astype(int)
        cell = row if sign > 0 else N_ETA - 1 - row, (pool.tower_iphi[t] + turn) % N_PHI
        for grid, part in zip(towers, (pool.tower_et[t], pool.tower_hadronic[t]), strict=True):
            np.add.at(grid, cell, part)
        tracks.append([
            pool.track_pt[k], sign * pool.track_eta[k], (pool.track_phi[k] + turn * FINE) % (N_PHI * FINE),
            plan.z0[c] + sign * pool.track_z0[k], pool.track_d0[k], pool.track_charge[k],
        ])  # fmt: skip
        phi = (pool.muon_phi[m] + turn * FINE) % (N_PHI * FINE)
        muons.append([pool.muon_pt[m], sign * pool.muon_eta[m], phi, pool.muon_charge[m]])
    nothing = np.zeros(0, np.int32)
    return (
        Tracks(*(np.concatenate([nothing, *values]) for values in zip(*tracks, strict=True)))
        if tracks
        else Tracks(*[nothing] * 6),
        Muons(*(np.concatenate([nothing, *values]) for values in zip(*muons, strict=True)))
        if muons
        else Muons(*[nothing] * 4),
    )
