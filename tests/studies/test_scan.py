"""A small scan with a shipped model: every column is there, and one wrong bit is exit code 1."""

import json
import sys
from pathlib import Path

import pytest

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.cli.main import main
from trigsim.firmware import csim
from trigsim.stream.task import Worker
from trigsim.studies.scan import _checkpoint
from trigsim.studies.scan_config import ScanConfig, StreamCounts
from trigsim.tagger import load as load_model

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "configs" / "scans" / "demo.yaml"
SCAN = f"""
name: small
library: {ROOT}/data/library
beam: {ROOT}/configs/beams/pileup60.yaml
menu: {ROOT}/configs/menus/first.yaml
tagger: tagger.yaml
firmware: {ROOT}/configs/firmware/vu13p.yaml
model: hbb
train: {{signal: 1, background: 1}}
test: {{signal: 300, background: 600}}
stream: {{crossings: 1000, signal_crossings: 300}}
algorithm: FatJet150_hbb
signal: vh_bb
signals: [vh_bb]
fixed_rate_khz: 10
fixed_efficiency: 0.3
"""
pytestmark = pytest.mark.jit


@pytest.fixture
def scan(tmp_path, monkeypatch, capsys):
    """Run `trigsim scan --pretrained --json` for the budget of four; give exit code, stdout and stderr."""
    (tmp_path / "scan.yaml").write_text(SCAN)
    (tmp_path / "tagger.yaml").write_text("data: none.npz\nbudgets: [4]\ntraining: {name: hbb}\n")

    def run(*more):
        words = [
            "scan",
            tmp_path / "scan.yaml",
            "-o",
            tmp_path / "out",
            "--pretrained",
            ROOT / "data" / "models",
            "--json",
            *more,
        ]
        monkeypatch.setattr(sys, "argv", ["trigsim", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def test_a_row_holds_what_the_design_asks_for_and_a_scan_goes_on_where_it_was(scan, tmp_path, monkeypatch):
    code, out, err = scan()
    assert code == 0, err
    (row,) = json.loads(out)["rows"]
    assert row["inputs"] == 4
    assert row["csim_inputs"] >= 900
    assert row["csim_mismatches"] == 0
    rejections = row["background_rejection"]
    assert rejections.keys() == {"0.30", "0.50", "0.70"}
    for estimate in (row["auc"], row["efficiency_at_rate"], *rejections.values()):
        assert estimate["low"] <= estimate["value"] <= estimate["high"]
    for rate in row["rates"].values():
        assert rate["unit"] == "kHz"
        assert rate["low"] <= rate["value"] <= rate["high"]
    assert row["efficiencies"]["vh_bb"]["total"]["value"] > 0.3
    assert row["hardware"]["resources"].keys() == {"LUT", "FF", "DSP", "BRAM"}
    assert "estimate" in row["hardware"]["source"]
    assert 0 < row["hardware"]["budget_share"] < 1
    assert (tmp_path / "out" / "report.html").exists()
    assert "host" not in (tmp_path / "out" / "provenance.json").read_text()

    def gone(self, task):
        raise InputError("crossings are streamed")

    monkeypatch.setattr(Worker, "answer", gone)
    # All crossings are counted: none is streamed again.
    assert scan("--resume") == (0, out, err)


def test_another_scan_is_not_gone_on_with(tmp_path):
    config, models = load(DEMO, ScanConfig), [load_model(ROOT / "data" / "models" / f"hbb-k{k}") for k in (4, 8)]
    same = _checkpoint(config, DEMO, tmp_path, models, True).identity
    assert _checkpoint(config, DEMO, tmp_path / "elsewhere", models, True).identity == same
    stream = StreamCounts(crossings=1, signal_crossings=1)
    for change in ({"seed": 7}, {"signals": ("vh_bb",)}, {"algorithm": "x"}, {"stream": stream}):
        assert _checkpoint(config.model_copy(update=change), DEMO, tmp_path, models, True).identity != same
    assert _checkpoint(config, DEMO, tmp_path, models[::-1], True).identity != same


def test_what_cannot_be_is_found_before_anything_is_made(scan, tmp_path, monkeypatch):
    monkeypatch.delattr("trigsim.studies.scan.make_candidates")
    plan = tmp_path / "tagger.yaml"
    for training, budget, message in (
        ("{name: hbb}", 40, "keep is 40 of 39 features"),
        ("{name: hbb}", 0, "greater than or equal to 1"),
        ("{name: hbb, hidden: [32, 8]}", 4, "has 4 inputs and 32-16 nodes; hbb-k4 is to have 4 and 32-8"),
    ):
        plan.write_text(f"data: none.npz\nbudgets: [{budget}]\ntraining: {training}\n")
        code, out, said = scan()
        assert (code, out) == (2, "")
        assert message in said, said


def test_one_wrong_output_of_csim_is_exit_code_1(scan, monkeypatch):
    right = csim.CSim.predict

    def wrong(self, x):
        y = right(self, x)
        y[7] += 2.0**-10
        return y

    monkeypatch.setattr(csim.CSim, "predict", wrong)
    code, out, err = scan()
    assert code == 1
    assert "differ on 1 of" in err
    assert not out
