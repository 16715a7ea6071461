"""What a firmware build may be asked for, as read from YAML."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.firmware.parts import part
from trigsim.numeric.fixed import FixedFormat


def _known_part(text: str) -> str:
    try:
        part(text)
    except InputError as failure:
        raise ValueError(failure.problem) from None
    return text


def _accumulator(text: str) -> str:
    if text == "exact":
        return text
    try:
        return str(FixedFormat.parse(text))
    except InputError as failure:
        raise ValueError(f"{failure.problem}; or write exact") from None


class FirmwareConfig(Config):
    """A target and how the network is built for it."""

    backend: Literal["Vitis", "Vivado"] = "Vitis"
    part: Annotated[str, AfterValidator(_known_part)] = "xcvu13p-flga2577-2-e"
    clock_ns: Annotated[float, Field(gt=0.5, le=100)] = 3.125
    #: What the tagger may take in the trigger; the share is reported.
    latency_budget_ns: Annotated[float, Field(gt=0)] = 250.0
    strategy: Literal["Latency", "Resource", "distributed_arithmetic"] = "Latency"
    reuse_factor: Annotated[int, Field(ge=1)] = 1
    io: Literal["io_parallel", "io_stream"] = "io_parallel"
    #: "exact", or one format for all accumulators.
    accumulators: Annotated[str, AfterValidator(_accumulator)] = "exact"
    #: Delay of one adder level with its routing, by which the RTL is cut into stages. Assumed.
    level_ns: Annotated[float, Field(gt=0.05, le=10)] = 1.0

    @model_validator(mode="after")
    def _consistent(self) -> FirmwareConfig:
        if self.strategy == "distributed_arithmetic" and self.reuse_factor != 1:
            raise ValueError("distributed_arithmetic shares nothing in time; set reuse_factor to 1")
        if self.level_ns > self.clock_ns:
            raise ValueError(
                f"a level of {self.level_ns} ns does not fit a clock of {self.clock_ns} ns; slow the clock"
            )
        return self
