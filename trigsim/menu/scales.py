"""Scale sets: what each hardware number of each trigger object means, and how precise pair quantities are.

A scale set is data (`configs/scales/*.yaml`): one engine serves CMS Run 2, CMS Run 3 and Phase-2-like objects.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from trigsim.base.config import Config, load
from trigsim.base.errors import InputError
from trigsim.base.shipped import shipped

#: Tolerance on the edges of bins, in the unit of the quantity.
TOLERANCE = 1e-9
SHIPPED = shipped("scales")

Decimals = Annotated[int, Field(ge=0, le=6)]
SignalBit = Annotated[int, Field(ge=0, lt=256)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
#: A field with bins has at most this many bits: its edges are written out.
MAX_BIN_BITS = 20


class FieldScale(Config):
    """The meaning of one integer field: number i covers ``start + i*lsb .. start + (i+1)*lsb``.

    Plain integers (isolation, quality, …) have `bits` only. A periodic angle gives `bins`, its number over 2 pi.
    """

    bits: Annotated[int, Field(ge=1, le=32, description="Width, sign bit included.")]
    signed: Annotated[bool, Field(description="Two's complement.")] = False
    lsb: Annotated[Finite | None, Field(gt=0, description="Width of a bin, GeV or 1.")] = None
    start: Annotated[Finite, Field(description="Lower edge of number 0.")] = 0.0
    limit: Annotated[Finite | None, Field(gt=0, description="Outermost edges are cut to ±limit.")] = None
    bins: Annotated[int | None, Field(gt=1, description="Bins of a periodic angle over 2 pi.")] = None
    edges: Annotated[tuple[Finite, ...] | None, Field(description="Edges of bins that are not regular.")] = None
    first: Annotated[int, Field(description="Number of the first bin of `edges`.")] = 0

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if sum(form is not None for form in (self.lsb, self.bins, self.edges)) > 1:
            raise ValueError("give one of lsb, bins, edges")
        if self.edges is not None and (len(self.edges) < 2 or bool(np.any(np.diff(self.edges) <= 0))):
            raise ValueError("edges must be at least two and increase")
        if self.bits > MAX_BIN_BITS and self.step is not None:
            raise ValueError(f"a field with bins has at most {MAX_BIN_BITS} bits")
        if self.bins is not None and self.bins > 1 << self.bits:
            raise ValueError(f"{self.bins} bins do not fit {self.bits} bits")
        return self

    @property
    def numbers(self) -> tuple[int, int]:
        """Smallest and largest integer of the field."""
        if self.signed:
            return -(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1
        return 0, (1 << self.bits) - 1

    @property
    def step(self) -> float | None:
        """Width of a bin; None for plain integers and irregular bins."""
        return 2 * math.pi / self.bins if self.bins else self.lsb

    def bin_edges(self) -> tuple[int, NDArray[np.float64]]:
        """Return the number of the first bin and all edges, without the overflow numbers above the range.

        Raises
        ------
        ValueError
            For plain integers, which have no edges.
        """
        if self.edges is not None:
            return self.first, np.asarray(self.edges, dtype=np.float64)
        step = self.step
        if step is None:
            raise ValueError("plain integers have no edges")
        low, high = self.numbers
        if self.bins:
            return 0, self.start + np.arange(self.bins + 1, dtype=np.float64) * step
        if self.limit is not None:
            low = max(low, math.floor((-self.limit - self.start) / step + TOLERANCE))
            high = min(high, math.ceil((self.limit - self.start) / step - TOLERANCE) - 1)
        edges: NDArray[np.float64] = self.start + np.arange(low, high + 2, dtype=np.float64) * step
        if self.limit is not None:
            np.clip(edges, -self.limit, self.limit, out=edges)
        return low, edges

    def centre(self, number: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return bin centres; beyond irregular bins the last width goes on."""
        if self.edges is None:
            if self.step is None:
                return np.asarray(number, dtype=np.float64)
            return np.asarray(self.start + (np.asarray(number) + 0.5) * self.step, dtype=np.float64)
        edges = np.asarray(self.edges)
        middle = (edges[1:] + edges[:-1]) / 2
        index = np.asarray(number) - self.first
        inside = middle[np.clip(index, 0, len(middle) - 1)]
        above = np.maximum(index - (len(middle) - 1), 0) * (edges[-1] - edges[-2])
        return np.asarray(inside + above, dtype=np.float64)


class ObjectScales(Config):
    """One kind of trigger object: its fields, and whether taggers add `score_<model>` fields to it."""

    fields: Annotated[dict[str, FieldScale], Field(min_length=1)]
    tagger_scores: bool = False


class Precision(Config):
    """Decimals of the tables of a pair; what is not given is taken from the set's default."""

    delta: Annotated[Decimals | None, Field(description="Of delta eta, delta phi.")] = None
    math: Annotated[Decimals | None, Field(description="Of cosh and cos.")] = None
    mass: Annotated[Decimals | None, Field(description="Of limits on half the squared mass.")] = None
    mass_pt: Annotated[Decimals | None, Field(description="Of the pt table, GeV.")] = None
    pair_pt: Annotated[Decimals | None, Field(description="Of limits on the squared pt of a pair.")] = None
    pair_pt_math: Annotated[Decimals | None, Field(description="Of cos and sin of phi.")] = None


class PairPrecision(Config):
    """Precision with nothing left open."""

    delta: Decimals = 3
    math: Decimals = 3
    mass: Decimals = 1
    mass_pt: Decimals = 1
    pair_pt: Decimals = 1
    pair_pt_math: Decimals = 3


class ScaleSet(Config):
    """All scales of one trigger.

    `precision` maps pairs "A-B", in either order, and "A-*", to decimals; "A-B" wins over "A-*".
    """

    name: str
    objects: Annotated[dict[str, ObjectScales], Field(min_length=1)]
    precision: dict[str, Precision] = Field(default_factory=dict, description="Pair → decimals.")
    externals: dict[str, SignalBit] = Field(default_factory=dict, description="External signal → bit.")

    @model_validator(mode="after")
    def _known_pairs(self) -> Self:
        for pair in self.precision:
            one, _, other = pair.partition("-")
            if one not in self.objects or (other != "*" and other not in self.objects):
                raise ValueError(f"precision '{pair}' names an object that the set lacks")
        return self

    def pair_precision(self, one: str, other: str) -> PairPrecision:
        """Return the decimals of the pair."""
        found: dict[str, int] = {}
        for key in (f"{other}-*", f"{one}-*", f"{other}-{one}", f"{one}-{other}"):
            if key in self.precision:
                found |= self.precision[key].model_dump(exclude_none=True)
        if "math" in found:
            found.setdefault("pair_pt_math", found["math"])
        return PairPrecision(**found)


def load_scales(name: str, beside: Path | None = None) -> ScaleSet:
    """Return a scale set by shipped name ("phase2") or path.

    Parameters
    ----------
    name : str
        Name of a file in `configs/scales`, or a path ending in .yaml.
    beside : path, optional
        Folder that relative paths start from.
    """
    if name.endswith((".yaml", ".yml")):
        return load((beside or Path()) / name, ScaleSet)
    path = SHIPPED / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.yaml")))
        raise InputError(f"no scale set '{name}'; there are {known}, or give a path ending in .yaml")
    return load(path, ScaleSet)
