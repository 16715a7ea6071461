"""The latency of the whole trigger with a tagger in it, and what an input feature costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigsim.base.config import load
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.latency import schedule
from trigsim.firmware.latency_config import PipelineConfig
from trigsim.firmware.latency_features import FeatureCosts
from trigsim.firmware.latency_model import Latency, TaggerFacts
from trigsim.firmware.resources import estimate
from trigsim.numeric.intervals import Estimate
from trigsim.tagger.model import Model


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
        What the features' stage would save without it, all units side by side or one after another.
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
class BudgetLatency:
    """The pipeline with one tagger.

    Attributes
    ----------
    facts : TaggerFacts
        Of the tagger.
    latency, serial : Latency
        As configured, and with the features one after another.
    parallel_ns, serial_ns : Estimate
        The features' stage, units side by side and one after another.
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
    file: str | Path, tagger: TaggerFacts | None = None, arrangement: str | None = None
) -> Latency:
    """Return the schedule of a pipeline file, with a tagger in it.

    Parameters
    ----------
    file : path
        A `PipelineConfig`.
    tagger : TaggerFacts, optional
        From `tagger_facts`; needed where a stage computes features or runs the tagger.
    arrangement : "parallel" or "serial", optional
        Of the features, in place of the configured one.

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
    clock = next((s.clock_mhz for s in config.stages if s.use == "features"), None)
    return tuple(_budget(config, costs, clock, facts) for facts in taggers)


def _costs(file: str | Path, config: PipelineConfig) -> FeatureCosts | None:
    return None if config.feature_costs is None else load(Path(file).parent / config.feature_costs, FeatureCosts)


def _budget(
    config: PipelineConfig, costs: FeatureCosts | None, clock_mhz: float | None, facts: TaggerFacts
) -> BudgetLatency:
    def ns(features: Sequence[str], arrangement: str) -> tuple[float, ...]:
        if costs is None or clock_mhz is None:
            return 0.0, 0.0, 0.0
        return tuple(1e3 * clocks / clock_mhz for clocks in costs.cycles(features, arrangement))

    def saved(feature: str, arrangement: str) -> Estimate:
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
