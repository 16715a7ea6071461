"""VHDL for Verilator and Yosys, which read Verilog only: a netlist that GHDL makes of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from trigsim.base.errors import InputError
from trigsim.base.files import write_text
from trigsim.firmware.tools import run

REMEDY = "get it with: apt install ghdl-mcode"


def has_ghdl() -> bool:
    """Whether GHDL is on PATH."""
    return shutil.which("ghdl") is not None


def netlist(folder: Path, top: str) -> Path:
    """Analyse and elaborate VHDL of `write_rtl` by GHDL; return its netlist, ``sim/TOP.v``, relative to `folder`.

    Raises
    ------
    InputError
        Without GHDL, or where it fails: for sources that are not VHDL 2008, with its last lines.
    """
    if not has_ghdl():
        raise InputError(f"VHDL needs GHDL, which is not installed; {REMEDY}")
    # Bottom up, and by paths relative to the folder, since the netlist quotes them.
    found = [
        file for each in ("static/*.vhd", f"{top}_stage*.vhd", f"{top}.vhd") for file in (folder / "src").glob(each)
    ]
    sources = [str(file.relative_to(folder)) for file in found]
    options = ["--std=08", "--workdir=sim"]
    run(["ghdl", "-a", *options, *sources], folder)
    made = Path("sim") / f"{top}.v"
    write_text(folder / made, run(["ghdl", "synth", *options, "--out=verilog", top], folder))
    return made
