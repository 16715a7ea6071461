"""`trigsim compare` with an HLS project that is there already, with given features, and with explanations."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from trigsim.base.errors import CheckFailed, InputError
from trigsim.cli.main import app
from trigsim.emulator import Network
from trigsim.firmware.build import build
from trigsim.tagger import load

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "data" / "models" / "hbb-k4"
#: As shipped: without hls4ml's headers.
SHIPPED = ROOT / "firmware" / "hbb-k4"
NETWORK = MODEL / "network.safetensors"

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The shipped project with its headers."""
    return build(load(MODEL), tmp_path_factory.mktemp("hls"))


def compare(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_a_shipped_project_computes_its_network(project, tmp_path):
    x = np.random.default_rng(0).normal(0, 4, (300, 4))
    np.save(tmp_path / "x.npy", x)
    done = compare(NETWORK, "--project", project, "--features", tmp_path / "x.npy", "--explain", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["inputs"], told["csim_mismatches"]) == (300, 0)
    network = Network.load(NETWORK)
    assert [step["name"] for step in told["explain"]] == ["input", *(step.name for step in network.steps)]
    cast = told["explain"][0]
    # A saturating cast: what lies beyond its range is counted.
    beyond = np.mean((x > cast["format_high"] + network.input_format.lsb / 2) | (x < cast["format_low"]))
    assert 0 < cast["overflowing"] == pytest.approx(beyond, abs=0.01)


def test_a_changed_weight_is_seen(project, tmp_path):
    shutil.copytree(project, tmp_path / "changed")
    file = sorted((tmp_path / "changed" / "firmware" / "weights").glob("w*.txt"))[-1]
    first, *rest = file.read_text().split(",")
    file.write_text(",".join([str(float(first) + 0.25), *rest]))
    done = compare(MODEL, "--project", tmp_path / "changed", "-n", 400, "-o", tmp_path / "out")
    with pytest.raises(CheckFailed, match="in the output"):
        raise done.exception
    assert json.loads((tmp_path / "out" / "mismatch.json").read_text())["csim_mismatches"] > 0
    # The project itself was left alone.
    assert not list((tmp_path / "changed").glob("trigsim_csim*"))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ([SHIPPED], "give MODEL --project DIR"),
        ([NETWORK], "needs --project DIR"),
        ([NETWORK, "--project", MODEL], "no HLS project of hls4ml"),
        ([NETWORK, "--project", ROOT / "none"], "no such HLS project"),
        ([NETWORK, "--project", ROOT / "firmware" / "hbb-k8"], "(8, 1) inputs and outputs, the network (4, 1)"),
        ([NETWORK, "--project", SHIPPED, "--features", NETWORK], "no NumPy file of numbers"),
    ],
)
def test_wrong_inputs_are_refused(arguments, problem):
    with pytest.raises(InputError, match=re.escape(problem)):
        raise compare(*arguments).exception


def test_features_of_another_shape_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((5, 3)))
    with pytest.raises(InputError, match=r"shape \(n, 4\)"):
        raise compare(MODEL, "--features", tmp_path / "x.npy").exception


def test_a_project_without_its_headers_is_one_line(tmp_path):
    copy = tmp_path / "project"
    shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("ap_types", "nnet_utils"))
    done = compare(MODEL, "--project", copy, "-n", 3, "-o", tmp_path / "out")
    with pytest.raises(InputError, match=r"does not compile .*ap_fixed.h.*firmware build"):
        raise done.exception
