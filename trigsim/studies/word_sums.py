"""Sums of all quantities of a rate table over decided crossings, with what else is in the crossings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate
from trigsim.stream.companions import Classes
from trigsim.stream.parallel import cores
from trigsim.stream.parallel import in_order as answers
from trigsim.studies import bits_kernels as kernels
from trigsim.studies.company import Company
from trigsim.studies.decided import Decided, in_order
from trigsim.studies.decided_sums import PIECES, of_drawn
from trigsim.studies.rate_sums import Drawn, Sums
from trigsim.studies.rates import LEAST_ERROR, estimates, variance_of

#: Points of the integral of shared rates: exact up to twice as many algorithms in one crossing.
NODES = 32
#: Crossings that tell the companions of a sample, at most: every second, third, … of a larger one.
MOST = 1 << 16
#: Quantities that are summed; of the total the first alone.
QUANTITIES = ("rate", "pure", "proportional", "cumulative")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, as their sums need them.

    Attributes
    ----------
    keep : float64, shape (algorithms,)
        Probability that a bit survives its prescale.
    veto : bool, shape (algorithms,)
        Algorithms that block the final OR.
    groups : mapping of str to tuple of int
        Group → places of its algorithms.
    """

    keep: NDArray[np.float64]
    veto: NDArray[np.bool_]
    groups: Mapping[str, tuple[int, ...]]

    def __len__(self) -> int:
        return len(self.keep) + len(self.groups) + 1


@dataclass(frozen=True, slots=True)
class Entries:
    """Crossings, n entries of equal ones.

    Attributes
    ----------
    sample : Decided
        Decisions of the entries.
    times : int64, shape (n,)
        How many crossings each stands for.
    tried : int64, shape (E,)
        Crossings of each hardest collision of the sample, those that are in no entry too.
    kind : int16, shape (n,)
        Class of the hardest collision; -1 where there is none or it is not known.
    count : integers, shape (n, p)
        Companions of each class in the crossings of an entry; p is 0 where they are not known.
    """

    sample: Decided
    times: NDArray[np.int64]
    tried: NDArray[np.int64]
    kind: NDArray[np.int16]
    count: NDArray[np.integer]

    @classmethod
    def of(cls, sample: Decided, times: NDArray[np.int64] | None = None) -> Entries:
        """Return crossings of a sample, with their company where it is known."""
        times = np.ones(len(sample), np.int64) if times is None else times
        if times.shape != (len(sample),) or times.dtype != np.int64:
            raise ValueError(f"{len(sample)} crossings need as many int64 times; got {times.dtype} {times.shape}")
        company, n = sample.company, len(sample)
        kind, count = (
            (np.full(n, -1, np.int16), np.zeros((n, 0), np.uint16))
            if company is None
            else (company.kind, company.count)
        )
        return cls(sample, times, np.diff(sample.starts), kind, count)


@dataclass(frozen=True, slots=True)
class Told:
    """Crossings of a beam, and what tells how much their rates hang on the library.

    Attributes
    ----------
    entries : Entries
        What passes.
    drawn : Drawn or None
        All crossings; None where nothing is known of companions: intervals then know the hardest collisions alone.
    classes : Classes or None
        Of collisions.
    beside : (Entries, Drawn) or None
        Crossings that tell the companions, where it is not the entries themselves.
    """

    entries: Entries
    drawn: Drawn | None = None
    classes: Classes | None = None
    beside: tuple[Entries, Drawn] | None = None

    @classmethod
    def of(cls, sample: Decided, times: NDArray[np.int64] | None = None) -> Told:
        """Return the crossings of a sample."""
        company = sample.company
        if company is None:
            return cls(Entries.of(sample, times))
        entries = Entries.of(sample, times)
        told = cls(entries, of_drawn(sample, company), company.classes)
        if len(sample) <= MOST:
            return told
        bare = replace(entries, count=np.zeros((len(sample), 0), np.uint16))
        return replace(told, entries=bare, beside=_every(sample, company, -(-len(sample) // MOST)))


def _every(sample: Decided, company: Company, step: int) -> tuple[Entries, Drawn]:
    """Return every so many crossings of each stratum, beginning with the first, in the order of the sample."""
    strata = len(sample.stratum_weight)
    stratum = np.empty(len(sample), np.int64)
    stratum[sample.order] = np.repeat(sample.stratum, np.diff(sample.starts))
    by_stratum, of_each = np.argsort(stratum, kind="stable"), np.bincount(stratum, minlength=strata)
    place = np.arange(len(sample)) - np.repeat(np.cumsum(of_each) - of_each, of_each)
    some = np.sort(by_stratum[place % step == 0])
    kept = np.bincount(stratum[some], minlength=strata)
    weight = sample.stratum_weight * of_each / np.maximum(kept, 1)
    less = Company.of(company.classes, company.kind[some], company.count[some], stratum[some], strata)
    # Who was the hardest does not matter here.
    alike = np.zeros(len(some), np.int64)
    one = in_order(sample.names, sample.packed[some], stratum[some], alike, weight, less)
    return Entries.of(one), of_drawn(one, less)


def table_rates(
    told: Told, rows: Rows, crossing_rate_khz: float, threads: int = 0
) -> tuple[dict[str, list[Estimate]], NDArray[np.int64]]:
    """Return each of `QUANTITIES` for algorithms, groups and the total, kHz, and the crossings that pass each row.

    All intervals are those of `rates.variance`. Of groups there is no cumulative rate, of the total the rate alone:
    the others are 0 there.
    """
    weight = told.entries.sample.stratum_weight
    sums, passes = sums_of(told.entries, rows, threads)
    total = sums.total @ weight
    if told.drawn is None:
        square = sums.square @ weight**2
    else:
        beside = None
        if told.beside is not None:
            entries, drawn = told.beside
            beside = sums_of(entries, rows, threads)[0], drawn, entries.sample.stratum_weight
        square = variance_of(sums, told.drawn, weight, told.classes, beside)
        square = np.maximum(square, (LEAST_ERROR * total) ** 2)
    found = estimates(total, square, weight, crossing_rate_khz)
    n = len(rows)
    return {name: found[i * n : (i + 1) * n] for i, name in enumerate(QUANTITIES)}, passes


def _members(rows: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the groups of each algorithm, one after the other, and where they begin."""
    members: list[list[int]] = [[] for _ in rows.keep]
    for number, places in enumerate(rows.groups.values()):
        for place in places:
            members[place].append(number)
    return np.cumsum([0, *map(len, members)]), np.array([g for some in members for g in some], np.int64)


def sums_of(entries: Entries, rows: Rows, threads: int = 0) -> tuple[Sums, NDArray[np.int64]]:
    """Return the sums of each quantity of each row, quantity by quantity, and the crossings that pass each row.

    Parameters
    ----------
    entries : Entries
    rows : Rows
    threads : int
        0 is one per core; the sums do not depend on it.
    """
    sample = entries.sample
    offsets, ids = _members(rows)
    nodes, node_weights = np.polynomial.legendre.leggauss(NODES)
    strata, known = len(sample.stratum_weight), entries.count.shape[1]
    # Companions may be told by others.
    classes = max(known, int(entries.kind.max(initial=-1)) + 1)
    # Cut where crossings are, not collisions: some have many.
    cuts = np.searchsorted(sample.starts, np.linspace(0, sample.starts[-1], PIECES + 1)).tolist()

    def work(piece: int) -> tuple[NDArray[Any], ...]:
        by_stratum = np.zeros((strata, 4, len(QUANTITIES), len(rows)))
        by_hardest = np.zeros((classes, len(QUANTITIES), len(rows)))
        by_class = np.zeros((len(QUANTITIES), len(rows), known))
        passes = np.zeros(len(rows), np.int64)
        kernels.tally(
            sample.packed, entries.times, sample.order, sample.starts, cuts[piece], cuts[piece + 1], entries.tried,
            sample.stratum, sample.stratum_weight, entries.kind, entries.count, rows.keep, rows.veto, offsets, ids,
            (nodes + 1) / 2, node_weights / 2, by_stratum, by_hardest, by_class, passes,
        )  # fmt: skip
        return by_stratum, by_hardest, by_class, passes

    parts = list(answers(work, range(PIECES), cores(threads)))
    by_stratum, by_hardest, by_class, passes = (np.sum([part[i] for part in parts], axis=0) for i in range(4))
    total, second, square, shared = by_stratum.reshape(strata, 4, -1).transpose(1, 2, 0)
    roles = np.zeros((len(total), 2, classes))
    roles[:, 0] = by_hardest.reshape(classes, len(total)).T
    roles[:, 1, :known] = by_class.reshape(len(total), known)
    return Sums(total, second, square, shared, roles), passes
