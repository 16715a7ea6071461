"""From a checked menu to the tables that the interpreter walks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from trigsim.base.errors import InputError
from trigsim.menu import layout as at
from trigsim.menu.conditions import FIELDS_OF, HUGE, PairCuts, ResolvedCondition
from trigsim.menu.decide import CompiledMenu, NetworkUse
from trigsim.menu.expression import AND, NOT, OR, XOR
from trigsim.menu.legs import ResolvedLeg, TaggerScores, field_scale
from trigsim.menu.luts import (
    Table,
    common_unit,
    cos_table,
    cosh_table,
    delta_table,
    pt_table,
    sin_table,
)
from trigsim.menu.scales import ScaleSet

if TYPE_CHECKING:
    from trigsim.menu.menu import Menu
    from trigsim.menu.networks import CrossingNetwork

#: Fields with at most this many numbers are ranked by a look-up table, wider ones by search.
LUT_NUMBERS = 1 << 13
OPERATORS = {AND: at.OP_AND, OR: at.OP_OR, NOT: at.OP_NOT, XOR: at.OP_XOR}
#: Fields that reject most objects come first.
FIRST = ("pt", "count", "score", "flag")


def compile_menu(
    menu: Menu,
    models: Mapping[str, TaggerScores],
    networks: Mapping[str, CrossingNetwork],
    only: Collection[str] | None,
) -> CompiledMenu:
    """Compile a menu; see `Menu.compile`."""
    programs = menu.programs(models)
    if only is not None:
        unknown = sorted(set(only) - {a.name for a in menu.algorithms})
        if unknown:
            raise InputError(f"menu {menu.name} has no algorithm '{unknown[0]}'")
        programs = {name: program for name, program in programs.items() if name in only}
    conditions: dict[ResolvedCondition, int] = {}
    for program in programs.values():
        for part in program:
            if not isinstance(part, str):
                conditions.setdefault(part, len(conditions))
    used: dict[str, NetworkUse] = {}
    for condition in conditions:
        name = condition.network
        if name and name not in networks:
            raise InputError(f"network '{name}' is not given; give the file with its numbers")
        if name:
            used[name] = NetworkUse(menu.config.networks[name].inputs, networks[name])
    builder = _Builder(menu.scales, list(conditions))
    operations = [
        [OPERATORS[part] if isinstance(part, str) else conditions[part] for part in program]
        for program in programs.values()
    ]
    names = tuple(programs)
    bits = dict(zip((a.name for a in menu.algorithms), menu.indices, strict=True))
    tables = builder.tables(operations)
    return CompiledMenu(
        names=names,
        indices=tuple(bits[name] for name in names),
        reach=(
            -min((c.reach[0] for c in conditions), default=0),
            max((c.reach[1] for c in conditions), default=0),
        ),
        fields=tuple(builder.fields),
        ranges=tuple(builder.scale(field) for field in builder.fields),
        networks=used,
        uses_externals=any(c.external for c in conditions),
        tables=tables,
    )


class _Builder:
    """Numbers views, legs, fields, pairs and tables."""

    def __init__(self, scales: ScaleSet, conditions: list[ResolvedCondition]) -> None:
        self.scales = scales
        self.conditions = conditions
        self.fields: dict[tuple[str, str], int] = {}
        self.parts: list[Table] = []
        self.offsets: dict[tuple[object, ...], int] = {}
        self.length = 0
        self.views: dict[tuple[str, int], list[ResolvedLeg]] = {}
        self.needed: set[ResolvedLeg] = set()
        self.charge_legs: dict[tuple[str, int], tuple[ResolvedLeg, ResolvedLeg]] = {}
        for condition in conditions:
            self._collect(condition)
        self.leg_numbers: dict[ResolvedLeg, int] = {}
        self.view_words: list[int] = []
        word = 0
        for legs in self.views.values():
            words = -(-len(legs) // at.WORD)
            for i, leg in enumerate(legs):
                self.leg_numbers[leg] = word * at.WORD + i
            self.view_words.append(words)
            word += words
        self.words = word
        self.pairs: list[list[int]] = []

    def _collect(self, condition: ResolvedCondition) -> None:
        legs = list(condition.legs)
        if condition.reference is not None:
            legs.append(condition.reference)
        for leg in legs:
            self._add(leg)
        if len(legs) > 1 or condition.charges:
            self.needed.update(legs)
        if condition.charges:
            for leg in condition.legs:
                view = (leg.object, leg.bx)
                if leg.object in self.scales.objects and "charge" in self.scales.objects[leg.object].fields:
                    valid = ("charge_valid", ((1, 1),))
                    both = (
                        ResolvedLeg(*view, (("charge", ((0, 0),)), valid)),
                        ResolvedLeg(*view, (("charge", ((1, 1),)), valid)),
                    )
                    self.charge_legs[view] = both
                    for one in both:
                        self._add(one)
                    self.needed.update(both)

    def _add(self, leg: ResolvedLeg) -> None:
        legs = self.views.setdefault((leg.object, leg.bx), [])
        if leg not in legs:
            legs.append(leg)
        for field, _ in leg.passes:
            self.field(leg.object, field)

    def field(self, kind: str, field: str) -> int:
        """Return the number of a field, new ones at the end."""
        return self.fields.setdefault((kind, field), len(self.fields))

    def scale(self, field: tuple[str, str]) -> tuple[int, int]:
        """Return the smallest and largest number that the data may hold."""
        kind, name = field
        if kind not in self.scales.objects:
            return -(1 << 31), (1 << 31) - 1
        scale = field_scale(self.scales.objects[kind], name)
        low, high = scale.numbers
        return low, scale.bins - 1 if scale.bins else min(high, (1 << 31) - 1)

    def table(self, key: tuple[object, ...], make: object) -> int:
        """Return the offset of a table, made once for each key."""
        if key not in self.offsets:
            table = make()  # type: ignore[operator]
            self.offsets[key] = self.length
            self.parts.append(table)
            self.length += len(table)
        return self.offsets[key]

    def tables(self, operations: list[list[int]]) -> at.Tables:
        """Return everything as arrays."""
        rows = [self._condition(c) for c in self.conditions]
        legs: list[int] = []
        for row, condition in zip(rows, self.conditions, strict=True):
            row[at.LEG0] = len(legs)
            legs += [self.leg_numbers[leg] for leg in condition.legs]
        objects = list(dict.fromkeys(kind for kind, _ in self.fields))
        cuts = _Cuts(self)
        leg_view = np.zeros(self.words * at.WORD, dtype=np.int64)
        need = np.zeros(self.words, dtype=np.int64)
        view_numbers = {view: i for i, view in enumerate(self.views)}
        for leg, number in self.leg_numbers.items():
            leg_view[number] = view_numbers[(leg.object, leg.bx)]
            if leg in self.needed:
                need[number // at.WORD] |= np.int64(1 << number % at.WORD)
        signs = [
            [self.leg_numbers[self.charge_legs[v][i]] if v in self.charge_legs else -1 for v in self.views]
            for i in range(2)
        ]
        starts = np.concatenate(([0], np.cumsum(self.view_words)))
        return at.Tables(
            view_object=_array(objects.index(kind) for kind, _ in self.views),
            view_bx=_array(bx for _, bx in self.views),
            view_word0=_array(starts[:-1]),
            view_words=_array(self.view_words),
            view_field0=_array(cuts.view_field0),
            view_positive=_array(signs[0]),
            view_negative=_array(signs[1]),
            cut_field=_array(cuts.field),
            cut_lut=_array(cuts.lut_offset),
            cut_lowest=_array(cuts.lowest),
            cut_bound0=_array(cuts.bound0),
            cut_bounds=_array(cuts.n_bounds),
            cut_bits=_array(cuts.bits_offset),
            lut=_array(cuts.lut),
            bounds=_array(cuts.bounds),
            bits=_array(cuts.bits),
            need=need,
            leg_view=leg_view,
            legs=_array(legs),
            conditions=np.array(rows, dtype=np.int64).reshape(-1, at.CONDITION_COLUMNS),
            pairs=np.array(self.pairs, dtype=np.int64).reshape(-1, at.PAIR_COLUMNS),
            tables=np.concatenate([*self.parts, np.zeros(1, dtype=np.int64)]),
            program=_array(op for program in operations for op in program),
            program0=_array(np.concatenate(([0], np.cumsum([len(program) for program in operations])))),
        )

    def _condition(self, condition: ResolvedCondition) -> list[int]:
        row = [0] * at.CONDITION_COLUMNS
        row[at.N_LEGS] = len(condition.legs)
        row[at.REFERENCE] = -1 if condition.reference is None else self.leg_numbers[condition.reference]
        row[at.CHARGES] = {None: at.NO_CHARGES, "same": at.SAME, "opposite": at.OPPOSITE}[condition.charges]
        if condition.external is not None:
            row[at.KIND] = at.EXTERNAL
            row[at.SIGNAL], row[at.SIGNAL_BX] = condition.external
        elif condition.pairs:
            row[at.KIND] = at.PAIR if len(condition.pairs) == 1 else at.TRIPLE
        elif len(condition.legs) == 1 and condition.reference is None and condition.charges is None:
            row[at.KIND] = at.ANY
        else:
            row[at.KIND] = at.COMB
        row[at.PAIR0] = len(self.pairs)
        self.pairs += [self._pair(condition.legs, pair) for pair in condition.pairs]
        row[at.OVERLAP0] = len(self.pairs)
        if condition.reference is not None:
            self.pairs += [
                self._pair((*condition.legs, condition.reference), pair) for pair in condition.overlaps
            ]
        return row

    def _pair(self, legs: tuple[ResolvedLeg, ...], pair: PairCuts) -> list[int]:
        row = [-1] * at.PAIR_COLUMNS
        kinds = (legs[pair.first].object, legs[pair.second].object)
        fields = [self.scales.objects[kind].fields for kind in kinds]
        limits = dict(pair.limits)
        decimals = pair.precision
        needed = {name for quantity in limits for name in FIELDS_OF[quantity]}
        row[at.CUTS] = sum(1 << at.QUANTITIES.index(quantity) for quantity in limits)
        row[at.UNIT] = 10**decimals.math
        for quantity, (low, high) in limits.items():
            place = at.LIMITS + 2 * at.QUANTITIES.index(quantity)
            row[place], row[place + 1] = low, high
        largest = [0, 0]
        for name, column, table in (("pt", at.PT1, at.T_PT1), ("upt", at.UPT1, at.T_UPT1)):
            if name not in needed:
                continue
            for i in range(2):
                scale = fields[i][name]
                row[column + i] = self.field(kinds[i], name)
                key = ("pt", scale, decimals.mass_pt)
                row[table + i] = self.table(key, lambda s=scale: pt_table(s, decimals.mass_pt))
                largest[i] = max(largest[i], int(self.parts[self._part(row[table + i])][-1]))
        biggest = 10**decimals.math
        deta2 = dphi2 = 0
        if "eta" in needed:
            unit = common_unit(fields[0]["eta"], fields[1]["eta"], "eta")
            row[at.ETA1], row[at.ETA2] = (self.field(kind, "eta") for kind in kinds)
            row[at.ETA1_MUL], row[at.ETA2_MUL] = unit.multiply
            row[at.ETA1_ADD], row[at.ETA2_ADD] = unit.add
            delta = (unit.step, unit.size, decimals.delta)
            row[at.T_DETA] = self.table(("delta", *delta), lambda: delta_table(*delta))
            rise = (unit.step, unit.size, decimals.math)
            if largest != [0, 0]:
                row[at.T_COSH] = self.table(("cosh", *rise), lambda: cosh_table(*rise))
                biggest = int(self.parts[self._part(row[at.T_COSH])][-1])
            deta2 = int(self.parts[self._part(row[at.T_DETA])][-1]) ** 2
        if "phi" in needed:
            unit = common_unit(fields[0]["phi"], fields[1]["phi"], "phi")
            row[at.PHI1], row[at.PHI2] = (self.field(kind, "phi") for kind in kinds)
            row[at.PHI1_MUL], row[at.PHI2_MUL] = unit.multiply
            row[at.PHI1_ADD], row[at.PHI2_ADD] = unit.add
            row[at.PHI_BINS] = unit.bins
            delta = (unit.step, unit.size, decimals.delta)
            turn = (unit.step, unit.size, decimals.math)
            row[at.T_DPHI] = self.table(("delta", *delta), lambda: delta_table(*delta))
            row[at.T_COS] = row[at.T_COS_PHI] = self.table(("cos", *turn), lambda: cos_table(*turn))
            row[at.T_SIN_PHI] = self.table(("sin", *turn), lambda: sin_table(*turn))
            dphi2 = int(self.parts[self._part(row[at.T_DPHI])][-1]) ** 2
        if "pair_pt" in limits:
            biggest = max(biggest, 4 * 10 ** (2 * decimals.math))
        if 3 * largest[0] * largest[1] * (biggest + 10**decimals.math) >= HUGE:
            raise InputError(
                f"masses of {kinds[0]} and {kinds[1]} do not fit 63 bits; lower the decimals in the scales"
            )
        if "mass_over_dr" in limits:
            shift = decimals.mass + 2 * decimals.delta - 2 * decimals.mass_pt - decimals.math
            row[at.DR_UP], row[at.DR_DOWN] = 10 ** max(-shift, 0), 10 ** max(shift, 0)
            low, high = limits["mass_over_dr"]
            most = HUGE // max((deta2 + dphi2) * row[at.DR_UP], 1)
            place = at.LIMITS + 2 * at.MASS_OVER_DR
            row[place], row[place + 1] = max(min(low, most), 0), min(high, most)
        return row

    def _part(self, offset: int) -> int:
        return list(self.offsets.values()).index(offset)


class _Cuts:
    """The ranking tables of every view."""

    def __init__(self, builder: _Builder) -> None:
        self.field: list[int] = []
        self.lut_offset: list[int] = []
        self.lowest: list[int] = []
        self.bound0: list[int] = []
        self.n_bounds: list[int] = []
        self.bits_offset: list[int] = []
        self.lut: list[int] = []
        self.bounds: list[int] = []
        self.bits: list[int] = []
        self.view_field0 = [0]
        for ((kind, _), legs), words in zip(builder.views.items(), builder.view_words, strict=True):
            names = {name for leg in legs for name, _ in leg.passes}
            for name in sorted(names, key=lambda n: (n not in FIRST, n)):
                self._add(builder, kind, name, legs, words)
            self.view_field0.append(len(self.field))

    def _add(self, builder: _Builder, kind: str, name: str, legs: list[ResolvedLeg], words: int) -> None:
        low, high = builder.scale((kind, name))
        passes = [dict(leg.passes).get(name) for leg in legs]
        bounds = sorted(
            {
                edge
                for cut in passes
                if cut
                for first, last in cut
                for edge in (first, last + 1)
                if low < edge <= high
            }
        )
        self.field.append(builder.field(kind, name))
        self.lowest.append(low)
        self.bound0.append(len(self.bounds))
        self.n_bounds.append(len(bounds))
        self.bits_offset.append(len(self.bits))
        self.bounds += bounds
        if high - low < LUT_NUMBERS:
            self.lut_offset.append(len(self.lut))
            numbers = np.arange(low, high + 1)
            self.lut += np.searchsorted(np.array(bounds, dtype=np.int64), numbers, side="right").tolist()
        else:
            self.lut_offset.append(-1)
        for number in (low, *bounds):
            row = [0] * words
            for i, cut in enumerate(passes):
                if cut is None or any(first <= number <= last for first, last in cut):
                    row[i // at.WORD] |= 1 << i % at.WORD
            self.bits += row


def _array(values: object) -> at.Int64:
    return np.array(list(values), dtype=np.int64)  # type: ignore[call-overload, no-any-return]
