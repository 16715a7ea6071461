"""Published networks rebuilt: LUT, FF, DSP and ns of our pipelined RTL beside the published figures.

Run: python benchmarks/resources.py [--inputs 100000] [--json FILE] [--models DIR]. Tables of docs/resources.md are
its output. DIR is the folder `example-models/keras` of hls4ml's source distribution (`pip download --no-deps
--no-binary hls4ml hls4ml==1.3.0`), with trained weights of these networks. Without it they are drawn: normal, of
width sqrt(2 / n_in) as at the start of a training, the smallest set to zero where the published network was pruned.
Published figures are quoted from memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.hls_estimate import hls_estimate
from trigsim.firmware.resources import Resources, estimate
from trigsim.firmware.rtl import simulate, write_rtl
from trigsim.firmware.synthesis import synthesise
from trigsim.numeric.fixed import FixedFormat
from trigsim.numeric.random import stream_rng
from trigsim.tagger.inputs import InputMap
from trigsim.tagger.model import Layer, Model

JET_NETWORK = (16, 64, 32, 32, 5)


@dataclass(frozen=True)
class Published:
    """A design as published: what it is, and its figures (None: not given)."""

    name: str
    source: str
    weight: str
    activation: str
    kept: float
    part: str
    clock_ns: float
    lut: float | None
    ff: float | None
    dsp: float | None
    ns: float
    trained: str = ""


PUBLISHED = (
    Published(
        "6 bits, trained quantised (Q6)",
        "C. Coelho et al., Nature Mach. Intell. 3 (2021) 675, arXiv 2006.10159",
        "ap_fixed<6,1,AP_RND,AP_SAT>",
        "ap_ufixed<6,0,AP_RND,AP_SAT>",
        1.0,
        "xcvu9p",
        5.0,
        39782,
        8128,
        124,
        55.0,
        "qkeras_3layer_weights.h5",
    ),
    Published(
        "16 bits, 70 % pruned",
        "J. Duarte et al., JINST 13 (2018) P07027, arXiv 1804.06913",
        "ap_fixed<16,6,AP_RND,AP_SAT>",
        "ap_ufixed<16,6,AP_RND,AP_SAT>",
        0.3,
        "xcku115",
        5.0,
        None,  # LUT + FF 88797
        None,
        954,
        75.0,
        "KERAS_3layer_70pruned_retrained_weights.h5",
    ),
)


def trained(file: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return weights (n_out, n_in) and biases of the layers of a Keras file, in their order."""
    import h5py  # noqa: PLC0415 - beside keras

    with h5py.File(file) as source:
        names = [name.decode() for name in source.attrs["layer_names"]]
        groups = [source[f"{name}/{name}"] for name in names if len(source[name])]
        return [(np.asarray(g["kernel:0"]).T, np.asarray(g["bias:0"])) for g in groups]


def network(
    design: Published, widths: tuple[int, ...] = JET_NETWORK, seed: int = 0, models: Path | None = None
) -> Model:
    """Return the network on the grids of the published one, with its trained weights or with drawn ones."""
    known = trained(models / design.trained) if models else None
    rng = stream_rng(seed, "benchmarks/resources")
    weight_format, hidden = FixedFormat.parse(design.weight), FixedFormat.parse(design.activation)
    source = FixedFormat.parse("ap_fixed<16,6,AP_RND,AP_SAT>")
    fraction, layers = source.fraction, []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        last = i == len(widths) - 2
        drawn = rng.normal(0, np.sqrt(2 / n_in), (n_out, n_in))
        drawn[np.abs(drawn) < np.quantile(np.abs(drawn), 1 - design.kept)] = 0
        biases = rng.normal(0, 0.1, n_out)
        if known:
            drawn, biases = known[i]
        fraction += weight_format.fraction
        bias = FixedFormat.parse(f"ap_fixed<{fraction + 2},2,AP_RND,AP_SAT>")
        result = FixedFormat.parse("ap_fixed<16,6,AP_RND,AP_SAT>") if last else hidden
        layers.append(
            Layer(
                weight=weight_format.quantise(drawn),
                bias=bias.quantise(biases),
                weight_format=weight_format,
                bias_format=bias,
                activation="linear" if last else "relu",
                result_format=result,
            )
        )
        fraction = result.fraction
    k = widths[0]
    return Model(
        name="jet_network",
        features=tuple(f"f{i}" for i in range(k)),
        columns=np.arange(k),
        inputs=InputMap(np.zeros(k, np.int32), np.zeros(k, np.int32), source),
        layers=tuple(layers),
    )


def rebuild(design: Published, inputs: int, synthesis: bool, models: Path | None) -> dict[str, object]:
    """Build, simulate and map one design; return its row."""
    model, config = network(design, models=models), FirmwareConfig(part=design.part, clock_ns=design.clock_ns)
    started = time.process_time(), time.perf_counter()
    modelled = estimate(model, config)
    row: dict[str, object] = {
        "design": design.name,
        "source": design.source,
        "weights": design.trained if models else "drawn",
        "nonzero": sum(int(np.count_nonzero(layer.weight)) for layer in model.layers),
        "published": {"lut": design.lut, "ff": design.ff, "dsp": design.dsp, "ns": design.ns},
        "da4ml": _values(modelled),
        "hls_estimate": _values(hls_estimate(model, config)),
    }
    with tempfile.TemporaryDirectory(prefix="trigsim-resources-") as folder:
        rtl = write_rtl(model, Path(folder) / "rtl", config)
        if inputs:
            found = simulate(rtl, model, inputs)
            row["simulated"] = {"inputs": found.inputs, "mismatches": found.mismatches, "depth": found.depth}
        if synthesis:
            row["yosys"] = _values(synthesise(rtl, config))
    row["seconds"] = {"own_cpu": time.process_time() - started[0], "wall": time.perf_counter() - started[1]}
    return row


def _values(resources: Resources) -> dict[str, float | None]:
    return {name: figure.value for name, figure in resources.figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", type=int, nargs="*", default=range(len(PUBLISHED)))
    parser.add_argument("--no-synthesis", action="store_true")
    parser.add_argument("--models", type=Path)
    told = parser.parse_args()
    rows = [rebuild(PUBLISHED[i], told.inputs, not told.no_synthesis, told.models) for i in told.only]
    if told.json:
        told.json.write_text(json.dumps(rows, indent=2))
    for row in rows:
        print(json.dumps(row))


if __name__ == "__main__":
    main()
