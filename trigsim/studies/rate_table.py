"""Rates of a menu from decisions crossing by crossing: raw, prescaled, pure, shared, cumulative, by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hist import Hist
from numpy.typing import NDArray

from trigsim.menu.menu import Menu
from trigsim.menu.prescale import factor
from trigsim.numeric.intervals import Estimate
from trigsim.studies.decided import Decided
from trigsim.studies.decided_sums import row_rates
from trigsim.studies.histograms import at_points, labelled
from trigsim.studies.tabular import Cells, Tabular
from trigsim.studies.word_sums import QUANTITIES, Rows, Told, table_rates


@dataclass(frozen=True, slots=True)
class Quantities:
    """What one row costs, kHz.

    Attributes
    ----------
    rate : Estimate
        Crossings that pass it.
    pure : Estimate
        Crossings that nothing else passes (for a group: nothing outside it).
    proportional : Estimate
        Each crossing shared evenly among the algorithms that pass it; the shares add up to the total.
    cumulative : Estimate or None
        Crossings that pass it or any algorithm before it in the menu; None for groups.
    """

    rate: Estimate
    pure: Estimate
    proportional: Estimate
    cumulative: Estimate | None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        found = {"rate": self.rate, "pure": self.pure, "proportional": self.proportional}
        if self.cumulative is not None:
            found["cumulative"] = self.cumulative
        return {name: estimate.as_dict() for name, estimate in found.items()}


@dataclass(frozen=True, slots=True)
class RateRow:
    """One algorithm, one group, or the total.

    Attributes
    ----------
    name, kind : str
        Its name, and "algorithm", "group" or "total".
    passes : int
        Crossings of the sample that pass it.
    prescale : float or None
        Of an algorithm; 0 is off.
    before, after : Quantities
        Of its bits, and of what the prescales leave.
    """

    name: str
    kind: Literal["algorithm", "group", "total"]
    passes: int
    prescale: float | None
    before: Quantities
    after: Quantities

    @property
    def label(self) -> str:
        """Its name as rows are called: an algorithm, ``group NAME``, or ``total``."""
        return f"group {self.name}" if self.kind == "group" else self.name

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        prescale = {} if self.prescale is None else {"prescale": self.prescale}
        return {
            "name": self.name,
            "kind": self.kind,
            "passes": self.passes,
            **prescale,
            "before_prescale": self.before.as_dict(),
            "after_prescale": self.after.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class RateTable(Tabular):
    """Rates of a whole menu.

    Attributes
    ----------
    rows : tuple of RateRow
        Algorithms in the order of the menu, groups, the total.
    crossings : int
        Crossings counted.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.
    """

    rows: tuple[RateRow, ...]
    crossings: int
    crossing_rate_khz: float

    def __getitem__(self, name: str) -> RateRow:
        """Return a row by name ("total" is the last)."""
        return next(row for row in self.rows if row.name == name)

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.crossings:,} crossings"

    def cells(self) -> Cells:
        """Return one row for each algorithm, group and the total: kHz, after prescale too if there are any."""
        header = ["algorithm", "passes", "rate [kHz]", "pure [kHz]", "shared [kHz]", "cumulative [kHz]"]
        # Without prescales both halves are the same.
        prescaled = any(row.prescale not in (None, 1) for row in self.rows)
        if prescaled:
            header += ["prescale", "prescaled [kHz]", "pure after [kHz]", "shared after [kHz]"]
        rows = []
        for row in self.rows:
            before, after = row.before, row.after
            cells = [row.label, str(row.passes)]
            cells += [e.numbers for e in (before.rate, before.pure, before.proportional)]
            cells.append(before.cumulative.numbers if before.cumulative else "–")
            if prescaled:
                cells.append("–" if row.prescale is None else f"{row.prescale:g}")
                cells += [e.numbers for e in (after.rate, after.pure, after.proportional)]
            rows.append(tuple(cells))
        return tuple(header), tuple(rows)

    def histogram(self, quantity: str = "rate", *, kind: str = "algorithm", after_prescale: bool = True) -> Hist:
        """Return one quantity ("rate", "pure", "proportional", "cumulative") of all rows of a kind, kHz."""
        rows = [row for row in self.rows if row.kind == kind]
        found = [getattr(row.after if after_prescale else row.before, quantity) for row in rows]
        return labelled(found, [row.name for row in rows], over=kind, label=f"{quantity} [kHz]")

    def histograms(self) -> dict[str, Hist]:
        """Return all quantities, before and after prescale."""
        wanted = [("algorithm", q) for q in ("rate", "pure", "proportional", "cumulative")]
        wanted += [("group", q) for q in ("rate", "pure", "proportional")]
        return {
            f"{kind}_{quantity}_{when}_prescale": self.histogram(
                quantity, kind=kind, after_prescale=when == "after"
            )
            for kind, quantity in wanted
            if any(row.kind == kind for row in self.rows)
            for when in ("before", "after")
        }

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "crossings": self.crossings,
            "crossing_rate_khz": self.crossing_rate_khz,
            "rows": [row.as_dict() for row in self.rows],
        }


def rate_histograms(found: Mapping[float, RateTable]) -> dict[str, Hist]:
    """Return the histograms of rates at several pile-ups, and rates after prescale of each row against pile-up."""
    made = {f"pileup_{mu:g}_{name}": one for mu, t in found.items() for name, one in t.histograms().items()}
    if len(found) < 2:
        return made
    points, first = sorted(found), next(iter(found.values()))
    for i, row in enumerate(first.rows):
        against = [found[mu].rows[i].after.rate for mu in points]
        made[f"against_pileup_{row.label}"] = at_points(against, points, over="mean pile-up", label="rate [kHz]")
    return made


@dataclass(frozen=True, slots=True)
class Prescaling:
    """What comes after the bits, as the tally needs it.

    Attributes
    ----------
    names : tuple of str
        Algorithms.
    keep : float64, shape (algorithms,)
        Probability that a bit survives its prescale.
    prescale : tuple of float
        The prescales.
    veto : bool, shape (algorithms,)
        Algorithms that block the final OR.
    groups : mapping of str to tuple of int
        Group → places of its algorithms.
    """

    names: tuple[str, ...]
    keep: NDArray[np.float64]
    prescale: tuple[float, ...]
    veto: NDArray[np.bool_]
    groups: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, menu: Menu, names: tuple[str, ...], column: Mapping[str, int] | None = None) -> Prescaling:
        """Return the prescaling of a menu's algorithms `names`.

        Parameters
        ----------
        menu : Menu
            With prescales, vetoes and groups.
        names : tuple of str
            As decided.
        column : mapping, optional
            Algorithm → prescale in hundredths, a column of `menu.prescale.PrescaleTable`.
        """
        known = {a.name: a for a in menu.algorithms}
        hundredths = [(column or {}).get(name, factor(known[name].prescale)) for name in names]
        place = {name: i for i, name in enumerate(names)}
        return cls(
            names,
            np.array([100 / h if h else 0.0 for h in hundredths]),
            tuple(h / 100 for h in hundredths),
            np.array([known[name].veto for name in names]),
            {g: tuple(place[a] for a in members if a in place) for g, members in menu.groups.items()},
        )


def rate_table(
    sample: Decided, after: Prescaling, crossing_rate_khz: float, times: NDArray[np.int64] | None = None
) -> RateTable:
    """Return the rates of every algorithm and group and of the total, before and after prescale.

    A prescale of p keeps each bit with probability 1/p, independently of other algorithms: rates after prescale are
    the expectation over that, not one history of the counters. Vetoes block the total, and pure and shared rates;
    BX masks are not applied, since a crossing here has no place in the orbit.

    Parameters
    ----------
    sample : Decided
        Beam crossings.
    after : Prescaling
        Of the same algorithms.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.
    times : int64, shape (n,), optional
        How many equal crossings each of the sample stands for; by default one.
    """
    told, known = Told.of(sample, times), None
    if told.beside is not None and sample.company is not None:
        # Of plain rates all crossings tell the companions.
        groups = tuple(after.groups.values())
        known = row_rates(sample, sample.company, crossing_rate_khz, after.veto, groups)
    return told_table(told, after, crossing_rate_khz, known)


def told_table(
    told: Told, after: Prescaling, crossing_rate_khz: float, known: Sequence[Estimate] | None = None
) -> RateTable:
    """Return the same of crossings whose company may be told apart; `known` are rates before prescale, if any."""
    sample = told.entries.sample
    if sample.names != after.names:
        raise ValueError("decisions and prescales are of different algorithms")
    rows_of = [Rows(keep, after.veto, after.groups) for keep in (np.ones(len(after.keep)), after.keep)]
    with ThreadPoolExecutor(2) as pool:
        (before, passes), (left, _) = pool.map(lambda some: table_rates(told, some, crossing_rate_khz), rows_of)
    if known is not None:
        before["rate"], left["rate"] = list(known), _left(known, before["rate"], left["rate"], after)
    kinds: list[tuple[str, Literal["algorithm", "group", "total"], float | None]] = [
        *((name, "algorithm", p) for name, p in zip(after.names, after.prescale, strict=True)),
        *((name, "group", None) for name in after.groups),
        ("total", "total", None),
    ]
    rows = tuple(
        RateRow(name, kind, int(passes[i]), prescale, _quantities(before, i, kind), _quantities(left, i, kind))
        for i, (name, kind, prescale) in enumerate(kinds)
    )
    return RateTable(rows, int(told.entries.times.sum()), crossing_rate_khz)


def _left(
    known: Sequence[Estimate], before: Sequence[Estimate], left: Sequence[Estimate], after: Prescaling
) -> list[Estimate]:
    """Return rates after prescale: what is known of algorithms, and of rows that lose nothing, holds there too."""
    scaled = [Estimate(e.value * q, e.low * q, e.high * q, e.unit) for e, q in zip(known, after.keep, strict=False)]
    n = len(scaled)
    rest = [e if b == one else one for e, b, one in zip(known[n:], before[n:], left[n:], strict=True)]
    return [*scaled, *rest]


def _quantities(found: Mapping[str, Sequence[Estimate]], row: int, kind: str) -> Quantities:
    rate, pure, share, cumulative = (found[name][row] for name in QUANTITIES)
    if kind == "total":
        return Quantities(rate, rate, rate, None)
    return Quantities(rate, pure, share, cumulative if kind == "algorithm" else None)


def bit_rates(sample: Decided, crossing_rate_khz: float) -> list[Estimate]:
    """Return the rate of each algorithm before prescale, kHz, in order."""
    n = len(sample.names)
    if sample.company is not None:
        return row_rates(sample, sample.company, crossing_rate_khz)[:n]
    plain = Prescaling(sample.names, np.ones(n), (1.0,) * n, np.zeros(n, np.bool_), {})
    return [row.before.rate for row in rate_table(sample, plain, crossing_rate_khz).rows[:n]]
