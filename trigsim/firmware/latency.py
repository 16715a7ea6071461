"""When each stage of a trigger is done: exact arithmetic of clocks, changes of clock rounded up."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from fractions import Fraction
from math import ceil
from typing import Literal

from trigsim.base.errors import InputError
from trigsim.firmware.feature_cost import FeatureCosts, cost, serial_cycles
from trigsim.firmware.latency_config import PipelineConfig, Stage
from trigsim.firmware.latency_model import GroupTime, Latency, StageTime, TaggerFacts
from trigsim.numeric.intervals import Estimate

Arrangement = Literal["parallel", "serial"]


def feature_cycles(costs: FeatureCosts, features: Collection[str], arrangement: Arrangement) -> int:
    """Return the clocks until all of `features` are there, steps side by side or one after another."""
    return cost(costs, features).cycles if arrangement == "parallel" else serial_cycles(costs, features)


def schedule(
    config: PipelineConfig,
    costs: FeatureCosts | None = None,
    tagger: TaggerFacts | None = None,
    arrangement: Arrangement = "parallel",
) -> Latency:
    """Return when each stage starts and ends.

    Parameters
    ----------
    config : PipelineConfig
        Stages.
    costs : FeatureCosts, optional
        Needed where a stage computes features.
    tagger : TaggerFacts, optional
        Needed where a stage computes features or runs the tagger.
    arrangement : "parallel" or "serial"
        Whether steps of the features work side by side, or one after another.

    Raises
    ------
    InputError
        If what a stage needs is not given.
    """
    runs = [_Run(config, costs, tagger, arrangement, which) for which in range(3)]
    for run in runs:
        run.walk()
    critical = runs[1].critical()

    def three(values: Sequence[Fraction]) -> Estimate:
        low, value, high = map(float, values)
        return Estimate(value, low, high, "ns")

    stages = []
    for stage in config.stages:
        period = runs[1].periods[stage.name]
        length = runs[1].end[stage.name] - runs[1].start[stage.name]
        stages.append(
            StageTime(
                name=stage.name,
                group=stage.group,
                source=tagger.source if stage.use == "tagger" and tagger else stage.source,
                start=three([run.start[stage.name] for run in runs]),
                end=three([run.end[stage.name] for run in runs]),
                waits=three(_between([run.start[stage.name] - run.ready[stage.name] for run in runs])),
                cycles=None if period is None else int(length / period),
                clock_mhz=None if period is None else float(1000 / period),
                critical=stage.name in critical,
            )
        )
    groups = {}
    for group in dict.fromkeys(stage.group for stage in config.stages):
        names = [stage.name for stage in config.stages if stage.group == group]
        spans = [max(run.end[n] for n in names) - min(run.ready[n] for n in names) for run in runs]
        budget = config.groups.get(group)
        ns, source = (budget.ns, budget.source) if budget else (None, "no budget is set")
        groups[group] = GroupTime(three(spans), ns, source)
    total = three([max(run.end.values()) for run in runs])
    name = tagger.name if tagger and config.uses("tagger") else None
    return Latency(config.name, name, tuple(stages), total, config.budget_ns, config.budget_source, groups)


class _Run:
    """One walk along the pipeline, with the lowest (0), expected (1) or highest (2) latencies; ns."""

    def __init__(
        self,
        config: PipelineConfig,
        costs: FeatureCosts | None,
        tagger: TaggerFacts | None,
        arrangement: Arrangement,
        which: int,
    ) -> None:
        self.config, self.costs, self.tagger = config, costs, tagger
        self.arrangement, self.which = arrangement, which
        self.periods: dict[str, Fraction | None] = {}
        self.ready: dict[str, Fraction] = {}
        self.start: dict[str, Fraction] = {}
        self.end: dict[str, Fraction] = {}
        self.inputs: dict[str, tuple[str, ...]] = {}

    def walk(self) -> None:
        before: tuple[str, ...] = ()
        for stage in self.config.stages:
            inputs = before if stage.after is None else stage.after
            period, length = self._length(stage)
            self.inputs[stage.name] = inputs
            self.periods[stage.name] = period
            self.ready[stage.name] = max((self.end[name] for name in inputs), default=Fraction(0))
            self.start[stage.name] = max((self._arrival(name, period) for name in inputs), default=Fraction(0))
            self.end[stage.name] = self.start[stage.name] + length
            before = (stage.name,)

    def _arrival(self, name: str, period: Fraction | None) -> Fraction:
        """Return when the output of stage `name` can be used at a clock: at its next edge, synchronised."""
        end = self.end[name]
        if period is None or period == self.periods[name]:
            return end
        return (ceil(end / period) + self.config.synchroniser_cycles[self.which]) * period

    def _length(self, stage: Stage) -> tuple[Fraction | None, Fraction]:
        """Return the period of a stage's clock, if it has one, and how long the stage takes."""
        if stage.ns is not None:
            return None, _exact(stage.ns[self.which])
        if stage.link is not None:
            return None, _exact(stage.link.ns[self.which])
        if stage.use is not None and self.tagger is None:
            raise InputError(f"stage '{stage.name}' depends on the tagger; give one with --tagger FOLDER")
        if stage.use == "tagger" and self.tagger is not None:
            period = _exact(self.tagger.clock_ns)
            return period, self._surely(stage, self.tagger.cycles) * period
        period = 1000 / _exact(stage.clock_mhz or 0.0)
        if stage.cycles is not None:
            return period, stage.cycles[self.which] * period
        if self.costs is None or self.tagger is None:
            raise InputError(f"stage '{stage.name}' computes features; give their costs")
        clocks = feature_cycles(self.costs, self.tagger.features, self.arrangement)
        return period, self._surely(stage, clocks) * period

    def _surely(self, stage: Stage, clocks: int) -> int:
        return ceil(_exact(stage.factor[self.which]) * clocks)

    def critical(self) -> set[str]:
        """Return the stages that the last end depends on without slack."""
        last = max(self.end.values())
        found = {name for name, end in self.end.items() if end == last}
        for stage in reversed(self.config.stages):
            if stage.name in found:
                period, start = self.periods[stage.name], self.start[stage.name]
                found |= {name for name in self.inputs[stage.name] if self._arrival(name, period) == start}
        return found


def _between(values: list[Fraction]) -> tuple[Fraction, Fraction, Fraction]:
    """Return least, expected and greatest: a late input may wait less for its edge than an early one."""
    return min(values), values[1], max(values)


def _exact(value: float) -> Fraction:
    """Return the decimal number that was written, not its nearest double."""
    return Fraction(str(value))
