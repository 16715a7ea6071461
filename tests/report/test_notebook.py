"""What a notebook shows."""

from html.parser import HTMLParser

from tests.report.results import made_up
from trigsim.report.tables import performance_table


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
