"""Toy crossings: soft pile-up and back-to-back two-pronged sprays from one vertex, some of them displaced."""

from __future__ import annotations

import numpy as np

from trigsim.events.model import FINE, N_ETA, N_PHI, TOWER_ETA, TOWER_PHI, TRACK_D0, TRACK_PT, TRACK_Z0
from trigsim.objects import Muons, Tracks

#: Arguments of `objects.reconstruct`.
Given = tuple[np.ndarray, np.ndarray, Tracks, np.ndarray, Muons, np.ndarray]


def toy_crossings(n: int, seed: int, pile_up_tracks: int = 60, hard_pt: float = 300.0) -> Given:
    """Return n crossings; a spray has two prongs of 12 tracks and as many neutral towers."""
    rng = np.random.default_rng(seed)
    towers = np.zeros((n, N_ETA, N_PHI), np.int32)
    columns: list[list[np.ndarray]] = [[] for _ in Tracks._fields]
    counts = []
    for i in range(n):
        pt = 2 * rng.random(pile_up_tracks) ** -0.25
        eta, phi = rng.uniform(-2.3, 2.3, len(pt)), rng.uniform(0, 2 * np.pi, len(pt))
        z, d0 = rng.normal(0, 45, len(pt)), rng.normal(0, 0.03, len(pt))
        vertex, axis, turn = rng.normal(0, 45), rng.uniform(-1.5, 1.5), rng.uniform(0, 2 * np.pi)
        for prong in ((0.25, 0.0), (-0.25, 0.0), (0.2, np.pi), (-0.2, np.pi)):
            size = 12
            pt = np.append(pt, 2 + rng.exponential(hard_pt / 4 / size, size))
            eta = np.append(eta, axis + prong[0] + rng.normal(0, 0.08, size))
            phi = np.append(phi, turn + prong[1] + rng.normal(0, 0.08, size))
            z = np.append(z, vertex + rng.normal(0, 0.3, size))
            d0 = np.append(d0, rng.normal(0, rng.choice([0.02, 0.2]), size))
        row = np.floor(eta / TOWER_ETA).astype(int) + N_ETA // 2
        column = np.floor(phi / TOWER_PHI).astype(int)
        neutral = rng.permutation(len(pt))[: len(pt) // 2]
        for r, c, energy in zip(row[neutral], column[neutral], pt[neutral], strict=True):
            towers[i, r, c % N_PHI] += int(8 * energy)
        np.add.at(towers[i], (rng.integers(0, N_ETA, 3000), rng.integers(0, N_PHI, 3000)), 3)
        values = (
            pt / TRACK_PT.lsb,
            eta / TOWER_ETA * FINE,
            np.mod(np.floor(phi / TOWER_PHI * FINE), N_PHI * FINE),
            z / TRACK_Z0.lsb,
            d0 / TRACK_D0.lsb,
            rng.choice([-1, 1], len(pt)),
        )
        for into, value in zip(columns, values, strict=True):
            into.append(np.asarray(value).astype(np.int32))
        counts.append(len(pt))
    tracks = Tracks(*(np.concatenate(parts) for parts in columns))
    muons = Muons(*(np.zeros(0, np.int32) for _ in Muons._fields))
    hadronic = (towers * rng.choice([0.0, 0.05, 0.5, 1.0], towers.shape, p=[0.5, 0.2, 0.2, 0.1])).astype(np.int32)
    return towers, hadronic, tracks, np.concatenate([[0], np.cumsum(counts)]), muons, np.zeros(n + 1, np.int64)
