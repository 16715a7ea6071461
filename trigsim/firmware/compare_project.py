"""A network against an HLS project that lies there already."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import existing
from trigsim.emulator import Network
from trigsim.firmware import csim
from trigsim.firmware.compare import Comparison, compare_results, write_reproducer


def compare_project(
    network: Network, x: NDArray[np.float64], project: str | Path, folder: str | Path
) -> Comparison:
    """Compare a network with an HLS project as it lies there, whoever wrote or changed it; outputs only.

    Parameters
    ----------
    network : Network
        What the project should compute: hls4ml's projects hold no graph that could be read safely.
    x : float64 array, shape (n, n_inputs)
        Features.
    project : path
        Folder that hls4ml or `trigsim firmware build` wrote; it is copied, not changed.
    folder : path
        Where to compile the copy.

    Raises
    ------
    InputError
        If it is no such project, or has other sizes than the network.
    """
    source, copy = existing(project, "HLS project"), Path(folder) / "project"
    bridges = sorted(source.glob("*_bridge.cpp"))
    if len(bridges) != 1 or not (source / "firmware" / "defines.h").is_file():
        raise InputError("no HLS project of hls4ml: it has one …_bridge.cpp and firmware/defines.h", source)
    top = bridges[0].name.removesuffix("_bridge.cpp")
    sizes = network.n_inputs, network.n_outputs
    found = _sizes(source, top)
    if found != sizes:
        raise InputError(f"has {found} inputs and outputs, the network {sizes}; give its own", source)
    shutil.copytree(source, copy, dirs_exist_ok=True)
    try:
        simulation = csim.compile_project(copy, top, sizes)
    except RuntimeError as failure:
        first = next((line for line in str(failure).splitlines() if "error" in line), str(failure))
        advice = "write it anew with `trigsim firmware build`, which adds hls4ml's headers"
        raise InputError(f"does not compile ({first.strip()}); {advice}", source) from None
    result = compare_results(network, simulation.predict(x), {}, x)
    if not result.exact:
        write_reproducer(result, network, x, folder)
    return result


def _sizes(project: Path, top: str) -> tuple[int, int]:
    """Return the numbers of inputs and outputs that the bridge of a project converts."""
    code = (project / f"{top}_bridge.cpp").read_text(encoding="utf-8")
    body = code.partition(f"void {top}_double(")[2].partition("\n}")[0]
    counts = re.findall(r"nnet::convert_data<[^;]*?, *(\d+)>", body)
    if len(counts) != 2:
        raise InputError("its bridge converts not one input and one output; write it with hls4ml 1.3", project)
    return int(counts[0]), int(counts[1])
