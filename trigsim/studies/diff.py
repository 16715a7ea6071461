"""Two menus on the same crossings: what was written differently, what it changes, and which crossings flip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist import Hist
from numpy.typing import NDArray

from trigsim.menu.menu import Menu
from trigsim.menu.table import condition_rows, rows
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.studies.decided import Decided, decided
from trigsim.studies.decided_sums import of_drawn, of_values
from trigsim.studies.histograms import labelled
from trigsim.studies.rates import estimates, variance_of
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM
from trigsim.studies.tabular import Cells, Tabular


@dataclass(frozen=True, slots=True)
class Written:
    """One difference of the grammar.

    Attributes
    ----------
    part, name, what : str
        "algorithm" or "condition", its name, and which of its columns differs ("" where it is new or gone).
    old, new : str
        As a table shows them; "" where there is none.
    """

    part: str
    name: str
    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a row does differently on the same crossings, before prescale.

    Attributes
    ----------
    gained, lost : int
        Crossings that only the new menu passes, and only the old.
    old, new : Estimate
        Rate in kHz, or efficiency.
    difference : Estimate
        New less old; its interval knows that both were measured on the same crossings.
    """

    gained: int
    lost: int
    old: Estimate
    new: Estimate
    difference: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "gained": self.gained,
            "lost": self.lost,
            **{name: getattr(self, name).as_dict() for name in ("old", "new", "difference")},
        }


@dataclass(frozen=True, slots=True)
class Flip:
    """A crossing that a row decides differently.

    Attributes
    ----------
    row : str
        Algorithm, ``group NAME`` or ``total``.
    sample, stratum : str
        "beam" and the stratum of the crossing, or a signal and "".
    chunk, number : int
        Its place in the stream; with the seed of the store they name it.
    passes : bool
        Whether the new menu passes it.
    """

    row: str
    sample: str
    stratum: str
    chunk: int
    number: int
    passes: bool

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {name: getattr(self, name) for name in ("row", "sample", "stratum", "chunk", "number", "passes")}


@dataclass(frozen=True, slots=True)
class MenuDiff(Tabular):
    """Two menus.

    Attributes
    ----------
    old, new : str
        Names of the menus.
    written : tuple of Written
        Differences of the grammar.
    changes : mapping of str to (mapping of str to Change)
        Sample → row → change; rows that only one menu has count as passing nothing in the other.
    flips : tuple of Flip
        Every crossing that a row decides differently.
    """

    old: str
    new: str
    written: tuple[Written, ...]
    changes: Mapping[str, Mapping[str, Change]]
    flips: tuple[Flip, ...]

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.old} → {self.new}: {len(self.written)} differences as written, {len(self.flips)} flips"

    def cells(self) -> Cells:
        """Return the rows that flip any crossing, and the total, sample by sample."""
        header = ("sample", "row", "gained", "lost", "old", "new", "difference")
        return header, tuple(
            (sample, *cells) for sample, changes in self.changes.items() for cells in change_cells(changes)
        )

    def histograms(self) -> dict[str, Hist]:
        """Return old and new rates or efficiencies of each sample and their differences, one bin a row."""
        return {
            f"{what}_{sample}": labelled(
                [getattr(c, what) for c in changes.values()], list(changes), over="row",
                label="rate [kHz]" if sample == BEAM else "efficiency",
            )
            for sample, changes in self.changes.items()
            for what in ("old", "new", "difference")
        }  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "old": self.old,
            "new": self.new,
            "written": [{k: getattr(w, k) for k in ("part", "name", "what", "old", "new")} for w in self.written],
            "changes": {s: {row: c.as_dict() for row, c in some.items()} for s, some in self.changes.items()},
            "flips": [flip.as_dict() for flip in self.flips],
        }


def change_cells(changes: Mapping[str, Change]) -> tuple[tuple[str, ...], ...]:
    """Return the rows that flip any crossing, and the total: gained, lost, old, new, difference."""
    return tuple(
        (row, str(c.gained), str(c.lost), c.old.numbers, c.new.numbers, c.difference.numbers)
        for row, c in changes.items()
        if c.gained or c.lost or row == "total"
    )


def written(old: Menu, new: Menu) -> tuple[Written, ...]:
    """Return what two menus say differently; the order of algorithms does not count, their bits do."""
    found = []
    for part, tables in (
        ("algorithm", (rows(old), rows(new))),
        ("condition", (condition_rows(old), condition_rows(new))),
    ):
        before, after = ({row["name"]: row for row in table} for table in tables)
        for name in dict.fromkeys([*before, *after]):
            if name not in after or name not in before:
                shown = [one[name]["condition"] if name in one else "" for one in (before, after)]
                found.append(Written(part, name, "", shown[0], shown[1]))
                continue
            found += [
                Written(part, name, what, before[name][what], after[name][what])
                for what in before[name]
                if before[name][what] != after[name][what]
            ]
    return tuple(found)


def diff(store: Store, old: Menu, new: Menu) -> MenuDiff:
    """Compare two menus on stored crossings.

    Parameters
    ----------
    store : Store
        Its beam and all its signals are compared.
    old, new : Menu
        The menus.
    """
    changes: dict[str, dict[str, Change]] = {}
    flips: list[Flip] = []
    for sample in store.samples:
        before, after = decided(store, sample, old), decided(store, sample, new)
        changes[sample] = {}
        who = store.crossings(sample)
        for row in dict.fromkeys([*_rows(old), *_rows(new)]):
            one, two = _passes(old, before, row), _passes(new, after, row)
            if sample == BEAM:
                change = paired_rates(before, one, two, store.manifest.beam.crossing_rate_khz)
            else:
                change = paired_efficiencies(one, two)
            changes[sample][row] = change
            for i in np.flatnonzero(one != two):
                stratum = store.manifest.strata[who.stratum[i]] if sample == BEAM else ""
                flips.append(Flip(row, sample, stratum, int(who.chunk[i]), int(who.number[i]), bool(two[i])))
    return MenuDiff(old.name, new.name, written(old, new), changes, tuple(flips))


def paired_rates(
    sample: Decided, old: NDArray[np.bool_], new: NDArray[np.bool_], crossing_rate_khz: float
) -> Change:
    """Return the change of a rate on the same crossings.

    The difference of each collision is one number, whose square is its variance: what both pass cancels.
    Where nothing flips, the interval is that of no crossing gained and none lost.

    Parameters
    ----------
    sample : Decided
        Whose crossings they are.
    old, new : bool, shape (n,)
        What passes.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.
    """
    values = np.stack([old, new, new.astype(np.int8) - old.astype(np.int8)]).astype(np.float64)
    if sample.company is None:
        by_collision = np.add.reduceat(values[:, sample.order], sample.starts[:-1], axis=1) * sample.weight
        sums, squares = by_collision.sum(axis=1), (by_collision**2).sum(axis=1)
    else:
        each, drawn = of_values(sample, sample.company, values), of_drawn(sample, sample.company)
        sums = each.total @ sample.stratum_weight
        squares = variance_of(each, drawn, sample.stratum_weight, sample.company.classes)
    before, after = estimates(sums[:2], squares[:2], sample.stratum_weight, crossing_rate_khz)
    (nothing,) = estimates(np.zeros(1), np.zeros(1), sample.stratum_weight, crossing_rate_khz)
    flipped = bool((old != new).any())
    error = float(np.sqrt(squares[2])) if flipped else nothing.high
    value = float(sums[2])
    return Change(
        int((new & ~old).sum()),
        int((old & ~new).sum()),
        before,
        after,
        Estimate(value, value - error, value + error, "kHz"),
    )


def paired_efficiencies(old: NDArray[np.bool_], new: NDArray[np.bool_]) -> Change:
    """Return the change of an efficiency on the same n crossings: McNemar's variance of the discordant pairs.

    Where nothing flips, the interval is that of no crossing gained and none lost.
    """
    n = len(old)
    gained, lost = int((new & ~old).sum()), int((old & ~new).sum())
    value = (gained - lost) / max(n, 1)
    variance = (gained + lost - (gained - lost) ** 2 / max(n, 1)) / max(n, 1) ** 2
    error = float(np.sqrt(variance)) if gained + lost else efficiency(0, n).high
    return Change(
        gained,
        lost,
        efficiency(int(old.sum()), n),
        efficiency(int(new.sum()), n),
        Estimate(value, max(value - error, -1.0), min(value + error, 1.0)),
    )


def _rows(menu: Menu) -> list[str]:
    return [*menu.programs(), *(f"group {g}" for g in menu.groups), "total"]


def _passes(menu: Menu, sample: Decided, row: str) -> NDArray[np.bool_]:
    members: Sequence[str]
    if row == "total":
        members = sample.names
    elif row.startswith("group "):
        members = menu.groups.get(row.removeprefix("group "), ())
    else:
        members = (row,)
    return sample.passes([name for name in members if name in sample.names])
