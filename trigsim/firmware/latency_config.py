"""A latency pipeline as read from YAML: stages, their clocks, and what a group may take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from trigsim.base.config import Config

#: Light in silica fibre: refractive index 1.468 (ITU-T G.652, group index at 1310 nm), ns a metre.
FIBRE_NS_PER_M = 4.9


def _three(value: Any) -> Any:
    """Let one number stand for a range without width; strict models take tuples."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return (value,) * 3
    return tuple(value) if isinstance(value, list) else value


def _rising(value: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    if not value[0] <= value[1] <= value[2]:
        raise ValueError("a range is [lowest, expected, highest]; put it in order")
    return value


Cycle = Annotated[int, Field(ge=0, le=1_000_000)]
Time = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
#: One number, or [lowest, expected, highest].
CycleRange = Annotated[tuple[Cycle, Cycle, Cycle], BeforeValidator(_three), AfterValidator(_rising)]
TimeRange = Annotated[tuple[Time, Time, Time], BeforeValidator(_three), AfterValidator(_rising)]


class Link(Config):
    """A serial link: the last of `bits` arrives after serialisation, fibre, and both transceivers."""

    bits: Annotated[int, Field(ge=1)]
    gbps: Positive
    fibre_m: Time = 0.0
    transceivers_ns: TimeRange = (0.0, 0.0, 0.0)

    @property
    def ns(self) -> tuple[float, float, float]:
        """Lowest, expected and highest latency, ns."""
        fixed = self.bits / self.gbps + FIBRE_NS_PER_M * self.fibre_m
        low, value, high = (fixed + ns for ns in self.transceivers_ns)
        return low, value, high


class Stage(Config):
    """One step of the pipeline.

    Attributes
    ----------
    name : str
        Unique.
    group : str
        Whose budget it counts for.
    after : tuple of str or None
        Stages whose output it waits for; by default the one before, and nothing for the first.
    source : str
        Where its latency comes from, or "assumed".
    clock_mhz : float or None
        Its clock; needed with `cycles` and with ``use: features``.
    cycles, ns, link, use
        Exactly one: clocks, a time without a clock, a serial link, or what is computed: "features" (by their
        cost) or "tagger" (the network's facts, at the firmware's clock).
    factor : range
        On the clocks of what is computed, rounded up: how sure they are.
    """

    name: str
    group: str
    after: tuple[str, ...] | None = None
    source: str
    clock_mhz: Positive | None = None
    cycles: CycleRange | None = None
    ns: TimeRange | None = None
    link: Link | None = None
    use: Literal["features", "tagger"] | None = None
    factor: TimeRange = (1.0, 1.0, 1.0)

    @model_validator(mode="after")
    def _one_latency(self) -> Self:
        if sum(given is not None for given in (self.cycles, self.ns, self.link, self.use)) != 1:
            raise ValueError("give exactly one of cycles, ns, link, use")
        if (self.cycles is not None or self.use == "features") != (self.clock_mhz is not None):
            raise ValueError("clock_mhz goes with cycles or with `use: features`, and only with them")
        if self.use is None and self.factor != (1.0, 1.0, 1.0):
            raise ValueError("factor goes with `use`; give a range of cycles or ns instead")
        return self


class GroupBudget(Config):
    """What a group of stages may take together."""

    ns: Positive
    source: str


class PipelineConfig(Config):
    """A trigger from the collision to the accept.

    Attributes
    ----------
    name : str
        What reports call it.
    budget_ns : float
        What all of it may take.
    budget_source : str
        Who says so.
    synchroniser_cycles : range
        Clocks of the receiving side that a change of clock costs beyond waiting for its next edge.
    synchroniser_source : str
        Where that comes from.
    feature_costs : str
        File with the cost of each feature, relative to this one; see `feature_cost.FeatureCosts`.
    groups : mapping
        Group → budget.
    stages : tuple of Stage
        Each after those that it waits for.
    """

    name: str
    budget_ns: Positive
    budget_source: str
    synchroniser_cycles: CycleRange = (0, 0, 0)
    synchroniser_source: str = "none"
    feature_costs: str | None = None
    groups: Mapping[str, GroupBudget] = Field(default_factory=dict)
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _stages_fit(self) -> Self:
        seen: list[str] = []
        for stage in self.stages:
            if stage.name in seen:
                raise ValueError(f"stage '{stage.name}' is there twice; rename one")
            for name in stage.after or ():
                if name not in seen:
                    raise ValueError(f"stage '{stage.name}' waits for '{name}', which is not before it")
            seen.append(stage.name)
        known = {stage.group for stage in self.stages}
        for group in self.groups:
            if group not in known:
                raise ValueError(f"group '{group}' has a budget but no stage; it would be one of {sorted(known)}")
        if self.uses("features") and self.feature_costs is None:
            raise ValueError("a stage computes features; name their costs with feature_costs")
        return self

    def uses(self, what: str) -> bool:
        """Whether a stage computes `what`, "features" or "tagger"."""
        return any(stage.use == what for stage in self.stages)
