"""Sums of decided crossings that the variance of rates is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate
from trigsim.stream.parallel import cores, in_order
from trigsim.studies import bits_kernels as kernels
from trigsim.studies.company import Company
from trigsim.studies.decided import Decided
from trigsim.studies.rate_sums import Drawn, Sums
from trigsim.studies.rates import rates_of

#: Pieces that crossings are summed in: always as many, so that sums do not depend on threads.
PIECES = 8


def row_rates(
    sample: Decided,
    company: Company,
    crossing_rate_khz: float,
    veto: NDArray[np.bool_] | None = None,
    groups: Sequence[tuple[int, ...]] = (),
    threads: int = 0,
) -> list[Estimate]:
    """Return the rates of algorithms, groups and the total before prescale, with the intervals of a run's.

    Parameters
    ----------
    sample : Decided
        Beam crossings.
    company : Company
        Of the same crossings.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.
    veto, groups, threads
        See `of_bits`.
    """
    none = np.zeros(len(sample.names), np.bool_)
    sums = of_bits(sample, company, none if veto is None else veto, groups, threads)
    drawn = of_drawn(sample, company)
    return rates_of(sums, drawn, sample.stratum_weight, crossing_rate_khz, company.classes)


def of_drawn(sample: Decided, company: Company) -> Drawn:
    """Return all crossings of a sample."""
    tried = np.diff(sample.starts)
    strata = len(sample.stratum_weight)
    crossings = np.bincount(sample.stratum, tried, strata).astype(np.int64)
    square = np.bincount(sample.stratum, tried.astype(np.float64) ** 2, strata).astype(np.float64)
    return Drawn(crossings, square, company.tried)


def of_bits(
    sample: Decided, company: Company, veto: NDArray[np.bool_], groups: Sequence[tuple[int, ...]], threads: int = 0
) -> Sums:
    """Return the sums of decisions: algorithms, then groups, then the total.

    Parameters
    ----------
    sample : Decided
        With its company.
    company : Company
    veto : bool, shape (algorithms,)
        Algorithms that count in no group, and whose crossings the total leaves out.
    groups : sequence of tuples of int
        Places of their algorithms.
    threads : int
        0 is one per core; the sums do not depend on it.
    """
    members: list[list[int]] = [[] for _ in sample.names]
    for number, places in enumerate(groups):
        for place in places:
            members[place].append(number)
    offsets, ids = np.cumsum([0, *map(len, members)]), np.array([g for some in members for g in some], np.int64)
    rows, strata, classes = len(sample.names) + len(groups) + 1, len(sample.stratum_weight), len(company.classes)
    # Cut where crossings are, not collisions: some have many.
    cuts = np.searchsorted(sample.starts, np.linspace(0, sample.starts[-1], PIECES + 1)).tolist()
    kind = company.kind[sample.order[sample.starts[:-1]]]

    def work(piece: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        by_stratum, by_class = np.zeros((3, rows, strata)), np.zeros((rows, 2, classes))
        kernels.sum_rows(
            sample.packed, sample.order, sample.starts, cuts[piece], cuts[piece + 1], sample.stratum,
            sample.stratum_weight, kind, company.count, veto, offsets, ids, len(groups), by_stratum, by_class,
        )  # fmt: skip
        return by_stratum, by_class

    parts = list(in_order(work, range(PIECES), cores(threads)))
    total, square, shared = np.sum([part[0] for part in parts], axis=0)
    return Sums(total, total, square, shared, np.sum([part[1] for part in parts], axis=0))


def of_values(sample: Decided, company: Company, values: NDArray[np.float64]) -> Sums:
    """Return the sums of any values, float64 of shape (rows, n), negative ones too."""
    strata, starts = len(sample.stratum_weight), sample.starts
    ordered = values[:, sample.order]
    inner = np.add.reduceat(ordered, starts[:-1], axis=1)
    tried = np.diff(starts)

    def by_stratum(each: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([np.bincount(sample.stratum, row, strata) for row in each])

    squares = np.add.reduceat(ordered**2, starts[:-1], axis=1)
    of_cluster = company.kind[sample.order[starts[:-1]]]
    by_class = np.zeros((len(values), 2, len(company.classes)))
    stratum = np.empty(len(sample), np.int64)
    stratum[sample.order] = np.repeat(sample.stratum, tried)
    some = of_cluster >= 0
    for r, row in enumerate(values):
        weighted = inner[r] * sample.weight
        by_class[r, 0] = np.bincount(of_cluster[some], weighted[some], len(company.classes))
        there = np.flatnonzero(row)
        by_class[r, 1] = (row[there] * sample.stratum_weight[stratum[there]]) @ company.count[there]
    return Sums(by_stratum(inner), by_stratum(squares), by_stratum(inner**2), by_stratum(inner * tried), by_class)
