"""Legs, conditions and algorithms of a menu as C++: one function a condition, named after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

from trigsim.firmware.menu_pairs import Correlation, PairWriter, correlations, physical, within
from trigsim.firmware.menu_words import identifier, is_network, numbers_of
from trigsim.menu.conditions import PairCuts, ResolvedCondition
from trigsim.menu.expression import AND, NOT, OR, XOR
from trigsim.menu.legs import Intervals, ResolvedLeg, field_scale
from trigsim.menu.scales import FieldScale, ScaleSet

Program = tuple[ResolvedCondition | str, ...]

_OPERATORS = {AND: ("&&", 3), XOR: ("!=", 2), OR: ("||", 1)}
_UNITS = {"pt": " GeV", "upt": " GeV", "mass": " GeV", "phi": " rad", "phi_out": " rad"}


@dataclass(frozen=True, slots=True)
class Source:
    """The C++ of one condition: its function, and what only that function uses."""

    name: str
    text: str


class ConditionWriter:
    """Writes the legs and conditions of a menu.

    Parameters
    ----------
    scales : ScaleSet
    names : mapping
        Condition → its name as an identifier.
    before : int
        Crossings before the decided one in the window.
    """

    def __init__(self, scales: ScaleSet, names: Mapping[ResolvedCondition, str], before: int) -> None:
        self.scales, self.before = scales, before
        self.legs: dict[ResolvedLeg, str] = {}
        self.pairs: dict[tuple[str, str], Correlation] = {}
        asked = [
            (legs[cut.first].object, legs[cut.second].object, cut)
            for condition in names
            for legs in [all_legs(condition)]
            for cut in (*condition.pairs, *condition.overlaps)
        ]
        self.pairs = {(kind.one, kind.other): kind for kind in correlations(asked)}
        self.quantities = PairWriter(scales, self.pairs.values())
        self.sources = [Source(name, self._condition(name, condition)) for condition, name in names.items()]

    def legs_text(self) -> str:
        """Return `legs.h`."""
        parts = ["// One required object each. Numbers are hardware integers; what they mean stands beside them."]
        parts += ["#ifndef LEGS_H_\n#define LEGS_H_\n", '#include "objects.h"\n']
        parts += [self._leg(leg, name) for leg, name in self.legs.items()]
        return "\n".join([*parts, "#endif\n"])

    def _leg_name(self, leg: ResolvedLeg) -> str:
        # A leg of another crossing is the same comparison.
        here = ResolvedLeg(leg.object, 0, leg.passes)
        return self.legs.setdefault(here, f"{identifier(leg.object)}_leg{len(self.legs)}")

    def _leg(self, leg: ResolvedLeg, name: str) -> str:
        compared, said = [], []
        for field, intervals in leg.passes:
            scale = None if is_network(leg.object) else field_scale(self.scales.objects[leg.object], field)
            numbers = numbers_of(scale) if scale else (-(1 << 31), (1 << 31) - 1)
            text = _inside(f"o.{identifier(field)}", intervals, numbers)
            if text:
                compared.append(text)
                said.append(f"{field} {_physical(field, intervals, numbers, scale)}")
        about = "; ".join(said) or "every slot"
        body = " && ".join(compared) or "true"
        return (
            f"// {leg.object}: {about}\nstruct {name} {{\n"
            f"    static bool pass(const {identifier(leg.object)}_t &o) {{\n#pragma HLS INLINE\n"
            f"        return {body};\n    }}\n}};\n"
        )

    def _slots(self, leg: ResolvedLeg) -> str:
        return f"{self._crossing(leg.bx)}.{identifier(leg.object)}"

    def _crossing(self, bx: int) -> str:
        return f"bx[{self.before + bx}]" if bx == 0 else f"bx[{self.before + bx} /* BX {bx:+d} */]"

    def _condition(self, name: str, condition: ResolvedCondition) -> str:
        head = f"bool {name}(const Crossing bx[N_BX]) {{\n"
        if condition.external is not None:
            bit, bx = condition.external
            return f"{head}#pragma HLS INLINE\n    return {self._crossing(bx)}.externals[{bit}];\n}}\n"
        masks = [
            f"    const {_mask(leg)} leg{k} = select<{self._leg_name(leg)}>({self._slots(leg)});"
            for k, leg in enumerate(condition.legs)
        ]
        support, result = self._choice(name, condition)
        if condition.reference is None:
            body = [*masks, f"    return {result};"]
            return "\n".join([*support, head + "#pragma HLS INLINE", *body, "}", ""])
        # What is asked of the objects that the reference leaves.
        arguments = ", ".join(f"const {_mask(leg)} &leg{k}" for k, leg in enumerate(condition.legs))
        support += [
            f"static bool {name}_without_overlap(const Crossing bx[N_BX], {arguments}) {{",
            "#pragma HLS INLINE",
            f"    return {result};",
            "}",
            "",
        ]
        return "\n".join([*self._overlaps(name, condition), *support, head + "#pragma HLS INLINE", *masks,
                          *self._reference(name, condition), "}", ""])  # fmt: skip

    def _overlaps(self, name: str, condition: ResolvedCondition) -> list[str]:
        lines = []
        for k, cuts in enumerate(condition.overlaps):
            lines += self._cuts(f"{name}_near{k}", all_legs(condition), cuts, [], " || ")
        return lines

    def _reference(self, name: str, condition: ResolvedCondition) -> list[str]:
        reference = condition.reference
        assert reference is not None
        slots = self._slots(reference)
        kept = []
        for k, leg in enumerate(condition.legs):
            mask = f"leg{k} & ~near<{name}_near{k}>({self._slots(leg)}, {slots}[r])"
            if same_view(leg, reference):
                mask += f" & ~({_mask(leg)}(1) << r)"
            kept.append(f"        const {_mask(leg)} kept{k} = {mask};")
        arguments = ", ".join(f"kept{k}" for k in range(len(condition.legs)))
        return [
            f"    const {_mask(reference)} reference = select<{self._leg_name(reference)}>({slots});",
            "    bool found = false;",
            f"    for (int r = 0; r < N_{identifier(reference.object)}; r++) {{",
            "#pragma HLS UNROLL",
            *kept,
            f"        found = found || (reference[r] && {name}_without_overlap(bx, {arguments}));",
            "    }",
            "    return found;",
        ]

    def _choice(self, name: str, condition: ResolvedCondition) -> tuple[list[str], str]:
        """Return what a condition needs beside its function, and its result, an expression of leg0, leg1."""
        legs, pairs = condition.legs, condition.pairs
        charged = [k for k, leg in enumerate(legs) if self._charged(leg)] if condition.charges else []
        if len(pairs) == 1:
            charges = [_charges(condition.charges, [("a", "b")[k] for k in charged])] if charged else []
            support = self._cuts(f"{name}_cuts", legs, pairs[0], charges, " && ")
            slots = "ANY" if not same_view(*legs) else "ONCE" if legs[0] == legs[1] else "DIFFERENT"
            where = ", ".join(f"{self._slots(leg)}, leg{k}" for k, leg in enumerate(legs))
            return support, f"any_pair<{name}_cuts, {slots}>(\n        {where})"
        if pairs:
            support = self._triple(name, condition, charged)
            ways = ", ".join(
                "DIFFERENT" if same_view(legs[i], legs[j]) else "ANY" for i, j in combinations(range(3), 2)
            )
            where = ", ".join(f"{self._slots(leg)}, leg{k}" for k, leg in enumerate(legs))
            return support, f"any_triple<{name}_cuts, {ways}>(\n        {where})"
        return self._combination(name, condition, charged)

    def _charged(self, leg: ResolvedLeg) -> bool:
        return not is_network(leg.object) and "charge" in self.scales.objects[leg.object].fields

    def _cuts(
        self, name: str, legs: tuple[ResolvedLeg, ...], cuts: PairCuts, more: list[str], join: str
    ) -> list[str]:
        kinds = legs[cuts.first].object, legs[cuts.second].object
        found = self.quantities.cuts(self.pairs[kinds], cuts)
        compared = [cut.compared for cut in found]
        if join == " || ":
            # A range that always holds removes everything.
            compared = compared if len(found) == len(cuts.limits) else ["true"]
            compared = [f"({text})" for text in compared]
        locals_ = [f"        const auto {cut.local} = {cut.value}; // {cut.said}" for cut in found]
        a, b = (f"const {identifier(kind)}_t &{v}" for kind, v in zip(kinds, "ab", strict=True))
        return [
            f"struct {name} {{",
            f"    static bool pass({a}, {b}) {{",
            "#pragma HLS INLINE",
            *locals_,
            f"        return {join.join([*more, *compared]) or 'true'};",
            "    }",
            "};",
            "",
        ]

    def _triple(self, name: str, condition: ResolvedCondition, charged: list[int]) -> list[str]:
        legs = condition.legs
        first = condition.pairs[0]
        limits = dict(first.limits)["mass"]
        sums, most = [], 0
        for cuts, (one, other) in zip(condition.pairs, combinations("abc", 2), strict=True):
            kind = self.pairs[legs[cuts.first].object, legs[cuts.second].object]
            sums.append(f"{kind.name}::mass({one}, {other})")
            most += self.quantities.most[kind.name, "mass"]
        compared = within("mass", limits, most)
        charges = [_charges(condition.charges, ["abc"[k] for k in charged])] if charged else []
        arguments = ", ".join(f"const {identifier(leg.object)}_t &{v}" for leg, v in zip(legs, "abc", strict=True))
        return [
            f"struct {name}_cuts {{",
            f"    static bool pass({arguments}) {{",
            "#pragma HLS INLINE",
            f"        const auto mass = {' + '.join(sums)}; // of all: {physical('mass', limits, first.precision)}",
            f"        return {' && '.join([*charges, *([compared] if compared else [])]) or 'true'};",
            "    }",
            "};",
            "",
        ]

    def _combination(self, name: str, condition: ResolvedCondition, charged: list[int]) -> tuple[list[str], str]:
        legs = condition.legs
        if not charged:
            return [], self._distinct(legs, [f"leg{k}" for k in range(len(legs))])
        kinds = sorted({identifier(legs[k].object) for k in charged})
        support = []
        for kind in kinds:
            for sign, word in enumerate(("positive", "negative")):
                support.append(
                    f"struct {name}_{kind}_{word} {{\n"
                    f"    static bool pass(const {kind}_t &o) {{\n#pragma HLS INLINE\n"
                    f"        return o.charge_valid == 1 && o.charge == {sign};\n    }}\n}};\n"
                )

        def signed(k: int, word: str) -> str:
            return f"select<{name}_{identifier(legs[k].object)}_{word}>({self._slots(legs[k])})"

        def masks(words: Mapping[int, str]) -> list[str]:
            found = []
            for k in range(len(legs)):
                if k not in charged:
                    found.append(f"leg{k}")
                elif k in words:
                    found.append(f"(leg{k} & {signed(k, words[k])})")
                else:
                    found.append(f"(leg{k} & ({signed(k, 'positive')} | {signed(k, 'negative')}))")
            return found

        if condition.charges == "same":
            ways = [self._distinct(legs, masks(dict.fromkeys(charged, word))) for word in ("positive", "negative")]
        else:
            # Not all alike: one of them is positive and another negative.
            ways = [
                self._distinct(legs, masks({i: "positive", j: "negative"}))
                for i in charged
                for j in charged
                if i != j
            ]
        return support, " ||\n           ".join(f"({way})" for way in dict.fromkeys(ways))

    def _distinct(self, legs: tuple[ResolvedLeg, ...], masks: list[str]) -> str:
        """Return that legs with these masks are met by different objects."""
        views: dict[tuple[str, int], list[int]] = {}
        for k, leg in enumerate(legs):
            views.setdefault((leg.object, leg.bx), []).append(k)
        parts = []
        for members in views.values():
            if len(members) == 1:
                parts.append(f"{masks[members[0]]} != 0")
            else:
                size = f"N_{identifier(legs[members[0]].object)}"
                parts.append(f"different<{size}>({', '.join(masks[k] for k in members)})")
        return " && ".join(parts)


def all_legs(condition: ResolvedCondition) -> tuple[ResolvedLeg, ...]:
    """Return the legs, the reference of an overlap removal last."""
    return condition.legs + (() if condition.reference is None else (condition.reference,))


def same_view(one: ResolvedLeg, other: ResolvedLeg) -> bool:
    """Whether two legs look at the same objects, which must then be different ones."""
    return (one.object, one.bx) == (other.object, other.bx)


def _mask(leg: ResolvedLeg) -> str:
    return f"ap_uint<N_{identifier(leg.object)}>"


def _charges(wanted: str | None, names: list[str]) -> str:
    """Return that all of the objects have a valid charge, all of one sign or not all of one."""
    valid = [f"{name}.charge_valid == 1" for name in names]
    equal = [f"{names[0]}.charge == {name}.charge" for name in names[1:]]
    if wanted == "opposite":
        return " && ".join([*valid, f"!({' && '.join(equal)})"])
    return " && ".join([*valid, *equal])


def _inside(name: str, intervals: Intervals, numbers: tuple[int, int]) -> str:
    """Return that a number lies in one of the intervals; empty if it always does."""
    ways = []
    for low, high in intervals:
        parts = [f"{name} >= {low}"] if low > numbers[0] else []
        parts += [f"{name} <= {high}"] if high < numbers[1] else []
        if low == high:
            parts = [f"{name} == {low}"]
        if not parts:
            return ""
        ways.append(" && ".join(parts))
    if len(ways) == 1:
        return ways[0]
    return "(" + " || ".join(f"({way})" if "&&" in way else way for way in ways) + ")"


def _physical(field: str, intervals: Intervals, numbers: tuple[int, int], scale: FieldScale | None) -> str:
    """Return intervals in physical units, for comments."""
    unit = _UNITS.get(field, "")
    edged = scale is not None and scale.bits <= 20 and (scale.step is not None or scale.edges is not None)
    said = []
    for low, high in intervals:
        if edged:
            assert scale is not None
            first, edges = scale.bin_edges()
            start = edges[min(max(low - first, 0), len(edges) - 1)]
            end = edges[min(max(high + 1 - first, 0), len(edges) - 1)]
            said.append(f">= {start:.6g}{unit}" if high >= numbers[1] else f"{start:.6g} to {end:.6g}{unit}")
        elif low == high:
            said.append(str(low))
        else:
            said.append(f">= {low}" if high >= numbers[1] else f"{low} to {high}")
    return " or ".join(said)


def expression(program: Program, names: Mapping[ResolvedCondition, str]) -> str:
    """Return a postfix program as a C++ expression over the conditions' names."""
    stack: list[tuple[str, int]] = []
    for part in program:
        if not isinstance(part, str):
            stack.append((names[part], 9))
        elif part == NOT:
            text, strength = stack.pop()
            stack.append((f"!{text}" if strength == 9 else f"!({text})", 9))
        else:
            sign, own = _OPERATORS[part]
            right, left = stack.pop(), stack.pop()
            sides = [text if strength in (own, 9) else f"({text})" for text, strength in (left, right)]
            stack.append((f" {sign} ".join(sides), own))
    ((text, _),) = stack
    return text


def declarations(names: Iterable[str]) -> str:
    """Return `conditions.h`."""
    lines = [f"bool {name}(const Crossing bx[N_BX]);" for name in names]
    return "\n".join(
        [
            "// Every condition of the menu, decided for the crossing in the window that BX 0 is.",
            "#ifndef CONDITIONS_H_\n#define CONDITIONS_H_\n",
            '#include "objects.h"\n',
            "namespace conditions {",
            *lines,
            "} // namespace conditions\n",
            "#endif\n",
        ]
    )
