"""What a feature-budget scan is told, as read from YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.objects.settings import ObjectSettings
from trigsim.tagger.config import Bits

Count = Annotated[int, Field(ge=1)]


class CandidateCounts(Config):
    """Candidates of each kind."""

    signal: Count
    background: Count


class StreamCounts(Config):
    """How much is streamed.

    Attributes
    ----------
    crossings : int
        Beam crossings, about.
    signal_crossings : int
        Crossings of the signal, at most what the library holds on the test side.
    """

    crossings: Count
    signal_crossings: Count


class Sweep(Config):
    """What is varied besides the feature budget; every combination is a row.

    Attributes
    ----------
    nodes : tuple of (tuple of int)
        Nodes that stay in each hidden layer. Empty: as the training says.
    bits : tuple of int
        Widths of weights and activations. Empty: as the training says.
    seeds : tuple of int
        Each combination is trained once a seed; the row is that of the best. Empty: the training's own.
    """

    nodes: tuple[Annotated[tuple[Count, ...], Field(min_length=1)], ...] = ()
    bits: tuple[Bits, ...] = ()
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        for name in ("nodes", "bits", "seeds"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} has a value twice; keep one")
        return self


class ScanConfig(Config):
    """A feature-budget scan; paths are relative to the file.

    Attributes
    ----------
    name : str
        Title of the report.
    library, beam, menu, tagger, firmware : str
        Event library (folder), and YAML files of the beam, the menu, the training with its budgets, and the FPGA.
    feature_costs : str, optional
        YAML of what computing the features takes (`firmware.feature_cost`), shown beside the network.
    model : str
        Name that the menu gives the tagger.
    train, test : CandidateCounts
        Candidates to train with, and to judge separation and compare with csim.
    stream : StreamCounts
        How much is streamed.
    algorithm, signal : str
        The tagged algorithm and the signal stratum that fixed-rate and fixed-efficiency figures are of.
    signals : tuple of str
        Signal strata to train with and to measure the efficiency of; `signal` is among them.
    fixed_rate_khz, fixed_efficiency : float
        Where efficiency and rate are read off.
    sweep : Sweep
        Nodes, bits and seeds to try beside the feature budgets of `tagger`.
    objects : ObjectSettings
        Object reconstruction.
    seed : int
        Of all randomness.
    """

    name: str
    library: str
    beam: str
    menu: str
    tagger: str
    firmware: str
    feature_costs: str | None = None
    model: str
    train: CandidateCounts
    test: CandidateCounts
    stream: StreamCounts
    algorithm: str
    signal: str
    signals: Annotated[tuple[str, ...], Field(min_length=1)]
    fixed_rate_khz: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    fixed_efficiency: Annotated[float, Field(gt=0, lt=1)]
    sweep: Sweep = Sweep()
    objects: ObjectSettings = ObjectSettings()
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _signal_is_measured(self) -> Self:
        if self.signal not in self.signals:
            raise ValueError(f"signal '{self.signal}' is not among signals; add it")
        return self

    def inputs(self, file: Path) -> dict[str, Path]:
        """Return role → file of everything that goes in, `file` being this configuration."""
        beside = file.parent
        costs = {} if self.feature_costs is None else {"feature_costs": beside / self.feature_costs}
        return {
            "scan": file,
            "library": beside / self.library / "manifest.json",
            "beam": beside / self.beam,
            "menu": beside / self.menu,
            "tagger": beside / self.tagger,
            "firmware": beside / self.firmware,
            **costs,
        }
