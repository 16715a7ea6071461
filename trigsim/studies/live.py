"""A menu whose numbers move, decided again by the real engine on stored crossings that stay in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.menu import Menu
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.objects.model import TriggerObjects
from trigsim.stream.parallel import cores, in_order
from trigsim.studies.decided import Decided, sampled
from trigsim.studies.decided_sums import row_rates
from trigsim.studies.fit import Range, parse_free, value_now
from trigsim.studies.ladder import ladder, users
from trigsim.studies.menu_edit import edited
from trigsim.studies.rate_table import Prescaling
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM

#: Settings of an algorithm that are remembered, so that moving back costs nothing.
REMEMBERED = 32


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
    kept for a while; one object is used by one thread at a time.

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
    _beam: Decided
    _users: Mapping[str, tuple[str, ...]]
    _decided: dict[tuple[str, tuple[tuple[str, float], ...]], dict[str, NDArray[np.bool_]]] = field(
        default_factory=dict
    )
    _packed: dict[str, Mapping[str, NDArray[np.bool_]]] = field(default_factory=dict)

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
        return cls(
            store,
            menu,
            ranges,
            compiled.names,
            cores(threads),
            {s: [store.objects(part, compiled.fields) for part in store.parts(s)] for s in store.samples},
            sampled(store, BEAM, compiled.names, np.zeros((n, -(-len(compiled.names) // 8)), np.uint8)),
            {name: users(menu, r.free.where) for name, r in ranges.items()},
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
        bits = {name: self._algorithm(name, moved) for name in self.names}
        groups = {g: [m for m in members if m in bits] for g, members in self.menu.groups.items()}
        some = [*bits.values(), *(_any([bits[m] for m in members]) for members in groups.values())]
        kinds = [("algorithm", name) for name in bits] + [("group", name) for name in groups] + [("total", "total")]
        gains = [
            {s: efficiency(int(passed.sum()), len(passed)) for s, passed in one.items() if s != BEAM}
            for one in (*some, _any(list(bits.values())))
        ]
        rates = self._rates(bits, groups)
        return tuple(
            LiveRow(name, kind, rate, gain) for (kind, name), rate, gain in zip(kinds, rates, gains, strict=True)
        )

    def _rates(
        self, bits: Mapping[str, Mapping[str, NDArray[np.bool_]]], groups: Mapping[str, Sequence[str]]
    ) -> list[Estimate]:
        """Return the rates of algorithms, groups and the total."""
        packed = self._beam.packed
        for i, (name, passed) in enumerate(bits.items()):
            # Most are as they were when last asked.
            if self._packed.get(name) is not passed:
                self._packed[name] = passed
                byte, bit = packed[:, i // 8], np.uint8(1 << i % 8)
                byte &= ~bit
                byte |= passed[BEAM] * bit
        after = Prescaling.of(self.menu, self.names)
        places = [tuple(self.names.index(m) for m in members) for members in groups.values()]
        company = self._beam.company
        assert company is not None  # of stored crossings it is known
        khz = self.store.manifest.beam.crossing_rate_khz
        return row_rates(self._beam, company, khz, after.veto, places, self._threads)

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

    def _algorithm(self, name: str, moved: Mapping[str, float]) -> dict[str, NDArray[np.bool_]]:
        """Return which crossings of each sample an algorithm passes."""
        mine = {n: v for n, v in moved.items() if name in self._users[n]}
        key = (name, tuple(sorted(mine.items())))
        if key not in self._decided:
            same = [k for k in self._decided if k[0] == name]
            if len(same) >= REMEMBERED:
                del self._decided[same[0]]
            setting = {self.ranges[n].free.where: self.ranges[n].free.set_to(v) for n, v in mine.items()}
            compiled = self.store.compile(ladder(self.menu, name, [setting]))
            self._decided[key] = {
                sample: np.concatenate(
                    [np.zeros(0, np.bool_), *in_order(lambda o: compiled.decide(o)[:, 0], parts, self._threads)]
                )
                for sample, parts in self._objects.items()
            }
        return self._decided[key]


def _any(some: list[dict[str, NDArray[np.bool_]]]) -> dict[str, NDArray[np.bool_]]:
    """Return what passes any of at least one row, sample by sample."""
    return {sample: np.logical_or.reduce([one[sample] for one in some]) for sample in some[0]}
