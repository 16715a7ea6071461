"""What a walk over real orbits is told, as read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.stream.deadtime import DeadTimeConfig

Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Timing(Config):
    """How often an object is assigned to the crossing before its own (pre-firing) or after it."""

    early: Probability = 0.0
    late: Probability = 0.0
    source: str

    @model_validator(mode="after")
    def _at_most_one(self) -> Self:
        if self.early + self.late > 1:
            raise ValueError("early and late together exceed 1; lower them")
        return self


class TrainConfig(Config):
    """A filling scheme, what is read out of time, and what blocks the read-out.

    Attributes
    ----------
    name : str
        What reports call it.
    scheme : str
        Filling scheme (JSON), relative to this file; see `filling.read_filling`.
    dead_time : DeadTimeConfig
        Rules, buckets and buffers.
    timing : mapping
        Object kind → probabilities of the wrong crossing. Sums stay in the crossing whose energy they add.
    single_beam_collisions : float
        Mean number of soft collisions (beam with gas or halo) where one bunch passes alone. Assumed.
    """

    name: str
    scheme: str
    dead_time: DeadTimeConfig
    timing: Mapping[Literal["JET", "FATJET", "EG", "MU"], Timing] = Field(default_factory=dict)
    single_beam_collisions: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] = 0.0
