"""The pipeline with real taggers: clocks of the firmware, what inputs cost, tables and the page."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.report.test_page import Balanced
from trigsim.base.config import load
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.latency_model import TaggerFacts
from trigsim.report.latency import budget_table, feature_cost_table, group_table, latency_sheet, stage_table
from trigsim.report.sheet import write_sheet
from trigsim.studies.latency import latency_by_budget, pipeline_latency, tagger_facts
from trigsim.tagger.features import NAMES
from trigsim.tagger.model import load as load_model

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "configs" / "latency" / "phase2.yaml"
FEW = TaggerFacts("few", ("fat_pt", "fat_mass", "tj1_sd0_1"), 8, 3.125, "made up")
ALL = TaggerFacts("all", NAMES, 13, 3.125, "made up")


@pytest.fixture(scope="module")
def budgets():
    return latency_by_budget(PIPELINE, [FEW, ALL])


def test_stages_are_as_long_as_their_features_and_network(budgets):
    for budget in budgets:
        stages = {stage.name: stage for stage in budget.latency.stages}
        features = stages["features"].end.value - stages["features"].start.value
        assert features == pytest.approx(budget.parallel_ns.value)
        network = stages["tagger"].end.value - stages["tagger"].start.value
        assert network == pytest.approx(budget.facts.cycles * 3.125)
        serial = {stage.name: stage for stage in budget.serial.stages}["features"]
        assert serial.end.value - serial.start.value == pytest.approx(budget.serial_ns.value)
    assert budgets[0].latency.total.value < budgets[1].latency.total.value
    assert budgets[0].slowest == ("tj1_sd0_1",)
    # The subjettinesses wait for the last merging of the kT algorithm.
    assert budgets[1].slowest == ("fat_tau32",)


def test_an_input_saves_what_nothing_else_needs(budgets):
    saved = {f.feature: f for f in budgets[0].features}
    assert saved["fat_pt"].saved_serial.value == 0
    assert saved["fat_mass"].saved_parallel.value == 0
    assert saved["fat_mass"].saved_serial.value > 0
    assert saved["tj1_sd0_1"].saved_parallel.value == pytest.approx(
        saved["tj1_sd0_1"].alone.value - saved["fat_mass"].alone.value
    )
    for feature in budgets[1].features:
        assert 0 <= feature.saved_parallel.value <= feature.alone.value
        assert feature.saved_parallel.low <= feature.saved_parallel.value <= feature.saved_parallel.high


def test_page_and_tables(budgets, tmp_path):
    latency = budgets[0].latency
    page = write_sheet(latency_sheet(latency, budgets), {"seed": None}, tmp_path).read_text()
    parser = Balanced()
    parser.feed(page)
    assert not parser.open
    assert page.count("<svg") == 1
    assert (tmp_path / "timeline.png").stat().st_size > 10_000
    document = json.loads((tmp_path / "latency.json").read_text())
    assert document["latency"]["total"]["value"] == latency.total.value
    assert [b["inputs"] for b in document["budgets"]] == [3, 39]
    assert group_table(latency).rows[-1][0] == "total"
    assert len(stage_table(latency).rows) == len(latency.stages)
    assert [row[1] for row in budget_table(budgets).rows] == ["3", "39"]
    assert [row[0] for row in feature_cost_table(budgets[0]).rows] == ["tj1_sd0_1", "fat_mass", "fat_pt"]


def test_example_of_the_page_is_scheduled(tmp_path):
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "latency.md").read_text(), re.S).group(1)
    file = tmp_path / "latency" / "example.yaml"
    file.parent.mkdir()
    file.write_text(text)
    (tmp_path / "firmware").symlink_to(ROOT / "configs" / "firmware")
    assert pipeline_latency(file, FEW).groups["tagging"].budget_ns == 1000


def test_a_pipeline_without_a_tagger_needs_none(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(
        "name: p\nbudget_ns: 10\nbudget_source: t\nstages:\n  - {name: a, group: g, source: t, ns: 12}\n"
    )
    latency = pipeline_latency(file)
    assert latency.tagger is None
    assert "2 ns too late" in latency_sheet(latency, ()).paragraphs[0]
    assert group_table(latency).rows[-1][3] == "120.0% over"


@pytest.mark.jit
@pytest.mark.skipif(find_spec("da4ml") is None, reason="needs da4ml")
def test_clocks_of_a_shipped_tagger_are_those_of_its_rtl():
    facts = tagger_facts(load_model(ROOT / "data" / "models" / "hbb-k4"), FirmwareConfig())
    # docs/resources.md: ten clocks reported by the model and observed in the RTL.
    assert facts.cycles == 10
    assert "estimate" in facts.source
    target = load(ROOT / "configs" / "firmware" / "vu13p.yaml", FirmwareConfig)
    latency = pipeline_latency(PIPELINE, tagger_facts(load_model(ROOT / "data" / "models" / "hbb-k4"), target))
    assert latency.share.value < 1
