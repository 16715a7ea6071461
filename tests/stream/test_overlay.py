"""Overlay against plain numpy, and the symmetries that let collisions be used again."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stream.collisions import made_up
from trigsim.events.model import FINE, N_ETA, N_PHI
from trigsim.objects.layout import Muons, Tracks
from trigsim.stream.overlay_kernels import overlay_crossing
from trigsim.stream.plan import Plan, draw_plan, pool


def overlay(collisions, plan, i):
    # What a crossing leaves behind must not reach the next.
    wide, towers = np.full((N_ETA, 2 * N_PHI), 7, np.int32), np.full((N_ETA, N_PHI), 7, np.int32)
    tracks = Tracks(*(np.zeros(2000, np.int32) for _ in Tracks._fields))
    muons = Muons(*(np.zeros(2000, np.int32) for _ in Muons._fields))
    n, m = overlay_crossing(
        collisions, plan.offsets, plan.event, plan.rotation, plan.mirror, plan.z0, i, wide, towers, tracks, muons
    )
    return towers, [field[:n] for field in tracks], [field[:m] for field in muons]


def by_hand(parts, plan, i):
    towers = np.zeros((N_ETA, N_PHI), np.int64)
    tracks, muons = [], []
    for c in range(plan.offsets[i], plan.offsets[i + 1]):
        e, sign = plan.event[c], -1 if plan.mirror[c] else 1
        stratum = 0
        while e >= len(parts[stratum]):
            e -= len(parts[stratum])
            stratum += 1
        one = parts[stratum]
        grid = np.zeros((N_ETA, N_PHI), np.int64)
        t = slice(one.tower_offsets[e], one.tower_offsets[e + 1])
        grid[one.tower_ieta[t], one.tower_iphi[t]] = one.tower_et[t]
        towers += np.roll(grid[::sign], plan.rotation[c], axis=1)
        turn = plan.rotation[c] * FINE
        t = slice(one.track_offsets[e], one.track_offsets[e + 1])
        tracks.append(
            [
                one.track_pt[t].astype(int),
                sign * one.track_eta[t].astype(int),
                (one.track_phi[t].astype(int) + turn) % (N_PHI * FINE),
                plan.z0[c] + sign * one.track_z0[t].astype(int),
                one.track_d0[t].astype(int),
                one.track_charge[t].astype(int),
            ]
        )
        t = slice(one.muon_offsets[e], one.muon_offsets[e + 1])
        muons.append(
            [
                one.muon_pt[t].astype(int),
                sign * one.muon_eta[t].astype(int),
                (one.muon_phi[t].astype(int) + turn) % (N_PHI * FINE),
                one.muon_charge[t].astype(int),
            ]
        )
    return towers, tracks, muons


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(0, 8), st.integers(0, 3))
def test_overlay_equals_numpy(seed, soft, hard):
    parts = [made_up(9, seed), made_up(5, seed + 1)]
    counts = np.array([[soft, hard], [hard, soft]])
    plan = draw_plan(counts, [np.arange(9), np.arange(9, 14)], 45.0, np.random.default_rng(seed))
    for i in range(2):
        towers, tracks, muons = overlay(pool(parts), plan, i)
        t, k, m = by_hand(parts, plan, i)
        np.testing.assert_array_equal(towers, t)
        for ours, theirs in ((tracks, k), (muons, m)):
            for field, parts_of_field in zip(ours, zip(*theirs, strict=True), strict=False):
                np.testing.assert_array_equal(field, np.concatenate(parts_of_field))


def test_the_hardest_comes_first_and_empty_crossings_have_none():
    counts = np.array([[2, 1], [0, 0], [3, 0]])
    plan = draw_plan(counts, [np.arange(4), np.array([6, 8])], 1.0, np.random.default_rng(0))
    hardest = plan.hardest
    assert hardest[0] in (6, 8)
    assert hardest[1] == -1
    assert hardest[2] in range(4)


def test_signal_is_put_first_in_its_crossing():
    counts = np.array([[2, 1], [0, 0], [3, 0]])
    plan = draw_plan(
        counts, [np.arange(4), np.array([6, 8])], 1.0, np.random.default_rng(0), signal=np.array([20, 21, 22])
    )
    np.testing.assert_array_equal(plan.hardest, [20, 21, 22])
    np.testing.assert_array_equal(np.diff(plan.offsets), [4, 1, 4])


@pytest.mark.parametrize("seed", [1, 2])
def test_plans_repeat(seed):
    args = np.array([[5, 2]]), [np.arange(4), np.array([6, 8])], 1.0
    one, two = (draw_plan(*args, np.random.default_rng(seed)) for _ in range(2))
    assert isinstance(one, Plan)
    np.testing.assert_array_equal(one.event, two.event)
    np.testing.assert_array_equal(one.z0, two.z0)
