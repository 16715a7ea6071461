"""The few columns that tell classes apart best together: all pairs and triples, by their likelihood in bins.

Gates and elimination judge an input beside many others, and both miss some that help only together. Where at most
three may stay there are few enough subsets to look at each one. Between the likeliest, cross-validated networks
decide: one validation sample does not tell them apart.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from trigsim.base.errors import InputError
from trigsim.tagger.bank import cross_validated, parts
from trigsim.tagger.cancelout import reading_of
from trigsim.tagger.dense import fresh
from trigsim.tagger.fitting import Pace, Sample
from trigsim.tagger.subset_kernels import binned_losses

#: Largest subsets that are all looked at.
MOST = 3
#: Subsets of one size, and rows, that are looked at: what bounds the work, at about two seconds.
SUBSETS, ROWS = 10_000, 50_000
#: Independent rows that a cell has on average, and bins of a column; assumed.
CELL, FEWEST_BINS, MOST_BINS = 40, 3, 16
#: Parts of the cross-validation, and rows of the mean composition added to each cell; assumed.
PARTS, PSEUDO = 5, 2.0
#: Subsets that networks are trained on, and into how many parts their rows are split.
LISTED, JUDGES = 8, 4
#: Share of the epochs that these train for, in batches so many times smaller, of at least so many rows: it is the
#: steps that count, and side by side small batches take no longer than large ones.
JUDGING, SMALLER, SMALLEST = 0.27, 4, 16
#: Steps that they take at least: networks that have learned nothing would choose by chance.
STEPS = 256

Subset = tuple[int, ...]


def most_inputs(budget: float, prices: ArrayLike | None) -> int:
    """Return how many inputs a budget can hold at most: it, or as many of the cheapest as fit."""
    if prices is None:
        return int(budget)
    return int(np.searchsorted(np.cumsum(np.sort(np.asarray(prices, dtype=np.float64))), budget, side="right"))


def searchable(rows: int, n: int, budget: float, prices: ArrayLike | None = None) -> bool:
    """Return whether some of n columns leave, `MOST` can stay, and independent rows suffice for `FEWEST_BINS`."""
    most = most_inputs(budget, prices)
    return most <= MOST and most < n and bins(rows, most) >= FEWEST_BINS


def likeliest(
    sample: Sample,
    generator: torch.Generator,
    budget: float,
    prices: ArrayLike | None = None,
    hints: Collection[int] = (),
    group: ArrayLike | None = None,
) -> list[NDArray[np.int64]]:
    """Return subsets of columns within a budget, the likeliest first.

    Each column is put into bins of equal population. The shares of the classes in each cell of a subset, smoothed,
    give the log loss of rows that were left out (cross-validation in `PARTS` parts of all rows). The subsets are
    those of exactly `budget` columns; with prices those of one to three.

    Where there are more than `SUBSETS` pairs or triples, they are formed of `hints` and of the columns that have
    the best loss alone, or with their best partner.

    Parameters
    ----------
    sample : Sample
        Where there are more than `ROWS` rows, some are drawn.
    generator : torch.Generator
        Draws rows and parts.
    budget : float
        Number of columns, 1 to 3, or what they may cost together.
    prices : array_like, shape (columns,), optional
    hints : collection of int
        Columns that are looked at in any case.
    group : array_like of int, shape (rows,), optional
        Rows of one group are left out together, and count once where bins are chosen. None: each row is its own.

    Returns
    -------
    list of int64 array
        Each ascending.

    Raises
    ------
    InputError
        If the budget is below 1 or holds more than three columns, a price is no positive number, or rows are few.
    """
    n = sample.x.shape[1]
    cost = np.ones(n) if prices is None else np.asarray(prices, dtype=np.float64)
    if cost.shape != (n,) or not (np.isfinite(cost) & (cost > 0)).all():
        raise InputError(f"prices must be {n} positive numbers, one an input")
    most = most_inputs(budget, prices)
    if not 1 <= most <= min(MOST, n):
        raise InputError(f"a budget of {budget:g} holds {most} of {n} inputs; subsets of 1 to {MOST} are searched")
    independent = len(sample) if group is None else len(np.unique(np.asarray(group)))
    if bins(independent, most) < FEWEST_BINS:
        raise InputError(
            f"{independent} independent rows are too few for {most} inputs; give {CELL * FEWEST_BINS**most}"
        )
    sample, group = _drawn(sample, group, generator)
    table = _Table(sample, independent, parts(group, PARTS, generator))
    columns = sorted((i for i in range(n) if cost[i] <= budget), key=lambda i: i not in hints)
    found: list[tuple[float, Subset]] = []
    for size in range(1, most + 1):
        some = sorted(columns[: _widest(size, len(columns))])
        subsets = np.array(list(combinations(some, size)), dtype=np.int64).reshape(-1, size)
        subsets = subsets[cost[subsets].sum(axis=1) <= budget]
        losses = table.losses(subsets)
        best = np.full(n, np.inf)
        np.minimum.at(best, subsets, losses[:, None])
        columns.sort(key=lambda i: (i not in hints, best[i]))
        if prices is not None or size == most:
            found += zip(losses.tolist(), map(tuple, subsets.tolist()), strict=True)
    return [np.array(subset) for _, subset in sorted(found)]


def best_subset(
    module: nn.Sequential,
    sample: Sample,
    pace: Pace,
    epochs: int,
    budget: float,
    prices: ArrayLike | None = None,
    hints: Sequence[NDArray[np.int64]] = (),
    group: ArrayLike | None = None,
) -> NDArray[np.int64]:
    """Return that of the `LISTED` likeliest subsets, and of the hints, whose networks lose least where not trained.

    See `judged`; where there are more than `ROWS` rows, some are drawn.

    Parameters
    ----------
    module : torch.nn.Sequential
        On all columns; those on a subset are like it, with new weights.
    sample : Sample
    pace : Pace
    epochs : int
        That a network is tuned for; here a round takes `JUDGING` of it.
    budget, prices, group
        See `likeliest`.
    hints : sequence of int64 array
        Subsets, ascending, that are looked at in any case, within the budget.

    Returns
    -------
    int64 array
        Ascending.
    """
    known = {int(i) for columns in hints for i in columns}
    likely = likeliest(sample, pace.generator, budget, prices, known, group)[:LISTED]
    sample, group = _drawn(sample, group, pace.generator)
    return judged(module, sample, lambda: parts(group, JUDGES, pace.generator), pace, epochs, [*hints, *likely])


def judged(
    module: nn.Sequential,
    sample: Sample,
    draw: Callable[[], NDArray[np.int64]],
    pace: Pace,
    epochs: int,
    subsets: Sequence[NDArray[np.int64]],
) -> NDArray[np.int64]:
    """Return that of some subsets whose networks lose least on the part that each was trained without.

    Round by round, in new parts and from new initial weights, the worse half leaves by the loss of all rounds
    (successive halving: Karnin et al., ICML 2013): what is close is looked at most often. In a round all networks
    start alike, so that less of the difference is luck.

    Parameters
    ----------
    module, sample, pace, epochs
        See `best_subset`.
    draw : callable
        Returns the part of each row; see `bank.parts`.
    subsets : sequence of int64 array
        Each ascending; at least one.
    """
    listed = sorted({tuple(columns.tolist()) for columns in subsets})
    # One column of zeros fills up subsets of fewer columns: all networks have one shape.
    n, most = sample.x.shape[1], max(len(columns) for columns in listed)
    sample = Sample(torch.cat([sample.x, torch.zeros(len(sample), 1)], dim=1), sample.y, sample.w)
    reads = np.array([[*columns, *[n] * (most - len(columns))] for columns in listed])
    pace = replace(pace, batch=min(pace.batch, max(SMALLEST, pace.batch // SMALLER)))
    turns, steps = math.ceil(JUDGING * epochs), max(len(sample) // pace.batch, 1)
    if turns * steps < STEPS:
        # More than were announced: they are not reported.
        turns, pace = math.ceil(STEPS / steps), replace(pace, advance=None)
    left, losses = np.arange(len(listed)), np.zeros(len(listed))
    while len(left) > 1:
        networks = [fresh(reading_of(module, range(most)))] * len(left)
        losses[left] += cross_validated(networks, reads[left], sample, draw(), pace, turns)
        left = left[np.argsort(losses[left], kind="stable")][: math.ceil(len(left) / 2)]
    return np.array(listed[int(left[0])])


def judging_epochs(epochs: int, hints: int) -> int:
    """Return the most epochs that `best_subset` takes, where a network is tuned for `epochs`."""
    return math.ceil(JUDGING * epochs) * math.ceil(math.log2(LISTED + hints))


def bins(rows: int, size: int) -> int:
    """Return into how many bins each column goes: as many as leave `CELL` rows a cell, at most `MOST_BINS`."""
    return min(MOST_BINS, int((min(rows, ROWS) / CELL) ** (1 / size) + 1e-9))


class _Table:
    """Rows as the kernel reads them."""

    def __init__(self, sample: Sample, independent: int, part: NDArray[np.int64]) -> None:
        self.place = np.stack([_mid_rank(column) for column in sample.x.numpy().T])
        self.y, self.w = sample.y.numpy().astype(np.int64), sample.w.numpy().astype(np.float64)
        self.independent, self.part = independent, part
        prior = np.bincount(self.y, weights=self.w)
        self.prior = np.maximum(prior / prior.sum(), 1e-9)

    def losses(self, subsets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the loss of each subset, shape (subsets,)."""
        losses = np.empty(len(subsets))
        number = bins(self.independent, subsets.shape[1])
        codes = (self.place * number).astype(np.uint8)
        binned_losses(codes, number, subsets, self.part, PARTS, self.y, self.w, self.prior, PSEUDO, losses)
        return losses


def _drawn(sample: Sample, group: ArrayLike | None, generator: torch.Generator) -> tuple[Sample, NDArray[np.int64]]:
    """Return all rows, or `ROWS` of them, and their groups."""
    groups = np.arange(len(sample)) if group is None else np.asarray(group)
    if groups.shape != (len(sample),):
        raise InputError(f"groups have shape {groups.shape}; give one a row, ({len(sample)},)")
    order = torch.randperm(len(groups), generator=generator)[:ROWS]
    return sample.rows(order), groups[order.numpy()]


def _mid_rank(column: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return where each value stands among all, in (0, 1); equal values stand in the middle of their ranks."""
    _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
    middle: NDArray[np.float64] = ((np.cumsum(counts) - counts / 2) / len(column))[inverse]
    return middle


def _widest(size: int, n: int) -> int:
    """Return of how many columns all subsets may be looked at."""
    while n > size and math.comb(n, size) > SUBSETS:
        n -= 1
    return n
