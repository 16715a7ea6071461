"""What made an output: versions, hashes, seed. No user name, no host name."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import trigsim
from trigsim.base.files import sha256, write_json

LIBRARIES = ("numpy", "numba", "torch", "hls4ml", "da4ml", "awkward", "uproot", "pythia8mc")


def git_revision() -> str | None:
    """Return the revision of the checkout trigsim runs from, None outside one."""
    top = Path(trigsim.__file__).resolve().parents[1]
    if not (top / ".git").exists():
        return None
    asked = subprocess.run(
        ["git", "-C", str(top), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None


def library_versions() -> dict[str, str | None]:
    """Return the version of each library whose arithmetic or files matter, None if absent."""
    found: dict[str, str | None] = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def provenance(seed: int | None, inputs: Mapping[str, str | Path]) -> dict[str, Any]:
    """Return the provenance record of an output.

    Parameters
    ----------
    seed : int or None
        The seed of all randomness, None where there was none.
    inputs : mapping
        Role ("menu", "library", …) → file that went in; the files are hashed.

    Returns
    -------
    dict
        JSON-ready record.
    """
    return {
        "trigsim": trigsim.__version__,
        "git": git_revision(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "libraries": library_versions(),
        "seed": seed,
        "inputs": {role: {"file": Path(p).name, "sha256": sha256(p)} for role, p in inputs.items()},
    }


def write_provenance(folder: str | Path, seed: int | None, inputs: Mapping[str, str | Path]) -> None:
    """Write `provenance.json` into `folder`."""
    write_json(Path(folder) / "provenance.json", provenance(seed, inputs))
