"""Fits: the best of all combinations on small spaces, and a fitted menu that the engine agrees with."""

from itertools import product

import numpy as np
import pytest

from trigsim.base.errors import CheckFailed, InputError
from trigsim.menu import load, loads
from trigsim.studies.decided import decided
from trigsim.studies.fit import fit, parse_free
from trigsim.studies.fit_search import Budget, Goal, search, starts
from trigsim.studies.fit_space import Space, Steps, Words
from trigsim.studies.ladder import every_free, free, settled, users
from trigsim.studies.menu_edit import edited
from trigsim.studies.store_format import BEAM

WEIGHT = np.array([3.0, 0.4])


def made_up(seed):
    """Three free numbers of four steps; algorithm 2 depends on two of them, algorithm 3 on none."""
    rng = np.random.default_rng(seed)
    steps = tuple(Steps(None, (1.0, 2.0, 3.0, 4.0)) for _ in range(3))
    depends = ((0,), (1,), (1, 2), ())
    first = (0, 4, 8, 24)
    samples, plain = {}, {}
    for name, segments in ((BEAM, (0, 2, 5)), ("s", (0, 3))):
        n = segments[-1] * 64
        hard = rng.exponential(1.0, (n, 3)) + (0.5 if name == "s" else 0.0)
        columns = [hard[:, 0] > t for t in range(1, 5)] + [hard[:, 1] > t for t in range(1, 5)]
        columns += [(hard[:, 1] > a - 0.5) & (hard[:, 2] > b - 0.5) for a in range(1, 5) for b in range(1, 5)]
        columns.append(rng.random(n) < 0.02)
        bits = np.array(columns)
        words = np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
        weight = WEIGHT if name == BEAM else np.array([1 / n])
        samples[name] = Words(words, np.array(segments), weight)
        plain[name] = (bits, np.repeat(weight, np.diff(segments) * 64))
    return Space(steps, ("a", "b", "c", "d"), depends, first, samples), plain


def plainly(plain, name, at, algorithms=(0, 1, 2, 3)):
    bits, weight = plain[name]
    columns = [at[0], 4 + at[1], 8 + 4 * at[1] + at[2], 24]
    return weight @ bits[[columns[a] for a in algorithms]].any(axis=0)


@pytest.mark.jit
@pytest.mark.parametrize("seed", range(12))
def test_search_finds_the_best_of_all_combinations(seed):
    space, plain = made_up(seed)
    every = list(product(range(4), repeat=3))
    middle = plainly(plain, BEAM, (2, 1, 2))
    group = plainly(plain, BEAM, (2, 1, 2), (0, 1))

    def pure(at):
        return plainly(plain, BEAM, at) - plainly(plain, BEAM, at, (0, 1, 3))

    budget = Budget(middle, {"g": group}, {"c": pure((2, 1, 2)) + 5.0})
    goal = Goal(space, budget, {"g": (0, 1)}, {"s": 2.0})
    for at in every[::7]:
        assert goal.rate(at) == pytest.approx(plainly(plain, BEAM, at))
        assert goal.efficiency(at) == pytest.approx(plainly(plain, "s", at))
    allowed = [
        at for at in every
        if plainly(plain, BEAM, at) <= middle * (1 + 1e-9)
        and plainly(plain, BEAM, at, (0, 1)) <= group * (1 + 1e-9)
        and pure(at) <= budget.pure["c"] * (1 + 1e-9)
    ]  # fmt: skip
    found = search(goal, starts(space, (3, 3, 3), 3, seed), 30, seed)
    assert found.best in allowed
    assert found.efficiency == pytest.approx(max(plainly(plain, "s", at) for at in allowed))
    for rate, gain, at in found.pareto:
        assert (rate, gain) == (pytest.approx(plainly(plain, BEAM, at)), pytest.approx(plainly(plain, "s", at)))
    rates, gains = (np.array([p[i] for p in found.pareto]) for i in (0, 1))
    assert (np.diff(rates) > 0).all()
    assert (np.diff(gains) > 0).all()


@pytest.mark.parametrize("joined", [0, 1, 2, 3])
def test_unions_are_counted_by_stratum(joined):
    rng = np.random.default_rng(joined)
    bits = rng.random((6, 5 * 64)) < 0.2
    words = np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
    sample = Words(words, np.array([0, 1, 1, 5]), np.array([2.0, 9.0, 0.5]))
    weight = np.repeat([2.0, 0.5], [64, 256])
    columns = rng.integers(1, 6, (4, joined))
    expected = [weight @ (bits[0] | bits[row].any(axis=0)) for row in columns]
    np.testing.assert_allclose(sample.scan(words[0], columns), expected)
    assert sample.weigh(sample.union([0, 3])) == pytest.approx(weight @ (bits[0] | bits[3]))
    assert sample.counts(2).tolist() == [bits[2, :64].sum(), 0, bits[2, 64:].sum()]


@pytest.mark.jit
def test_a_menu_that_counts_differently_is_refused(stored, monkeypatch):
    menu = load(stored.menu)
    ranges = parse_free(menu, stored.store, ["Jet90:pt_gev=80..81"])
    monkeypatch.setattr("trigsim.studies.fit.edited", lambda menu, setting: (stored.menu.read_text(), True))
    with pytest.raises(CheckFailed, match=r"Jet90 passes \d+ crossings of beam, but \d+ in the fit"):
        fit(stored.store, menu, ranges, Budget(1e5), {"vh_bb": 1.0}, restarts=0)


@pytest.mark.jit
def test_nothing_within_the_budget_is_said():
    space, _ = made_up(0)
    found = search(Goal(space, Budget(1e-6), {}, {"s": 1.0}), [(0, 0, 0)], 0, 1)
    assert found.efficiency < 0
    assert found.best == (3, 3, 3)


@pytest.mark.jit
def test_a_fitted_menu_is_what_the_engine_decides(stored, tmp_path):
    menu = load(stored.menu)
    before = stored.run.rates["total"].value
    ranges = parse_free(
        menu, stored.store, ["Jet90:pt_gev", "pair:0:pt_gev=40..120", "HT220:pt_gev", "Tagged:score"]
    )
    budget = Budget(0.6 * before, {"jets": 0.5 * before}, {"HT220": 0.2 * before})
    found = fit(stored.store, menu, ranges, budget, {"vh_bb": 1.0}, restarts=1, seed=3)
    assert found.within
    assert found.rate <= budget.total
    assert found.efficiencies["vh_bb"][1].value > 0.5 * found.efficiencies["vh_bb"][0].value
    (tmp_path / "menu.yaml").write_text(found.menu)
    fitted = load(tmp_path / "menu.yaml")
    assert found.comments
    assert "# a comment that stays" in found.menu
    assert "score: {model: hbb, hw: " in found.menu
    sample = decided(stored.store, BEAM, fitted)
    khz = stored.store.weight_khz[stored.store.crossings(BEAM).stratum]
    assert khz @ sample.passes(fitted.groups["jets"]) <= 2 * budget.groups["jets"]
    alone = sample.passes(["HT220"]) & ~sample.passes([n for n in sample.names if n not in ("HT220", "Pair")])
    assert khz @ (alone & ~sample.passes(["Pair"])) <= budget.pure["HT220"] * (1 + 1e-9)
    # Without prescales the engine's rate is the fit's; Pair passes one crossing in two.
    kept = [n for n in sample.names if n != "Pair"]
    assert khz @ sample.passes(kept) <= found.rate * (1 + 1e-9)
    assert found.rate <= khz @ sample.passes(sample.names) * (1 + 1e-9)
    for name, (_, after) in found.moved.items():
        one = free(fitted, name)
        assert after == (one.value["hw"] if name.endswith("score") else one.value)


@pytest.mark.jit
def test_numbers_that_may_move(stored):
    menu = load(stored.menu)
    assert [f.name for f in every_free(menu)] == [
        "pair:0:pt_gev", "pair:1:pt_gev", "ht:pt_gev", "Jet90:pt_gev", "HT220:pt_gev",
        "Tagged:pt_gev", "Tagged:score", "Mu10:pt_gev",
    ]  # fmt: skip
    assert users(menu, free(menu, "pair:0:pt_gev").where) == ("Pair", "Pair_HT")
    assert free(menu, "Pair:1:pt_gev").where == free(menu, "pair:1:pt_gev").where
    for texts, problem in (
        (["x:pt_gev"], "no free number 'x:pt_gev'; there are pair:0:pt_gev, "),
        ([], "nothing is free; name numbers with --free"),
        (["Jet90:pt_gev=5"], r"'Jet90:pt_gev=5' gives no range; write Jet90:pt_gev=LOW..HIGH"),
        (["Jet90:pt_gev", "Jet90:pt_gev=1..2"], "freed twice"),
    ):
        with pytest.raises(InputError, match=problem):
            parse_free(menu, stored.store, texts)
    ranges = parse_free(menu, stored.store, ["all"])
    assert {r.free.name: (r.low, r.high) for r in ranges}["Jet90:pt_gev"] == (45.0, 180.0)
    for budget, signals, problem in (
        (Budget(1.0), {}, "no signal to fit for"),
        (Budget(1.0), {"x": 1.0}, "no sample 'x'"),
        (Budget(1.0, {"x": 1.0}), {"vh_bb": 1.0}, "no group 'x' to bound; there are jets, sums, tagged"),
        (Budget(1.0, {}, {"x": 1.0}), {"vh_bb": 1.0}, "no algorithm 'x' to bound"),
    ):
        with pytest.raises(InputError, match=problem):
            fit(stored.store, menu, ranges, budget, signals)


def test_numbers_are_replaced_where_they_stand(tmp_path):
    text = """\
# kept
name: x
scales: phase2
conditions:
  first: &first {object: JET, pt_gev: 50}   # kept too
  second: {<<: *first, abs_eta_max: 1.0}
  block:
    object: FATJET
    pt_gev: 100
    score:
      model: hbb
      hw: 3
algorithms:
  - {name: a, when: first and second}
  - {name: b, when: block}
  - {name: c, when: {object: HT, pt_gev: 200.5}}
"""
    (tmp_path / "m.yaml").write_text(text)
    menu = load(tmp_path / "m.yaml")
    kept, same = edited(menu, {("algorithms", 2, "when", "pt_gev"): 99.5, ("conditions", "block", "pt_gev"): 7})
    assert same
    assert kept == text.replace("200.5", "99.5").replace("pt_gev: 100", "pt_gev: 7")
    # The anchor's number is that of `second` too; a block of lines is not replaced in place.
    for setting in (
        {("conditions", "first", "pt_gev"): 60},
        {("conditions", "second", "pt_gev"): 60},
        {("conditions", "block", "score"): {"model": "hbb", "hw": 5}},
    ):
        anew, same = edited(menu, setting)
        assert not same
        assert loads(anew).document.data == settled(menu.document.data, setting)
    assert menu.document.data["conditions"]["first"]["pt_gev"] == 50
