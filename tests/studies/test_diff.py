"""Differences of menus, against loops over crossings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.menu import loads
from trigsim.menu.readers.model import Recorded
from trigsim.menu.validate import validate
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.studies.decided import in_order
from trigsim.studies.diff import diff, paired_efficiencies, paired_rates, written
from trigsim.studies.recorded_diff import recorded_diff
from trigsim.studies.store_format import BEAM

WEIGHT = np.array([2.0, 0.5, 1.0])


@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([0.0, 0.1, 0.5]))
@settings(max_examples=40)
def test_what_both_pass_cancels(seed, n, flips):
    rng = np.random.default_rng(seed)
    stratum, event = rng.integers(0, 2, n), rng.integers(0, 5, n)
    old = rng.random(n) < 0.5
    new = old ^ (rng.random(n) < flips)
    sample = in_order(("a",), np.zeros((n, 1), np.uint8), stratum, event, WEIGHT)
    change = paired_rates(sample, old, new, 1e6)
    by_collision = {}
    for s, e, o, m in zip(stratum, event, old, new, strict=True):
        by_collision[s, e] = by_collision.get((s, e), 0.0) + WEIGHT[s] * (int(m) - int(o))
    assert change.difference.value == pytest.approx(sum(by_collision.values()))
    assert change.difference.value == pytest.approx(change.new.value - change.old.value)
    assert (change.gained, change.lost) == ((new & ~old).sum(), (old & ~new).sum())
    error = change.difference.high - change.difference.value
    if (old != new).any():
        assert error == pytest.approx(np.sqrt(sum(v * v for v in by_collision.values())))
    else:
        assert error == pytest.approx(1.841 * 2.0, rel=1e-3)  # nothing gained or lost, at the largest weight


@pytest.mark.parametrize("share", [0.01, 0.6])
def test_paired_efficiencies_are_tighter_than_unpaired(share):
    rng = np.random.default_rng(1)
    old = rng.random(4000) < 0.5
    new = old | (rng.random(4000) < share)
    change = paired_efficiencies(old, new)
    error = change.difference.high - change.difference.value
    assert error < np.hypot(change.old.high - change.old.value, change.new.high - change.new.value)
    # A bootstrap over crossings gives the same error.
    toys = (new.astype(int) - old)[rng.integers(0, 4000, (400, 4000))].mean(axis=1)
    assert error == pytest.approx(np.std(toys), rel=0.15)
    assert paired_efficiencies(old, old).difference.high > 0


@pytest.mark.jit
def test_two_menus_on_the_store(stored):
    text = stored.menu.read_text()
    old = loads(text, stored.menu)
    changed = text.replace("{object: JET, pt_gev: 90}", "{object: JET, pt_gev: 100}").replace(
        "name: Mu10", "name: Mu"
    )
    new = loads(changed.replace("prescale: 2", "prescale: 3"), stored.menu)
    said = {(w.part, w.name, w.what): (w.old, w.new) for w in written(old, new)}
    assert said == {
        ("algorithm", "Jet90", "condition"): ("JET ≥ 90", "JET ≥ 100"),
        ("algorithm", "Pair", "prescale"): ("2", "3"),
        ("algorithm", "Mu10", ""): ("MU ≥ 10", ""),
        ("algorithm", "Mu", ""): ("", "MU ≥ 10"),
    }
    found = diff(stored.store, old, new)
    beam = found.changes[BEAM]
    assert beam["Jet90"].lost > 0 == beam["Jet90"].gained
    assert beam["Mu"].gained == beam["Mu10"].lost > 0
    assert (beam["total"].gained, beam["Pair"].lost) == (0, 0)
    assert beam["Jet90"].old.value == pytest.approx(stored.run.rates["Jet90"].value)
    flips = [f for f in found.flips if f.row == "Jet90" and f.sample == BEAM]
    assert len(flips) == beam["Jet90"].lost
    # The crossing that is named is the one that flips.
    who, first = stored.store.crossings(BEAM), flips[0]
    stratum = stored.store.manifest.strata.index(first.stratum)
    at = np.flatnonzero((who.stratum == stratum) & (who.chunk == first.chunk) & (who.number == first.number))
    one, two = (stored.store.decide(stored.store.compile(m), BEAM)[at, 0] & 1 for m in (old, new))
    assert (one.tolist(), two.tolist()) == ([1], [0])
    assert not diff(stored.store, old, old).flips


def test_recorded_events_flip_by_name():
    rows = [[200, 0], [100, 90], [0, 0], [120, 110]]
    jets = Collection({"pt": np.array(rows, np.int32)})
    number = np.arange(4, dtype=np.uint64)
    recorded = Recorded(
        TriggerObjects({"JET": jets}, np.zeros((4, 4), np.uint64)), np.arange(4), "independent", (0, 0), False,
        None, {}, np.full(4, 7, np.uint64), number, number + 100,
    )  # fmt: skip
    text = """
name: m
scales: phase2
algorithms:
  - {name: a, when: {object: JET, pt_gev: 25}}
  - {name: b, when: {objects: [{object: JET, pt_gev: 20, times: 2}]}}
  - {name: gone, when: {object: HT, pt_gev: 1}}
"""
    menus = loads(text), loads(text.replace("25", "30").replace("times: 2", "times: 1"))
    found = recorded_diff(*menus, *(validate(menu, [recorded]) for menu in menus))
    assert found.flips == {"a": {"7:1:101": False}, "b": {"7:0:100": True}}
    assert (found.changes["a"].gained, found.changes["a"].lost, found.events) == (0, 1, 4)
    assert "HT" in found.unsupported["gone"]
    assert [(w.name, w.what) for w in found.written] == [("a", "condition"), ("b", "condition")]
