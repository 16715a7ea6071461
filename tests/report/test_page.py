"""The page is self-contained and shows what the result says."""

import json
import re
from html.parser import HTMLParser

import pytest

from tests.report.results import made_up
from trigsim.report.page import write_scan
from trigsim.report.tables import hardware_table, performance_table

VOID = {"meta", "br", "wbr", "path", "use"}


class Balanced(HTMLParser):
    """Every tag that opens closes, in order."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def page_of(folder, scan):
    return write_scan(scan, {"trigsim": "0", "inputs": {"menu": {"sha256": "ab"}}, "seed": None}, folder)


def test_page_is_whole_and_needs_nothing_else(tmp_path):
    html = page_of(tmp_path, made_up()).read_text()
    parser = Balanced()
    parser.feed(html)
    assert not parser.open
    text = "".join(parser.text)
    assert "0 of 200 outputs differ" in text
    assert "an estimate" in text
    assert "Tagged <b>" in text  # escaped in the source, so that it shows
    assert "Tagged <b>" not in html
    assert not re.search(r'(src|href)="(?!#)', html)
    assert "<script" not in html
    assert html.count("<svg") == 6


def test_mismatches_are_shown(tmp_path):
    html = page_of(tmp_path, made_up(mismatches=3)).read_text()
    assert 'class="bad"' in html
    assert "6 of 200" in html


def test_numbers_beside_the_page(tmp_path):
    page_of(tmp_path, made_up())
    document = json.loads((tmp_path / "scan.json").read_text())
    row = document["rows"][0]
    assert row["inputs"] == 2
    assert row["efficiency_at_rate"] == {"value": 0.5, "low": 0.45, "high": 0.56, "unit": ""}
    assert row["rate_at_efficiency"] is None
    assert row["hardware"]["budget_share"] == pytest.approx(0.1)
    names = {p.name for p in tmp_path.iterdir()}
    assert {
        "performance.csv",
        "hardware.csv",
        "latency.csv",
        "scan.root",
        "scan.uhi.json",
        "features.csv",
        "menu_2_inputs.csv",
        "provenance.json",
    } <= names
    assert (tmp_path / "separation_against_cost.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "separation_against_cost.pdf").read_bytes().startswith(b"%PDF")


def test_the_same_result_gives_the_same_page(tmp_path):
    one, two = (page_of(tmp_path / name, made_up()).read_text() for name in "ab")
    assert one == two


def test_tables_say_not_reached():
    assert performance_table(made_up()).rows[0][4] == "not reached"
    assert hardware_table(made_up()).rows[0][7] == "–"
