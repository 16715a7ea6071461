"""Orbits: sequences over slot and orbit borders, objects out of time, and words drawn instead of emulated."""

import functools
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.events.library import Library
from trigsim.menu import loads
from trigsim.menu.prescale import FinalDecision
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.deadtime import DeadTime, DeadTimeConfig, Rule
from trigsim.stream.filling import FillingScheme
from trigsim.stream.orbit import Emulation, Triggers
from trigsim.stream.orbit_config import Timing
from trigsim.stream.orbit_objects import SlotObjects, beam_signals
from trigsim.stream.orbit_run import Readout
from trigsim.stream.orbit_words import Sampling, Words
from trigsim.stream.pileup import PileupByBunch
from trigsim.stream.source import TEST, Source
from trigsim.stream.variant import Variant
from trigsim.studies.setup import builder

MENU = """
name: test
scales: phase2
externals: {BPTX_AND: 4, BPTX_OR_VME: 70, Unknown: 5}
algorithms:
  - {name: Now, groups: [all], when: {object: JET, pt_gev: 40}}
  - {name: Before, groups: [all], when: {object: JET, pt_gev: 40, bx: -1}}
  - {name: After, when: {object: JET, pt_gev: 40, bx: 1}}
  - {name: TwoBefore, when: {object: JET, pt_gev: 40, bx: -2}}
"""
#: Bunches on both sides of the orbit's border, neighbours, and lone ones.
SLOTS = np.array([0, 1, 2, 7, 100, 101, 3000, 3562, 3563])
SCHEME = FillingScheme("test", *(np.isin(np.arange(3564), [*SLOTS, extra]) for extra in (500, 600)))


@functools.cache
def opened(folder, made):
    """Return a library under a beam; reading it takes seconds."""
    return Source.open(Library.open(folder), made, TEST)


def beam(**changes):
    fields = {"mean_pileup": 60.0, "colliding_bunches": len(SLOTS), "vertex_sigma_z_mm": 45.0}
    return Beam(name="b", vertex_source="assumed", **{**fields, **changes})


def emulation(library, menu=MENU, timing=None, single=0.0, scheme=SCHEME, **changes):
    source = opened(library.folder, beam(**changes))
    checked = loads(menu)
    build = builder(library.folder, source, ObjectSettings(), wanted_features([]))
    return Emulation(source, build, Variant.bind("v", checked, {}), checked, scheme, timing or {}, single)


def times(made, orbits=40, threads=2, seed=5):
    """Return the slots in which each algorithm passed."""
    parts = list(made.triggers(orbits, seed, threads))
    assert [p.first for p in parts] == list(range(orbits))
    time, bits = np.concatenate([p.times for p in parts]), np.concatenate([p.bits for p in parts])
    return [time[column].tolist() for column in bits.T]


@pytest.mark.jit
def test_conditions_see_their_neighbours_over_every_border(library):
    made = emulation(library)
    now, before, after, two_before = times(made)
    assert set(np.array(now) % 3564) <= set(SLOTS)
    assert {0, 3563} <= set(np.array(now) % 3564)
    end = 40 * 3564
    assert before == [t + 1 for t in now if t + 1 < end]
    assert two_before == [t + 2 for t in now if t + 2 < end]
    assert after == [t - 1 for t in now if t > 0]
    assert times(made, threads=1) == [now, before, after, two_before]
    assert times(made, seed=6)[0] != now


@pytest.mark.jit
def test_every_jet_early_or_late_moves_the_trigger(library):
    now = times(emulation(library))[0]
    early = {"JET": Timing(early=1.0, source="test")}
    assert times(emulation(library, timing=early))[0] == [t - 1 for t in now if t > 0]
    late = {"JET": Timing(late=1.0, source="test")}
    assert times(emulation(library, timing=late))[:2] == [
        [t + 1 for t in now if t + 1 < 40 * 3564],
        [t + 2 for t in now if t + 2 < 40 * 3564],
    ]
    # An eighth of the jets early: the triggers are those of now and of before, each with its share.
    some = times(emulation(library, timing={"JET": Timing(early=0.125, source="test")}))[0]
    moved = len(set(some) & {t - 1 for t in now} - set(now))
    assert set(some) <= set(now) | {t - 1 for t in now}
    assert 0.04 * len(now) < moved < 0.3 * len(now)


@pytest.mark.jit
def test_rate_is_that_of_independent_crossings(library):
    made = emulation(library)
    now = len(times(made, orbits=300)[0])
    counts = made.source.strata.draw_all(2700, np.random.default_rng(3))
    passed = made.variant.decide(made.builder.build(plan(made, counts))).bits[:, 0].sum()
    assert abs(now - passed) < 4 * np.sqrt(now + passed)


def plan(made, counts):
    from trigsim.stream.plan import draw_plan

    return draw_plan(counts, made.source.members, 45.0, np.random.default_rng(4))


@pytest.mark.jit
def test_pileup_goes_by_bunch_in_the_order_of_the_orbit(library):
    pileup = PileupByBunch(by_bunch=tuple(120.0 if slot in (2, 3562) else 0.0 for slot in SLOTS))
    now = np.array(times(emulation(library, mean_pileup=pileup))[0]) % 3564
    assert set(now) == {2, 3562}


@pytest.mark.jit
def test_lone_bunches_are_silent_unless_told(library):
    menu = """
name: test
scales: phase2
algorithms:
  - {name: Any, when: {object: ET, pt_gev: 1}}
"""
    assert not {500, 600} & {t % 3564 for t in times(emulation(library, menu))[0]}
    assert {500, 600} <= {t % 3564 for t in times(emulation(library, menu, single=3.0))[0]}


@pytest.mark.jit
def test_scheme_must_be_of_the_beam(library):
    made = emulation(library, scheme=FillingScheme("other", SCHEME.beam1, SCHEME.beam1))
    with pytest.raises(InputError, match="'other' has 10 colliding pairs, the beam 9"):
        times(made)


def test_signals_of_the_beams():
    words = beam_signals(SCHEME, loads(MENU).externals)
    bits = [bool(words[slot, 0] >> np.uint64(4) & np.uint64(1)) for slot in (0, 500, 50)]
    assert bits == [True, False, False]
    either = [bool(words[slot, 1] >> np.uint64(70 - 64) & np.uint64(1)) for slot in (0, 500, 600, 50)]
    assert either == [True, True, True, False]
    assert not (words[:, 0] & np.uint64(1 << 5)).any()


OBJECTS = st.lists(st.tuples(st.integers(1, 9), st.integers(-1, 1)), max_size=3)


@given(st.lists(OBJECTS, min_size=1, max_size=6))
def test_objects_go_where_they_are_assigned_the_largest_first(rows):
    slots = 3
    pt, name = np.zeros((len(rows), slots), np.int32), np.full((len(rows), slots), -7, np.int32)
    shift = np.zeros((len(rows), slots), np.int8)
    expected = [[] for _ in rows]
    for i, row in enumerate(rows):
        for s, (size, move) in enumerate(sorted(row, key=lambda o: -o[0])):
            pt[i, s], shift[i, s], name[i, s] = size, move, 10 * i + s
    for i in range(len(rows)):
        for source in (i, i + 1, i - 1):
            if 0 <= source < len(rows):
                expected[i] += [
                    (int(p), int(q))
                    for p, q, move in zip(pt[source], name[source], shift[source], strict=True)
                    if p and source + move == i
                ]
        expected[i] = sorted(expected[i], key=lambda o: -o[0])[:slots]
        expected[i] += [(0, -7)] * (slots - len(expected[i]))
    empty = TriggerObjects(
        {"X": Collection({"name": np.full((1, 3), -7, np.int32), "pt": np.zeros((1, 3), np.int32)})},
        np.zeros((1, 4), np.uint64),
    )
    objects = TriggerObjects({"X": Collection({"name": name, "pt": pt})}, np.zeros((len(rows), 4), np.uint64))
    fields = SlotObjects(objects, {"X": shift}).assigned(empty).collections["X"].fields
    for i in range(len(rows)):
        assert list(zip(fields["pt"][i].tolist(), fields["name"][i].tolist(), strict=True)) == expected[i]


READ = """
name: test
scales: phase2
algorithms:
  - {name: A, groups: [g, h], prescale: 2.5, when: {object: JET, pt_gev: 40}}
  - {name: B, groups: [g], bx_mask: [[0, 2], [3000, 3563]], when: {object: JET, pt_gev: 50}}
  - {name: Veto, veto: true, prescale: 3, when: {object: JET, pt_gev: 60}}
"""


def readout(rules=((1, 3), (2, 25)), scheme=SCHEME, menu=READ):
    checked = loads(menu)
    names = tuple(a.name for a in checked.algorithms)
    groups = {g: np.array([names.index(a) for a in members]) for g, members in checked.groups.items()}
    model = DeadTime.of(DeadTimeConfig(source="t", rules=tuple(Rule(accepts=n, window_bx=m) for n, m in rules)))
    return Readout(names, groups, FinalDecision.of(checked, names), model, scheme)


@settings(max_examples=40)
@given(
    st.dictionaries(st.integers(0, 8 * 3564 - 1), st.integers(1, 7), max_size=80),
    st.lists(st.integers(1, 8), max_size=3),
)
def test_counters_run_on_over_chunks_and_orbits(words, cuts):
    time = np.array(sorted(words), np.int64)
    # Crowd the triggers, so that rules matter.
    time = np.unique(np.concatenate([time, time[time % 3564 < 3563] + 1]))
    bits = np.array([[bool(words.get(t, 5) & 1 << i) for i in range(3)] for t in time], bool).reshape(-1, 3)

    def parts(borders):
        for first, last in itertools.pairwise(borders):
            inside = (time // 3564 >= first) & (time // 3564 < last)
            yield Triggers(first, last - first, time[inside], bits[inside])

    made = readout()
    whole = made.run(parts([0, 8]), 8)
    pieces = made.run(parts(sorted({0, 8, *cuts})), 8)
    for name in ("raw", "fired", "kept", "blocked", "alone", "dead", "orbits", "crossings"):
        assert getattr(whole, name).sum(axis=0).tolist() == getattr(pieces, name).sum(axis=0).tolist(), name
    np.testing.assert_array_equal(whole.by_slot, pieces.by_slot)
    assert whole.rows == ("A", "B", "Veto", "group g", "group h", "total")
    # By hand: accumulators of 2.5 and 3, the mask of B, the veto.
    left = {"A": 0, "B": 0, "total": 0}
    a = veto = 0
    for t, (one, two, three) in zip(time, bits, strict=True):
        veto += 100 * three
        stopped = veto >= 300
        veto -= 300 * stopped
        a += 100 * one
        one_left = a >= 250
        a -= 250 * one_left
        two_left = two and (t % 3564 <= 2 or t % 3564 >= 3000)
        if not stopped:
            left["A"] += one_left
            left["B"] += two_left
            left["total"] += one_left or two_left
    fired = dict(zip(whole.rows, whole.fired.sum(axis=0).tolist(), strict=True))
    assert {row: fired[row] for row in left} == left
    assert fired["group g"] == fired["total"]
    assert fired["group h"] == fired["A"]


def test_words_are_drawn_as_often_as_they_weigh():
    bits = np.array([[0, 0], [1, 0], [1, 0], [0, 1], [1, 1]], bool)
    chance = np.array([0.6, 0.1, 0.05, 0.2, 0.05])
    words = Words.of(bits, np.arange(5), chance)
    assert sorted(map(tuple, words.bits.tolist())) == [(False, True), (True, False), (True, True)]
    parts = list(Sampling(words, SCHEME).triggers(20_000, 1, 2))
    drawn = np.concatenate([p.bits for p in parts])
    time = np.concatenate([p.times for p in parts])
    assert (np.diff(time) > 0).all()
    assert set(time % 3564) == set(SLOTS)
    n = 20_000 * len(SLOTS)
    for word, probability in zip(words.bits, words.probability, strict=True):
        found = (drawn == word).all(axis=1).sum()
        assert abs(found - n * probability) < 4.5 * np.sqrt(n * probability)
    again = np.concatenate([p.times for p in Sampling(words, SCHEME).triggers(20_000, 1, 1)])
    np.testing.assert_array_equal(time, again)


def test_spread_of_replicas_is_that_of_weighted_collisions():
    rng = np.random.default_rng(2)
    cluster = rng.integers(0, 60, 400)
    chance = np.append(rng.random(399) * 1e-3, 0.0)
    chance = np.append(chance, 1 - chance.sum())
    bits = np.append(np.ones((400, 1), bool), [[False]], axis=0)
    words = Words.of(bits, np.append(cluster, 99), chance)
    rates = [words.replica(np.random.default_rng(i)).sum() for i in range(2000)]
    expected = np.sqrt((np.bincount(cluster, chance[:400]) ** 2).sum())
    assert np.std(rates) == pytest.approx(expected, rel=0.08)
    assert np.mean(rates) == pytest.approx(words.probability.sum(), rel=0.02)


def test_dead_time_of_drawn_words_is_the_closed_form():
    # A machine full of bunches, one word of probability p, one rule: p / (1 + p (d - 1)).
    full = FillingScheme("full", np.ones(3564, bool), np.ones(3564, bool))
    p, window = 0.04, 12
    words = Words.of(np.array([[True, False, False], [False] * 3]), np.arange(2), np.array([p, 1 - p]))
    menu = READ.replace("prescale: 2.5, ", "")
    made = readout(((1, window),), full, menu)
    orbits = 400
    counts = made.run(Sampling(words, full).triggers(orbits, 3, 2), orbits)
    slots = orbits * 3564
    kept = counts.kept[:, -1].sum() / slots
    assert abs(kept - p / (1 + p * (window - 1))) < 4 * np.sqrt(p / slots)
    share = 1 - 1 / (1 + p * (window - 1))
    assert counts.dead[:, -1].sum() / slots == pytest.approx(share, rel=0.01)
    assert counts.blocked[:, 0].sum() == counts.fired[:, -1].sum() - counts.kept[:, -1].sum()


def test_nothing_passes_and_everything_passes():
    nothing = Words.of(np.zeros((1, 3), bool), np.zeros(1, int), np.ones(1))
    assert sum(len(p.times) for p in Sampling(nothing, SCHEME).triggers(10, 1, 1)) == 0
    everything = Words.of(np.ones((1, 3), bool), np.zeros(1, int), np.ones(1))
    assert sum(len(p.times) for p in Sampling(everything, SCHEME).triggers(10, 1, 1)) == 10 * len(SLOTS)


def test_weights_must_be_probabilities():
    with pytest.raises(InputError, match=r"sum to 0.5; probabilities sum to 1"):
        Words.of(np.ones((1, 1), bool), np.zeros(1, int), np.array([0.5]))
    with pytest.raises(InputError, match="give one each"):
        Words.of(np.ones((2, 1), bool), np.zeros(1, int), np.array([1.0]))
