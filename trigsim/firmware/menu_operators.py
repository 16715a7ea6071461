"""The operators that the conditions of a menu's firmware are made of, counted: comparators, tables, multipliers."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from trigsim.firmware.menu_conditions import ConditionWriter, all_legs, same_view
from trigsim.firmware.menu_design import MenuDesign
from trigsim.firmware.menu_pairs import Correlation, linear, width_of
from trigsim.firmware.menu_words import is_network, numbers_of
from trigsim.menu.conditions import PairCuts, ResolvedCondition
from trigsim.menu.legs import ResolvedLeg, field_scale
from trigsim.menu.luts import CommonUnit, Table, common_unit, cos_table, cosh_table, delta_table, pt_table
from trigsim.menu.scales import FieldScale

#: An object as a condition sees it: kind and crossing.
View = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Use:
    """An operator of `configs/firmware/menu_operators.yaml`, its sizes, and how many of it (values, of a table).

    "logic" is any function of so many bits that look-up tables compute in a chain: comparisons with constants, and
    what combines them. It is not measured.
    """

    operator: str
    sizes: tuple[int, ...]
    count: int


#: What is computed, and its operator. Equal keys are the same logic, which is there once.
Part = tuple[Hashable, Use]


class OperatorCounter:
    """Counts what the C++ of `ConditionWriter` computes, every slot and every pair side by side.

    Parameters
    ----------
    made : MenuDesign
    """

    def __init__(self, made: MenuDesign) -> None:
        self.scales = made.menu.scales
        self.slots = {word.kind: word.slots for word in made.words}
        self.writer = ConditionWriter(made.menu.scales, made.names, made.compiled.reach[0])

    def parts(self, condition: ResolvedCondition) -> Iterator[Part]:
        """Yield the operators of a condition, those that others may share with it included."""
        for leg in all_legs(condition):
            yield from self._leg(leg)
        for cuts in (*condition.pairs, *condition.overlaps):
            yield from self._cuts(condition, cuts)
        if condition.legs:
            yield from self._choice(condition)

    def _leg(self, leg: ResolvedLeg) -> Iterator[Part]:
        inputs = 0
        for field, intervals in leg.passes:
            scale = None if is_network(leg.object) else field_scale(self.scales.objects[leg.object], field)
            low, high = numbers_of(scale) if scale else (-(1 << 31), (1 << 31) - 1)
            bits = scale.bits if scale else 32
            for first, last in intervals:
                ends = (v for v, cuts in ((first, first > low), (last + 1, last < high)) if cuts)
                inputs += bits if first == last else sum(_significant(v, bits) for v in ends)
        if inputs:
            yield ("leg", leg), Use("logic", (inputs,), self.slots[leg.object])

    def _pairs(self, one: ResolvedLeg, other: ResolvedLeg) -> int:
        n, m = self.slots[one.object], self.slots[other.object]
        if not same_view(one, other):
            return n * m
        return comb(n, 2) if one == other else n * (n - 1)

    def _cuts(self, condition: ResolvedCondition, cuts: PairCuts) -> Iterator[Part]:
        legs = all_legs(condition)
        one, other = legs[cuts.first], legs[cuts.second]
        pairs = self._pairs(one, other)
        kind = self.writer.pairs[one.object, other.object]
        for quantity, _ in cuts.limits:
            yield from self._quantity(kind, quantity, (one.object, one.bx), (other.object, other.bx), pairs)
        if len(condition.pairs) == 3:
            return  # The sum of the three is compared, not each.
        for cut in self.writer.quantities.cuts(kind, cuts):
            sides = cut.compared.count("=")
            key = (condition, cuts, cut.local)
            if cut.local == "over_dr":
                wide = width_of(self._most(kind, "mass"))
                yield (key, "scaled"), Use("multiply", (wide, wide), sides * pairs)
                yield key, Use("add", (wide,), sides * pairs)
            else:
                yield key, Use("compare", (width_of(self._most(kind, cut.local)),), sides * pairs)

    def _most(self, kind: Correlation, quantity: str) -> int:
        return self.writer.quantities.most[kind.name, "dr" if quantity == "dr2" else quantity]

    def _quantity(self, kind: Correlation, quantity: str, one: View, other: View, pairs: int) -> Iterator[Part]:
        """Yield what one quantity of all pairs takes."""
        if quantity == "mass_over_dr":
            yield from self._quantity(kind, "dr", one, other, pairs)
            yield from self._quantity(kind, "mass", one, other, pairs)
            return
        d, where = kind.precision, (one, other)
        units = {
            axis: common_unit(self._scale(one, axis), self._scale(other, axis), axis)
            for axis, wanted in (
                ("eta", quantity not in ("dphi", "mass_t", "pair_pt")),
                ("phi", quantity != "deta"),
            )
            if wanted
        }
        if quantity == "pair_pt":
            yield from self._pair_pt(kind, units["phi"], one, other, pairs)
            return
        for axis, unit in units.items():
            width = width_of(unit.size) + 1
            yield (axis, where), Use("turn" if axis == "phi" else "distance", (width,), pairs)
            for view, multiply, add in zip(where, unit.multiply, unit.add, strict=True):
                if add or multiply & (multiply - 1):
                    yield (axis, "scaled", view, multiply), Use("add", (width,), self.slots[view[0]])
        if quantity in ("deta", "dphi", "dr"):
            widths = []
            for axis, unit in units.items():
                table = delta_table(unit.step, unit.size, d.delta)
                widths.append(_bits(table))
                yield ("delta", axis, where), _table("delta", table, pairs)
            if quantity == "dr":
                for axis, width in zip(units, widths, strict=True):
                    yield ("square", axis, where), Use("multiply", (width, width), pairs)
                yield ("dr", where), Use("add", (2 * max(widths),), pairs)
            return
        turn = units["phi"]
        cos = cos_table(turn.step, turn.size, d.math)
        yield ("cos", where), _table("cos", cos, pairs)
        rise = cos
        if quantity != "mass_t":
            rise = cosh_table(units["eta"].step, units["eta"].size, d.math)
            yield ("cosh", where), _table("cosh", rise, pairs)
        inner = width_of(int(rise.max()) + 10**d.math)
        yield (quantity, "rise", where), Use("add", (inner,), pairs)
        field = "upt" if quantity == "mass_upt" else "pt"
        widths = []
        for view in where:
            table = pt_table(self._scale(view, field), d.mass_pt)
            widths.append(_bits(table))
            yield from self._centres(view, field, d.mass_pt, table)
        yield (field, "product", where), Use("multiply", (widths[0], widths[1]), pairs)
        yield (quantity, where), Use("multiply", (sum(widths), inner), pairs)

    def _pair_pt(self, kind: Correlation, turn: CommonUnit, one: View, other: View, pairs: int) -> Iterator[Part]:
        d, where = kind.precision, (one, other)
        table = cos_table(turn.step, turn.size, d.pair_pt_math)
        bits, widths = _bits(table), []
        for view in where:
            pt = pt_table(self._scale(view, "pt"), d.mass_pt)
            widths.append(_bits(pt))
            yield from self._centres(view, "pt", d.mass_pt, pt)
            yield ("pt", "square", view), Use("multiply", (widths[-1], widths[-1]), self.slots[view[0]])
            for name in ("cos", "sin"):
                yield (name, view), _table(name, table, self.slots[view[0]])
        yield ("pair_pt", "turned", where), Use("multiply", (bits, bits), 2 * pairs)
        yield ("pt", "product", where), Use("multiply", (widths[0], widths[1]), pairs)
        yield ("pair_pt", "product", where), Use("multiply", (sum(widths), 2 * bits), pairs)
        yield ("pair_pt", "sum", where), Use("add", (2 * max(widths) + 2 * bits,), 3 * pairs)

    def _centres(self, view: View, field: str, decimals: int, table: Table) -> Iterator[Part]:
        """Yield the bin centres of pt, a product with a small constant where that gives the table."""
        found = linear(self._scale(view, field), decimals, table)
        key, slots = (field, "centre", view, decimals), self.slots[view[0]]
        if found is None:
            yield key, _table("pt", table, slots)
        else:
            yield key, Use("add", (_bits(table),), slots * found[0].bit_count())

    def _scale(self, view: View, field: str) -> FieldScale:
        return self.scales.objects[view[0]].fields[field]

    def _choice(self, condition: ResolvedCondition) -> Iterator[Part]:
        """Yield what finds different objects, for each reference of an overlap removal anew."""
        legs, times = condition.legs, 1
        if condition.reference is not None:
            times = self.slots[condition.reference.object]
            for k, cuts in enumerate(condition.overlaps):
                near = self._pairs(legs[k], condition.reference)
                yield (condition, "near", k), Use("any", (1,), near if cuts.limits else 0)
        if len(condition.pairs) == 1:
            pairs = self._pairs(*legs)
            yield (condition, "any"), Use("any", (pairs,), times)
            if condition.charges:
                yield (condition, "charges"), Use("any", (1,), pairs)
        elif condition.pairs:
            yield from self._triples(condition)
        else:
            charged = [leg for leg in legs if self._charged(leg)] if condition.charges else []
            ways = 1 if not charged else 2 if condition.charges == "same" else len(charged) * (len(charged) - 1)
            views: dict[View, list[ResolvedLeg]] = {}
            for leg in legs:
                views.setdefault((leg.object, leg.bx), []).append(leg)
            for view, members in views.items():
                slots = self.slots[view[0]]
                # Of equal legs one count is compared, not one for each choice of them.
                unlike = max(len(set(members)), min(len(members), 2))
                chosen = Use("different", (unlike, slots), ways * times)
                yield (
                    (condition, "different", view),
                    Use("logic", (slots,), ways * times) if unlike == 1 else chosen,
                )
            if charged:
                slots = sum(self.slots[leg.object] for leg in charged)
                yield (condition, "charges"), Use("any", (1,), 2 * slots)

    def _triples(self, condition: ResolvedCondition) -> Iterator[Part]:
        legs = condition.legs
        sizes = [self.slots[leg.object] for leg in legs]
        alike = len({(leg.object, leg.bx) for leg in legs})
        triples = int(np.prod(sizes))
        if alike == 1:
            triples = comb(sizes[0], 3) if len(set(legs)) == 1 else sizes[0] * (sizes[0] - 1) * (sizes[0] - 2)
        elif alike == 2:
            i, j = next((i, j) for i, j in combinations(range(3), 2) if same_view(legs[i], legs[j]))
            pairs = self._pairs(legs[i], legs[j])
            triples = pairs * sizes[3 - i - j]
        kinds = [self.writer.pairs[legs[c.first].object, legs[c.second].object] for c in condition.pairs]
        width = width_of(sum(self._most(kind, "mass") for kind in kinds))
        sides = sum(abs(end) < 1 << 62 for end in dict(condition.pairs[0].limits)["mass"])
        yield (condition, "sum"), Use("add", (width,), 2 * triples)
        yield (condition, "limits"), Use("compare", (width,), sides * triples)
        yield (condition, "any"), Use("any", (triples,), 1)
        if condition.charges:
            yield (condition, "charges"), Use("any", (1,), triples)

    def _charged(self, leg: ResolvedLeg) -> bool:
        return not is_network(leg.object) and "charge" in self.scales.objects[leg.object].fields


def _significant(constant: int, bits: int) -> int:
    """Return how many bits of a number a comparison with a constant looks at: not those below its lowest one."""
    return bits - min((constant & -constant).bit_length() - 1, bits - 1) if constant else 1


def _bits(table: Table) -> int:
    return width_of(int(np.abs(table).max())) + bool((table < 0).any())


def _table(name: str, table: Table, count: int) -> Use:
    """Return the table looked up `count` times; its bits of values are counted."""
    return Use(name, (width_of(len(table) - 1),), count * _bits(table))
