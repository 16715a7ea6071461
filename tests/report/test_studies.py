"""Tables and plots of made-up studies: every figure with its interval, nothing drawn where nothing is."""

import numpy as np

from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.report.plots import save
from trigsim.report.study_plots import bought_plot, curve_plot, overlap_plot, pareto_plot, pileup_plot, turn_on_plot
from trigsim.report.study_tables import (
    bought_table,
    curve_table,
    fitted_table,
    overlap_table,
    pareto_table,
    pileup_table,
    rates_table,
    turn_on_bins_table,
    turn_on_table,
)
from trigsim.studies.fit import FitResult
from trigsim.studies.fit_search import Budget
from trigsim.studies.overlap import Overlap
from trigsim.studies.rate_table import Quantities, RateRow, RateTable
from trigsim.studies.thresholds import Bought, Curve, Offer
from trigsim.studies.turnon import turn_on

RATE = Estimate(2.0, 1.5, 2.7, "kHz")


def rates(prescale):
    some, group = Quantities(RATE, RATE, RATE, RATE), Quantities(RATE, RATE, RATE, None)
    rows = (
        RateRow("a [x]", "algorithm", 7, prescale, some, some),
        RateRow("g", "group", 7, None, group, group),
        RateRow("total", "total", 7, None, group, group),
    )
    return RateTable(rows, 100, 3e4)


def test_rates_show_prescales_where_there_are_any():
    plain, prescaled = rates_table(rates(1.0), "t"), rates_table(rates(10.0), "t")
    assert len(prescaled.header) == len(plain.header) + 4
    assert plain.rows[0][:3] == ("a [x]", "7", "2.00 -0.50/+0.70")
    assert prescaled.rows[0][6] == "10"
    assert [row[0] for row in plain.rows] == ["a [x]", "group g", "total"]
    assert pileup_table({60.0: rates(1.0), 200.0: rates(1.0)}, "t").header[1:] == (
        "pile-up 60 [kHz]", "pile-up 200 [kHz]",
    )  # fmt: skip


def test_what_is_not_there_is_said():
    x = np.linspace(0, 100, 50)
    found = turn_on(x, np.ones(50, bool), name="a", signal="s", quantity="resonance_pt", bins=4)
    assert turn_on_table([found]).rows == (("a", *["no fit"] * 5),)
    assert len(turn_on_bins_table(found).rows) == 4
    offers = Offer("", 0, "", None, 5.0, None, None, {}), Offer("k4", 4, "m", 5.0, 4.0, None, RATE, {"s": RATE})
    found = Bought("c", "a", 2.0, ("s",), offers)
    table = bought_table(found)
    assert table.rows[0] == ("none", "0", "–", "above all [5, above all]", "–", "–")
    assert table.rows[1][:4] == ("k4", "4", "m", "5 [4, above all]")
    assert list(found.histograms()["threshold"].axes[0]) == ["k4"]
    assert found.as_dict()["rows"][0]["threshold"] is None


def test_plots_are_drawn(tmp_path):
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 100, 2000)
    found = turn_on(x, rng.random(2000) < 1 / (1 + np.exp(50 - x)), name="a", signal="s", quantity="pt_hat")
    curve = Curve("a", "a:pt_gev", (1.0, 2.0), (RATE, RATE), {"s": (efficiency(1, 2), efficiency(1, 3))})
    matrix = np.array([[2.0, 1.0], [1.0, 0.0]])
    share = np.array([[1.0, 0.5], [0.0, 0.0]])
    pairs = Overlap(("a", "b"), matrix, matrix / 2, matrix * 2, share, share, np.ones((2, 2)))
    fitted = FitResult(
        {"a:pt_gev": (1.0, 2.0)}, rates(1.0), rates(1.0), {"s": (efficiency(1, 2), efficiency(2, 2))},
        ((1.0, 0.5, {"a:pt_gev": 3.0}), (2.0, 0.75, {"a:pt_gev": 2.0})), Budget(2.5), True, 2.0, "", True,
    )  # fmt: skip
    figures = {
        "turnon": turn_on_plot([found]),
        "curve": curve_plot([curve]),
        "bought": bought_plot(Bought("c", "a", 2.0, (), (Offer("", 0, "", 5.0, 4.0, None, RATE, {}),))),
        "overlap": overlap_plot(pairs),
        "pareto": pareto_plot(fitted),
        "pileup": pileup_plot({60.0: rates(1.0), 200.0: rates(1.0)}, ["g", "total"]),
    }
    for name, figure in figures.items():
        save(figure, tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert overlap_table(pairs, "t", fractions=False).rows[0][2] == "1.0 -0.5/+1.0"
    assert pareto_table(fitted).rows[1] == ("2.000", "0.7500", "2")
    assert fitted_table(fitted).rows[-1][0] == "efficiency s"
    assert curve_table(curve).header == ("a:pt_gev", "rate [kHz]", "efficiency s")
