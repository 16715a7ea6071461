"""Figures of other sources in a scan: columns of their own, and a wrong RTL bit ends it."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from tests.report.results import made_up
from trigsim.base.config import load
from trigsim.base.errors import CheckFailed
from trigsim.emulator import from_hls4ml
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.feature_cost import DEFAULT_COSTS, FeatureCosts
from trigsim.firmware.resources import tabulate
from trigsim.report.page import write_scan
from trigsim.report.tables import RESOURCES, beside_tables, hardware_table
from trigsim.studies import deployment
from trigsim.studies.results import Beside, RtlCheck
from trigsim.studies.scan import _check
from trigsim.tagger.model import load as load_model

YOSYS = Beside("Yosys", {"LUT": 810.0, "FF": 95.0, "DSP": 0.0, "BRAM": 0.0}, 8, "Yosys 0.70: mapped")
FEATURES = Beside("features", {"LUT": 18.0, "FF": 5.0, "DSP": 1.0, "BRAM": 0.5}, 6, "estimate, assumed")


def with_others(mismatches=0, depth=8):
    scan = made_up()
    rtl = RtlCheck(1000, mismatches, depth)
    budgets = [replace(b, hardware=replace(b.hardware, beside=(YOSYS, FEATURES), rtl=rtl)) for b in scan.budgets]
    return replace(scan, budgets=tuple(budgets))


def test_each_source_has_a_table_of_its_own(tmp_path):
    table = hardware_table(with_others())
    row = dict(zip(table.header, table.rows[0], strict=True))
    assert row["LUT"].startswith("800 ")
    assert row["RTL mismatches"] == "0 of 1000"
    yosys, features = beside_tables(with_others())
    assert yosys.title == "Yosys: Yosys 0.70: mapped"
    assert dict(zip(yosys.header, yosys.rows[0], strict=True)) | {"inputs": ""} == {
        "inputs": "", "LUT": "810", "FF": "95", "DSP": "0", "BRAM": "0", "cycles": "8",
    }  # fmt: skip
    assert [r[-2:] for r in features.rows] == [("0.5", "6"), ("0.5", "6")]
    write_scan(with_others(), {}, tmp_path)
    assert (tmp_path / "hardware_yosys.csv").read_text() == yosys.csv()
    assert "estimate, assumed" in (tmp_path / "report.html").read_text()
    assert with_others().hardware_source == "an estimate; Yosys: Yosys 0.70: mapped; features: estimate, assumed"
    document = with_others().as_dict()["rows"][0]["hardware"]
    assert [one["name"] for one in document["beside"]] == ["Yosys", "features"]
    assert document["rtl"] == {"inputs": 1000, "mismatches": 0, "observed_depth": 8}
    # Without them nothing is added.
    assert hardware_table(made_up()).header[-1] == "csim mismatches"
    assert beside_tables(made_up()) == []
    assert set(RESOURCES) == set(YOSYS.resources)


@pytest.mark.parametrize(("mismatches", "depth"), [(3, 8), (0, 7), (0, None)])
def test_wrong_rtl_ends_a_scan(mismatches, depth):
    hardware = with_others(mismatches, depth).budgets[0].hardware
    model = SimpleNamespace(name="hbb-k4")
    _check([model], [deployment.Deployed(None, with_others().budgets[0].hardware, 10, 0)])
    with pytest.raises(CheckFailed, match="hbb-k4: RTL differs"):
        _check([model], [deployment.Deployed(None, hardware, 10, 0)])


def test_a_deployed_model_carries_them(tmp_path, monkeypatch):
    model, config = load_model("data/models/hbb-k4"), FirmwareConfig()
    # The tools have tests of their own.
    monkeypatch.setattr(deployment.csim, "build", lambda graph, _folder: _Exact(graph))
    monkeypatch.setattr(
        deployment, "simulate", lambda _design, _model, n: SimpleNamespace(inputs=n, mismatches=0, depth=10)
    )
    mapped = tabulate({"lut": 5672.0, "ff": 1.0, "dsp": 0.0, "bram": 0.0}, "Yosys: mapped", config)
    monkeypatch.setattr(deployment, "synthesise", lambda _design, _config: mapped)
    features = np.random.default_rng(0).integers(0, 500, (50, 39)).astype(np.int32)
    costs = load(DEFAULT_COSTS, FeatureCosts)
    found = deployment.deploy_and_compare(model, config, features, tmp_path / "hls", costs=costs, rtl=500).hardware
    yosys, computed = found.beside
    assert (yosys.resources["LUT"], yosys.cycles, found.rtl.inputs) == (5672.0, found.cycles, 500)
    assert "assumed" in computed.source
    assert computed.cycles > 0
    assert (tmp_path / "hls-rtl" / "src").is_dir()


class _Exact:
    def __init__(self, graph):
        self.network = from_hls4ml(graph)

    def predict(self, x):
        return self.network.predict(x)
