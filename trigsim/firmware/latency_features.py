"""What a feature costs in clocks: chains of arithmetic steps, side by side or one after another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.firmware.latency_config import CycleRange
from trigsim.tagger.features import NAMES

Three = tuple[int, int, int]


class Step(Config):
    """One arithmetic step of the pipeline and its clocks."""

    cycles: CycleRange
    source: str


class Unit(Config):
    """Steps that give some features, after the steps of another unit."""

    name: str
    after: str | None = None
    steps: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


class FeatureCosts(Config):
    """How the 39 features are computed.

    Attributes
    ----------
    arrangement : "parallel" or "serial"
        Whether units work side by side, each as soon as what it needs is there, or one after another.
    steps : mapping
        Name → clocks.
    units : tuple of Unit
        Every feature in exactly one; each unit after what it needs.
    """

    arrangement: Literal["parallel", "serial"] = "parallel"
    steps: Mapping[str, Step]
    units: Annotated[tuple[Unit, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        seen: set[str] = set()
        given: list[str] = []
        for unit in self.units:
            if unit.name in seen:
                raise ValueError(f"unit '{unit.name}' is there twice; rename one")
            if unit.after is not None and unit.after not in seen:
                raise ValueError(f"unit '{unit.name}' comes after '{unit.after}', which is not before it")
            for step in unit.steps:
                if step not in self.steps:
                    raise ValueError(f"unit '{unit.name}' takes step '{step}', which has no cycles; add it")
            seen.add(unit.name)
            given += unit.features
        for name in (*given, *NAMES):
            if name not in NAMES or given.count(name) != 1:
                raise ValueError(f"feature '{name}' is in {given.count(name)} units; each of the 39 goes into one")
        return self

    def cycles(self, features: Collection[str], arrangement: str | None = None) -> Three:
        """Return lowest, expected and highest clocks until all of `features` are there.

        Parameters
        ----------
        features : collection of str
            Names of features; no others are computed.
        arrangement : "parallel" or "serial", optional
            In place of the configured one.

        Raises
        ------
        InputError
            If a feature is unknown.
        """
        for name in features:
            if name not in NAMES:
                raise InputError(f"no feature is called '{name}'; the features are {', '.join(NAMES)}")
        chosen = arrangement or self.arrangement
        low, value, high = (self._clocks(features, chosen, which) for which in range(3))
        return low, value, high

    def _clocks(self, features: Collection[str], arrangement: str, which: int) -> int:
        done: dict[str, int] = {}
        needed = self._needed(features)
        for unit in self.units:
            own = sum(self.steps[step].cycles[which] for step in unit.steps)
            done[unit.name] = own + (done[unit.after] if unit.after and arrangement == "parallel" else 0)
        clocks = [done[name] for name in needed]
        return max(clocks, default=0) if arrangement == "parallel" else sum(clocks)

    def _needed(self, features: Collection[str]) -> set[str]:
        """Return the units that give any of `features`, and those that these need."""
        wanted: set[str] = set()
        for unit in reversed(self.units):
            if unit.name in wanted or any(name in features for name in unit.features):
                wanted.add(unit.name)
                if unit.after is not None:
                    wanted.add(unit.after)
        return wanted
