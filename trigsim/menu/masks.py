"""Numbers the lanes, cuts and masks of a menu; equal ones once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from trigsim.base.errors import InputError
from trigsim.menu import layout as at
from trigsim.menu.legs import Intervals, ResolvedLeg, field_scale
from trigsim.menu.scales import ScaleSet

Union = tuple[ResolvedLeg, ...]
_INT32 = (-(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True, slots=True)
class Lanes:
    """The fields that a menu looks at, each at a BX offset, numbered.

    Attributes
    ----------
    scales : ScaleSet
        Scales of the fields.
    numbers : dict of (object, field, BX offset) to int
        Grows as lanes are asked for.
    """

    scales: ScaleSet
    numbers: dict[tuple[str, str, int], int] = field(default_factory=dict)

    def number(self, kind: str, name: str, bx: int) -> int:
        """Return the number of a lane, new ones at the end."""
        return self.numbers.setdefault((kind, name, bx), len(self.numbers))

    def range(self, kind: str, name: str) -> tuple[int, int]:
        """Return the smallest and largest number that the data may hold."""
        if kind not in self.scales.objects:
            return _INT32
        scale = field_scale(self.scales.objects[kind], name)
        low, high = scale.numbers
        return low, scale.bins - 1 if scale.bins else min(high, _INT32[1])

    def narrow(self, kind: str, name: str, bx: int) -> int:
        """Return the number of a lane that pairs look at.

        Raises
        ------
        InputError
            If its field has more numbers than tables have places.
        """
        low, high = self.range(kind, name)
        if high - low >= at.MOST_NUMBERS:
            raise InputError(f"cuts on pairs need {name} of {kind} in 16 bits; it holds {low}..{high}")
        return self.number(kind, name, bx)


@dataclass(frozen=True, slots=True)
class Masks:
    """Masks of a menu, numbered: atoms by lane, then joined ones.

    Attributes
    ----------
    cuts : list of lists of intervals
        The atoms of each of the first lanes, without numbers that the data cannot hold.
    lanes : list of int
        A lane of each mask: of what objects, in which crossing, its slots are.
    joined : list of (by, masks)
        1 for AND, 0 for OR, and the numbers of what is joined.
    rows : dict of union of legs to mask
        A leg alone is a union of one.
    """

    cuts: list[list[Intervals]]
    lanes: list[int]
    joined: list[tuple[int, tuple[int, ...]]]
    rows: dict[Union, int]


def number_masks(lanes: Lanes, unions: Iterable[Union]) -> Masks:
    """Return the masks of the given unions of legs and of all that they are made of; `lanes` must have none yet."""
    asked = list(dict.fromkeys(unions))
    legs = dict.fromkeys(leg for union in asked for leg in union)
    cuts: list[list[Intervals]] = []
    for leg in legs:
        for name, intervals in leg.passes:
            lane = lanes.number(leg.object, name, leg.bx)
            cuts += [[]] * (lane + 1 - len(cuts))
            if intervals not in cuts[lane]:
                cuts[lane] = [*cuts[lane], intervals]
    places = [(lane, intervals) for lane, own in enumerate(cuts) for intervals in own]
    atoms = {place: i for i, place in enumerate(places)}
    joined: dict[tuple[int, tuple[int, ...]], int] = {}

    def join(by: int, masks: Iterable[int]) -> int:
        parts = tuple(sorted(set(masks)))
        return parts[0] if len(parts) == 1 else joined.setdefault((by, parts), len(atoms) + len(joined))

    def alone(leg: ResolvedLeg) -> int:
        own = {name: atoms[lanes.number(leg.object, name, leg.bx), cut] for name, cut in leg.passes}
        # Legs often differ in their threshold only: what else they ask for is joined once.
        rest = [mask for name, mask in own.items() if name != "pt"]
        return join(1, [join(1, rest), own["pt"]] if rest and "pt" in own else own.values())

    masks = {leg: alone(leg) for leg in legs}
    rows = {union: join(0, (masks[leg] for leg in union)) for union in asked}
    of = [lane for lane, _ in places]
    for _, parts in joined:
        of.append(of[parts[0]])
    names = list(lanes.numbers)
    held = [[_within(cut, lanes.range(*names[lane][:2])) for cut in own] for lane, own in enumerate(cuts)]
    return Masks(held, of, list(joined), rows)


def _within(intervals: Intervals, held: tuple[int, int]) -> Intervals:
    """Return what of the intervals the data can hold."""
    cut = ((max(low, held[0]), min(high, held[1])) for low, high in intervals)
    return tuple((low, high) for low, high in cut if low <= high)
