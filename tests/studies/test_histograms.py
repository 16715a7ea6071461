"""Histograms hold what results say; spectra what a loop over stored objects counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.numeric.intervals import Estimate
from trigsim.studies import histograms
from trigsim.studies.decided import decided
from trigsim.studies.diff import diff
from trigsim.studies.gains import gains
from trigsim.studies.gains import histograms as gain_histograms
from trigsim.studies.ladder import free
from trigsim.studies.overlap import overlap
from trigsim.studies.rate_table import Prescaling, rate_histograms, rate_table
from trigsim.studies.store_format import BEAM
from trigsim.studies.thresholds import against
from trigsim.studies.turnon import turn_ons


@given(st.integers(1, 40), st.integers(0, 99), st.integers(1, 12), st.sampled_from([None, 0.25]))
@settings(max_examples=40)
def test_variance_is_that_of_clusters(n, seed, bins, lsb):
    rng = np.random.default_rng(seed)
    values = rng.integers(-20, 50, n) if lsb else rng.normal(0, 1, n)
    cluster, weight = rng.integers(0, 5, n), np.array([5.0, 1.0, 0.25, 2.0, 0.0])
    made = histograms.filled(values, cluster, weight, bins, lsb=lsb, over="x", label="n")
    assert made.axes[0].size <= bins
    assert made.values(flow=True)[[0, -1]].sum() == 0  # all are inside
    edges, scaled = made.axes[0].edges, values * (lsb or 1.0)
    for low, high, value, variance in zip(edges[:-1], edges[1:], made.values(), made.variances(), strict=True):
        inside = (scaled >= low) & (scaled < high)
        assert value == pytest.approx(weight[cluster[inside]].sum())
        assert variance == pytest.approx(sum((weight[c] * (cluster[inside] == c).sum()) ** 2 for c in range(5)))
    if lsb:
        assert np.ptp(np.round(np.diff(edges) / lsb)) == 0  # each bin holds as many integers


def test_given_edges_have_flow_bins():
    made = histograms.filled(
        np.array([0, 4, 8, 11]), np.arange(4), np.ones(4), [1.0, 2.0, 5.0], lsb=0.5, over="x", label="n"
    )
    assert made.values(flow=True).tolist() == [1.0, 0.0, 2.0, 1.0]
    with pytest.raises(InputError, match="rising"):
        histograms.filled(np.zeros(1), np.zeros(1, int), np.ones(1), [1.0, 1.0], lsb=None, over="x", label="n")


def test_points_are_lower_edges():
    made = histograms.at_points(
        [Estimate(3.0, 2.0, 4.0), Estimate(1.0, 0.5, 1.5)], [10.0, 20.0], over="x", label="n"
    )
    assert made.axes[0].edges.tolist() == [10.0, 20.0, 30.0]
    assert made.values().tolist() == [3.0, 1.0]
    assert made.variances().tolist() == [1.0, 0.25]


@pytest.mark.jit
def test_histograms_hold_what_the_studies_say(stored):
    menu, store = loads(stored.menu.read_text(), stored.menu), stored.store
    sample = decided(store, BEAM)
    table = rate_table(sample, Prescaling.of(menu, sample.names), store.manifest.beam.crossing_rate_khz)
    rates = table.histograms()["algorithm_rate_after_prescale"]
    assert rates["Pair"].value == pytest.approx(table["Pair"].after.rate.value)
    assert table.histogram("pure", kind="group")["jets"].value == pytest.approx(table["jets"].after.pure.value)
    both = rate_histograms({60.0: table, 200.0: table})
    assert both["against_pileup_total"].values().tolist() == [table["total"].after.rate.value] * 2
    pairs = overlap(sample)
    assert pairs.histograms()["share"]["Pair_HT", "Pair"].value == pytest.approx(1.0)
    (curve,) = against(store, menu, free(menu, "Jet90:pt_gev"), [90.0, 120.0], ["vh_bb"])
    assert curve.histograms()["rate_Jet90"].values().tolist() == [e.value for e in curve.rates]
    (turn,) = turn_ons(store, menu, "vh_bb", ["Jet90"], "resonance_pt", bins=6)
    passed, every = (turn.histograms()[f"Jet90_{what}"].values() for what in ("passed", "all"))
    expected = [e.value for e in turn.efficiencies]
    np.testing.assert_allclose(np.divide(passed, every, out=np.zeros(6), where=every > 0), expected)
    some = gain_histograms({"vh_bb": gains(store, menu, "vh_bb")})
    assert some["inclusive_vh_bb"]["Jet90"].value == stored.run.efficiencies["vh_bb"]["Jet90"].value
    changed = diff(store, menu, menu).histograms()
    assert changed["difference_beam"]["total"].value == 0.0
    assert stored.run.histograms()["rate"]["group jets"].value == stored.run.rates["group jets"].value


@pytest.mark.jit
def test_spectra_are_those_of_the_stored_objects(stored):
    store = stored.store
    one = store.histogram("JET", "pt", bins=[0.0, 90.0, 5000.0], slot=0)
    who, expected, lsb = store.crossings(BEAM), np.zeros(2), store.manifest.objects["JET"].fields["pt"].lsb
    pt = np.concatenate(
        [store.objects(p, [("JET", "pt")]).collections["JET"].fields["pt"] for p in store.parts(BEAM)]
    )
    leading = pt[:, 0] * lsb
    weight = store.weight_khz[who.stratum]
    expected = [weight[(leading > 0) & (leading < 90)].sum(), weight[leading >= 90].sum()]
    np.testing.assert_allclose(one.values(), expected)
    assert store.histogram("JET", "pt").values().sum() == pytest.approx(weight @ (pt > 0).sum(axis=1))
    # The first algorithm cuts at 90 GeV, in a window of eta.
    passed = store.histogram("JET", "pt", bins=[0.0, 90.0, 5000.0], slot=0, algorithm="Jet90")
    assert passed.values()[0] == 0.0
    assert passed.values()[1] == pytest.approx(stored.run.rates["Jet90"].value)
    signal = store.histogram("FATJET", "score_hbb", sample="vh_bb", slot=0)
    assert signal.values().sum() == signal.variances().sum() > 0
    assert store.histogram("truth", "resonance_pt", sample="vh_bb").values().sum() == len(store.crossings("vh_bb"))
    assert ("FATJET", "score_k4") in store.fields
    for kind, name in (("JET", "pt"), ("FATJET", "score_hbb"), ("truth", "pt_hat")):
        both = store.spectra(kind, name, bins=30)
        assert set(both) == ({"beam", "vh_bb"} if kind != "truth" else {"vh_bb"})
        for sample, one in both.items():
            assert one.axes[0].size <= 31
            assert one.axes[0] == both["vh_bb"].axes[0]
            assert one.values(flow=True)[[0, -1]].sum() == 0
            assert one.values().sum() == pytest.approx(store.histogram(kind, name, sample=sample).values().sum())
    for kind, name in (("JET", "mass"), ("truth", "x")):
        with pytest.raises(InputError, match="is not stored; there are "):
            store.histogram(kind, name)
    with pytest.raises(InputError, match="no algorithm 'x' was run; there are Jet90"):
        store.histogram("JET", "pt", algorithm="x")
