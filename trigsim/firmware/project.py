"""From a trained model to an hls4ml graph and its HLS project on disk."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trigsim.base.errors import InputError
from trigsim.firmware.config import FirmwareConfig
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.model import Model

logger = logging.getLogger(__name__)


def graph(model: Model, config: FirmwareConfig | None = None, folder: str | Path = "hls") -> Any:
    """Return the hls4ml model graph of `model`, every precision set from its formats.

    Parameters
    ----------
    model : Model
    config : FirmwareConfig, optional
    folder : path
        Where hls4ml is to write; nothing is written yet.

    Returns
    -------
    hls4ml.model.ModelGraph
        What `emulator.from_hls4ml` and `firmware.csim.build` take.

    Raises
    ------
    InputError
        For an illegal reuse factor, naming the legal ones.
    """
    config = config or FirmwareConfig()
    _check_reuse(model, config)
    with quiet():
        import hls4ml  # noqa: PLC0415 - takes seconds, and most commands do without

        settings = _hls_config(model, config)
        return hls4ml.converters.convert_from_pytorch_model(
            _float_network(model),
            output_dir=str(folder),
            project_name=project_name(model),
            backend=config.backend,
            hls_config=settings,
            part=config.part,
            clock_period=config.clock_ns,
            io_type=config.io,
        )


def project_name(model: Model) -> str:
    """Return the name of the top function: the model's name as a C identifier."""
    return re.sub(r"\W", "_", model.name)


def _float_network(model: Model) -> nn.Sequential:
    """Return the model as torch layers; its numbers are on their grids, so that float32 holds them exactly."""
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for i, layer in enumerate(model.layers, start=1):
        n_out, n_in = layer.weight.shape
        dense = nn.Linear(n_in, n_out)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(layer.weight))
            dense.bias.copy_(torch.from_numpy(layer.bias))
        parts[f"dense{i}"] = dense
        if layer.activation == "relu":
            parts[f"relu{i}"] = nn.ReLU()
    return nn.Sequential(parts).eval()


def _hls_config(model: Model, config: FirmwareConfig) -> dict[str, Any]:
    layers: dict[str, Any] = {"input_1": {"Precision": {"result": str(model.inputs.format)}}}
    source = model.inputs.format
    for i, layer in enumerate(model.layers, start=1):
        exact = layer.accumulator(source)
        sums = exact if config.accumulators == "exact" else FixedFormat.parse(config.accumulators)
        hidden = layer.activation == "relu"
        layers[f"dense{i}"] = {
            "Precision": {
                "weight": _plain(layer.weight_format),
                "bias": _plain(layer.bias_format),
                "accum": str(sums),
                # The cast comes once, behind the activation.
                "result": str(sums if hidden else layer.result_format),
            },
            "ReuseFactor": config.reuse_factor,
            "Strategy": config.strategy,
        }
        if hidden:
            layers[f"relu{i}"] = {
                "Precision": {"result": str(layer.result_format)},
                "ReuseFactor": config.reuse_factor,
            }
        source = layer.result_format
    return {
        "Model": {
            # Everything has its own format; this one is asked for and never used.
            "Precision": {"default": str(model.output_format)},
            "ReuseFactor": config.reuse_factor,
            "Strategy": config.strategy,
            "ChannelsLastConversion": "full",
            "TransposeOutputs": False,
        },
        "LayerName": layers,
        "InputShape": (len(model.features),),
    }


def _plain(fmt: FixedFormat) -> str:
    """Return the format without modes: constants are on the grid already."""
    return str(FixedFormat(fmt.width, fmt.integer, fmt.signed))


def legal_reuse_factors(n_in: int, n_out: int) -> list[int]:
    """Return the reuse factors that hls4ml's Resource strategy builds a dense layer with.

    With rf the number of products that share a multiplier: rf divides n_in * n_out, is below n_in or a
    multiple of it, and leaves whole multipliers per output.
    """
    products = n_in * n_out
    return [
        rf
        for rf in range(1, products + 1)
        if products % rf == 0
        and (rf % n_in == 0 or rf < n_in)
        and (rf >= n_in or -(-products // min(n_in, rf)) % n_out == 0)
    ]


def _check_reuse(model: Model, config: FirmwareConfig) -> None:
    if config.strategy != "Resource":
        return
    shapes = [layer.weight.shape for layer in model.layers]
    legal = [legal_reuse_factors(n_in, n_out) for n_out, n_in in shapes]
    for (n_out, n_in), some in zip(shapes, legal, strict=True):
        if config.reuse_factor not in some:
            every = sorted(set(some).intersection(*legal))
            raise InputError(
                f"reuse_factor {config.reuse_factor} does not fit a {n_in} to {n_out} layer; "
                f"legal are {', '.join(map(str, some))}; for all layers {', '.join(map(str, every))}"
            )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Send what hls4ml and da4ml print to the log, so that stdout stays ours."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        yield
    for line in said.getvalue().splitlines():
        logger.info("%s", line)
