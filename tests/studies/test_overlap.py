"""Rates from packed decisions against plain loops over crossings, with prescales drawn in full."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.menu import loads
from trigsim.studies.decided import decided, in_order
from trigsim.studies.overlap import overlap
from trigsim.studies.rate_table import Prescaling, rate_table
from trigsim.studies.rates import estimates
from trigsim.studies.store_format import BEAM

WEIGHT = np.array([5.0, 0.5, 0.25, 1.0])
GROUPS = {"low": (0, 1, 2), "odd": (1, 3), "none": ()}


@st.composite
def samples(draw, algorithms=5):
    n = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    bits = rng.random((n, algorithms)) < draw(st.sampled_from([0.0, 0.2, 0.7]))
    names = tuple(f"a{i}" for i in range(algorithms))
    stratum, event = rng.integers(0, 3, n), rng.integers(0, 4, n)
    return (
        bits,
        stratum,
        event,
        in_order(names, np.packbits(bits, axis=1, bitorder="little"), stratum, event, WEIGHT),
    )


def interval(value, stratum, event):
    """The interval of a weighted value of each crossing, from its definition."""
    totals = {}
    for v, s, e in zip(value, stratum, event, strict=True):
        totals[s, e] = totals.get((s, e), 0.0) + v * WEIGHT[s]
    sums = np.array([sum(totals.values())])
    return estimates(sums, np.array([sum(t * t for t in totals.values())]), WEIGHT, 1e6)[0]


def close(ours, expected):
    np.testing.assert_allclose(
        [ours.value, ours.low, ours.high], [expected.value, expected.low, expected.high], rtol=1e-9, atol=1e-12
    )


def expectations(row, keep, veto):
    """Mean over all outcomes of the prescales: total, and by algorithm pure, shared and cumulative."""
    fired = [i for i in np.flatnonzero(row) if keep[i] > 0]
    total, pure, shared, cumulative = 0.0, np.zeros(5), np.zeros(5), np.zeros(5)
    low = np.zeros(3)
    for outcome in product((0, 1), repeat=len(fired)):
        chance = np.prod([keep[i] if o else 1 - keep[i] for i, o in zip(fired, outcome, strict=True)])
        kept = [i for i, o in zip(fired, outcome, strict=True) if o]
        left = [i for i in kept if not veto[i]]
        for g, members in enumerate(GROUPS.values()):
            low[g] += chance * any(i in members for i in left)
        if not left or any(veto[i] for i in kept):
            continue
        total += chance
        for i in left:
            shared[i] += chance / len(left)
            pure[i] += chance * (len(left) == 1)
        cumulative[left[0] :] += chance
    return total, pure, shared, cumulative, low


@given(samples(), st.lists(st.sampled_from([0.0, 0.25, 0.9, 1.0]), min_size=5, max_size=5), st.booleans())
@settings(max_examples=25)
def test_rates_are_those_of_all_outcomes_of_the_prescales(sample, keep, with_veto):
    bits, stratum, event, decisions = sample
    veto = np.array([False] * 4 + [with_veto])
    groups = {g: tuple(i for i in m if not veto[i]) for g, m in GROUPS.items()}
    after = Prescaling(decisions.names, np.array(keep), tuple(1 / k if k else 0.0 for k in keep), veto, groups)
    table = rate_table(decisions, after, 1e6)
    for quantities, kept in (("before", np.ones(5)), ("after", np.array(keep))):
        found = [expectations(row, kept, veto) for row in bits]
        close(getattr(table["total"], quantities).rate, interval([f[0] for f in found], stratum, event))
        for i, name in enumerate(decisions.names):
            row = getattr(table[name], quantities)
            close(row.rate, interval(bits[:, i] * kept[i], stratum, event))
            close(row.pure, interval([f[1][i] for f in found], stratum, event))
            close(row.proportional, interval([f[2][i] for f in found], stratum, event))
            close(row.cumulative, interval([f[3][i] for f in found], stratum, event))
        for g, name in enumerate(GROUPS):
            close(getattr(table[name], quantities).rate, interval([f[4][g] for f in found], stratum, event))
            members = list(groups[name])
            close(
                getattr(table[name], quantities).proportional,
                interval([f[2][members].sum() for f in found], stratum, event),
            )
    assert table["a2"].passes == bits[:, 2].sum()
    assert table["low"].passes == bits[:, :3].any(axis=1).sum()


@given(samples())
@settings(max_examples=20)
def test_group_is_pure_where_nothing_outside_it_passes(sample):
    bits, stratum, event, decisions = sample
    after = Prescaling(decisions.names, np.ones(5), (1.0,) * 5, np.zeros(5, bool), GROUPS)
    table = rate_table(decisions, after, 1e6)
    pure = bits[:, [1, 3]].any(axis=1) & ~bits[:, [0, 2, 4]].any(axis=1)
    close(table["odd"].before.pure, interval(pure, stratum, event))
    assert table["none"].before.rate.value == 0.0 < table["none"].before.rate.high


@given(samples(), st.lists(st.integers(0, 3), min_size=30, max_size=30))
@settings(max_examples=25)
def test_a_row_may_stand_for_equal_crossings(sample, times):
    bits, stratum, event, decisions = sample
    times = np.array(times[: len(bits)])
    after = Prescaling(
        decisions.names, np.array([1.0, 0.5, 0.2, 1.0, 0.0]), (1.0, 2.0, 5.0, 1.0, 0.0), np.arange(5) == 3, GROUPS
    )
    packed, stratum, event = (np.repeat(a, times, axis=0) for a in (decisions.packed, stratum, event))
    apart = rate_table(in_order(decisions.names, packed, stratum, event, WEIGHT), after, 1e6)
    together = rate_table(decisions, after, 1e6, times)
    assert together.crossings == apart.crossings
    for ours, theirs in zip(together.rows, apart.rows, strict=True):
        assert (ours.name, ours.passes) == (theirs.name, theirs.passes)
        for one, two in ((ours.before, theirs.before), (ours.after, theirs.after)):
            for quantity in ("rate", "pure", "proportional", "cumulative"):
                if getattr(one, quantity) is not None:
                    close(getattr(one, quantity), getattr(two, quantity))
    with pytest.raises(ValueError, match="as many int64 times"):
        rate_table(decisions, after, 1e6, times[:-1])


@given(samples(), st.booleans())
@settings(max_examples=25)
def test_overlaps_are_those_of_a_plain_loop(sample, crowded):
    bits, stratum, event, decisions = sample
    if crowded:  # More crossings of one collision than a word has bits.
        bits, stratum, event = np.repeat(bits, 40, axis=0), np.repeat(stratum, 40), np.repeat(event, 40)
        packed = np.packbits(bits, axis=1, bitorder="little")
        decisions = in_order(decisions.names, packed, stratum, event, WEIGHT)
    found = overlap(decisions, threads=2)
    for i, one in enumerate(decisions.names):
        for j, other in enumerate(decisions.names):
            both = bits[:, i] & bits[:, j]
            close(found.pair(one, other), interval(both, stratum, event))
            weight = WEIGHT[stratum]
            whole = weight @ bits[:, i]
            share = found.share(one, other)
            assert share.value == pytest.approx(weight @ both / whole if whole else 0.0)
            assert 0 <= share.low <= share.value <= share.high <= 1


def test_equal_weights_give_the_shares_of_clopper_and_pearson():
    bits = np.array([[1, 1], [1, 0], [1, 0], [0, 1]], bool)
    packed = np.packbits(bits, axis=1, bitorder="little")
    found = overlap(in_order(("a", "b"), packed, np.zeros(4, int), np.arange(4), np.array([2.0, 0.0])))
    # 1 of 3 at one standard deviation.
    assert found.share("a", "b").value == pytest.approx(1 / 3)
    assert found.share("a", "b").low == pytest.approx(0.0559, abs=1e-3)
    assert found.share("a", "b").high == pytest.approx(0.7479, abs=1e-3)


@pytest.mark.jit
def test_the_stored_menu(stored):
    menu = loads(stored.menu.read_text())
    sample = decided(stored.store, BEAM)
    table = rate_table(sample, Prescaling.of(menu, sample.names), stored.store.manifest.beam.crossing_rate_khz)
    for row, rate in stored.run.rates.items():
        assert table[row.removeprefix("group ")].before.rate.value == pytest.approx(rate.value)
    shares = sum(table[name].before.proportional.value for name in sample.names)
    assert shares == pytest.approx(table["total"].before.rate.value)
    # The run kept the same decisions.
    for ours, its in zip(table.rows, stored.run.table.rows, strict=True):
        assert (its.name, its.kind, its.passes, its.prescale) == (ours.name, ours.kind, ours.passes, ours.prescale)
        close(its.before.pure, ours.before.pure)
        close(its.after.proportional, ours.after.proportional)
        assert its.before.rate == stored.run.rates[f"group {its.name}" if its.kind == "group" else its.name]
        assert its.after.rate.value == pytest.approx(ours.after.rate.value)
        # The run counts no more than 8192 hardest collisions of a stratum one by one.
        np.testing.assert_allclose(
            [its.before.rate.low, its.before.rate.high], [ours.before.rate.low, ours.before.rate.high], rtol=0.02
        )
    assert stored.run.as_dict()["rows"][1]["after_prescale"]["rate"]["value"] > 0
    assert table["Mu10"].before.cumulative.value == pytest.approx(table["total"].before.rate.value)
    assert table["Pair"].after.rate.value == pytest.approx(table["Pair"].before.rate.value / 2)
    assert table["Pair"].before.rate.value >= table["Pair_HT"].before.rate.value
    found = overlap(sample)
    # Pair_HT asks for Pair: all of its rate is Pair's too.
    assert found.share("Pair_HT", "Pair").value == pytest.approx(1.0)
    # So the pair has the rate of Pair_HT, interval and all; of the run, whose words tell the same, nearly so.
    for pairs, near in ((found, 1e-9), (stored.run.details.overlap, 0.02)):
        for one, other in (("Pair_HT", "Pair"), ("Pair", "Pair_HT"), ("Pair_HT", "Pair_HT"), ("Mu10", "Mu10")):
            rate, both = table[one if other != "Pair_HT" else other].before.rate, pairs.pair(one, other)
            np.testing.assert_allclose(
                [both.value, both.low, both.high], [rate.value, rate.low, rate.high], rtol=near
            )
