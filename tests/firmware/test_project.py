import shutil
import subprocess

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.emulator import from_hls4ml
from trigsim.firmware import csim
from trigsim.firmware.build import build
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.deploy import deploy
from trigsim.firmware.project import graph, legal_reuse_factors
from trigsim.firmware.vectors import golden_inputs
from trigsim.numeric.fixed import FixedFormat

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("strategy", ["Latency", "Resource", "distributed_arithmetic"])
@pytest.mark.parametrize("widths", [(6, 8, 4, 1), (1, 3, 1), (5, 1), (3, 4, 3)])
def test_emulator_of_the_graph_is_the_model(widths, strategy, make_model):
    model = make_model(widths)
    network = from_hls4ml(graph(model, FirmwareConfig(strategy=strategy)))
    raw = golden_inputs(model, 2000)
    np.testing.assert_array_equal(network.predict_hw(raw), model.predict_inputs(raw))


@needs_compiler
@pytest.mark.parametrize("io", ["io_parallel", "io_stream"])
def test_csim_is_the_model(small, tmp_path, io):
    compiled = csim.build(graph(small, FirmwareConfig(io=io)), tmp_path)
    raw = golden_inputs(small, 5000)
    expected = small.output_format.to_float(small.predict_inputs(raw))
    np.testing.assert_array_equal(compiled.predict(raw * small.inputs.format.lsb), expected)


@needs_compiler
def test_test_bench_passes_and_fails(small, tmp_path):
    folder = build(small, tmp_path / "hls")
    check = ["make", "-f", "check.mk"]
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 0
    golden = folder / "tb_data" / "tb_output_predictions.dat"
    lines = golden.read_text().splitlines()
    lines[7] = f"{float(lines[7]) + small.output_format.lsb:.10f}"
    golden.write_text("\n".join(lines) + "\n")
    failed = subprocess.run(check, cwd=folder, capture_output=True, text=True, check=False)
    assert failed.returncode != 0
    assert "row 7" in failed.stderr


@pytest.mark.parametrize("io", ["io_parallel", "io_stream"])
def test_same_model_same_bytes(small, tmp_path, io):
    target = FirmwareConfig(io=io)
    one, two = build(small, tmp_path / "one", target), build(small, tmp_path / "deeper" / "two", target)
    assert files(one) == files(two)
    again = build(small, one, target)
    assert files(again) == files(two)


def test_project_says_nothing_of_where_it_was_made(small, tmp_path):
    for name, content in files(build(small, tmp_path / "hls")).items():
        assert str(tmp_path).encode() not in content, name


def test_a_folder_of_something_else_is_left_alone(small, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="no HLS project"):
        build(small, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_narrow_accumulators_are_told(small):
    network = from_hls4ml(graph(small, FirmwareConfig(accumulators="ap_fixed<8,2>")))
    assert network.steps[0].accumulator == FixedFormat(8, 2)
    raw = golden_inputs(small, 2000)
    assert (network.predict_hw(raw) != small.predict_inputs(raw)).any()


def test_illegal_reuse_factor_names_the_legal(small):
    with pytest.raises(InputError, match=r"6 to 8 layer; legal are 1, 2, 3, 6, 12, 24, 48; for all layers 1, 2$"):
        graph(small, FirmwareConfig(strategy="Resource", reuse_factor=5))


def test_legal_reuse_factors_are_hls4mls():
    import hls4ml

    backend = hls4ml.backends.get_backend("Vitis")
    for n_in in range(1, 14):
        for n_out in range(1, 14):
            assert legal_reuse_factors(n_in, n_out) == backend.get_valid_reuse_factors(n_in, n_out)


@pytest.mark.parametrize(
    "bad",
    [
        {"part": "xcvu9000"},
        {"clock_ns": 0.1},
        {"reuse_factor": 0},
        {"strategy": "distributed_arithmetic", "reuse_factor": 2},
        {"accumulators": "wide"},
        {"level_ns": 4.0},
    ],
)
def test_config_refuses(bad):
    with pytest.raises(ValueError, match="validation error"):
        FirmwareConfig(**bad)


def test_scores_need_32_bits_and_one_output(make_model):
    with pytest.raises(InputError, match="one output"):
        deploy(make_model((3, 4, 2)))
