"""One tagger on its way into the trigger: HLS project, C simulation, equality, latency and resources."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import from_hls4ml
from trigsim.firmware import csim
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.feature_cost import KINDS, FeatureCosts, cost, source
from trigsim.firmware.project import graph
from trigsim.firmware.resources import Resources, estimate
from trigsim.firmware.rtl import simulate, write_rtl
from trigsim.firmware.synthesis import synthesise
from trigsim.studies.results import Beside, Hardware, RtlCheck
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
    model: Model,
    config: FirmwareConfig,
    features_hw: NDArray[np.int32],
    folder: str | Path,
    *,
    costs: FeatureCosts | None = None,
    rtl: int = 0,
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
        Of the HLS project; the RTL goes beside it.
    costs : FeatureCosts, optional
        Adds what computing the features takes.
    rtl : int
        Inputs to simulate the RTL on; 0: no RTL. With some it is also mapped to cells by Yosys.
    """
    project = graph(model, config, folder)
    tagger = from_model(model, from_hls4ml(project))
    compiled = csim.build(project, folder)
    kept = features_hw[:, model.columns]
    expected = compiled.predict(model.inputs.raw(kept) * model.inputs.format.lsb)[:, 0]
    ours = tagger.score_hw(kept) * tagger.score_format.lsb
    found = hardware(estimate(model, config), config)
    if rtl:
        found = _with_rtl(found, model, config, Path(f"{folder}-rtl"), rtl)
    if costs is not None:
        computed = cost(costs, model.features)
        resources = {kind.upper(): value for kind, value in computed.resources.items()}
        features = Beside("features", resources, computed.cycles, source(costs))
        found = replace(found, beside=(*found.beside, features))
    return Deployed(tagger, found, len(kept), int((ours != expected).sum()))


def _with_rtl(found: Hardware, model: Model, config: FirmwareConfig, folder: Path, inputs: int) -> Hardware:
    design = write_rtl(model, folder, config)
    simulated = simulate(design, model, inputs)
    figures = synthesise(design, config).figures
    resources = {kind.upper(): float(figures[kind].value or 0.0) for kind in KINDS}
    mapped = Beside("Yosys", resources, design.depth, figures["lut"].source)
    check = RtlCheck(simulated.inputs, simulated.mismatches, simulated.depth)
    return replace(found, beside=(*found.beside, mapped), rtl=check)


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
