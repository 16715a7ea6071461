"""A menu whose numbers move, decided again by the real engine on stored crossings that stay in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.menu import Menu
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.stream.parallel import cores, in_order
from trigsim.studies.decided import Decided, sampled
from trigsim.studies.decided_sums import row_rates
from trigsim.studies.fit import Range, parse_free, value_now
from trigsim.studies.ladder import ladder, users
from trigsim.studies.menu_edit import edited
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM

#: Settings of an algorithm that are remembered, so that moving back costs nothing.
REMEMBERED = 32

#: Crossings that are decided at once; whole bytes of packed bits.
BLOCK = 1 << 16

#: Sample → packed bits of all its crossings.
Packed = Mapping[str, NDArray[np.uint8]]
#: Numbers that an algorithm depends on and that differ from what is written, with their values.
Moved = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class LiveRow:
    """One algorithm, one group, or the total, before prescale.

    Attributes
    ----------
    name, kind : str
        Its name, and "algorithm", "group" or "total".
    rate : Estimate
        kHz; its interval is that of `rate_table.rate_table`.
    efficiencies : mapping of str to Estimate
        Signal → efficiency.
    """

    name: str
    kind: str
    rate: Estimate
    efficiencies: Mapping[str, Estimate]

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "kind": self.kind,
            "rate": self.rate.as_dict(),
            "efficiencies": {signal: e.as_dict() for signal, e in self.efficiencies.items()},
        }


@dataclass(slots=True)
class Live:
    """A menu, its free numbers, and the crossings that it is decided on.

    `open` makes one. Algorithms are decided when a number that they depend on has moved, and their decisions are
    kept for a while. Of a row only what has changed is counted anew: an algorithm has a row for each setting, and
    groups and the total know by how many of their algorithms each crossing is passed. One object is used by one
    thread at a time.

    Attributes
    ----------
    store : Store
    menu : Menu
        As it was written.
    ranges : mapping of str to Range
        Free number → where it may move.
    names : tuple of str
        Algorithms that the store can decide.
    """

    store: Store
    menu: Menu
    ranges: Mapping[str, Range]
    names: tuple[str, ...]
    _threads: int
    _objects: Mapping[str, list[TriggerObjects]]
    #: Crossings of the beam by hardest collision, and their places among those that are decided.
    _beam: Decided
    _order: NDArray[np.int64]
    _users: Mapping[str, tuple[str, ...]]
    #: Group, or "" for the total and None for vetoes → algorithms.
    _members: Mapping[str | None, frozenset[str]]
    _settings: dict[str, dict[Moved, Packed]] = field(default_factory=dict)
    _rows: dict[tuple[str, Moved], LiveRow] = field(default_factory=dict)
    _now: dict[str, Moved] = field(default_factory=dict)
    _passing: dict[tuple[str | None, str], NDArray[np.uint16]] = field(default_factory=dict)
    _joint: dict[str, LiveRow] = field(default_factory=dict)

    @classmethod
    def open(cls, store: Store, menu: Menu, threads: int = 0) -> Live:
        """Read what the menu looks at of all stored crossings.

        Raises
        ------
        InputError
            If the menu reads what is not stored, or has no number that can move.
        """
        compiled, n = store.compile(menu), sum(store.manifest.drawn)
        ranges = {r.free.name: r for r in parse_free(menu, store, ["all"])}
        veto = frozenset(a.name for a in menu.algorithms if a.veto and a.name in compiled.names)
        beam = sampled(store, BEAM, (), np.zeros((n, 0), np.uint8))
        company = beam.company
        assert company is not None  # of stored crossings it is known
        # What is read together lies together.
        company = replace(company, kind=company.kind[beam.order], count=company.count[beam.order])
        counting = frozenset(compiled.names) - veto
        return cls(
            store,
            menu,
            ranges,
            compiled.names,
            cores(threads),
            {sample: _blocks(store, sample, compiled.fields) for sample in store.samples},
            replace(beam, order=np.arange(n), company=company),
            beam.order,
            {name: users(menu, r.free.where) for name, r in ranges.items()},
            {None: veto, "": counting, **{g: counting & set(members) for g, members in menu.groups.items()}},
        )

    def now(self) -> dict[str, float]:
        """Return the values that the menu as written has; a working point is the score that it stands for."""
        return {name: value_now(self.store, r.free) for name, r in self.ranges.items()}

    def at(self, values: Mapping[str, float]) -> tuple[LiveRow, ...]:
        """Return rates and efficiencies of the menu with some numbers moved.

        Parameters
        ----------
        values : mapping of str to float
            Free number → value; those that are not named stay.

        Raises
        ------
        InputError
            If a number is unknown or out of its range.
        """
        moved = self._checked(values)
        wanted = {
            name: tuple(sorted((n, v) for n, v in moved.items() if name in self._users[n])) for name in self.names
        }
        for name, setting in wanted.items():
            if self._now.get(name) != setting:
                self._move(name, setting)
        missing = [(name, setting) for name, setting in wanted.items() if (name, setting) not in self._rows]
        joint = [g for g in self._members if g is not None and g not in self._joint]
        bits = {
            sample: [
                *(self._bits(name, setting, sample) for name, setting in missing),
                *(self._any(group, sample) for group in joint),
            ]
            for sample in self._objects
        }
        kinds = [("algorithm", name) for name, _ in missing]
        kinds += [("group", group) if group else ("total", "total") for group in joint]
        signals = [s for s in self._objects if s != BEAM]
        rows = [
            LiveRow(name, kind, rate, {s: efficiency(int(bits[s][i].sum()), len(bits[s][i])) for s in signals})
            for i, ((kind, name), rate) in enumerate(zip(kinds, self._rates(bits[BEAM]), strict=True))
        ]
        self._rows |= dict(zip(missing, rows, strict=False))
        self._joint |= dict(zip(joint, rows[len(missing) :], strict=True))
        groups = [self._joint[g] for g in self.menu.groups]
        return (*(self._rows[one] for one in wanted.items()), *groups, self._joint[""])

    def _rates(self, bits: Sequence[NDArray[np.bool_]]) -> list[Estimate]:
        """Return the rates of rows, of each of which it is said which crossings of the beam pass."""
        if not bits:
            return []
        packed = np.zeros((len(self._beam), -(-len(bits) // 8)), np.uint8)
        for first in range(0, len(bits), 8):
            byte = np.zeros(len(self._beam), np.uint8)
            for i, one in enumerate(bits[first : first + 8]):
                byte |= one.view(np.uint8) << np.uint8(i)
            packed[:, first // 8] = byte[self._order]
        sample = replace(self._beam, names=tuple(f"row {i}" for i in range(len(bits))), packed=packed)
        company = sample.company
        assert company is not None  # of stored crossings it is known
        khz = self.store.manifest.beam.crossing_rate_khz
        # Nothing is to be counted of the rows together: they all are vetoes.
        alone = np.ones(len(bits), np.bool_)
        return row_rates(sample, company, khz, alone, (), self._threads)[: len(bits)]

    def text(self, values: Mapping[str, float]) -> str:
        """Return the YAML of the menu with some numbers moved, its comments and layout kept where they can be."""
        moved = self._checked(values)
        return edited(
            self.menu, {self.ranges[n].free.where: self.ranges[n].free.set_to(v) for n, v in moved.items()}
        )[0]

    def _checked(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the values that differ from what is written."""
        for name, value in values.items():
            if name not in self.ranges:
                raise InputError(
                    f"no free number '{name}'; there are {', '.join(self.ranges)}", self.menu.document.file
                )
            low, high = self.ranges[name].low, self.ranges[name].high
            if not low <= value <= high:
                raise InputError(f"{name} is {value:g}; it may move from {low:g} to {high:g}")
        written = self.now()
        return {name: value for name, value in values.items() if value != written[name]}

    def _move(self, name: str, setting: Moved) -> None:
        """Let an algorithm be at a setting, and its groups know."""
        for sample in self._objects:
            after = self._bits(name, setting, sample)
            before = self._bits(name, self._now[name], sample) if name in self._now else None
            for group, members in self._members.items():
                if name in members:
                    count = self._passing.setdefault((group, sample), np.zeros(len(after), np.uint16))
                    count += after
                    if before is not None:
                        count -= before
        for group, members in self._members.items():
            if name in members:
                self._joint.pop("" if group is None else group, None)
        self._now[name] = setting

    def _any(self, group: str, sample: str) -> NDArray[np.bool_]:
        """Return what passes any algorithm of a group; of the total, what no veto blocks."""
        none = np.zeros(self._crossings(sample), np.uint16)
        passed = self._passing.get((group, sample), none) > 0
        if not group:
            passed &= self._passing.get((None, sample), none) == 0
        return passed

    def _bits(self, name: str, setting: Moved, sample: str) -> NDArray[np.bool_]:
        """Return which crossings of a sample an algorithm passes."""
        known = self._settings.setdefault(name, {})
        if setting not in known:
            if not setting:
                self._decide_written()
                known = self._settings[name]
            else:
                # The written one and the present one stay.
                others = [one for one in known if one and one != self._now.get(name)]
                if others and len(known) >= REMEMBERED:
                    del known[others[0]]
                    self._rows.pop((name, others[0]), None)
                where = {self.ranges[n].free.where: self.ranges[n].free.set_to(v) for n, v in setting}
                compiled = self.store.compile(ladder(self.menu, name, [where]))
                (known[setting],) = self._decided(compiled)
        return np.unpackbits(known[setting][sample], count=self._crossings(sample)).view(np.bool_)

    def _decide_written(self) -> None:
        """Decide all algorithms as they are written, at once."""
        compiled = self.store.compile(self.menu)
        for name, setting in zip(compiled.names, self._decided(compiled), strict=True):
            self._settings.setdefault(name, {})[()] = setting

    def _decided(self, compiled: CompiledMenu) -> list[Packed]:
        """Return what each algorithm of a menu passes."""

        def work(objects: TriggerObjects) -> NDArray[np.uint8]:
            # The engine's bits are contiguous for each algorithm.
            return np.packbits(compiled.decide(objects).T, axis=1)

        none = np.zeros((len(compiled.names), 0), np.uint8)
        packed = {
            sample: np.concatenate([none, *in_order(work, blocks, self._threads)], axis=1)
            for sample, blocks in self._objects.items()
        }
        return [{sample: bits[i] for sample, bits in packed.items()} for i in range(len(compiled.names))]

    def _crossings(self, sample: str) -> int:
        return len(self._beam) if sample == BEAM else self.store.manifest.signals[sample]


def _blocks(store: Store, sample: str, fields: Sequence[tuple[str, str]]) -> list[TriggerObjects]:
    """Return the wanted fields of all crossings of a sample, `BLOCK` crossings at a time."""
    parts = store.parts(sample)
    n, first = sum(part.crossings for part in parts), 0
    whole: dict[str, dict[str, NDArray[np.int32]]] = {kind: {} for kind, _ in fields}
    for part in parts:
        read = store.objects(part, fields)
        for kind, name in fields:
            found = read.collections[kind].fields[name]
            into = whole[kind].setdefault(name, np.empty((n, found.shape[1]), np.int32))
            into[first : first + len(found)] = found
        first += part.crossings
    return [
        TriggerObjects(
            {kind: Collection({f: a[at : at + BLOCK] for f, a in some.items()}) for kind, some in whole.items()},
            np.zeros((min(BLOCK, n - at), 4), np.uint64),
        )
        for at in range(0, n, BLOCK)
    ]
