"""Classes of collisions, and how many of each a crossing holds, against plain loops."""

from types import SimpleNamespace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stream.collisions import made_up
from trigsim.events.model import MUON_PT
from trigsim.stream.companions import MUON_GEV, classes
from trigsim.stream.plan import draw_plan, pool
from trigsim.stream.strata import Strata


def source(seed):
    """Two strata, of which the second gives every other collision, and a signal."""
    parts = [made_up(900, seed), made_up(120, seed + 1), made_up(5, seed + 2)]
    members = (np.arange(900), np.arange(900, 1020, 2))
    strata = Strata(("a", "b"), np.array([[20.0, 1.5]]), np.ones(1))
    return SimpleNamespace(pool=pool(parts), members=members, strata=strata)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_classes_part_the_collisions_that_may_be_drawn(seed):
    made = source(seed)
    found = classes(made)
    for k, some in enumerate(made.members):
        assert set(found.stratum[found.of[some]]) == {k}
    np.testing.assert_array_equal(found.size, np.bincount(found.of[np.concatenate(made.members)]))
    assert found.size.min() > 0
    # Collisions with a muon are classes of their own.
    p = made.pool
    muon = [
        p.muon_pt[p.muon_offsets[e] : p.muon_offsets[e + 1]].max(initial=0) >= MUON_PT.to_hw(MUON_GEV)
        for e in range(len(p.muon_offsets) - 1)
    ]
    for j in range(len(found)):
        of_class = [e for some in made.members for e in some if found.of[e] == j]
        assert len({bool(muon[e]) for e in of_class}) == 1
    # Classes of energy are ordered: what is in the first holds less than what is in the last.
    energy = np.array([p.tower_et[p.tower_offsets[e] : p.tower_offsets[e + 1]].sum() for e in range(900)])
    quiet = ~np.array(muon[:900])
    first = quiet & (found.of[:900] == 0)
    assert energy[first].max() <= np.quantile(energy, 0.6)


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_counting(seed):
    made = source(seed)
    found = classes(made)
    rng = np.random.default_rng(seed)
    plan = draw_plan(made.strata.draw_all(20, rng), made.members, 45.0, rng)
    counted = found.count(plan)
    for i in range(20):
        plain = np.zeros((2, len(found)), int)
        for place, event in enumerate(plan.event[plan.offsets[i] : plan.offsets[i + 1]]):
            plain[min(place, 1), found.of[event]] += 1
        np.testing.assert_array_equal(counted[i], plain)
