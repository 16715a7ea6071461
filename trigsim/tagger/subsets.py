"""The few columns that tell classes apart best together: all pairs and triples, by their likelihood in bins.

Gates and elimination judge an input beside many others, and both miss some that help only together. Where at most
three may stay there are few enough subsets to look at each one.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import combinations

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from trigsim.base.errors import InputError
from trigsim.tagger.fitting import Sample
from trigsim.tagger.subset_kernels import binned_losses

#: Largest subsets that are all looked at.
MOST = 3
#: Subsets of one size, and rows, that are looked at: what bounds the work, at about two seconds.
SUBSETS, ROWS = 10_000, 50_000
#: Rows that a cell has on average, and bins of a column; assumed.
CELL, FEWEST_BINS, MOST_BINS = 40, 3, 16
#: Parts of the cross-validation, and rows of the mean composition added to each cell; assumed.
PARTS, PSEUDO = 5, 2.0
#: Subsets that a network is trained on.
PROPOSALS = 3

Subset = tuple[int, ...]


def most_inputs(budget: float, prices: ArrayLike | None) -> int:
    """Return how many inputs a budget can hold at most: it, or as many of the cheapest as fit."""
    if prices is None:
        return int(budget)
    return int(np.searchsorted(np.cumsum(np.sort(np.asarray(prices, dtype=np.float64))), budget, side="right"))


def searchable(rows: int, n: int, budget: float, prices: ArrayLike | None = None) -> bool:
    """Return whether some of n columns leave, at most `MOST` can stay, and rows suffice for `FEWEST_BINS`."""
    most = most_inputs(budget, prices)
    return most <= MOST and most < n and bins(rows, most) >= FEWEST_BINS


def likeliest(
    train: Sample,
    valid: Sample,
    generator: torch.Generator,
    budget: float,
    prices: ArrayLike | None = None,
    hints: Collection[int] = (),
) -> list[NDArray[np.int64]]:
    """Return subsets of columns within a budget, the likeliest first.

    Each column is put into bins of equal population. The shares of the classes in each cell of a subset, smoothed,
    give the log loss of rows that were left out (cross-validation in `PARTS` parts of all rows). The subsets are
    those of exactly `budget` columns; with prices those of one to three.

    Where there are more than `SUBSETS` pairs or triples, they are formed of `hints` and of the columns that have
    the best loss alone, or with their best partner.

    Parameters
    ----------
    train, valid : Sample
        Where there are more than `ROWS` rows, some are drawn.
    generator : torch.Generator
        Draws rows and parts.
    budget : float
        Number of columns, 1 to 3, or what they may cost together.
    prices : array_like, shape (columns,), optional
    hints : collection of int
        Columns that are looked at in any case.

    Returns
    -------
    list of int64 array
        Each ascending.

    Raises
    ------
    InputError
        If the budget is below 1 or holds more than three columns, a price is no positive number, or rows are few.
    """
    n = train.x.shape[1]
    cost = np.ones(n) if prices is None else np.asarray(prices, dtype=np.float64)
    if cost.shape != (n,) or not (np.isfinite(cost) & (cost > 0)).all():
        raise InputError(f"prices must be {n} positive numbers, one an input")
    most = most_inputs(budget, prices)
    if not 1 <= most <= min(MOST, n):
        raise InputError(f"a budget of {budget:g} holds {most} of {n} inputs; subsets of 1 to {MOST} are searched")
    if bins(len(train) + len(valid), most) < FEWEST_BINS:
        raise InputError(
            f"{len(train) + len(valid)} rows are too few for {most} inputs; give {CELL * FEWEST_BINS**most}"
        )
    table = _Table(train, valid, generator)
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


def bins(rows: int, size: int) -> int:
    """Return into how many bins each column goes: as many as leave `CELL` rows a cell, at most `MOST_BINS`."""
    return min(MOST_BINS, int((min(rows, ROWS) / CELL) ** (1 / size) + 1e-9))


class _Table:
    """Rows as the kernel reads them."""

    def __init__(self, train: Sample, valid: Sample, generator: torch.Generator) -> None:
        order = torch.randperm(len(train) + len(valid), generator=generator)[:ROWS]
        x, y, w = (
            torch.cat(both)[order].numpy() for both in ((train.x, valid.x), (train.y, valid.y), (train.w, valid.w))
        )
        self.place = np.stack([_mid_rank(column) for column in x.T])
        self.y, self.w = y.astype(np.int64), w.astype(np.float64)
        self.part = np.arange(len(x)) % PARTS
        prior = np.bincount(self.y, weights=self.w)
        self.prior = np.maximum(prior / prior.sum(), 1e-9)

    def losses(self, subsets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the loss of each subset, shape (subsets,)."""
        losses = np.empty(len(subsets))
        number = bins(len(self.y), subsets.shape[1])
        codes = (self.place * number).astype(np.uint8)
        binned_losses(codes, number, subsets, self.part, PARTS, self.y, self.w, self.prior, PSEUDO, losses)
        return losses


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
