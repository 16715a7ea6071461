"""One tagger on its way into the trigger: HLS project, C simulation, equality, latency and resources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import from_hls4ml
from trigsim.firmware import csim
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.project import graph
from trigsim.firmware.resources import Resources, estimate
from trigsim.studies.results import Hardware
from trigsim.tagger.model import Model
from trigsim.tagger.tagger import Tagger, from_model


@dataclass(frozen=True, slots=True)
class Deployed:
    """A tagger as the loop runs it, and what was found on the way.

    Attributes
    ----------
    tagger : Tagger
        Its network is read from the hls4ml graph.
    hardware : Hardware
        Latency and resources.
    csim_inputs, csim_mismatches : int
        Candidates compared with the C simulation, and how many outputs differ.
    """

    tagger: Tagger
    hardware: Hardware
    csim_inputs: int
    csim_mismatches: int


def deploy_and_compare(
    model: Model, config: FirmwareConfig, features_hw: NDArray[np.int32], folder: str | Path
) -> Deployed:
    """Write and compile the HLS project of a model, and compare the emulator with it on candidates.

    Parameters
    ----------
    model : Model
        Trained and quantised.
    config : FirmwareConfig
        Part, clock, strategy.
    features_hw : int32, shape (n, 39)
        Candidates.
    folder : path
        Of the HLS project.
    """
    project = graph(model, config, folder)
    tagger = from_model(model, from_hls4ml(project))
    compiled = csim.build(project, folder)
    kept = features_hw[:, model.columns]
    expected = compiled.predict(model.inputs.raw(kept) * model.inputs.format.lsb)[:, 0]
    ours = tagger.score_hw(kept) * tagger.score_format.lsb
    return Deployed(tagger, hardware(estimate(model, config), config), len(kept), int((ours != expected).sum()))


def hardware(resources: Resources, config: FirmwareConfig) -> Hardware:
    """Return latency and resources as results carry them."""
    figures = resources.figures
    names = [n for n in ("lut", "ff", "dsp", "bram") if n in figures and figures[n].value is not None]
    return Hardware(
        cycles=int(figures["cycles"].value or 0),
        nanoseconds=float(figures["ns"].value or 0.0),
        budget_ns=config.latency_budget_ns,
        resources={n.upper(): int(figures[n].value or 0) for n in names},
        share={n.upper(): float(resources.shares[n] or 0.0) for n in names},
        part=resources.part,
        source=figures["cycles"].source,
    )
