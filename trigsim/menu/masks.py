"""Numbers the fields, cuts and masks of a menu; equal ones once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from trigsim.base.errors import InputError
from trigsim.menu import layout as at
from trigsim.menu.legs import Intervals, ResolvedLeg, field_scale
from trigsim.menu.scales import ScaleSet

Union = tuple[ResolvedLeg, ...]
#: A cut: object, BX offset, field, intervals that pass.
Atom = tuple[str, int, str, Intervals]
_INT32 = (-(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True, slots=True)
class Coding:
    """How the numbers of a field become 16-bit codes.

    Attributes
    ----------
    low, high : int
        Numbers that the data may hold.
    bounds : int64 array
        Empty: the code is the number minus `low`. Else, for fields that are wider than a code, how many of these
        sorted numbers are at most the number.
    """

    low: int
    high: int
    bounds: at.Int64

    def code(self, number: int) -> int:
        """Return the code of a number of the field."""
        return int(np.searchsorted(self.bounds, number, side="right")) if len(self.bounds) else number - self.low

    def interval(self, first: int, last: int) -> tuple[int, int]:
        """Return the codes of the numbers first..last; (1, 0), which nothing lies in, if the field has none."""
        first, last = max(first, self.low), min(last, self.high)
        return (self.code(first), self.code(last)) if first <= last else (1, 0)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields that a menu looks at, numbered.

    Attributes
    ----------
    scales : ScaleSet
        Their scales.
    numbers : dict of (object, field) to int
        Grows as fields are asked for.
    """

    scales: ScaleSet
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def number(self, kind: str, name: str) -> int:
        """Return the number of a field, new ones at the end."""
        return self.numbers.setdefault((kind, name), len(self.numbers))

    def range(self, kind: str, name: str) -> tuple[int, int]:
        """Return the smallest and largest number that the data may hold."""
        if kind not in self.scales.objects:
            return _INT32
        scale = field_scale(self.scales.objects[kind], name)
        low, high = scale.numbers
        return low, scale.bins - 1 if scale.bins else min(high, _INT32[1])

    def narrow(self, kind: str, name: str) -> int:
        """Return the number of a field that pairs look at; its lowest number is taken from each code.

        Raises
        ------
        InputError
            If it has more numbers than codes.
        """
        low, high = self.range(kind, name)
        if high - low >= at.CODES:
            raise InputError(f"cuts on pairs need {name} of {kind} in 16 bits; it holds {low}..{high}")
        return self.number(kind, name)


@dataclass(frozen=True, slots=True)
class Masks:
    """Masks of a menu, numbered: atoms by lane, then joined ones.

    Attributes
    ----------
    lanes : dict of (object, BX offset, field) to its atoms
        In the order of their numbers.
    codings : dict of (object, field) to Coding
        Of the fields of lanes.
    joined : list of (by, masks)
        1 for AND, 0 for OR, and the numbers of what is joined.
    rows : dict of union of legs to mask
        A leg alone is a union of one.
    """

    lanes: dict[tuple[str, int, str], list[Intervals]]
    codings: dict[tuple[str, str], Coding]
    joined: list[tuple[int, tuple[int, ...]]]
    rows: dict[Union, int]


def number_masks(fields: Fields, unions: Iterable[Union]) -> Masks:
    """Return the masks of the given unions of legs and of all that they are made of."""
    asked = list(dict.fromkeys(unions))
    legs = dict.fromkeys(leg for union in asked for leg in union)
    lanes: dict[tuple[str, int, str], list[Intervals]] = {}
    for leg in legs:
        for name, intervals in leg.passes:
            fields.number(leg.object, name)
            cuts = lanes.setdefault((leg.object, leg.bx, name), [])
            if intervals not in cuts:
                cuts.append(intervals)
    codings = _codings(fields, lanes)
    places = [(lane, intervals) for lane, cuts in lanes.items() for intervals in cuts]
    atoms = {place: i for i, place in enumerate(places)}
    joined: dict[tuple[int, tuple[int, ...]], int] = {}

    def join(by: int, masks: Iterable[int]) -> int:
        parts = tuple(sorted(set(masks)))
        return parts[0] if len(parts) == 1 else joined.setdefault((by, parts), len(atoms) + len(joined))

    def alone(leg: ResolvedLeg) -> int:
        own = {name: atoms[(leg.object, leg.bx, name), cut] for name, cut in leg.passes}
        # Legs often differ in their threshold only: what else they ask for is joined once.
        rest = [mask for name, mask in own.items() if name != "pt"]
        return join(1, [join(1, rest), own["pt"]] if rest and "pt" in own else own.values())

    masks = {leg: alone(leg) for leg in legs}
    rows = {union: join(0, (masks[leg] for leg in union)) for union in asked}
    return Masks(lanes, codings, list(joined), rows)


def _codings(fields: Fields, lanes: dict[tuple[str, int, str], list[Intervals]]) -> dict[tuple[str, str], Coding]:
    edges: dict[tuple[str, str], set[int]] = {}
    for (kind, _, name), cuts in lanes.items():
        found = edges.setdefault((kind, name), set())
        found |= {edge for cut in cuts for low, high in cut for edge in (low, high + 1)}
    codings = {}
    for (kind, name), found in edges.items():
        low, high = fields.range(kind, name)
        wide = high - low >= at.CODES
        # A field without bounds still has them, so that it is known to be wide.
        bounds = sorted(edge for edge in found if low < edge <= high) or [high]
        codings[kind, name] = Coding(low, high, np.array(bounds if wide else [], dtype=np.int64))
    return codings
