"""The search for a tagger that fits a part: what it picks, what it says when nothing fits, what it trains."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.cli.main import app
from trigsim.firmware.feature_cost import DEFAULT_COSTS, FeatureCosts
from trigsim.firmware.parts import part
from trigsim.studies import design_refine
from trigsim.studies.design_fit import fit, limits

# inputs, nodes, bits, efficiency, LUT, cycles
ROWS = [
    (4, (32, 16), 8, 0.30, 5900, 10),
    (8, (32, 16), 8, 0.44, 8000, 11),
    (8, (16, 8), 6, 0.43, 2500, 8),
    (16, (32, 16), 8, 0.50, 11500, 14),
    (39, (32, 16), 8, 0.51, 20000, 13),
]
NAMES = ("fat_mass", "fat_pt", "fat_c2", "tj1_pt")


def row(inputs, nodes, bits, efficiency, lut, cycles, features=None):
    return {
        "features": list(features or [f"tj1_sd0_{1 + i % 3}" for i in range(inputs)]),
        "nodes": list(nodes),
        "bits": bits,
        "bit_operations": inputs * bits,
        "efficiency_at_rate": {"value": efficiency, "low": efficiency - 0.02, "high": efficiency + 0.02},
        "hardware": {
            "ns": cycles * 3.125,
            "cycles": cycles,
            "resources": {"LUT": lut, "FF": lut / 2, "DSP": 0, "BRAM": 0},
            "source": "a model, an estimate",
        },
    }


def write(folder, rows, **changed):
    document = {"algorithm": "a", "signal": "s", "fixed_rate_khz": 1.0, "beam": "b", **changed}
    folder.mkdir(exist_ok=True)
    (folder / "scan.json").write_text(json.dumps({**document, "rows": rows}))
    return folder


@pytest.fixture
def scanned(tmp_path):
    return write(tmp_path / "scan", [row(*one) for one in ROWS])


def test_the_most_efficient_that_fits(scanned):
    # 1 % of XCVU9P is 11822 LUT.
    found = fit([scanned], limits("xcvu9p", 50, 1.0))
    assert (found.best.inputs, found.best.lut, found.best.binding) == (16, 11500, "lut")
    assert found.best.share == pytest.approx(11500 / part("xcvu9p").lut)
    # With less latency the best is out; the two of eight inputs are within the interval, the small one is taken.
    found = fit([scanned], limits("xcvu9p", 40, 1.0))
    assert (found.best.inputs, found.best.lut) == (8, 8000)
    assert (found.cheapest.inputs, found.cheapest.lut) == (8, 2500)
    assert [d.inputs for d in found.front] == [8, 8, 16, 39]
    assert [d["fits"] for d in found.as_dict()["designs"]].count(True) == 3


@given(
    st.lists(
        st.tuples(st.floats(0.1, 0.9), st.integers(100, 20_000), st.integers(1, 20)),
        min_size=1,
        max_size=8,
        unique=True,
    ),
    st.floats(0.01, 2),
    st.floats(3, 70),
)
def test_the_search_is_the_plain_one(tmp_path_factory, some, share, latency):
    folder = tmp_path_factory.mktemp("scan")
    write(folder, [row(4, (8,), 8, e, lut, cycles) for e, lut, cycles in some])
    fitting = [e for e, lut, c in some if lut / 1_728_000 <= share / 100 and c * 3.125 <= latency]
    if fitting:
        assert fit([folder], limits("xcvu13p", latency, share)).best.efficiency.value == max(fitting)
    else:
        with pytest.raises(InputError, match="the smallest"):
            fit([folder], limits("xcvu13p", latency, share))


def test_features_count_too(tmp_path):
    costs = load(DEFAULT_COSTS, FeatureCosts)
    rows = [row(1, (8,), 8, 0.6, 1000, 5, ["fat_c2"]), row(1, (8,), 8, 0.5, 1000, 5, ["fat_mass"])]
    folder = write(tmp_path / "scan", rows)
    asked = limits("xcvu13p", 50, 5)
    assert fit([folder], asked).best.features == ("fat_c2",)
    # The energy correlations alone take a fifth of the DSP: without them there is room.
    found = fit([folder], asked, costs)
    assert found.best.features == ("fat_mass",)
    assert "assumed" in found.as_dict()["upstream_source"]
    assert found.designs[0].upstream_share > 0.2
    # The features' DSP and the network's LUT are not added up.
    assert found.designs[0].needs == found.designs[0].upstream_share


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        (("xcvu9", 50, 1), "did you mean XCVU9P"),
        (("spartan", 50, 1), "known are XCVU9P, XCVU13P, XCKU115, XC7VX690T"),
        (("xcvu9p", 0, 1), "above 0"),
        (("xcvu9p", 50, 101), "0 to 100"),
        (
            ("xcvu9p", 5, 0.01),
            r"smallest \(8 inputs\) needs 0.211% of its LUT and 25 ns, the quickest \(8 inputs\)",
        ),
    ],
)
def test_bad_wishes(scanned, told, problem):
    with pytest.raises(InputError, match=problem):
        fit([scanned], limits(*told))


def test_bad_scans(scanned, tmp_path):
    asked = limits("xcvu9p", 50, 1)
    with pytest.raises(InputError, match="no such scan"):
        fit([tmp_path / "none"], asked)
    with pytest.raises(InputError, match="differ in algorithm"):
        fit([scanned, write(tmp_path / "other", [row(*ROWS[0])], beam="c")], asked)
    (scanned / "scan.json").write_text("{}")
    with pytest.raises(InputError, match="not the output of `trigsim scan`"):
        fit([scanned], asked)
    write(scanned, [{"features": []}])
    with pytest.raises(InputError, match="lacks a figure"):
        fit([scanned], asked)


def test_command(scanned, tmp_path):
    words = ["firmware", "fit", "--part", "xcvu9p", "--latency", "50", "--share", "1", "--scan", str(scanned)]
    done = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "fit"), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["best"]["inputs"], document["part"], document["front"]) == (16, "XCVU9P", [3, 2, 1, 0])
    assert {p.name for p in (tmp_path / "fit").iterdir()} == {"fit.json", "fit.csv", "fit.png"}
    said = CliRunner().invoke(app, words)
    assert "● best: 16 inputs, 32-16 nodes, 8 bits" in said.stdout
    assert isinstance(CliRunner().invoke(app, [*words, "--refine", "1"]).exception, InputError)


SCAN = """
name: small
library: lib
beam: beam.yaml
menu: menu.yaml
tagger: tagger.yaml
firmware: target.yaml
model: hbb
train: {signal: 1, background: 1}
test: {signal: 1, background: 1}
stream: {crossings: 1, signal_crossings: 1}
algorithm: a
signal: s
signals: [s]
fixed_rate_khz: 1
fixed_efficiency: 0.3
"""


def test_neighbours_are_trained_until_none_is_better(scanned, tmp_path, monkeypatch):
    (tmp_path / "scan.yaml").write_text(SCAN)
    (tmp_path / "tagger.yaml").write_text("data: none.npz\nbudgets: [4]\ntraining: {name: hbb, hidden: [32, 16]}\n")
    trained = []

    class Result:
        def __init__(self, rows):
            self.rows = rows

        def as_dict(self):
            return {"algorithm": "a", "signal": "s", "fixed_rate_khz": 1.0, "beam": "b", "rows": self.rows}

    def scan(file, folder, threads, data):
        config = load(file, design_refine.ScanConfig)
        plan = load(folder / config.tagger, design_refine.TaggerPlan)
        assert config.library == str(tmp_path.resolve() / "lib")
        rows = []
        for k in plan.budgets:
            for nodes in config.sweep.nodes:
                for bits in config.sweep.bits:
                    trained.append((k, nodes, bits))
                    # Better with six bits and twelve inputs, and smaller with fewer of each.
                    efficiency = 0.5 - 0.01 * abs(k - 12) - 0.02 * abs(bits - 6)
                    rows.append(row(k, nodes, bits, efficiency, 90 * k * bits, 9))
        return Result(rows)

    monkeypatch.setattr(design_refine, "scan", scan)
    asked = limits("xcvu9p", 40, 1.0)
    first = fit([scanned], asked)
    found = design_refine.refine(tmp_path / "scan.yaml", [scanned], first, tmp_path / "out", rounds=8)
    assert found.best.efficiency.value > first.best.efficiency.value
    assert (found.best.inputs, found.best.bits) == (12, 6)
    assert len(trained) == len(set(trained))
    assert all(np.all(np.array(nodes) <= (32, 16)) for _, nodes, _ in trained)
