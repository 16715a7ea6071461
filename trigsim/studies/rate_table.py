"""Rates of a menu from decisions crossing by crossing: raw, prescaled, pure, shared, cumulative, by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from hist import Hist
from numpy.typing import NDArray

from trigsim.menu.menu import Menu
from trigsim.menu.prescale import factor
from trigsim.numeric.intervals import Estimate
from trigsim.studies import bits_kernels as kernels
from trigsim.studies.decided import Decided
from trigsim.studies.decided_sums import row_rates
from trigsim.studies.histograms import at_points, labelled
from trigsim.studies.rates import estimates
from trigsim.studies.tabular import Cells, Tabular

#: Points of the integral of shared rates: exact up to twice as many algorithms in one crossing.
NODES = 32


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
    if sample.names != after.names:
        raise ValueError("decisions and prescales are of different algorithms")
    times = np.ones(len(sample), np.int64) if times is None else times
    if times.shape != (len(sample),) or times.dtype != np.int64:
        raise ValueError(f"{len(sample)} crossings need as many int64 times; got {times.dtype} {times.shape}")
    with ThreadPoolExecutor(3) as pool:
        known = pool.submit(_known, sample, after, crossing_rate_khz)
        raw, left = pool.map(
            lambda keep: _tally(sample, after, keep, times), (np.ones(len(after.keep)), after.keep)
        )
    before_rows, after_rows = (_quantities(t, sample.stratum_weight, crossing_rate_khz) for t in (raw, left))
    passes = np.concatenate(raw[6:])
    kinds: list[tuple[str, Literal["algorithm", "group", "total"], float | None]] = [
        *((name, "algorithm", p) for name, p in zip(after.names, after.prescale, strict=True)),
        *((name, "group", None) for name in after.groups),
        ("total", "total", None),
    ]
    rows = tuple(
        RateRow(name, kind, int(n), prescale, one, two)
        for (name, kind, prescale), n, one, two in zip(kinds, passes, before_rows, after_rows, strict=True)
    )
    table = RateTable(rows, int(times.sum()), crossing_rate_khz)
    rates = known.result()
    return table if rates is None else with_rates(table, rates)


def with_rates(table: RateTable, rates: Sequence[Estimate]) -> RateTable:
    """Put rates before prescale in place of a table's, row by row: their intervals know the companions' re-use.

    The rate of an algorithm after its prescale is as much smaller. What the companions add to the error of a group
    or of the total is taken to be as large after prescale as before, relative to the rate.
    """
    return replace(table, rows=tuple(map(_with_rate, table.rows, rates)))


def _with_rate(row: RateRow, rate: Estimate) -> RateRow:
    before, after = row.before, row.after
    if row.prescale is not None:
        part = 1 / row.prescale if row.prescale else 0.0
        left = Estimate(rate.value * part, rate.low * part, rate.high * part, rate.unit)
    elif after.rate == before.rate:
        left = rate
    else:
        left = _widened(after.rate, before.rate, rate)
    if row.kind == "total":
        return replace(row, before=Quantities(rate, rate, rate, None), after=Quantities(left, left, left, None))
    return replace(row, before=replace(before, rate=rate), after=replace(after, rate=left))


def _widened(after: Estimate, before: Estimate, known: Estimate) -> Estimate:
    """Return `after` with what `known` has beyond `before`, relative to the rate."""
    part = after.value / before.value if before.value else 0.0

    def side(mine: float, narrow: float, wide: float) -> float:
        return float(np.sqrt(mine**2 + part**2 * max(wide**2 - narrow**2, 0.0)))

    below = side(after.value - after.low, before.value - before.low, known.value - known.low)
    above = side(after.high - after.value, before.high - before.value, known.high - known.value)
    return Estimate(after.value, max(after.value - below, 0.0), after.value + above, after.unit)


def _known(sample: Decided, after: Prescaling, crossing_rate_khz: float) -> list[Estimate] | None:
    if sample.company is None:
        return None
    return row_rates(sample, sample.company, crossing_rate_khz, after.veto, tuple(after.groups.values()))


def bit_rates(sample: Decided, crossing_rate_khz: float) -> list[Estimate]:
    """Return the rate of each algorithm before prescale, kHz, in order."""
    n = len(sample.names)
    if sample.company is not None:
        return row_rates(sample, sample.company, crossing_rate_khz)[:n]
    plain = Prescaling(sample.names, np.ones(n), (1.0,) * n, np.zeros(n, np.bool_), {})
    found = _tally(sample, plain, plain.keep, np.ones(len(sample), np.int64))
    return [q.rate for q in _quantities(found, sample.stratum_weight, crossing_rate_khz)[:n]]


def _tally(
    sample: Decided, after: Prescaling, keep: NDArray[np.float64], times: NDArray[np.int64]
) -> tuple[NDArray[Any], ...]:
    members: list[list[int]] = [[] for _ in after.names]
    for number, places in enumerate(after.groups.values()):
        for place in places:
            members[place].append(number)
    offsets = np.cumsum([0, *map(len, members)])
    ids = np.array([g for some in members for g in some], np.int64)
    nodes, node_weights = np.polynomial.legendre.leggauss(NODES)
    return tuple(
        kernels.tally(
            sample.packed, times, sample.order, sample.starts, sample.weight, keep, after.veto,
            offsets, ids, len(after.groups), (nodes + 1) / 2, node_weights / 2,
        )
    )  # fmt: skip


def _quantities(
    found: tuple[NDArray[Any], ...], stratum_weight: NDArray[np.float64], crossing_rate_khz: float
) -> list[Quantities]:
    def of(sums: NDArray[np.float64], squares: NDArray[np.float64]) -> list[list[Estimate]]:
        return [estimates(s, q, stratum_weight, crossing_rate_khz) for s, q in zip(sums, squares, strict=True)]

    alg, alg2, grp, grp2, total, total2 = found[:6]
    algorithms = [Quantities(*row) for row in zip(*of(alg, alg2), strict=True)]
    groups = [Quantities(rate, pure, share, None) for rate, pure, share, _ in zip(*of(grp, grp2), strict=True)]
    (everything,) = estimates(total, total2, stratum_weight, crossing_rate_khz)
    return [*algorithms, *groups, Quantities(everything, everything, everything, None)]
