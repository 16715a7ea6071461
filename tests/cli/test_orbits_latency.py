"""`trigsim orbits` and `trigsim latency`: one JSON document, one line for bad input."""

import json

import pytest

from tests.cli.test_main import ROOT, refused, trigsim  # noqa: F401 - a fixture

MENU = "configs/menus/phase2.yaml"
PIPELINE = """
name: p
budget_ns: 100
budget_source: test
stages:
  - {name: a, group: g, ns: 10, source: assumed}
  - {name: b, group: g, cycles: 2, clock_mhz: 40, source: assumed}
"""


@pytest.mark.parametrize("command", ["orbits", "latency"])
def test_help(trigsim, command):  # noqa: F811
    assert trigsim(command, "--help").returncode == 0


def test_latency_is_one_document_and_a_page(trigsim, tmp_path):  # noqa: F811
    file = tmp_path / "p.yaml"
    file.write_text(PIPELINE)
    done = trigsim("latency", file, "--json", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["latency"]["total"]["value"] == 75
    assert document["latency"]["budget_share"]["value"] == 0.75
    assert json.loads((tmp_path / "out" / "latency.json").read_text()) == document
    assert "pipeline" in json.loads((tmp_path / "out" / "provenance.json").read_text())["inputs"]
    assert (tmp_path / "out" / "latency.html").is_file()
    shown = trigsim("latency", file)
    assert "75.0%" in shown.stdout


def test_wrong_pipelines(trigsim, tmp_path):  # noqa: F811
    file = tmp_path / "p.yaml"
    file.write_text(PIPELINE.replace("clock_mhz: 40, ", ""))
    refused(trigsim("latency", file), "p.yaml:7:5", "clock_mhz goes with cycles")
    refused(trigsim("latency", tmp_path / "none.yaml"), "none.yaml", "no such file")
    refused(trigsim("latency", "configs/latency/phase2.yaml"), "give one with --tagger")
    refused(trigsim("latency", file, "--tagger", tmp_path), str(tmp_path))


def test_wrong_orbits(trigsim, tmp_path):  # noqa: F811
    bunches = [1] * 10 + [0] * 3553
    scheme = tmp_path / "short.json"
    scheme.write_text(json.dumps({"beam1": bunches, "beam2": bunches}))
    refused(trigsim("orbits", MENU, "--scheme", scheme), "short.json", "3563 slots; an LHC orbit has 3564")
    refused(trigsim("orbits", MENU, "--scheme", "none"), "none", "no such filling scheme")
    refused(trigsim("orbits", MENU, "--orbits", "0"), "--orbits")
    refused(trigsim("orbits", MENU, "--train", tmp_path / "t.yaml"), "t.yaml", "no such file")
    refused(trigsim("orbits", MENU, "--stored", tmp_path), "trigsim run MENU --store")
    refused(trigsim("orbits", tmp_path / "menu.yaml"), "menu.yaml", "no such file")
    assert (ROOT / MENU).is_file()
