"""The timeline of a trigger: stages, groups, and the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trigsim.numeric.intervals import Estimate


@dataclass(frozen=True, slots=True)
class TaggerFacts:
    """What the pipeline needs to know of a network.

    Attributes
    ----------
    name : str
        Of the model.
    features : tuple of str
        What it reads.
    cycles : int
        Clocks from its inputs to its score.
    clock_ns : float
        Its clock.
    source : str
        Where the clocks come from.
    """

    name: str
    features: tuple[str, ...]
    cycles: int
    clock_ns: float
    source: str


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage on the timeline; ranges are [lowest, expected, highest], not standard deviations.

    Attributes
    ----------
    name, group, source : str
        As configured; the tagger's source is that of its clocks.
    start, end : Estimate
        ns after the collision, a change of clock before `start`.
    waits : Estimate
        ns between the last input and `start`: the change of clock.
    cycles : int or None
        Expected clocks, where it has a clock.
    clock_mhz : float or None
        Its clock.
    critical : bool
        Whether a later end of it would make the trigger later (at expected times).
    """

    name: str
    group: str
    source: str
    start: Estimate
    end: Estimate
    waits: Estimate
    cycles: int | None
    clock_mhz: float | None
    critical: bool

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "group": self.group,
            "start": self.start.as_dict(),
            "end": self.end.as_dict(),
            "clock_change": self.waits.as_dict(),
            "cycles": self.cycles,
            "clock_mhz": self.clock_mhz,
            "critical": self.critical,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class GroupTime:
    """What a group takes, from when its first stage has its inputs to its last end, ns.

    Attributes
    ----------
    time : Estimate
        [lowest, expected, highest].
    budget_ns : float or None
        What it may take; None if nothing is said.
    source : str
        Who says so.
    """

    time: Estimate
    budget_ns: float | None
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        share = None if self.budget_ns is None else self.time.value / self.budget_ns
        return {"time": self.time.as_dict(), "budget_ns": self.budget_ns, "share": share, "source": self.source}


@dataclass(frozen=True, slots=True)
class Latency:
    """A scheduled pipeline.

    Attributes
    ----------
    name : str
        Of the pipeline.
    tagger : str or None
        Of the network in it.
    stages : tuple of StageTime
        As configured.
    total : Estimate
        From the collision to the last end, ns.
    budget_ns, budget_source : float, str
        What it may take, and who says so.
    groups : mapping of str to GroupTime
        In the order of the stages.
    """

    name: str
    tagger: str | None
    stages: tuple[StageTime, ...]
    total: Estimate
    budget_ns: float
    budget_source: str
    groups: Mapping[str, GroupTime]

    @property
    def share(self) -> Estimate:
        """Total over budget."""
        total, budget = self.total, self.budget_ns
        return Estimate(total.value / budget, total.low / budget, total.high / budget)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "tagger": self.tagger,
            "ranges": "low and high are the ends of the stated or assumed ranges, all at once",
            "total": self.total.as_dict(),
            "budget_ns": self.budget_ns,
            "budget_source": self.budget_source,
            "budget_share": self.share.as_dict(),
            "groups": {group: time.as_dict() for group, time in self.groups.items()},
            "stages": [stage.as_dict() for stage in self.stages],
        }
