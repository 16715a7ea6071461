"""From a trained model to what the event loop runs, by way of what hls4ml decides."""

from __future__ import annotations

from trigsim.emulator import from_hls4ml
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.project import graph
from trigsim.tagger.model import Model
from trigsim.tagger.tagger import Tagger, from_model


def deploy(model: Model, config: FirmwareConfig | None = None) -> Tagger:
    """Return the tagger whose network is read from the hls4ml graph of `model`."""
    return from_model(model, from_hls4ml(graph(model, config)))
