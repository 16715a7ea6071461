"""From a checked menu to the tables that the interpreter walks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from trigsim.base.errors import InputError
from trigsim.menu import layout as at
from trigsim.menu.bounds import hard_legs
from trigsim.menu.charges import without_charges
from trigsim.menu.conditions import ResolvedCondition
from trigsim.menu.counts import Counts, counts, entails, loosest_first
from trigsim.menu.decide import CompiledMenu, NetworkUse
from trigsim.menu.expression import AND, NOT, OR, XOR
from trigsim.menu.legs import ResolvedLeg, TaggerScores
from trigsim.menu.masks import Lanes, Masks, number_masks
from trigsim.menu.pair_rows import PairRows
from trigsim.menu.scales import ScaleSet

if TYPE_CHECKING:
    from trigsim.menu.menu import Menu
    from trigsim.menu.networks import CrossingNetwork

OPERATORS = {AND: at.OP_AND, OR: at.OP_OR, NOT: at.OP_NOT, XOR: at.OP_XOR}
#: So many entailed conditions are asked before one is looked at; the tightest come last.
MOST_ENTAILED = 3

#: Conditions without charges and operators; None never holds.
Program = list[ResolvedCondition | str | None]


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
    written = menu.programs(models, only)
    programs = {name: _signed(program, menu.scales) for name, program in written.items()}
    conditions = _conditions(programs.values())
    used: dict[str, NetworkUse] = {}
    for name in dict.fromkeys(c.network for c in conditions if c.network):
        if name not in networks:
            raise InputError(f"network '{name}' is not given; give the file with its numbers")
        used[name] = NetworkUse(menu.config.networks[name].inputs, networks[name])
    lanes = Lanes(menu.scales)
    hard = {c: hard_legs(c, menu.scales) for c in conditions}
    needs = {c: _with_hard(counts(c), hard[c]) for c in conditions if c.external is None}
    masks = number_masks(lanes, (union for c, n in needs.items() for union in _unions(c, n)))
    tables = _Tables(conditions, needs, hard, masks, PairRows(lanes))
    bits = dict(zip((a.name for a in menu.algorithms), menu.indices, strict=True))
    return CompiledMenu(
        names=tuple(programs),
        indices=tuple(bits[name] for name in programs),
        reach=(
            -min((c.reach[0] for c in conditions), default=0),
            max((c.reach[1] for c in conditions), default=0),
        ),
        tables=tables.filled(list(programs.values())),
        fields=tuple(dict.fromkeys((kind, name) for kind, name, _ in lanes.numbers)),
        networks=used,
        uses_externals=any(c.external for c in conditions),
    )


def _signed(program: Iterable[ResolvedCondition | str], scales: ScaleSet) -> Program:
    """Return the program with conditions on charges written out."""
    found: Program = []
    for part in program:
        if isinstance(part, str):
            found.append(part)
        else:
            choices = without_charges(part, scales)
            found += choices or [None]
            found += [OR] * (len(choices) - 1)
    return found


def _conditions(programs: Iterable[Program]) -> list[ResolvedCondition]:
    """Return all conditions, those that others need before them."""
    found: dict[ResolvedCondition, None] = {}
    for program in programs:
        for part in program:
            if isinstance(part, ResolvedCondition):
                found[_freed(part)] = None
                found[part] = None
    return loosest_first(list(found))


def _freed(condition: ResolvedCondition) -> ResolvedCondition:
    """Return the condition without its removal of overlaps: it is weaker, and cheaper."""
    return replace(condition, reference=None, overlaps=())


def _with_hard(needed: Counts, hard: tuple[ResolvedLeg, ...]) -> Counts:
    """Return the counts with an object that meets one of the hard legs, if there are any."""
    return replace(needed, terms=(*needed.terms, (hard, 1))) if hard else needed


def _unions(condition: ResolvedCondition, needed: Counts) -> list[tuple[ResolvedLeg, ...]]:
    """Return the masks that a condition needs: of its counts, and of the legs whose objects are looked at."""
    unions = [union for union, _ in needed.terms]
    return unions if needed.suffice else unions + [(leg,) for leg in _all_legs(condition)]


def _all_legs(condition: ResolvedCondition) -> tuple[ResolvedLeg, ...]:
    return condition.legs + (() if condition.reference is None else (condition.reference,))


class _Tables:
    """Numbers values, legs and conditions."""

    def __init__(
        self,
        conditions: list[ResolvedCondition],
        counted: Mapping[ResolvedCondition, Counts],
        hard: Mapping[ResolvedCondition, tuple[ResolvedLeg, ...]],
        masks: Masks,
        pairs: PairRows,
    ) -> None:
        self.masks, self.pairs = masks, pairs
        terms = {(masks.rows[union], count) for needed in counted.values() for union, count in needed.terms}
        self.terms = {term: i for i, term in enumerate(sorted(terms))}
        #: Masks that are spread to a word a crossing → their number among those.
        self.shown = {mask: i for i, mask in enumerate(sorted(set(masks.rows.values())))}
        signals = dict.fromkeys(c.external for c in conditions if c.external is not None)
        self.signals = {signal: len(self.terms) + i for i, signal in enumerate(signals)}
        self.values: dict[ResolvedCondition | None, int] = {}
        self.table: list[list[int]] = []
        self.legs: list[ResolvedLeg] = []
        self.needs: list[list[int]] = []
        looked_at: list[ResolvedCondition] = []
        for condition in conditions:
            if condition.external is not None:
                self.values[condition] = self.signals[condition.external]
                continue
            needed = counted[condition]
            own = [self.terms[masks.rows[union], count] for union, count in needed.terms]
            if needed.suffice and len(own) == 1:
                self.values[condition] = own[0]
                continue
            if not needed.suffice:
                # Conditions that this one entails come before it and rule out most crossings.
                entailed = [other for other in looked_at if entails(condition, other)][-MOST_ENTAILED:]
                own += [self.values[other] for other in entailed]
                if condition.reference is not None:
                    own.append(self.values[_freed(condition)])
                looked_at.append(condition)
            self.values[condition] = len(self.terms) + len(self.signals) + len(self.table)
            self.table.append(self._row(condition, needed, hard[condition]))
            self.needs.append(own)
        self.values[None] = len(self.terms) + len(self.signals) + len(self.table)

    def _row(self, condition: ResolvedCondition, needed: Counts, hard: tuple[ResolvedLeg, ...]) -> list[int]:
        row = [0] * at.CONDITION_COLUMNS
        row[at.HARD] = self.shown[self.masks.rows[hard]] if hard else -1
        if needed.suffice:
            row[at.KIND] = at.COUNT
            return row
        if condition.pairs:
            row[at.KIND] = at.PAIR if len(condition.pairs) == 1 else at.TRIPLE
        else:
            row[at.KIND] = at.COMB
        legs = _all_legs(condition)
        row[at.LEG0], row[at.N_LEGS] = len(self.legs), len(condition.legs)
        row[at.REFERENCE] = int(condition.reference is not None)
        self.legs += legs
        row[at.PAIR0] = len(self.pairs.rows)
        for pair in condition.pairs:
            self.pairs.add(legs, pair)
        row[at.OVERLAP0] = len(self.pairs.rows)
        for pair in condition.overlaps:
            self.pairs.add(legs, pair, together=False)
        return row

    def _decided(self, program: Program, operations: dict[tuple[int, int, int], int]) -> int:
        """Return the value that a program ends with; add what it does to `operations`, equal ones once."""
        stack: list[int] = []
        for part in program:
            if not isinstance(part, str):
                stack.append(self.values[part])
                continue
            other = stack.pop()
            one = other if part == NOT else stack.pop()
            key = (OPERATORS[part], min(one, other), max(one, other))
            stack.append(operations.setdefault(key, self.values[None] + 1 + len(operations)))
        return stack[0]

    def filled(self, programs: list[Program]) -> at.Tables:
        """Return everything as arrays."""
        masks, lanes = self.masks, self.pairs.lanes
        atoms = [cut for own in masks.cuts for cut in own]
        views: dict[tuple[str, int], int] = {}
        operations: dict[tuple[int, int, int], int] = {}
        decided = [self._decided(program, operations) for program in programs]
        fields = {one: i for i, one in enumerate(dict.fromkeys((kind, name) for kind, name, _ in lanes.numbers))}
        own = [masks.rows[leg,] for leg in self.legs]
        return at.Tables(
            lane_field=_array(fields[kind, name] for kind, name, _ in lanes.numbers),
            lane_bx=_array(bx for _, _, bx in lanes.numbers),
            atom0=_starts(masks.cuts),
            interval0=_starts(atoms),
            intervals=np.array([one for cut in atoms for one in cut], dtype=np.int32).reshape(-1, 2),
            mask_lane=_array(masks.lanes),
            joined_by=_array(by for by, _ in masks.joined),
            joined0=_starts([parts for _, parts in masks.joined]),
            joined=_array(part for _, parts in masks.joined for part in parts),
            shown=_array(self.shown),
            term_mask=_array(self.shown[mask] for mask, _ in self.terms),
            term_count=_array(count for _, count in self.terms),
            signal_bit=_array(bit for bit, _ in self.signals),
            signal_bx=_array(bx for _, bx in self.signals),
            legs=_array(self.shown[mask] for mask in own),
            leg_view=_array(views.setdefault((leg.object, leg.bx), len(views)) for leg in self.legs),
            leg_lane=_array(masks.lanes[mask] for mask in own),
            conditions=np.array(self.table, dtype=np.int64).reshape(-1, at.CONDITION_COLUMNS),
            need=_array(value for own in self.needs for value in own),
            need0=_starts(self.needs),
            pairs=np.array(self.pairs.rows, dtype=np.int64).reshape(-1, at.PAIR_COLUMNS),
            tables=np.concatenate([*self.pairs.parts.values(), np.zeros(1, dtype=np.int64)]),
            operations=np.array(list(operations), dtype=np.int64).reshape(-1, 3),
            decided=_array(decided),
            field_range=np.array([lanes.range(*one) for one in fields], dtype=np.int32).reshape(-1, 2),
        )


def _array(values: Iterable[int]) -> at.Int64:
    return np.array(list(values), dtype=np.int64)


def _starts(parts: Sequence[Sequence[object]]) -> at.Int64:
    return np.concatenate(([0], np.cumsum([len(part) for part in parts]))).astype(np.int64)
