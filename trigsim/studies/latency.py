"""The latency of the whole trigger with a tagger in it, and what an input feature costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from trigsim.base.config import load
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.feature_cost import FeatureCosts
from trigsim.firmware.latency import Arrangement, feature_cycles, schedule
from trigsim.firmware.latency_config import PipelineConfig, Stage
from trigsim.firmware.latency_model import Latency, TaggerFacts
from trigsim.firmware.resources import estimate
from trigsim.numeric.intervals import Estimate
from trigsim.studies.tabular import Cells, Tabular
from trigsim.tagger.model import Model


def in_ns(time: Estimate) -> str:
    """Return a time with its range as text, whole nanoseconds from 100 on."""
    digits = 0 if time.high >= 100 else 1
    value, low, high = (f"{ns:.{digits}f}" for ns in (time.value, time.low, time.high))
    return value if low == high else f"{value} [{low}, {high}]"


@dataclass(frozen=True, slots=True)
class FeatureLatency:
    """What one input feature of a model costs, ns; ranges are [lowest, expected, highest].

    Attributes
    ----------
    feature : str
        Its name.
    alone : Estimate
        Until it is there, if nothing else is computed.
    saved_parallel, saved_serial : Estimate
        What the features' stage would save without it, all steps side by side or one after another.
    """

    feature: str
    alone: Estimate
    saved_parallel: Estimate
    saved_serial: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "feature": self.feature,
            "alone": self.alone.as_dict(),
            "saved_parallel": self.saved_parallel.as_dict(),
            "saved_serial": self.saved_serial.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class BudgetLatency(Tabular):
    """The pipeline with one tagger.

    Attributes
    ----------
    facts : TaggerFacts
        Of the tagger.
    latency, serial : Latency
        Steps of the features side by side, and one after another.
    parallel_ns, serial_ns : Estimate
        The features' stage, steps side by side and one after another.
    features : tuple of FeatureLatency
        Each input.
    """

    facts: TaggerFacts
    latency: Latency
    serial: Latency
    parallel_ns: Estimate
    serial_ns: Estimate
    features: tuple[FeatureLatency, ...]

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"What each input of {self.facts.name} costs"

    def cells(self) -> Cells:
        """Return the inputs, the slowest first."""
        header = ("feature", "alone [ns]", "saved without it, parallel [ns]", "saved without it, serial [ns]")
        ordered = sorted(self.features, key=lambda f: -f.alone.value)
        return header, tuple((f.feature, *map(in_ns, (f.alone, f.saved_parallel, f.saved_serial))) for f in ordered)

    @property
    def slowest(self) -> tuple[str, ...]:
        """Features that take the longest, alone."""
        longest = max((f.alone.value for f in self.features), default=0.0)
        return tuple(f.feature for f in self.features if f.alone.value == longest)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "tagger": self.facts.name,
            "inputs": len(self.facts.features),
            "network_ns": self.facts.cycles * self.facts.clock_ns,
            "network_source": self.facts.source,
            "features_parallel": self.parallel_ns.as_dict(),
            "features_serial": self.serial_ns.as_dict(),
            "slowest_features": list(self.slowest),
            "features": [feature.as_dict() for feature in self.features],
            "total_serial": self.serial.total.as_dict(),
            "pipeline": self.latency.as_dict(),
        }


def tagger_facts(model: Model, firmware: FirmwareConfig) -> TaggerFacts:
    """Return clocks and clock of a model on a target; see `firmware.resources.estimate`."""
    cycles = estimate(model, firmware).figures["cycles"]
    return TaggerFacts(model.name, model.features, int(cycles.value or 0), firmware.clock_ns, cycles.source)


def pipeline_latency(
    file: str | Path, tagger: TaggerFacts | None = None, arrangement: Arrangement = "parallel"
) -> Latency:
    """Return the schedule of a pipeline file, with a tagger in it.

    Parameters
    ----------
    file : path
        A `PipelineConfig`.
    tagger : TaggerFacts, optional
        From `tagger_facts`; needed where a stage computes features or runs the tagger.
    arrangement : "parallel" or "serial"
        Whether steps of the features work side by side, or one after another.

    Raises
    ------
    InputError
        If a file does not fit, or what a stage needs is not given.
    """
    config = load(file, PipelineConfig)
    return schedule(config, _costs(file, config), tagger, arrangement)


def latency_by_budget(file: str | Path, taggers: Sequence[TaggerFacts]) -> tuple[BudgetLatency, ...]:
    """Return the pipeline with each of several taggers, and what each input costs.

    Parameters
    ----------
    file : path
        A `PipelineConfig` with a stage that computes features.
    taggers : sequence of TaggerFacts
        From `tagger_facts`.
    """
    config = load(file, PipelineConfig)
    costs = _costs(file, config)
    stage = next((stage for stage in config.stages if stage.use == "features"), None)
    return tuple(_budget(config, costs, stage, facts) for facts in taggers)


def _costs(file: str | Path, config: PipelineConfig) -> FeatureCosts | None:
    return None if config.feature_costs is None else load(Path(file).parent / config.feature_costs, FeatureCosts)


def _budget(
    config: PipelineConfig, costs: FeatureCosts | None, stage: Stage | None, facts: TaggerFacts
) -> BudgetLatency:
    def ns(features: Sequence[str], arrangement: Arrangement) -> tuple[float, ...]:
        if costs is None or stage is None or stage.clock_mhz is None:
            return 0.0, 0.0, 0.0
        clocks = feature_cycles(costs, features, arrangement)
        return tuple(1e3 * ceil(factor * clocks) / stage.clock_mhz for factor in stage.factor)

    def saved(feature: str, arrangement: Arrangement) -> Estimate:
        rest = [name for name in facts.features if name != feature]
        both = zip(ns(facts.features, arrangement), ns(rest, arrangement), strict=True)
        return _range(*(one - other for one, other in both))

    return BudgetLatency(
        facts=facts,
        latency=schedule(config, costs, facts),
        serial=schedule(config, costs, facts, "serial"),
        parallel_ns=_range(*ns(facts.features, "parallel")),
        serial_ns=_range(*ns(facts.features, "serial")),
        features=tuple(
            FeatureLatency(name, _range(*ns([name], "parallel")), saved(name, "parallel"), saved(name, "serial"))
            for name in facts.features
        ),
    )


def _range(low: float, value: float, high: float) -> Estimate:
    return Estimate(value, min(low, value), max(value, high), "ns")
