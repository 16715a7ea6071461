"""The page of a run: everything in its order, whole, and what is wrong said in the summary."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from tests.report.test_page import Balanced
from tests.report.test_sheets import result as orbits  # noqa: F401 - a fixture
from tests.report.test_studies import rates
from trigsim.base.errors import InputError
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.report.run import run_sheet
from trigsim.report.run_report import RunReport, require_rows
from trigsim.report.sheet import write_sheet
from trigsim.studies.checks import Check
from trigsim.studies.gains import Gain
from trigsim.studies.overlap import Overlap
from trigsim.studies.results import Hardware, MenuResult
from trigsim.studies.run_details import RunDetails
from trigsim.studies.turnon import turn_on

SECTIONS = ["Summary", "Rates", "Overlaps", "Efficiencies", "Budgets", "Latency", "Resources", "Equality checks"]
HALF = efficiency(10, 20)


def made_up(algorithms=2):
    names = tuple(f"a{i} <b>" for i in range(algorithms))
    some = np.full((algorithms, algorithms), 0.5)
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 100, 300)
    turn = turn_on(x, rng.random(300) < x / 100, name="total", signal="s", quantity="resonance_pt", bins=5)
    table = rates(1.0)
    rows = [row.label for row in table.rows]
    result = MenuResult(
        rates={row: Estimate(2.0, 1.5, 2.7, "kHz") for row in rows},
        unseen_khz=dict.fromkeys(rows, 0.0),
        efficiencies={"s": dict.fromkeys(rows, HALF)},
        crossings=100,
        live_time_s=1.0,
        table=table,
        details=RunDetails(Overlap(names, *[some] * 6), {"s": {"total": Gain(HALF, HALF)}}, {"s": (turn,)}),
    )
    hardware = Hardware(13, 40.6, 250.0, {"LUT": 7970}, {"LUT": 0.0046}, "XCVU13P", "an estimate")
    return RunReport(
        name="menu <b>", beam="beam", target="total", result=result, budgets={"total": 3.0, "group g": 4.0},
        hardware={"hbb": hardware}, checks=(Check("kernels", 1000, 0),), no_hardware="No tagger was given.",
    )  # fmt: skip


def page_of(report, folder):
    return write_sheet(run_sheet(report), {"trigsim": "0", "seed": 1}, folder).read_text()


def test_everything_is_there_in_its_order(tmp_path):
    html = page_of(made_up(), tmp_path)
    parser = Balanced()
    parser.feed(html)
    assert not parser.open
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", html) == [*SECTIONS, "Provenance"]
    assert not re.search(r'(src|href)="(?!#)', html)
    assert "<script" not in html
    assert "a0 <b>" not in html
    assert html.count("<svg") == 4  # rates, overlaps, one signal's turn-ons, budgets
    assert 'class="bad"' not in html
    assert html.count('class="good"') == 2
    written = {p.name for p in tmp_path.iterdir()}
    assert {"run.csv", "rates.csv", "overlap.csv", "turnon_s.csv", "turnon_s_total.csv", "budgets.csv"} <= written
    assert {"run.json", "run.root", "run.uhi.json", "overlap.pdf", "checks.csv", "resources.csv"} <= written


def test_what_is_wrong_is_in_the_summary(tmp_path):
    report = made_up()
    wrong = replace(report, budgets={"total": 1.0}, checks=(Check("kernels", 1000, 3),))
    html = page_of(wrong, tmp_path)
    summary = html.split("<h2")[1]
    assert "Over budget: total." in summary
    assert "kernels: 3 of 1,000 differ" in summary
    assert summary.count('class="bad"') == 2
    document = json.loads((tmp_path / "run.json").read_text())
    assert document["over_budget"] == ["total"]
    assert document["checks"][0]["differ"] == 3
    assert document["dead_time"] is None


def test_every_table_is_in_the_json_too(tmp_path):
    page_of(made_up(), tmp_path)
    document = json.loads((tmp_path / "run.json").read_text())
    tables = json.loads((tmp_path / "tables.json").read_text())
    assert set(tables) == {file.stem for file in tmp_path.glob("*.csv")}
    for name, table in tables.items():
        (header, *rows) = csv.reader((tmp_path / f"{name}.csv").read_text().splitlines())
        assert [table["columns"], *table["rows"]] == [header, *rows]
    assert document["overlap"]["algorithms"]
    assert document["gains"].keys() == document["turn_ons"].keys() == document["efficiencies"].keys()


def test_dead_time_is_told(tmp_path, orbits):  # noqa: F811
    report = made_up()
    html = page_of(replace(report, result=replace(report.result, orbits=orbits)), tmp_path)
    assert "Dead time takes 5.0 ± 1.0 % of what it accepts." in html.split("<h2")[1]
    found = json.loads((tmp_path / "run.json").read_text())["dead_time"]
    assert found["dead_time"]["triggers_lost"]["value"] == 0.05
    assert found["rows"]["total"]["lost"]["unit"] == "kHz"


def test_what_was_not_asked_for_is_said(tmp_path):
    report = made_up()
    bare = replace(
        report, budgets={}, hardware={}, checks=(), result=replace(report.result, details=None, table=None)
    )
    html = page_of(bare, tmp_path)
    for text in ("No signal was streamed", "No budget was given", "No tagger was given", "Nothing was compared"):
        assert text in html
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", html) == [*SECTIONS, "Provenance"]


def test_many_algorithms_are_drawn_and_left_to_the_file(tmp_path):
    html = page_of(made_up(70), tmp_path)
    assert "As numbers in overlap.csv." in html
    assert len((tmp_path / "overlap.csv").read_text().splitlines()) == 71
    assert len(html) < 1_000_000


def test_a_budget_of_nothing_is_refused(tmp_path):
    menu = tmp_path / "m.yaml"
    menu.write_text(
        "name: m\nscales: phase2\nalgorithms:\n  - {name: a, groups: [g], when: {object: JET, pt_gev: 1}}\n"
    )
    require_rows(menu, ["total", "group g"])
    with pytest.raises(InputError, match="no group h to hold to a budget; there are total, group g"):
        require_rows(menu, ["group h"])
