"""Drawn networks and inputs to hunt for a bit in which the emulator and the C simulation differ.

A case is one number: architecture, precisions, modes, strategies, weights and inputs follow from it, so that the
number alone is a reproducer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trigsim.firmware.project import legal_reuse_factors, quiet
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding
from trigsim.numeric.random import stream_rng

BACKENDS = ("Vitis", "Vivado")
STRATEGIES = ("Latency", "Resource", "distributed_arithmetic")
#: Products of one network; g++ unrolls nothing, but da4ml's adder trees grow with them.
MAX_PRODUCTS = {"Latency": 9000, "Resource": 9000, "distributed_arithmetic": 700}


@dataclass(frozen=True, slots=True)
class Case:
    """One drawn network.

    Attributes
    ----------
    number : int
        From which it was drawn.
    module : torch.nn.Module
        Floating-point network.
    config : dict
        hls4ml configuration.
    backend, io : str
        "Vitis" or "Vivado"; "io_parallel" or "io_stream".
    inputs : float64 array, shape (n, n_inputs)
        Typical, extreme, saturating, half-way and denormal values.
    """

    number: int
    module: nn.Module
    config: dict[str, Any]
    backend: str
    io: str
    inputs: NDArray[np.float64]

    def graph(self, folder: str) -> Any:
        """Return the hls4ml model graph, to be written to `folder`."""
        with quiet():
            import hls4ml  # noqa: PLC0415 - takes seconds

            return hls4ml.converters.convert_from_pytorch_model(
                self.module,
                output_dir=folder,
                project_name=f"case{self.number}",
                backend=self.backend,
                hls_config=self.config,
                io_type=self.io,
            )


class _Drawn(nn.Module):
    """A chain of layers in which some are joined with an earlier value, by addition or concatenation."""

    def __init__(self, layers: list[nn.Module], joins: dict[int, tuple[str, int]]) -> None:
        super().__init__()
        self.chain = nn.ModuleList(layers)
        self.joins = joins

    def forward(self, input_1: torch.Tensor) -> torch.Tensor:
        """Return the output for a batch; hls4ml names the input after the argument."""
        x = input_1
        values = [x]
        for i, layer in enumerate(self.chain):
            x = layer(x)
            if i in self.joins:
                kind, earlier = self.joins[i]
                other = values[earlier]
                x = torch.cat((x, other), dim=1) if kind == "concatenate" else getattr(torch, kind)(x, other)
            values.append(x)
        return x


def draw(number: int, events: int = 400) -> Case:
    """Return case `number`, with `events` inputs."""
    rng = stream_rng(number, "fuzz")
    strategy = str(rng.choice(STRATEGIES, p=(0.45, 0.35, 0.2)))
    layers, joins, n_inputs = _architecture(rng, MAX_PRODUCTS[strategy])
    module = _Drawn(layers, joins).eval()
    _weights(rng, module, coarse=strategy == "distributed_arithmetic")
    # hls4ml's Vivado streams of distributed arithmetic exist as well; all four combinations are drawn.
    backend, io = str(rng.choice(BACKENDS)), str(rng.choice(("io_parallel", "io_stream")))
    config = _config(rng, module, n_inputs, strategy, backend)
    if exact_sums(number):
        for told in config["LayerName"].values():
            if "accum" in told["Precision"]:
                told["Precision"]["accum"] = "auto"
    form = FixedFormat.parse(config["LayerName"]["input_1"]["Precision"]["result"])
    return Case(number, module, config, backend, io, _inputs(rng, events, n_inputs, form))


def exact_sums(number: int) -> bool:
    """Whether case `number` leaves all accumulators to hls4ml, which makes them exact: what the kernels are for."""
    return bool(stream_rng(number, "fuzz-sums").random() < 0.5)


def _architecture(rng: np.random.Generator, budget: int) -> tuple[list[nn.Module], dict[int, tuple[str, int]], int]:
    def width() -> int:
        return int(np.exp(rng.uniform(0, np.log(128))).round())

    depth, n_inputs = int(rng.integers(1, 6)), width()
    layers: list[nn.Module] = []
    joins: dict[int, tuple[str, int]] = {}
    sizes = [n_inputs]
    for number in range(depth):
        limit = max(1, budget // (depth * sizes[-1]))
        n_out = min(width(), limit)
        layers.append(nn.Linear(sizes[-1], n_out, bias=bool(rng.random() < 0.8)))
        sizes.append(n_out)
        if rng.random() < 0.2:
            layers.append(nn.BatchNorm1d(sizes[-1]))
            sizes.append(sizes[-1])
        last = number == depth - 1
        if activation := _activation(rng, sizes[-1], last):
            layers.append(activation)
            sizes.append(sizes[-1])
        if rng.random() < 0.25 and not (last and isinstance(layers[-1], nn.Softmax)):
            joins.update(_join(rng, len(layers) - 1, sizes))
    return layers, joins, n_inputs


def _activation(rng: np.random.Generator, size: int, last: bool) -> nn.Module | None:
    if last and rng.random() < 0.4 and size > 1:
        return nn.Softmax(dim=-1)
    choices = [
        nn.ReLU(),
        nn.ReLU(),
        nn.LeakyReLU(float(rng.uniform(0.01, 0.5))),
        nn.PReLU(size),
        nn.Threshold(float(rng.uniform(0, 1)), 0.0),
        nn.Sigmoid(),
        nn.Tanh(),
        None,
    ]
    return choices[int(rng.integers(len(choices)))]


def _join(rng: np.random.Generator, layer: int, sizes: list[int]) -> dict[int, tuple[str, int]]:
    """Join the last value with an earlier one and note its new size."""
    earlier = int(rng.integers(len(sizes) - 1))
    if sizes[earlier] == sizes[-1]:
        return {layer: (str(rng.choice(["add", "sub", "mul", "maximum", "minimum"])), earlier)}
    if sizes[earlier] + sizes[-1] > 128:
        return {}
    sizes[-1] += sizes[earlier]
    return {layer: ("concatenate", earlier)}


def _weights(rng: np.random.Generator, module: nn.Module, coarse: bool) -> None:
    """Set all parameters; some layers are sparse, coarse ones are on a grid of a few bits."""
    with torch.no_grad():
        for layer in module.modules():
            spread = float(rng.uniform(0.2, 1.5))
            kept = float(rng.choice([1.0, 1.0, 0.5, 0.1]))
            for name, parameter in layer.named_parameters(recurse=False):
                values = rng.normal(0, spread, tuple(parameter.shape))
                if isinstance(layer, nn.Linear) and name == "weight":
                    values = values * (rng.random(values.shape) < kept) / np.sqrt(values.shape[1] / 4 + 1)
                values = np.round(values * 8) / 8 if coarse else values
                parameter.copy_(torch.from_numpy(values))
            if (
                isinstance(layer, nn.BatchNorm1d)
                and layer.running_mean is not None
                and layer.running_var is not None
            ):
                layer.running_mean.copy_(torch.from_numpy(rng.normal(0, 1, layer.num_features)))
                layer.running_var.copy_(torch.from_numpy(rng.uniform(0.2, 3, layer.num_features)))


def _format(rng: np.random.Generator, low: int, high: int) -> str:
    width = int(rng.integers(low, high + 1))
    integer = int(np.clip(rng.integers(-1, 8), -1, width + 2))
    rounding, overflow = rng.choice(list(Rounding)), rng.choice(list(Overflow), p=(0.4, 0.3, 0.15, 0.15))
    return str(FixedFormat(width, integer, bool(rng.random() < 0.85), Rounding(rounding), Overflow(overflow)))


def _config(
    rng: np.random.Generator, module: nn.Module, n_inputs: int, strategy: str, backend: str
) -> dict[str, Any]:
    with quiet():
        import hls4ml  # noqa: PLC0415

        default = _format(rng, 8, 20)
        config: dict[str, Any] = hls4ml.utils.config_from_pytorch_model(
            module, (n_inputs,), granularity="name", backend=backend, default_precision=default
        )
    config["Model"]["Strategy"] = strategy
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Linear)]
    dense = 0
    for name, told in config["LayerName"].items():
        for role in told["Precision"]:
            if rng.random() < 0.6 or name == "input_1":
                high = 40 if role == "accum" and rng.random() < 0.5 else 18
                told["Precision"][role] = _format(rng, 3, high)
        if "weight" in told["Precision"]:
            layer = layers[dense]
            dense += 1
            if strategy == "Resource":
                told["ReuseFactor"] = int(rng.choice(legal_reuse_factors(layer.in_features, layer.out_features)))
        if "TableSize" in told:
            told["TableSize"] = int(2 ** rng.integers(4, 12))
        if "softmax" in name.lower() or "Implementation" in told or "exp_table" in told["Precision"]:
            told["Implementation"] = str(rng.choice(["latency", "stable", "legacy", "argmax"]))
    return config


def _inputs(rng: np.random.Generator, n: int, n_inputs: int, form: FixedFormat) -> NDArray[np.float64]:
    shape = (n, n_inputs)
    span = form.lsb * 2.0**form.width
    kinds = np.stack(
        [
            rng.normal(0, span / 8, shape),
            rng.uniform(-span, span, shape),
            # On the grid and half-way between its points.
            rng.integers(form.minimum, form.maximum + 1, shape) * form.lsb,
            (rng.integers(form.minimum, form.maximum + 1, shape) + 0.5) * form.lsb,
            rng.choice([0.0, -0.0, 5e-324, -5e-324, 1e-310, -1e-310, 1e30, -1e30, span, -span], shape),
            rng.choice([form.minimum, form.minimum - 1, form.maximum, form.maximum + 1], shape) * form.lsb,
        ]
    )
    # Rows are mostly of one kind, so that extremes meet extremes.
    kind = np.where(
        rng.random(shape) < 0.8, rng.integers(len(kinds), size=(n, 1)), rng.integers(len(kinds), size=shape)
    )
    drawn: NDArray[np.float64] = np.take_along_axis(kinds, kind[None], axis=0)[0]
    return drawn
