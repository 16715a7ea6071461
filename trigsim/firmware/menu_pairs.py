"""Quantities of pairs as C++: look-up tables and the few lines of arithmetic behind them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trigsim.firmware.menu_words import identifier
from trigsim.menu.conditions import FIELDS_OF, HUGE, PairCuts
from trigsim.menu.luts import (
    CommonUnit,
    Table,
    common_unit,
    cos_table,
    cosh_table,
    delta_table,
    pt_table,
    sin_table,
)
from trigsim.menu.scales import FieldScale, PairPrecision, ScaleSet

PER_LINE = 16
#: Fractional bits that are tried for bin centres as a product and a shift.
MOST_SHIFT = 8
#: Units of limits, by quantity.
_UNITS = {"deta": "", "dphi": " rad", "dr": "", "mass_over_dr": " GeV"}
_NAMES = {
    "deta": "delta eta",
    "dphi": "delta phi",
    "dr": "delta R",
    "mass": "mass",
    "mass_upt": "mass with unconstrained pt",
    "mass_t": "transverse mass",
    "mass_over_dr": "mass over delta R",
    "pair_pt": "pt of the pair",
}
#: Smaller quantities that one is made of.
_MADE_OF = {
    "deta": ("deta",),
    "dphi": ("dphi",),
    "dr": ("deta", "dphi", "dr"),
    "mass": ("mass",),
    "mass_upt": ("mass_upt",),
    "mass_t": ("mass_t",),
    "mass_over_dr": ("deta", "dphi", "dr", "mass"),
    "pair_pt": ("pair_pt",),
}


def width_of(largest: int) -> int:
    """Return the bits of an unsigned number."""
    return max(largest.bit_length(), 1)


def linear(scale: FieldScale, decimals: int, table: Table) -> tuple[int, int, int] | None:
    """Return (a, b, s) with ``table[n] = max((a * n + b) >> s, 0)`` for every n, or None if there is no such."""
    step, unit = scale.step, 10.0**decimals
    if step is None:
        return None
    number = np.arange(len(table), dtype=np.int64)
    for shift in range(MOST_SHIFT + 1):
        slope = step * unit * 2**shift
        start = math.floor(((scale.start + step / 2) * unit + 0.5) * 2**shift + 1e-6)
        found = np.maximum((round(slope) * number + start) >> shift, 0)
        if np.array_equal(found, table):
            return round(slope), start, shift
    return None


@dataclass(frozen=True, slots=True)
class Correlation:
    """Two kinds of objects and the quantities of a pair of them that a menu asks for."""

    one: str
    other: str
    precision: PairPrecision
    quantities: frozenset[str]

    @property
    def name(self) -> str:
        """C++ name of the struct."""
        return f"{identifier(self.one)}_{identifier(self.other)}"


@dataclass(frozen=True, slots=True)
class Cut:
    """One cut on a pair as C++: a local value, what it is, how it is compared, and that in words."""

    local: str
    value: str
    compared: str
    said: str


def correlations(pairs: Iterable[tuple[str, str, PairCuts]]) -> list[Correlation]:
    """Return the kinds of pairs, each with all quantities asked for."""
    found: dict[tuple[str, str], Correlation] = {}
    for one, other, cuts in pairs:
        before = found.get((one, other))
        asked = {part for quantity, _ in cuts.limits for part in _MADE_OF[quantity]}
        quantities = frozenset(asked | (before.quantities if before else set()))
        found[one, other] = Correlation(one, other, cuts.precision, quantities)
    return list(found.values())


class PairWriter:
    """Writes `pairs.h`: tables, bin centres, and a struct of quantities for each two kinds of objects."""

    def __init__(self, scales: ScaleSet, kinds: Iterable[Correlation]) -> None:
        self.scales = scales
        self.functions: dict[str, str] = {}
        self.largest: dict[str, int] = {}
        #: (kinds, quantity) → largest value it can take.
        self.most: dict[tuple[str, str], int] = {}
        self.structs = [self._struct(kind) for kind in kinds]

    def text(self) -> str:
        """Return the header."""
        return "\n".join(
            [
                "// Quantities of pairs in hardware integers. Tables are floor(x * 10^decimals + 1/2).",
                "#ifndef PAIRS_H_\n#define PAIRS_H_\n",
                '#include "menu_logic.h"\n#include "objects.h"\n',
                *self.functions.values(),
                *self.structs,
                "#endif\n",
            ]
        )

    def _table(self, name: str, table: Table, what: str) -> str:
        """Add the table as a function of its index; return the function's name."""
        if name not in self.functions:
            signed = bool((table < 0).any())
            width = width_of(int(np.abs(table).max())) + signed
            kind = f"ap_{'' if signed else 'u'}int<{width}>"
            index = f"ap_uint<{width_of(len(table) - 1)}>"
            store = "long long" if width > 31 else "int"
            lines = [
                "        " + ", ".join(map(str, table[i : i + PER_LINE].tolist()))
                for i in range(0, len(table), PER_LINE)
            ]
            body = ",\n".join(lines)
            self.functions[name] = (
                f"// {what}\ninline {kind} {name}(const {index} &i) {{\n#pragma HLS INLINE\n"
                f"    static const {store} table[{len(table)}] = {{\n{body}}};\n    return table[i];\n}}\n"
            )
            self.largest[name] = int(table.max())
        return name

    def _centre(self, kind: str, field: str, decimals: int) -> str:
        """Add the bin centre of a pt field; return the function's name."""
        name = f"{identifier(kind)}_{field}_d{decimals}"
        if name in self.functions:
            return name
        scale = self.scales.objects[kind].fields[field]
        table = pt_table(scale, decimals)
        what = f"Bin centre of {kind} {field}, 10^-{decimals} GeV."
        found = linear(scale, decimals, table)
        if found is None:
            return self._table(name, table, what)
        slope, start, shift = found
        width = width_of(int(table.max()))
        inner = width_of(slope * (len(table) - 1) + abs(start)) + 1
        sign = f"+ {start}" if start >= 0 else f"- {-start}"
        value = f"({slope} * n {sign})" + (f" >> {shift}" if shift else "")
        clamp = "value < 0 ? ap_int<{0}>(0) : value" if start < 0 else "value"
        self.functions[name] = (
            f"// {what}\ninline ap_uint<{width}> {name}(const ap_uint<{scale.bits}> &n) {{\n#pragma HLS INLINE\n"
            f"    const ap_int<{inner}> value = {value};\n    return {clamp.format(inner)};\n}}\n"
        )
        self.largest[name] = int(table.max())
        return name

    def _struct(self, kind: Correlation) -> str:
        fields = [self.scales.objects[name].fields for name in (kind.one, kind.other)]
        needed = {field for quantity in kind.quantities for field in FIELDS_OF[quantity]}
        lines = [f"struct {kind.name} {{"]
        unit = {}
        if "eta" in needed:
            unit["eta"] = common_unit(fields[0]["eta"], fields[1]["eta"], "eta")
            lines += self._bins(kind, "eta", unit["eta"])
        if "phi" in needed:
            unit["phi"] = common_unit(fields[0]["phi"], fields[1]["phi"], "phi")
            lines += self._bins(kind, "phi", unit["phi"])
        for quantity in [q for q in _NAMES if q in kind.quantities]:
            lines += self._quantity(kind, quantity, unit)
        return "\n".join([*lines, "};", ""])

    def _bins(self, kind: Correlation, what: str, unit: CommonUnit) -> list[str]:
        one, other = (_scaled(f"{v}.{what}", unit.multiply[i], unit.add[i]) for i, v in enumerate("ab"))
        if what == "eta":
            # Both numbers, not only their difference, must fit.
            width = width_of(max(unit.size, *(abs(e) for e in self._ends(kind, unit)))) + 1
            body = f"distance<ap_int<{width}> >({one}, {other})"
        else:
            width = width_of(2 * unit.bins)
            body = f"turn<{unit.bins}, ap_uint<{width}> >({one}, {other})"
        about = f"Steps of {unit.step:.9g} in {what} between the two."
        return _function(f"ap_uint<{width_of(unit.size - 1)}>", f"{what}_bins", _arguments(kind), body, about)

    def _ends(self, kind: Correlation, unit: CommonUnit) -> list[int]:
        return [
            m * n + a
            for name, m, a in zip((kind.one, kind.other), unit.multiply, unit.add, strict=True)
            for n in self.scales.objects[name].fields["eta"].numbers
        ]

    def _quantity(self, kind: Correlation, quantity: str, unit: dict[str, CommonUnit]) -> list[str]:
        d = kind.precision
        arguments, key = _arguments(kind), (kind.name, quantity)
        if quantity in ("deta", "dphi"):
            axis = unit[quantity[1:]]
            table = self._table(
                f"delta_{_step(axis)}_d{d.delta}",
                delta_table(axis.step, axis.size, d.delta),
                f"Difference of i steps of {axis.step:.9g}, 10^-{d.delta}.",
            )
            self.most[key] = self.largest[table]
            return _function("auto", quantity, arguments, f"{table}({quantity[1:]}_bins(a, b))", f"10^-{d.delta}.")
        if quantity == "dr":
            self.most[key] = self.most[kind.name, "deta"] ** 2 + self.most[kind.name, "dphi"] ** 2
            return _function(
                "auto",
                "dr2",
                arguments,
                "deta(a, b) * deta(a, b) + dphi(a, b) * dphi(a, b)",
                f"Delta R squared, 10^-{2 * d.delta}.",
            )
        if quantity == "mass_over_dr":
            return []
        field = "upt" if quantity == "mass_upt" else "pt"
        pt1, pt2 = (self._centre(name, field, d.mass_pt) for name in (kind.one, kind.other))
        product = f"{pt1}(a.{field}) * {pt2}(b.{field})"
        largest = self.largest[pt1] * self.largest[pt2]
        turn = unit["phi"]
        if quantity == "pair_pt":
            return self._pair_pt(kind, pt1, pt2, turn)
        cos = self._table(
            f"cos_{_step(turn)}_d{d.math}",
            cos_table(turn.step, turn.size, d.math),
            f"cos of i steps of {turn.step:.9g}, 10^-{d.math}.",
        )
        if quantity == "mass_t":
            self.most[key] = largest * 2 * 10**d.math
            rise = f"ap_uint<{width_of(10**d.math)}>({10**d.math})"
        else:
            axis = unit["eta"]
            cosh = self._table(
                f"cosh_{_step(axis)}_d{d.math}",
                cosh_table(axis.step, axis.size, d.math),
                f"cosh of i steps of {axis.step:.9g}, 10^-{d.math}.",
            )
            self.most[key] = largest * (self.largest[cosh] + 10**d.math)
            rise = f"{cosh}(eta_bins(a, b))"
        body = f"{product} * ({rise} - {cos}(phi_bins(a, b)))"
        about = f"Half the squared {_NAMES[quantity]}, 10^-{2 * d.mass_pt + d.math} GeV^2."
        return _function("auto", quantity, arguments, body, about)

    def _pair_pt(self, kind: Correlation, pt1: str, pt2: str, turn: CommonUnit) -> list[str]:
        d = kind.precision
        cos, sin = (
            self._table(
                f"{name}_{_step(turn)}_d{d.pair_pt_math}",
                make(turn.step, turn.size, d.pair_pt_math),
                f"{name} of i steps of {turn.step:.9g}, 10^-{d.pair_pt_math}.",
            )
            for name, make in (("cos", cos_table), ("sin", sin_table))
        )
        one, other = (_scaled(f"{v}.phi", turn.multiply[i], turn.add[i]) for i, v in enumerate("ab"))
        index = f"ap_uint<{width_of(turn.size - 1)}>"
        square = 10 ** (2 * d.pair_pt_math)
        self.most[kind.name, "pair_pt"] = HUGE
        return [
            f"    // Squared pt of the pair, 10^-{2 * d.mass_pt + 2 * d.pair_pt_math} GeV^2.",
            f"    static auto pair_pt({_arguments(kind)}) {{",
            "#pragma HLS INLINE",
            f"        const {index} one = {one}, other = {other};",
            f"        const auto p = {pt1}(a.pt), q = {pt2}(b.pt);"
            if pt1 == pt2
            else f"        const auto p = {pt1}(a.pt);\n        const auto q = {pt2}(b.pt);",
            f"        const auto turned = {cos}(one) * {cos}(other) + {sin}(one) * {sin}(other);",
            f"        return (p * p + q * q) * ap_uint<{width_of(square)}>({square}) + 2 * (p * q * turned);",
            "    }",
        ]

    def cuts(self, kind: Correlation, cuts: PairCuts) -> list[Cut]:
        """Return the cuts on a pair ``a, b``; what always holds is left out."""
        found = []
        for quantity, limits in cuts.limits:
            said = f"{_NAMES[quantity]} {physical(quantity, limits, cuts.precision)}"
            if quantity == "mass_over_dr":
                found.append(self._over_dr(kind, limits, cuts.precision, said))
                continue
            value = "dr2" if quantity == "dr" else quantity
            compared = within(value, limits, self.most[kind.name, quantity], signed=quantity == "pair_pt")
            found.append(Cut(value, f"{kind.name}::{value}(a, b)", compared, said))
        return [cut for cut in found if cut.compared]

    def _over_dr(self, kind: Correlation, limits: tuple[int, int], d: PairPrecision, said: str) -> Cut:
        # mass / dr2 against the limits, without a division.
        shift = d.mass + 2 * d.delta - 2 * d.mass_pt - d.math
        up, down = 10 ** max(-shift, 0), 10 ** max(shift, 0)
        low, high = limits
        parts = []
        if low > 0:
            parts.append(f"over_dr >= {kind.name}::dr2(a, b) * {_constant(low * up)}")
        if high < HUGE:
            parts.append(f"over_dr <= {kind.name}::dr2(a, b) * {_constant(high * up)}")
        return Cut("over_dr", f"{kind.name}::mass(a, b) * {_constant(down)}", " && ".join(parts), said)


def within(value: str, limits: tuple[int, int], most: int, *, signed: bool = False) -> str:
    """Return the comparisons of a value of 0 to `most` with its limits that can fail, joined by &&.

    Only the pt of a pair is `signed`: by rounding it may come out below zero.
    """
    low, high = limits
    parts = [f"{value} >= {literal(low)}"] if low > (-HUGE if signed else 0) else []
    parts += [f"{value} <= {literal(high)}"] if high < most else []
    return " && ".join(parts)


def physical(quantity: str, limits: tuple[int, int], d: PairPrecision) -> str:
    """Return limits of a pair in physical units, for comments."""
    digits = {
        "deta": (d.delta, False, 1.0),
        "dphi": (d.delta, False, 1.0),
        "dr": (2 * d.delta, True, 1.0),
        "mass_over_dr": (d.mass, True, 2.0),
        "pair_pt": (2 * d.mass_pt + 2 * d.pair_pt_math, True, 1.0),
    }
    decimals, squared, factor = digits.get(quantity, (2 * d.mass_pt + d.math, True, 2.0))
    ends = []
    for limit in limits:
        value = factor * limit / 10**decimals
        ends.append(math.sqrt(max(value, 0.0)) if squared else value)
    unit = _UNITS.get(quantity, " GeV")
    if limits[1] >= HUGE:
        return f">= {ends[0]:.5g}{unit}"
    return f"{ends[0]:.5g} to {ends[1]:.5g}{unit}"


def literal(value: int) -> str:
    """Return a C++ integer literal."""
    return f"{value}LL" if abs(value) >= 1 << 31 else str(value)


def _constant(value: int) -> str:
    return f"ap_uint<{width_of(value)}>({literal(value)})"


def _scaled(name: str, multiply: int, add: int) -> str:
    text = name if multiply == 1 else f"{multiply} * {name}"
    return text if add == 0 else f"{text} {'+' if add > 0 else '-'} {abs(add)}"


def _step(unit: CommonUnit) -> str:
    """Return what names a table: the bins of a turn, or the step and the number of entries."""
    if unit.bins:
        return f"{unit.bins}"
    return f"{unit.step:.9g}_{unit.size}".replace(".", "p").replace("-", "m")


def _arguments(kind: Correlation) -> str:
    return f"const {identifier(kind.one)}_t &a, const {identifier(kind.other)}_t &b"


def _function(result: str, name: str, arguments: str, body: str, about: str) -> list[str]:
    return [
        f"    // {about}",
        f"    static {result} {name}({arguments}) {{",
        "#pragma HLS INLINE",
        f"        return {body};",
        "    }",
    ]
