"""Latency and FPGA resources of a model, each figure with where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.parts import part
from trigsim.firmware.trace import combinational, levels, pipeline
from trigsim.tagger.model import Model


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, its unit, and where it came from ("… an estimate" if it is one).

    Attributes
    ----------
    value : float or None
        None where the source says nothing.
    unit : str
    source : str
    """

    value: float | None
    unit: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {"value": self.value, "unit": self.unit, "source": self.source}


@dataclass(frozen=True, slots=True)
class Resources:
    """What one design costs on one part, from one source.

    Attributes
    ----------
    part : str
        Device.
    clock_ns : float
    figures : mapping
        "cycles", "ns", "interval" (clocks between inputs), "lut", "ff", "dsp", "bram" → Figure.
    shares : mapping
        "lut", "ff", "dsp", "bram" → fraction of the part, "latency" → fraction of the latency budget.
    """

    part: str
    clock_ns: float
    figures: Mapping[str, Figure]
    shares: Mapping[str, float | None]

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "part": self.part,
            "part_source": part(self.part).source,
            "clock_ns": self.clock_ns,
            "figures": {name: figure.as_dict() for name, figure in self.figures.items()},
            "shares": dict(self.shares),
        }


def tabulate(values: Mapping[str, float | None], source: str, config: FirmwareConfig) -> Resources:
    """Return figures of one source with their shares of the part and of the latency budget.

    Parameters
    ----------
    values : mapping
        Any of "cycles", "ns", "interval", "lut", "ff", "dsp", "bram", "slack"; "ns" follows from "cycles".
    source : str
    config : FirmwareConfig
    """
    found = dict(values)
    cycles = found.get("cycles")
    if found.get("ns") is None and cycles is not None:
        found["ns"] = cycles * config.clock_ns
    units = {"cycles": "clocks", "ns": "ns", "slack": "ns", "interval": "clocks"}
    figures = {name: Figure(value, units.get(name, name.upper()), source) for name, value in found.items()}
    shares = part(config.part).share(found)
    ns = found.get("ns")
    shares["latency"] = None if ns is None else ns / config.latency_budget_ns
    return Resources(part(config.part).name, config.clock_ns, figures, shares)


def estimate(model: Model, config: FirmwareConfig | None = None) -> Resources:
    """Return the latency and resources of the fully pipelined RTL by da4ml's delay and cost model.

    No DSP and no block RAM is used: all products are shifts and adds.

    Raises
    ------
    InputError
        Without da4ml.
    """
    config = config or FirmwareConfig()
    logic = combinational(model)
    stages = pipeline(logic, config)
    source = (
        f"da4ml {version('da4ml')} cost model, an estimate; {levels(config)} adder levels a clock "
        f"at {config.level_ns:g} ns each, assumed"
    )
    values = {
        "cycles": float(len(stages.solutions)),
        "interval": 1.0,
        "lut": float(round(stages.cost)),
        "ff": float(stages.reg_bits),
        "dsp": 0.0,
        "bram": 0.0,
    }
    return tabulate(values, source, config)
