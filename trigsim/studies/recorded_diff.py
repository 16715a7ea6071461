"""Two menus on recorded events, which have a run, luminosity section and event, but no weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trigsim.menu.menu import Menu
from trigsim.menu.validate import Comparison
from trigsim.studies.diff import Change, Written, change_cells, paired_efficiencies, written
from trigsim.studies.tabular import Cells, Tabular


@dataclass(frozen=True, slots=True)
class RecordedDiff(Tabular):
    """Two menus on recorded events.

    Attributes
    ----------
    old, new : str
        Names of the menus.
    events : int
        Events looked at.
    written : tuple of Written
        Differences of the grammar.
    changes : mapping of str to Change
        Algorithm that both menus have and the data can decide → fraction of the events that pass it.
    flips : mapping of str to (mapping of str to bool)
        Algorithm → ``run:lumi:event`` of each event that flips → whether the new menu passes it.
    unsupported : mapping of str to str
        Algorithm → why it was not compared.
    """

    old: str
    new: str
    events: int
    written: tuple[Written, ...]
    changes: Mapping[str, Change]
    flips: Mapping[str, Mapping[str, bool]]
    unsupported: Mapping[str, str]

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.old} → {self.new}: {self.events} events, {len(self.flips)} algorithms flip"

    def cells(self) -> Cells:
        """Return the algorithms that flip any event: fractions that pass."""
        return ("algorithm", "gained", "lost", "old", "new", "difference"), change_cells(self.changes)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "old": self.old,
            "new": self.new,
            "events": self.events,
            "written": [{k: getattr(w, k) for k in ("part", "name", "what", "old", "new")} for w in self.written],
            "changes": {name: change.as_dict() for name, change in self.changes.items()},
            "flips": {name: dict(places) for name, places in self.flips.items()},
            "unsupported": dict(self.unsupported),
        }


def recorded_diff(old: Menu, new: Menu, before: Comparison, after: Comparison) -> RecordedDiff:
    """Compare two menus, algorithm by algorithm, on recorded events.

    Parameters
    ----------
    old, new : Menu
        The menus.
    before, after : Comparison
        What `menu.validate.validate` found for each, on the same events.
    """
    changes, flips = {}, {}
    for name in before.decisions:
        if name not in after.decisions:
            continue
        one, two = before.decisions[name], after.decisions[name]
        changes[name] = paired_efficiencies(one, two)
        if (one != two).any():
            flips[name] = {
                f"{before.run[i]}:{before.lumi[i]}:{before.event[i]}": bool(two[i])
                for i in (one != two).nonzero()[0]
            }
    return RecordedDiff(
        old.name, new.name, before.crossings, written(old, new), changes, flips, _unsupported(before, after)
    )


def _unsupported(before: Comparison, after: Comparison) -> dict[str, str]:
    only = dict.fromkeys(before.decisions.keys() ^ after.decisions.keys(), "only one menu has it")
    return {**only, **before.unsupported, **after.unsupported}
