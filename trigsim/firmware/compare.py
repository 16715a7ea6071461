"""Emulator against C simulation, layer by layer, and what is needed to see a difference again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.files import atomic_path, write_json
from trigsim.emulator import Network, from_hls4ml
from trigsim.firmware import csim, rtl
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.project import graph
from trigsim.firmware.vectors import golden_inputs
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
    """

    inputs: int
    layers: tuple[tuple[str, int], ...]
    outputs: int
    first: Mismatch | None
    rtl: int | None = None

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


def compare_model(
    model: Model,
    n: int,
    folder: str | Path,
    config: FirmwareConfig | None = None,
    seed: int = 0,
    *,
    with_rtl: bool = False,
) -> Comparison:
    """Compare emulator and C simulation, and RTL if asked for, of a trained model on n drawn inputs.

    Parameters
    ----------
    model : Model
    n : int
        Half of the inputs are on the grid of the input format, its corners among them; half are off the grid and
        partly beyond the range.
    folder : path
        Where the project goes.
    config : FirmwareConfig, optional
    seed : int
    with_rtl : bool
        Whether to write the RTL by da4ml and simulate it by Verilator, in the subfolder `rtl`. Its inputs are those
        on the grid: wires carry no others.
    """
    form = model.inputs.format
    inside = form.to_float(golden_inputs(model, n - n // 2, seed))
    beyond = stream_rng(seed, "compare").normal(0, form.lsb * form.maximum, (n // 2, inside.shape[1]))
    found = compare(graph(model, config, folder), np.concatenate([inside, beyond]), folder)
    if not with_rtl:
        return found
    design = rtl.write_rtl(model, Path(folder) / "rtl", config)
    return replace(found, rtl=rtl.simulate(design, model, n, seed).mismatches)


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
