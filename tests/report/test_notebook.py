"""What a notebook shows."""

from html.parser import HTMLParser

import numpy as np
import pytest

from tests.report import test_studies
from tests.report.results import made_up
from tests.report.test_sheets import result as orbits  # noqa: F401 - a fixture
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.report.tables import performance_table
from trigsim.studies.diff import Change, MenuDiff
from trigsim.studies.fit import FitResult
from trigsim.studies.fit_search import Budget
from trigsim.studies.gains import Gain, Gains
from trigsim.studies.overlap import Overlap
from trigsim.studies.recorded_diff import RecordedDiff
from trigsim.studies.tabular import Tabular
from trigsim.studies.thresholds import Bought, Curve, Offer
from trigsim.studies.turnon import Scaling, turn_on


class Cells(HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.inside = [], False

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag):
        self.inside = False


def cells(thing):
    parser = Cells()
    parser.feed(thing._repr_html_())
    return parser.rows


def test_tables_are_rectangular_and_escaped():
    scan = made_up()
    for thing in (scan, scan.budgets[0].menu, performance_table(scan)):
        rows = cells(thing)
        assert len(rows) > 1
        assert len({len(row) for row in rows}) == 1
    assert cells(scan.budgets[0].menu)[1][0] == "Tagged <b>"
    assert "<b>" not in scan.budgets[0].menu._repr_html_()


def studies():
    half, khz, point = efficiency(1, 2), test_studies.RATE, Estimate(1.0, 0.5, 1.5)
    table, square = test_studies.rates(2.0), np.full((2, 2), 0.5)
    change = Change(3, 1, half, half, half)
    yield table
    yield Overlap(("a<b", "c"), *[square] * 6)
    yield Curve("a<b", "a:pt_gev", (1.0, 2.0), (khz, khz), {"s": (half, half)})
    yield turn_on(np.arange(9.0), np.ones(9, bool), name="a<b", signal="s", quantity="pt_hat", bins=3)
    yield Bought("a<b", "c", 5.0, ("s",), (Offer("a<b", 4, "m", 5.0, 4.0, None, khz, {"s": half}),))
    yield Scaling("a<b", "a:pt_gev", "s", "resonance_pt", 0.95, ((1.0, point), (2.0, point)), point, point)
    yield FitResult({"a<b": (1.0, 2.0)}, table, table, {}, (), Budget(2.5), True, 2.0, "", True)
    yield MenuDiff("a<b", "c", (), {"beam": {"x": change, "total": change}}, ())
    yield RecordedDiff("a<b", "c", 9, (), {"x": change}, {}, {})
    yield Gains({"a<b": Gain(half, half)})


@pytest.mark.parametrize("study", list(studies()), ids=lambda study: type(study).__name__)
def test_every_study_is_a_table(study, orbits):  # noqa: F811
    assert isinstance(study, Tabular)
    for one in (study, orbits):
        rows = cells(one)
        assert len(rows) > 1
        assert len({len(row) for row in rows}) == 1
        assert rows[0] == list(one.cells()[0])
        assert rows[1] == list(one.cells()[1][0])
        assert "a<b" not in one._repr_html_()
