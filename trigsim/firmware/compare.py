"""Emulator against C simulation, layer by layer, and what is needed to see a difference again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, existing, write_json
from trigsim.emulator import Network, from_hls4ml
from trigsim.emulator.explain import StepReport
from trigsim.firmware import csim, rtl
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.project import graph
from trigsim.firmware.vectors import grid_inputs
from trigsim.numeric.fixed import FixedFormat
from trigsim.numeric.random import stream_rng
from trigsim.tagger.model import Model


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first differing number, in order of layers, then inputs, then neurons.

    Attributes
    ----------
    layer : str
        hls4ml name of the layer.
    event, neuron : int
        Index of the input and of the neuron.
    emulator, csim : float
        The two values.
    """

    layer: str
    event: int
    neuron: int
    emulator: float
    csim: float

    def __str__(self) -> str:
        return (
            f"layer '{self.layer}', neuron {self.neuron}, input {self.event}: "
            f"emulator {self.emulator!r}, csim {self.csim!r}"
        )


@dataclass(frozen=True, slots=True)
class Comparison:
    """How often emulator and C simulation differ.

    Attributes
    ----------
    inputs : int
        Events compared.
    layers : tuple of (str, int)
        Name of each layer and its differing numbers.
    outputs : int
        Differing numbers in the output of the network.
    first : Mismatch or None
        Where the trouble starts.
    rtl : int or None
        Outputs of the simulated RTL that differ, on the inputs of the grid; None if it was not asked for.
    reports : tuple of StepReport
        What the inputs make of each step's precision.
    """

    inputs: int
    layers: tuple[tuple[str, int], ...]
    outputs: int
    first: Mismatch | None
    rtl: int | None = None
    reports: tuple[StepReport, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether no bit differs anywhere."""
        return self.first is None and not self.outputs and not self.rtl

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON document of `trigsim compare`."""
        return {
            "inputs": self.inputs,
            "layers": [{"name": name, "mismatches": count} for name, count in self.layers],
            "csim_mismatches": self.outputs,
            "rtl_mismatches": self.rtl,
            "first": None if self.first is None else str(self.first),
            "explain": [report.as_dict() for report in self.reports],
        }


def compare(hls_graph: Any, x: NDArray[np.float64], folder: str | Path) -> Comparison:
    """Build the C simulation of an hls4ml graph in `folder` and compare it with the emulator.

    Parameters
    ----------
    hls_graph : hls4ml.model.ModelGraph
        What to compare.
    x : float64 array, shape (n, n_inputs)
        Features.
    folder : path
        Where the project goes; with a difference, `mismatch.json` and `mismatch-inputs.npy` are added to it.

    Returns
    -------
    Comparison
    """
    network = from_hls4ml(hls_graph)
    simulation = csim.build(hls_graph, folder)
    found = compare_results(network, simulation.predict(x), simulation.trace(x), x)
    if not found.exact:
        write_reproducer(found, network, x, folder)
    return found


def drawn_features(form: FixedFormat, k: int, n: int, seed: int = 0) -> NDArray[np.float64]:
    """Return n rows of k features: half on the grid of `form` and in its corners, half off it and partly beyond."""
    inside = form.to_float(grid_inputs(form, k, n - n // 2, seed))
    beyond = stream_rng(seed, "compare").normal(0, form.lsb * form.maximum, (n // 2, k))
    return np.concatenate([inside, beyond])


def read_features(path: str | Path, k: int) -> NDArray[np.float64]:
    """Read features, floats of shape (n, k), from a NumPy file without objects."""
    file = existing(path, "file of features")
    try:
        x = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise InputError("no NumPy file of numbers; write it with numpy.save", file) from None
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[1] != k or x.dtype.kind not in "fiu" or not len(x):
        found = f"{x.dtype} {x.shape}" if isinstance(x, np.ndarray) else "several arrays"
        raise InputError(f"holds {found}; an array of numbers of shape (n, {k}) is needed", file)
    return x.astype(np.float64)


def compare_model(
    model: Model,
    x: NDArray[np.float64],
    folder: str | Path,
    config: FirmwareConfig | None = None,
    *,
    rtl_inputs: int = 0,
    seed: int = 0,
    explain: bool = False,
) -> Comparison:
    """Compare emulator and C simulation, and RTL if asked for, of a trained model.

    Parameters
    ----------
    model : Model
    x : float64 array, shape (n, k)
        Features, `drawn_features` say.
    folder : path
        Where the project goes.
    config : FirmwareConfig, optional
    rtl_inputs : int
        For how many inputs on the grid (wires carry no others), drawn by `seed`, to simulate the RTL that da4ml
        writes into the subfolder `rtl`. 0: no RTL.
    explain : bool
        Whether to report what x makes of each step's precision.
    """
    hls_graph = graph(model, config, folder)
    found = compare(hls_graph, x, folder)
    if explain:
        found = replace(found, reports=from_hls4ml(hls_graph).explain(x))
    if not rtl_inputs:
        return found
    design = rtl.write_rtl(model, Path(folder) / "rtl", config)
    return replace(found, rtl=rtl.simulate(design, model, rtl_inputs, seed).mismatches)


def compare_results(
    network: Network, output: NDArray[np.float64], theirs: dict[str, NDArray[np.float64]], x: NDArray[np.float64]
) -> Comparison:
    """Compare a network with what the C simulation gave for features x.

    Parameters
    ----------
    network : Network
    output : float64 array, shape (n, n_outputs)
        From `CSim.predict`.
    theirs : dict of float64 arrays, shape (n, size)
        From `CSim.trace`.
    x : float64 array, shape (n, n_inputs)
        Features.
    """
    ours = network.trace(x)
    layers, first = [], None
    for name, mine in ours.items():
        if name not in theirs:
            continue
        differs = mine != theirs[name]
        layers.append((name, int(differs.sum())))
        if differs.any() and first is None:
            event, neuron = (int(i) for i in np.argwhere(differs)[0])
            first = Mismatch(name, event, neuron, float(mine[event, neuron]), float(theirs[name][event, neuron]))
    # `predict` is another program than `trace` (the fast kernels), and is compared in its own right.
    wrong = int((network.predict(x) != output).sum())
    return Comparison(len(x), tuple(layers), wrong, first)


def write_reproducer(found: Comparison, network: Network, x: NDArray[np.float64], folder: str | Path) -> None:
    """Write what is needed to see a mismatch again into the project's folder.

    ``mismatch.json`` says where, ``mismatch-inputs.npy`` has the event that shows it (or all of them), and
    ``mismatch-network.safetensors`` the emulator's network; the C simulation is the program beside them.
    """
    folder = Path(folder)
    event = slice(None) if found.first is None else slice(found.first.event, found.first.event + 1)
    with atomic_path(folder / "mismatch-inputs.npy") as path, path.open("wb") as stream:
        np.save(stream, x[event], allow_pickle=False)
    network.save(folder / "mismatch-network.safetensors")
    write_json(folder / "mismatch.json", found.as_dict())
