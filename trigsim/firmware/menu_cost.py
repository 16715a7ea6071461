"""What the algorithms of a menu take of an FPGA: operators counted, each as Yosys mapped it, and summed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from trigsim.base.config import Config, load
from trigsim.base.errors import InputError
from trigsim.base.shipped import shipped
from trigsim.firmware.menu_design import MenuDesign
from trigsim.firmware.menu_operators import OperatorCounter, Use
from trigsim.firmware.parts import Part

DEFAULT_OPERATORS = shipped("firmware") / "menu_operators.yaml"
#: Operator → its number of sizes; LUT and DSP follow them in a row.
SIZES = {"compare": 1, "add": 1, "distance": 1, "turn": 1, "multiply": 2, "any": 1, "different": 2}
TABLES = ("delta", "cos", "sin", "cosh", "pt")
#: Inputs of a look-up table, by which comparisons with constants and the algorithms' and, or, not are counted.
LUT_INPUTS = 6


class Operators(Config):
    """What operators take, as measured: rows of sizes, LUT, DSP."""

    source: str
    operators: dict[str, Annotated[tuple[tuple[float, ...], ...], Field(min_length=1)]]

    @model_validator(mode="after")
    def _complete(self) -> Operators:
        for name, sizes in {**SIZES, **dict.fromkeys(TABLES, 1)}.items():
            rows = self.operators.get(name, ())
            if not rows or any(len(row) != sizes + 2 for row in rows):
                raise ValueError(f"'{name}' needs rows of {sizes + 2} numbers: sizes, LUT, DSP")
        return self

    def cost(self, use: Use) -> tuple[float, float]:
        """Return LUT and DSP of all of a use, by the smallest measured operator that is large enough.

        Raises
        ------
        InputError
            If none is.
        """
        if use.operator == "logic":
            return chained(use.sizes[0]) * use.count, 0.0
        n = len(use.sizes)
        asked = sorted(use.sizes) if use.operator == "multiply" else use.sizes
        rows = [r for r in self.operators[use.operator] if all(a <= s for a, s in zip(asked, r[:n], strict=True))]
        if not rows:
            raise InputError(f"no {use.operator} of size {' x '.join(map(str, use.sizes))} was measured")
        row = min(rows, key=lambda r: r[:n])
        return row[n] * use.count, row[n + 1] * use.count


@dataclass(frozen=True, slots=True)
class Cost:
    """LUT and DSP slices."""

    lut: float
    dsp: float

    def as_dict(self, part: Part) -> dict[str, Any]:
        """Return a JSON-ready mapping with shares of a part."""
        return {"lut": self.lut, "dsp": self.dsp, "shares": part.share({"lut": self.lut, "dsp": self.dsp})}


@dataclass(frozen=True, slots=True)
class MenuCost:
    """What a menu takes.

    Attributes
    ----------
    algorithms : mapping
        Name → what it takes alone.
    together : Cost
        All of them, the logic that several share counted once.
    unknown : mapping
        Name → why there is no figure.
    source : str
    """

    algorithms: Mapping[str, Cost]
    together: Cost
    unknown: Mapping[str, str]
    source: str

    def as_dict(self, part: Part) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "part": part.name,
            "source": self.source,
            "together": self.together.as_dict(part),
            "algorithms": {name: cost.as_dict(part) for name, cost in self.algorithms.items()},
            "unknown": dict(self.unknown),
        }


def chained(inputs: int) -> float:
    """Return the look-up tables of a chain over so many inputs: each takes the one before it and five more."""
    return max(0, inputs - 1) / (LUT_INPUTS - 1)


@lru_cache(maxsize=4)
def operators(file: Path = DEFAULT_OPERATORS) -> Operators:
    """Return the measured operators of a file."""
    return load(file, Operators)


def menu_cost(made: MenuDesign, measured: Operators | None = None) -> MenuCost:
    """Return what the algorithms of a menu take, alone and together.

    Everything is unrolled, one crossing a clock: an operator for each slot, pair or triple. Registers, and what the
    tools would find to simplify between operators, are not counted.
    """
    measured = measured or operators()
    counter = OperatorCounter(made)
    parts = {condition: dict(_largest(counter.parts(condition))) for condition in made.names}
    every: dict[Hashable, Use] = {}
    found, unknown, expressions = {}, {}, 0.0
    for name, program in made.programs.items():
        uses = dict(_largest(item for p in program if not isinstance(p, str) for item in parts[p].items()))
        try:
            lut, dsp = _sum(uses.values(), measured)
        except InputError as failure:
            unknown[name] = failure.problem
            continue
        logic = chained(len(program))
        expressions += logic
        found[name] = Cost(round(lut + logic, 1), dsp)
        every = dict(_largest([*every.items(), *uses.items()]))
    lut, dsp = _sum(every.values(), measured)
    source = f"operators counted and summed, without registers, an estimate; each operator alone: {measured.source}"
    return MenuCost(found, Cost(round(lut + expressions, 1), dsp), unknown, source)


def _largest(items: Iterable[tuple[Hashable, Use]]) -> Iterable[tuple[Hashable, Use]]:
    """Return each key once, with the use that is there most often."""
    kept: dict[Hashable, Use] = {}
    for key, use in items:
        before = kept.get(key)
        if before is None or use.count > before.count:
            kept[key] = use
    return kept.items()


def _sum(uses: Iterable[Use], measured: Operators) -> tuple[float, float]:
    costs = [measured.cost(use) for use in uses if use.count]
    return sum(lut for lut, _ in costs), sum(dsp for _, dsp in costs)
