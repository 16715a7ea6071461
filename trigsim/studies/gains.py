"""What each algorithm adds to the efficiency of a menu."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hist import Hist

from trigsim.menu.menu import Menu
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.studies.decided import Decided, decided
from trigsim.studies.histograms import labelled
from trigsim.studies.rate_table import Prescaling, rate_table
from trigsim.studies.store import Store
from trigsim.studies.tabular import Cells, Tabular


@dataclass(frozen=True, slots=True)
class Gain:
    """One row on one signal, before prescale.

    Attributes
    ----------
    inclusive : Estimate
        Crossings that pass it.
    exclusive : Estimate
        Crossings that nothing else passes (for a group: nothing outside it): what the menu loses without it.
    """

    inclusive: Estimate
    exclusive: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {"inclusive": self.inclusive.as_dict(), "exclusive": self.exclusive.as_dict()}


class Gains(dict[str, Gain], Tabular):
    """Row → gain on one signal; rows are algorithms, ``group NAME`` and ``total``."""

    __slots__ = ()

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return "Efficiencies before prescale, and what the menu loses without each"

    def cells(self) -> Cells:
        """Return one row for each algorithm, group and the total."""
        found = ((row, gain.inclusive.numbers, gain.exclusive.numbers) for row, gain in self.items())
        return ("algorithm", "inclusive", "exclusive"), tuple(found)


def gains(store: Store, menu: Menu, signal: str) -> Gains:
    """Return row → gain on a signal, with the intervals of Clopper and Pearson.

    Rows are algorithms, ``group NAME`` and ``total``.
    """
    return gains_of(decided(store, signal, menu), menu)


def gains_of(sample: Decided, menu: Menu) -> Gains:
    """Return the same from the decisions of a signal's crossings."""
    n = len(sample)
    table = rate_table(sample, Prescaling.of(menu, sample.names), 1.0)
    return Gains(
        (row.label, Gain(efficiency(row.passes, n), efficiency(round(row.before.pure.value * n), n)))
        for row in table.rows
    )


def histograms(found: Mapping[str, Mapping[str, Gain]]) -> dict[str, Hist]:
    """Return inclusive and exclusive efficiencies of each signal, one bin a row."""
    return {
        f"{what}_{signal}": labelled(
            [getattr(gain, what) for gain in gains.values()], list(gains), over="row", label=f"{what} efficiency"
        )
        for signal, gains in found.items()
        for what in ("inclusive", "exclusive")
    }
