"""Overlay against plain numpy; blocks against the same collisions one by one; and what plans promise."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stream.collisions import made_up
from trigsim.events.arrays import concatenate
from trigsim.events.model import FINE, N_ETA, N_PHI
from trigsim.objects import Muons, ObjectSettings, Tracks, reconstruct
from trigsim.objects.layout import EDGE, WIDE, workspace
from trigsim.objects.settings import parameters
from trigsim.stream.beam import Beam
from trigsim.stream.block import Builder, wanted_features
from trigsim.stream.blocks import RESTS, WHOLE, draw_blocks
from trigsim.stream.overlay_kernels import overlay_crossing
from trigsim.stream.pack import most_entries, pack_blocks, pack_pool, plan_arrays
from trigsim.stream.plan import Blocks, Plan, draw_plan, placed, pool, unfolded
from trigsim.stream.setup import builder as made_builder
from trigsim.stream.source import TEST, Source

PAR = parameters(ObjectSettings())
MEMBERS = [np.arange(9), np.arange(9, 14)]
D0 = np.ones((2, 58))


def toys(seed, very_hard=False):
    """Nine soft collisions and five hard ones; the towers of very hard ones saturate."""
    hard = made_up(5, seed + 1)
    if very_hard:
        hard = replace(
            hard, tower_et=np.full_like(hard.tower_et, 60000), tower_hadronic=np.full_like(hard.tower_et, 50000)
        )
    return [made_up(9, seed), hard]


def some_blocks(seed):
    rng = np.random.default_rng(seed)
    sizes = np.repeat([3, 2, 3, 4], [4, 2, 2, 2])
    return Blocks(3, 2, 4, 2, placed(sizes, rng.integers(9, size=sizes.sum()), 20.0, rng))


def by_hand(parts, plan, i):
    """Towers, their hadronic part, tracks and muons of a crossing without blocks, in numpy."""
    one = concatenate(parts)
    towers = np.zeros((2, N_ETA, N_PHI), np.int64)
    tracks, muons = [np.zeros((6, 0), int)], [np.zeros((4, 0), int)]
    for c in range(plan.offsets[i], plan.offsets[i + 1]):
        e, sign, turn = plan.event[c], -1 if plan.mirror[c] else 1, plan.rotation[c] * FINE
        grid = np.zeros_like(towers)
        t = slice(one.tower_offsets[e], one.tower_offsets[e + 1])
        grid[:, one.tower_ieta[t], one.tower_iphi[t]] = one.tower_et[t], one.tower_hadronic[t]
        towers += np.roll(grid[:, ::sign], plan.rotation[c], axis=2)
        t = slice(one.track_offsets[e], one.track_offsets[e + 1])
        phi = (one.track_phi[t].astype(int) + turn) % (N_PHI * FINE)
        z0 = plan.z0[c] + sign * one.track_z0[t].astype(int)
        tracks.append(
            np.stack([one.track_pt[t], sign * one.track_eta[t], phi, z0, one.track_d0[t], one.track_charge[t]])
        )
        m = slice(one.muon_offsets[e], one.muon_offsets[e + 1])
        phi = (one.muon_phi[m].astype(int) + turn) % (N_PHI * FINE)
        muons.append(np.stack([one.muon_pt[m], sign * one.muon_eta[m].astype(int), phi, one.muon_charge[m]]))
    return *np.minimum(towers, 65535), np.concatenate(tracks, axis=1), np.concatenate(muons, axis=1)


def reconstructed(parts, plan):
    """Trigger objects of `by_hand`."""
    made = [by_hand(parts, plan, i) for i in range(len(plan))]
    ends = [np.cumsum([0, *(m[k].shape[1] for m in made)]) for k in (2, 3)]
    tracks, muons = (np.concatenate([m[k] for m in made], axis=1).astype(np.int32) for k in (2, 3))
    towers, hadronic = (np.stack([m[k] for m in made]).astype(np.int32) for k in (0, 1))
    return reconstruct(towers, hadronic, Tracks(*tracks), ends[0], Muons(*muons), ends[1])


def equal(one, two):
    for kind, collection in one.collections.items():
        for name, field in collection.fields.items():
            np.testing.assert_array_equal(field, two.collections[kind].fields[name], f"{kind} {name}")


def builder(parts, blocks=None):
    made = pool(parts)
    packed = pack_pool(made, PAR)
    return Builder(
        packed, pack_blocks(blocks, made, packed, PAR), blocks, ObjectSettings(), D0, wanted_features([])
    )


def pairs(grid):
    """Return the towers where tracks are, and each with its highest neighbour."""
    beside = np.max([np.roll(grid, 1, 1), np.roll(grid, -1, 1), np.roll(grid, 1, 0), np.roll(grid, -1, 0)], axis=0)
    inner = np.s_[N_ETA // 2 - PAR.tracker_rings : N_ETA // 2 + PAR.tracker_rings]
    return grid[inner], (grid + beside)[inner]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31), st.integers(0, 8), st.integers(0, 3), st.booleans(), st.booleans())
def test_overlay_equals_numpy(seed, soft, hard, very_hard, in_blocks):
    parts = toys(seed, very_hard)
    blocks = some_blocks(seed) if in_blocks else None
    counts = np.array([[soft, hard], [hard, soft]])
    plan = draw_plan(counts, MEMBERS, 20.0, np.random.default_rng(seed), blocks=blocks)
    made = pool(parts)
    packed = pack_pool(made, PAR)
    work, muons = workspace(200), Muons(*(np.zeros(200, np.int32) for _ in Muons._fields))
    # What a crossing leaves behind must not reach the next.
    work.towers[:] = 7
    work.hadronic[:] = 7
    for i in range(2):
        found = overlay_crossing(
            packed, pack_blocks(blocks, made, packed, PAR), plan_arrays(plan), i, PAR, work, muons
        )
        *towers, _, expected = by_hand(parts, unfolded(plan), i)
        grids = (work.towers, work.hadronic) if found[4] else (work.towers,)
        seed_et, pair_et = pairs(towers[0])
        assert found[4] == ((seed_et >= PAR.eg_min // 2) & (pair_et >= PAR.eg_min)).any()
        for flat, known in zip(grids, towers, strict=False):
            grid = flat.reshape(N_PHI, WIDE)
            np.testing.assert_array_equal(grid[:, EDGE : EDGE + N_ETA].T, known)
            assert not grid[:, :EDGE].any()
            assert not grid[:, EDGE + N_ETA :].any()
        np.testing.assert_array_equal(np.stack([field[: found[3]] for field in muons]), expected)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31), st.integers(1, 8))
def test_no_electron_is_possible_above_the_hardest_pair(seed, soft):
    parts = toys(seed)
    plan = draw_plan(np.array([[soft, 0]]), MEMBERS, 20.0, np.random.default_rng(seed))
    made = pool(parts)
    packed = pack_pool(made, PAR)
    work, muons = workspace(200), Muons(*(np.zeros(200, np.int32) for _ in Muons._fields))
    seed_et, pair_et = pairs(by_hand(parts, plan, 0)[0])
    most = int(pair_et.max())
    for least in (most - 1, most, most + 1):
        given_par = PAR._replace(eg_min=max(least, 1))
        found = overlay_crossing(
            packed, pack_blocks(None, made, packed, PAR), plan_arrays(plan), 0, given_par, work, muons
        )
        possible = (seed_et >= max(given_par.eg_min // 2, 1)) & (pair_et >= given_par.eg_min)
        assert found[4] == possible.any()


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31), st.integers(0, 12), st.integers(0, 3))
def test_objects_of_blocks_are_those_of_their_collisions(seed, soft, hard):
    parts, blocks = toys(seed), some_blocks(seed)
    counts = np.array([[soft, hard], [hard, soft], [12, 0]])
    plan = draw_plan(counts, MEMBERS, 20.0, np.random.default_rng(seed), blocks=blocks)
    alone = unfolded(plan)
    np.testing.assert_array_equal(plan.collisions, counts.sum(axis=1))
    np.testing.assert_array_equal(np.diff(alone.offsets), counts.sum(axis=1))
    np.testing.assert_array_equal(plan.hardest, alone.hardest)
    build = builder(parts, blocks)
    stacked = build.build(plan).objects
    equal(stacked, build.build(alone).objects)
    equal(stacked, reconstructed(parts, alone))


def test_memory_kept_between_plans_changes_nothing():
    parts, blocks = toys(3), some_blocks(3)
    kept = builder(parts, blocks)
    for seed, counts in enumerate([[[1, 0]], [[12, 3], [0, 0]], [[2, 1]], [[40, 5]], [[0, 1]]]):
        plan = draw_plan(np.array(counts), MEMBERS, 20.0, np.random.default_rng(seed), blocks=blocks)
        equal(kept.build(plan).objects, builder(parts, blocks).build(plan).objects)


@given(st.integers(0, 2**31), st.integers(0, 12), st.integers(0, 3), st.booleans())
@settings(deadline=None, max_examples=20)
def test_memory_has_room_for_the_fullest_crossing(seed, soft, hard, in_blocks):
    parts, blocks = toys(seed), some_blocks(seed) if in_blocks else None
    counts = np.array([[soft, hard], [hard, 0]])
    plan = draw_plan(counts, MEMBERS, 20.0, np.random.default_rng(seed), blocks=blocks)
    made = pool(parts)
    packed = pack_pool(made, PAR)
    found = most_entries(packed, pack_blocks(blocks, made, packed, PAR), plan)
    crossings = [by_hand(parts, unfolded(plan), i)[2:] for i in range(len(plan))]
    for k in range(2):
        assert found[k] >= max(1, *(entries[k].shape[1] for entries in crossings))


def test_every_soft_collision_is_in_the_blocks_equally_often():
    members = np.arange(100, 1100)
    blocks = draw_blocks(60.0, members, 45.0, 1)
    assert (blocks.size, blocks.least) == (30, 15)
    inside, of_rests = blocks.plan, blocks.size * blocks.each
    assert (blocks.whole, len(inside)) == (WHOLE, WHOLE + of_rests)
    assert RESTS <= of_rests < RESTS + blocks.size
    np.testing.assert_array_equal(
        np.diff(inside.offsets), [30] * WHOLE + list(np.repeat(np.arange(15, 45), blocks.each))
    )
    start = inside.offsets[WHOLE]
    for own in (inside.event[:start], inside.event[start:]):
        assert np.ptp(np.bincount(own, minlength=1100)[100:]) <= 1
    assert draw_blocks(3.0, members, 45.0, 1) is None


@given(st.integers(0, 2**31), st.lists(st.integers(0, 40), min_size=1, max_size=5))
@settings(deadline=None, max_examples=20)
def test_whole_blocks_and_one_rest_hold_all_but_a_few(seed, soft):
    blocks = some_blocks(seed)
    plan = draw_plan(np.array(soft)[:, None], MEMBERS[:1], 20.0, np.random.default_rng(seed), blocks=blocks)
    sizes = np.diff(blocks.plan.offsets)
    for i, n in enumerate(soft):
        own = plan.stack.number[plan.stack.offsets[i] : plan.stack.offsets[i + 1]]
        assert (own[:-1] < blocks.whole).all()
        assert (own[-1:] >= blocks.whole).all()
        alone = plan.offsets[i + 1] - plan.offsets[i]
        assert alone == (n if n < blocks.least else 0)
        assert alone + sizes[own].sum() == n


def test_blocks_of_another_source_are_refused():
    plan = draw_plan(np.array([[5, 0]]), MEMBERS, 1.0, np.random.default_rng(0), blocks=some_blocks(1))
    with pytest.raises(ValueError, match="another source"):
        builder(toys(1), some_blocks(1)).build(plan)


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


@pytest.mark.jit
@pytest.mark.parametrize(
    ("soft", "digest"), [(0, "df3f1977e12858b9"), (60, "415e9fbfe7ec4923"), (200, "226762610a9c5610")]
)
def test_objects_and_features_are_those_of_the_first_kernels(library, soft, digest):
    # Digests of what the kernels gave before they were made fast, on the very same crossings; e/gamma, which have
    # another definition since, are not in them.
    beam = Beam(name="b", mean_pileup=30.0, colliding_bunches=2760, vertex_sigma_z_mm=45.0, vertex_source="assumed")
    source = Source.open(library, beam, TEST, exact=True)
    build = made_builder(library.folder, source, ObjectSettings(), wanted_features([np.arange(39)]))
    rng = np.random.default_rng(soft)
    counts = np.zeros((120, len(source.members)), np.int64)
    counts[:, 0] = rng.poisson(soft, 120)
    counts[np.arange(120), 1 + np.arange(120) % 6] = 1
    block = build.build(draw_plan(counts, source.members, 45.0, rng))
    found = hashlib.sha256()
    for name, collection in sorted(block.objects.collections.items()):
        for _, field in sorted(collection.fields.items()) if name != "EG" else ():
            found.update(np.ascontiguousarray(field).tobytes())
    found.update(np.ascontiguousarray(block.features_hw).tobytes())
    assert found.hexdigest().startswith(digest)


@pytest.mark.jit
def test_a_jet_with_memory_of_its_own_has_the_same_features(library):
    # The one allocation that code compiled without reference counts calls.
    beam = Beam(name="b", mean_pileup=30.0, colliding_bunches=2760, vertex_sigma_z_mm=45.0, vertex_source="assumed")
    source = Source.open(library, beam, TEST, exact=True)
    build = made_builder(library.folder, source, ObjectSettings(), wanted_features([np.arange(39)]))
    counts = np.zeros((40, len(source.members)), np.int64)
    counts[:, 5] = 1
    plan = draw_plan(counts, source.members, 45.0, np.random.default_rng(1))
    usual = build.build(plan).features_hw
    work, muons = build._own.memory
    build._own.memory = work._replace(pairs=np.zeros(0)), muons
    assert len(usual) > 10
    np.testing.assert_array_equal(build.build(plan).features_hw, usual)
