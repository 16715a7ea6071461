"""Classes of collisions, and how many of each a crossing holds, against plain loops."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stream.collisions import made_up
from trigsim.events.model import MUON_PT
from trigsim.stream.blocks import draw_blocks
from trigsim.stream.companions import ALONE, MUON_GEV, QUIET, classes
from trigsim.stream.plan import draw_plan, pool, unfolded
from trigsim.stream.strata import Strata


def source(seed, blocks=None):
    """Two strata, of which the second gives every other collision, and a signal."""
    parts = [made_up(900, seed), made_up(120, seed + 1), made_up(5, seed + 2)]
    members = (np.arange(900), np.arange(900, 1020, 2))
    strata = Strata(("a", "b"), np.array([[20.0, 1.5]]), np.ones(1))
    return SimpleNamespace(
        pool=pool(parts), members=members, strata=strata, parent=np.arange(2), blocks=blocks,
        collision=np.arange(1025),
    )  # fmt: skip


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_classes_part_the_collisions_that_may_be_drawn(seed):
    made = source(seed)
    found = classes(made)
    for k, some in enumerate(made.members):
        assert set(found.stratum[found.of[some]]) == {k}
    np.testing.assert_array_equal(found.size, np.bincount(found.of[np.concatenate(made.members)]))
    assert found.size.min() > 0
    p = made.pool

    def each(values, offsets, join, power=1):
        return np.array([join(values[a:b].astype(np.int64) ** power) for a, b in pairwise(offsets)])

    muon = each(p.muon_pt, p.muon_offsets, lambda v: v.max(initial=0)) >= MUON_PT.to_hw(MUON_GEV)
    square, energy = (each(p.tower_et, p.tower_offsets, np.sum, power) for power in (2, 1))
    for j in range(len(found)):
        members = [e for some in made.members for e in some if found.of[e] == j]
        assert len(set(muon[members])) == 1
    # Of those without a muon the hardest are alone, and harder than any that are not.
    some = made.members[0]
    quiet = some[~muon[some]]
    order = quiet[np.argsort(-square[quiet], kind="stable")]
    assert (found.size[found.of[order[: ALONE[0]]]] == 1).all()
    # Of the softest, total energy tells the classes apart: they do not overlap.
    soft = order[-len(order) // 2 :]
    limits = sorted(
        (energy[soft[found.of[soft] == j]].min(), energy[soft[found.of[soft] == j]].max())
        for j in set(found.of[soft])
    )
    assert 2 <= len(limits) <= QUIET
    for (_, high), (low, _) in pairwise(limits):
        assert high <= low


def test_a_stratum_of_few_is_one_class():
    made = source(1)
    made.strata = Strata(("a", "b"), np.array([[20.0, 0.01]]), np.ones(1))
    found = classes(made)
    assert (found.stratum == 1).sum() == 1
    assert found.size[-1] == 60


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_counting(seed):
    made = source(seed)
    found = classes(made)
    rng = np.random.default_rng(seed)
    plan = draw_plan(made.strata.draw_all(20, rng), made.members, 45.0, rng)
    held = found.count(plan)
    for i in range(20):
        hardest, *others = [*plan.event[plan.offsets[i] : plan.offsets[i + 1]], -1][
            : max(np.diff(plan.offsets)[i], 1)
        ]
        assert held.event[i] == hardest
        assert held.kind[i] == (found.of[hardest] if hardest >= 0 else -1)
        np.testing.assert_array_equal(held.companions[i], np.bincount(found.of[others], minlength=len(found)))


def test_collisions_in_blocks_count_as_they_do_alone():
    blocks = draw_blocks(20.0, np.arange(900), 45.0, 1)
    made = source(1, blocks)
    rng = np.random.default_rng(1)
    plan = draw_plan(made.strata.draw_all(40, rng), made.members, 45.0, rng, blocks=blocks)
    whole = draw_plan(np.array([[10, 0], [5, 0]]), made.members, 45.0, rng, blocks=blocks)
    assert np.diff(whole.offsets)[0] == 0
    for one in (plan, whole):
        for ours, theirs in zip(classes(made).count(one), classes(made).count(unfolded(one)), strict=True):
            np.testing.assert_array_equal(ours, theirs)
