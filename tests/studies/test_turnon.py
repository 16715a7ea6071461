"""Turn-ons: known curves are found again within their errors, at the rate that the errors say."""

import numpy as np
import pytest
from scipy import special

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.files import to_yaml
from trigsim.studies.gains import gains
from trigsim.studies.ladder import free
from trigsim.studies.thresholds import against, bought
from trigsim.studies.turnon import POINTS, SHAPES, fit_turn_on, scaling, turn_on, turn_ons


def drawn(shape, seed, n=2000, plateau=0.9, middle=150.0, width=30.0):
    rng = np.random.default_rng(seed)
    x = rng.uniform(50.0, 350.0, n)
    return x, rng.random(n) < plateau * SHAPES[shape][0]((x - middle) / width)


@pytest.mark.parametrize("shape", ["erf", "logistic"])
def test_truth_is_found_within_errors(shape):
    pulls = []
    for seed in range(12):
        found = fit_turn_on(*drawn(shape, seed), shape)
        truth = {s: 150.0 + 30.0 * SHAPES[shape][2](s) for s in POINTS}
        pairs = [(found.plateau, 0.9), (found.middle, 150.0), (found.width, 30.0)]
        pairs += [(found.points[s], truth[s]) for s in POINTS]
        pulls.append([(e.value - t) / ((e.high - e.low) / 2) for e, t in pairs])
    pulls = np.array(pulls)
    # 12 draws: the mean is within 1/sqrt(12) and the spread near 1, both at four sigma.
    assert (np.abs(pulls.mean(axis=0)) < 4 / np.sqrt(12)).all()
    assert ((pulls.std(axis=0) > 0.35) & (pulls.std(axis=0) < 2.0)).all()


def test_a_plateau_of_one_leaves_middle_and_width():
    x, passed = drawn("erf", 3, plateau=1.0)
    found = fit_turn_on(x, passed, "erf")
    assert found.plateau.high == 1.0
    assert found.plateau.low > 0.98
    assert abs(found.middle.value - 150.0) < 4 * (found.middle.high - found.middle.value)


def test_bins_are_counted_with_clopper_and_pearson():
    x = np.array([0.5, 0.5, 0.6, 0.6, 0.6, 3.5])
    passed = np.array([0, 0, 1, 0, 1, 1], bool)
    found = turn_on(np.repeat(x, 100), np.repeat(passed, 100), name="a", signal="s", quantity="q", bins=3)
    assert [round(e.value, 6) for e in found.efficiencies] == pytest.approx([0.4, 0.0, 1.0])
    assert (found.efficiencies[1].low, found.efficiencies[1].high) == (0.0, 1.0)  # an empty bin
    assert found.efficiencies[2].low == pytest.approx(0.1587**0.01, abs=1e-4)
    curve = fit_turn_on(*drawn("erf", 1), "erf")
    assert curve(np.array([150.0]))[0] == pytest.approx(0.45, abs=0.03)


def test_too_few_or_no_rise_is_not_fitted():
    x = np.linspace(0, 1, 100)
    assert fit_turn_on(x, np.ones(100, bool), "erf") is None
    assert fit_turn_on(x, np.arange(100) < 5, "erf") is None
    with pytest.raises(ValueError, match="of one length"):
        turn_on(x, np.ones(3, bool), name="a", signal="s", quantity="q")
    assert special.ndtr(SHAPES["erf"][2](0.95)) == pytest.approx(0.95)


@pytest.mark.jit
def test_stored_signal_turns_on(stored, tmp_path):
    menu = loads(stored.menu.read_text(), stored.menu)
    jet, group, everything = turn_ons(
        stored.store, menu, "vh_bb", ["Jet90", "group jets", "total"], "resonance_pt", bins=6
    )
    for one, row in ((jet, "Jet90"), (group, "group jets"), (everything, "total")):
        assert one.efficiencies[-1].high > stored.run.efficiencies["vh_bb"][row].value
    with pytest.raises(InputError, match="no algorithm or group 'x'; there are Jet90, "):
        turn_ons(stored.store, menu, "vh_bb", ["x"], "resonance_pt")
    line = scaling(
        stored.store, menu, free(menu, "Tagged:pt_gev"), [120.0, 160.0, 200.0, 240.0], "vh_bb", "resonance_pt",
        share=0.5,
    )  # fmt: skip
    # A jet that holds the Higgs has about its momentum; a tagger that sees more at high momentum flattens the line.
    assert 0 < line.slope.low < line.slope.value < 1 + 2 * (line.slope.high - line.slope.low)
    # A menu that reads the file has the threshold that the line says.
    offline = line.offset.value + line.slope.value * 200.0
    (tmp_path / "line.yaml").write_text(to_yaml(line.as_file()))
    text = "name: m\nscales: phase2\nscalings: line.yaml\nalgorithms:\n  - {name: A, when: {object: FATJET, %s}}\n"
    written, plain = (loads(text % cut, tmp_path / "m.yaml") for cut in (f"offline_gev: {offline}", "pt_gev: 200"))
    assert written.programs() == plain.programs()
    with pytest.raises(InputError, match=r"not read at 0.7; give one of 0.5, 0.9, 0.95"):
        scaling(stored.store, menu, free(menu, "Tagged:pt_gev"), [1.0], "vh_bb", "resonance_pt", share=0.7)


@pytest.mark.jit
def test_curves_and_gains_are_those_of_the_run(stored):
    menu = loads(stored.menu.read_text(), stored.menu)
    (curve,) = against(stored.store, menu, free(menu, "Jet90:pt_gev"), [60.0, 90.0, 120.0], ["vh_bb"])
    assert curve.rates[1].value == pytest.approx(stored.run.rates["Jet90"].value)
    assert curve.efficiencies["vh_bb"][1] == stored.run.efficiencies["vh_bb"]["Jet90"]
    assert curve.rates[0].value > curve.rates[1].value > curve.rates[2].value
    pair, pair_ht = against(stored.store, menu, free(menu, "pair:1:pt_gev"), [40.0, 45.0])
    assert (pair.algorithm, pair_ht.algorithm) == ("Pair", "Pair_HT")
    assert pair.rates[0].value == pytest.approx(stored.run.rates["Pair"].value)
    assert pair_ht.rates[0].value == pytest.approx(stored.run.rates["Pair_HT"].value)
    found = gains(stored.store, menu, "vh_bb")
    assert found["Jet90"].inclusive == stored.run.efficiencies["vh_bb"]["Jet90"]
    assert found["total"].exclusive == found["total"].inclusive
    # All that asks for Pair and more is never alone.
    assert found["Pair_HT"].exclusive.value == 0.0


@pytest.mark.jit
def test_what_a_tagger_buys(stored):
    menu = loads(stored.menu.read_text(), stored.menu)
    found = bought(stored.store, menu, "Tagged", 20.0, list(range(60, 400, 10)), ["vh_bb"])
    none, *tagged = found.offers
    assert [(b.tagger, b.inputs) for b in found.offers] == [("", 0), ("k4", 4), ("hbb", 8)]
    for one in found.offers:
        assert one.rate.value <= 20.0
        assert one.low <= one.threshold
        assert one.high is None or one.high >= one.threshold
    assert all(one.threshold <= none.threshold for one in tagged)
    # The value before the lowest that is allowed costs more.
    at, half = none.threshold, none.rate.value / 2
    (less, *_) = bought(stored.store, menu, "Tagged", half, [at, at + 20.0, at + 40.0, at + 400.0]).offers
    assert less.threshold > at
    assert less.rate.value <= half
    (curve,) = against(stored.store, menu, free(menu, "Tagged:pt_gev"), [tagged[-1].threshold])
    assert curve.rates[0].value <= none.rate.value
    (nothing, *_) = bought(stored.store, menu, "Tagged", 1e-9, [60.0]).offers
    with pytest.raises(InputError, match="no thresholds to try"):
        bought(stored.store, menu, "Tagged", 1.0, [])
    assert nothing.threshold is None
    with pytest.raises(InputError, match="no free number 'Jet90:score'; there are pair:0:pt_gev, "):
        bought(stored.store, menu, "Jet90", 1.0, [60.0])
