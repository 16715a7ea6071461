"""From a checked menu to the tables that the interpreter walks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from trigsim.base.errors import InputError
from trigsim.menu import layout as at
from trigsim.menu.conditions import FIELDS_OF, HUGE, PairCuts, ResolvedCondition
from trigsim.menu.counts import Counts, charge_leg, counts, entails, loosest_first
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

#: Fields with at most this many numbers are looked up, wider ones are searched for.
LUT_NUMBERS = 1 << 13
OPERATORS = {AND: at.OP_AND, OR: at.OP_OR, NOT: at.OP_NOT, XOR: at.OP_XOR}
#: So many entailed conditions are asked before one is looked at; the tightest come last.
MOST_ENTAILED = 3

View = tuple[str, int]


def compile_menu(
    menu: Menu,
    models: Mapping[str, TaggerScores],
    networks: Mapping[str, CrossingNetwork],
    only: Collection[str] | None,
) -> CompiledMenu:
    """Compile a menu; see `Menu.compile`."""
    unknown = sorted(set(only or ()) - {a.name for a in menu.algorithms})
    if unknown:
        raise InputError(f"menu {menu.name} has no algorithm '{unknown[0]}'")
    programs = menu.programs(models, only)
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
    builder = _Builder(menu.scales, loosest_first(list(conditions)))
    names = tuple(programs)
    bits = dict(zip((a.name for a in menu.algorithms), menu.indices, strict=True))
    tables = builder.tables([list(program) for program in programs.values()])
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
        self.parts: dict[int, Table] = {}
        self.offsets: dict[tuple[object, ...], int] = {}
        self.length = 0
        self.pairs: list[list[int]] = []
        self.views: dict[View, list[ResolvedLeg]] = {}
        self.levels: dict[View, int] = {}
        self.masked: dict[ResolvedLeg, int] = {}
        self.counts = [counts(c) for c in conditions]
        for condition, needed in zip(conditions, self.counts, strict=True):
            self._collect(condition, needed)

    def _collect(self, condition: ResolvedCondition, needed: Counts) -> None:
        for leg, count in needed.terms:
            self._add(leg)
            view = (leg.object, leg.bx)
            self.levels[view] = max(self.levels.get(view, 1), count)
        if needed.suffice:
            return
        legs = condition.legs + (() if condition.reference is None else (condition.reference,))
        for leg in legs:
            self._mask(leg)
        if condition.charges:
            for leg in condition.legs:
                if self.charged(leg):
                    for sign in (0, 1):
                        self._mask(charge_leg(leg, sign))

    def charged(self, leg: ResolvedLeg) -> bool:
        """Whether the object has a charge."""
        return leg.object in self.scales.objects and "charge" in self.scales.objects[leg.object].fields

    def _mask(self, leg: ResolvedLeg) -> None:
        self._add(leg)
        self.masked.setdefault(leg, len(self.masked))

    def _add(self, leg: ResolvedLeg) -> None:
        legs = self.views.setdefault((leg.object, leg.bx), [])
        if leg not in legs:
            legs.append(leg)
        self.levels.setdefault((leg.object, leg.bx), 1)
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

    def table(self, key: tuple[object, ...], make: Callable[[], Table]) -> int:
        """Return the offset of a table, made once for each key."""
        if key not in self.offsets:
            table = make()
            self.offsets[key] = self.length
            self.parts[self.length] = table
            self.length += len(table)
        return self.offsets[key]

    def tables(self, programs: list[list[ResolvedCondition | str]]) -> at.Tables:
        """Return everything as arrays."""
        # Legs that cut on the same fields share words, so that few words need many fields.
        for kinds in self.views.values():
            kinds.sort(key=lambda leg: [name for name, _ in leg.passes])
        words = {view: -(-len(legs) // at.WORD) for view, legs in self.views.items()}
        places = {leg: divmod(i, at.WORD) for legs in self.views.values() for i, leg in enumerate(legs)}
        # Rows of the state: levels of each view, then external signals.
        rows: dict[View, int] = {}
        n_rows = 0
        for view, width in words.items():
            rows[view] = n_rows
            n_rows += width * self.levels[view]
        signals: dict[tuple[int, int], int] = {}
        for condition in self.conditions:
            if condition.external is not None:
                bit, bx = condition.external
                if (bit // 64, bx) not in signals:
                    signals[bit // 64, bx] = n_rows
                    n_rows += 1

        def term(leg: ResolvedLeg, count: int) -> tuple[int, int]:
            view, (word, bit) = (leg.object, leg.bx), places[leg]
            return rows[view] + (count - 1) * words[view] + word, bit

        terms: dict[tuple[int, int], int] = {}
        needs: list[list[tuple[int, int] | ResolvedCondition]] = []
        results: dict[ResolvedCondition, tuple[int, int] | int] = {}
        table: list[list[int]] = []
        legs: list[int] = []
        signs: list[tuple[int, int]] = []
        heavy: list[ResolvedCondition] = []
        for condition, needed in zip(self.conditions, self.counts, strict=True):
            if condition.external is not None:
                bit, bx = condition.external
                own = [(signals[bit // 64, bx], bit % 64)]
            else:
                own = [term(leg, count) for leg, count in needed.terms]
            for one in own:
                terms.setdefault(one, len(terms))
            if condition.external is not None or (needed.suffice and len(own) == 1):
                results[condition] = own[0]
                continue
            entailed: list[ResolvedCondition] = []
            if not needed.suffice:
                # Conditions that this one entails come before it and rule out most crossings.
                entailed = [other for other in heavy if entails(condition, other)][-MOST_ENTAILED:]
                heavy.append(condition)
            row = self._condition(condition, needed)
            row[at.LEG0] = len(legs)
            results[condition] = len(table)
            table.append(row)
            needs.append([*own, *entailed])
            if not needed.suffice:
                legs += [self.masked[leg] for leg in condition.legs]
                signs += [
                    (self.masked[charge_leg(leg, 0)], self.masked[charge_leg(leg, 1)])
                    if condition.charges and self.charged(leg)
                    else (-1, -1)
                    for leg in condition.legs
                ]

        def value(what: tuple[int, int] | ResolvedCondition) -> int:
            found = results[what] if isinstance(what, ResolvedCondition) else what
            return len(terms) + found if isinstance(found, int) else terms[found]

        cuts = _Cuts(self, words)
        objects = list(dict.fromkeys(kind for kind, _ in self.fields))
        view_numbers = {view: i for i, view in enumerate(self.views)}
        flat = [
            [OPERATORS[part] if isinstance(part, str) else value(part) for part in program] for program in programs
        ]
        return at.Tables(
            view_object=_array(objects.index(kind) for kind, _ in self.views),
            view_bx=_array(bx for _, bx in self.views),
            view_words=_array(words.values()),
            view_levels=_array(self.levels[view] for view in self.views),
            view_row=_array(rows.values()),
            view_field0=_array(cuts.view_field0),
            cut_field=_array(cuts.field),
            cut_lowest=_array(cuts.lowest),
            cut_size=_array(cuts.size),
            cut_bound0=_array(cuts.bound0),
            cut_bounds=_array(cuts.n_bounds),
            cut_bits=_array(cuts.offset),
            cut_words=_array(cuts.words),
            bounds=_array(cuts.bounds),
            bits=np.concatenate([*cuts.bits, np.zeros(1, dtype=np.int64)]),
            signal_word=_array(word for word, _ in signals),
            signal_bx=_array(bx for _, bx in signals),
            signal_row=_array(signals.values()),
            mask_view=_array(view_numbers[leg.object, leg.bx] for leg in self.masked),
            mask_word=_array(places[leg][0] for leg in self.masked),
            mask_bit=_array(places[leg][1] for leg in self.masked),
            legs=_array(legs),
            leg_positive=_array(plus for plus, _ in signs),
            leg_negative=_array(minus for _, minus in signs),
            conditions=np.array(table, dtype=np.int64).reshape(-1, at.CONDITION_COLUMNS),
            need=_array(value(what) for own in needs for what in own),
            need0=_starts(needs),
            term_row=_array(row for row, _ in terms),
            term_bit=_array(bit for _, bit in terms),
            pairs=np.array(self.pairs or [[-1] * at.PAIR_COLUMNS], dtype=np.int64),
            tables=np.concatenate([*self.parts.values(), np.zeros(1, dtype=np.int64)]),
            program=_array(op for program in flat for op in program),
            program0=_starts(flat),
            n_rows=_array([n_rows]),
        )

    def _condition(self, condition: ResolvedCondition, needed: Counts) -> list[int]:
        row = [0] * at.CONDITION_COLUMNS
        row[at.N_LEGS] = len(condition.legs)
        row[at.REFERENCE] = -1 if condition.reference is None else self.masked[condition.reference]
        row[at.CHARGES] = {None: at.NO_CHARGES, "same": at.SAME, "opposite": at.OPPOSITE}[condition.charges]
        if needed.suffice:
            row[at.KIND] = at.COUNT
        elif condition.pairs:
            row[at.KIND] = at.PAIR if len(condition.pairs) == 1 else at.TRIPLE
        else:
            row[at.KIND] = at.COMB
        row[at.PAIR0] = len(self.pairs)
        self.pairs += [self._pair(condition.legs, pair) for pair in condition.pairs]
        row[at.OVERLAP0] = len(self.pairs)
        if condition.reference is not None:
            self.pairs += [self._pair((*condition.legs, condition.reference), pair) for pair in condition.overlaps]
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
                row[table + i] = self.table(key, partial(pt_table, scale, decimals.mass_pt))
                largest[i] = max(largest[i], int(self.parts[row[table + i]][-1]))
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
                biggest = int(self.parts[row[at.T_COSH]][-1])
            deta2 = int(self.parts[row[at.T_DETA]][-1]) ** 2
        if "phi" in needed:
            unit = common_unit(fields[0]["phi"], fields[1]["phi"], "phi")
            row[at.PHI1], row[at.PHI2] = (self.field(kind, "phi") for kind in kinds)
            row[at.PHI1_MUL], row[at.PHI2_MUL] = unit.multiply
            row[at.PHI1_ADD], row[at.PHI2_ADD] = unit.add
            row[at.PHI_BINS] = unit.bins
            delta = (unit.step, unit.size, decimals.delta)
            turn = (unit.step, unit.size, decimals.math)
            row[at.T_DPHI] = self.table(("delta", *delta), lambda: delta_table(*delta))
            own = (unit.step, unit.size, decimals.pair_pt_math)
            row[at.T_COS] = self.table(("cos", *turn), lambda: cos_table(*turn))
            row[at.T_COS_PHI] = self.table(("cos", *own), lambda: cos_table(*own))
            row[at.T_SIN_PHI] = self.table(("sin", *own), lambda: sin_table(*own))
            row[at.PT_UNIT] = 10**decimals.pair_pt_math
            dphi2 = int(self.parts[row[at.T_DPHI]][-1]) ** 2
        if "pair_pt" in limits:
            biggest = max(biggest, 4 * 10 ** (2 * decimals.pair_pt_math))
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


class _Cuts:
    """For each field of each view, the legs that its numbers pass."""

    def __init__(self, builder: _Builder, words: Mapping[View, int]) -> None:
        self.field: list[int] = []
        self.lowest: list[int] = []
        self.size: list[int] = []
        self.bound0: list[int] = []
        self.n_bounds: list[int] = []
        self.offset: list[int] = []
        self.words: list[int] = []
        self.bounds: list[int] = []
        self.bits: list[at.Int64] = []
        self.view_field0 = [0]
        self.length = 0
        for view, legs in builder.views.items():
            names = {name for leg in legs for name, _ in leg.passes}
            for name in sorted(names, key=lambda n: (n != "pt", n)):
                self._add(builder, view[0], name, legs, words[view])
            self.view_field0.append(len(self.field))

    def _add(self, builder: _Builder, kind: str, name: str, legs: list[ResolvedLeg], words: int) -> None:
        low, high = builder.scale((kind, name))
        passes = [dict(leg.passes).get(name) for leg in legs]
        edges = {edge for cut in passes if cut for first, last in cut for edge in (first, last + 1)}
        bounds = sorted(edge for edge in edges if low < edge <= high)
        ranked = np.zeros((words, len(bounds) + 1), dtype=np.int64)
        for rank, number in enumerate((low, *bounds)):
            for i, cut in enumerate(passes):
                if cut is None or any(first <= number <= last for first, last in cut):
                    ranked[i // at.WORD, rank] |= np.int64(1 << i % at.WORD)
        self.field.append(builder.field(kind, name))
        self.lowest.append(low)
        self.bound0.append(len(self.bounds))
        self.n_bounds.append(len(bounds))
        self.offset.append(self.length)
        self.bounds += bounds
        self.words.append(sum({1 << i // at.WORD for i, cut in enumerate(passes) if cut is not None}))
        direct = high - low < LUT_NUMBERS
        self.size.append(high - low + 1 if direct else 0)
        if direct:
            ranks = np.searchsorted(np.array(bounds, dtype=np.int64), np.arange(low, high + 1), side="right")
            ranked = ranked[:, ranks]
        self.bits.append(ranked.ravel())
        self.length += ranked.size


def _array(values: Iterable[int]) -> at.Int64:
    return np.array(list(values), dtype=np.int64)


def _starts(parts: Sequence[Sequence[object]]) -> at.Int64:
    return np.concatenate(([0], np.cumsum([len(part) for part in parts]))).astype(np.int64)
