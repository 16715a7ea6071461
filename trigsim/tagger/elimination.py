"""Recursive elimination: inputs leave one after another by what shuffling them costs, the network adapting between.

Permutation importance is Breiman's (Machine Learning 45 (2001) 5); elimination by it with refits is that of Guyon
et al. (Machine Learning 46 (2002) 389) with another ranking.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Collection

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trigsim.tagger.bank import Stacked, side_by_side, train_side_by_side
from trigsim.tagger.cancelout import reading_of
from trigsim.tagger.fitting import Pace, Sample, evaluate, fit, loss

#: Share of the inputs that leaves at once; shuffles of each input; share of the epochs that a refit takes.
SHARE, SHUFFLES, REFIT = 0.12, 3, 1 / 8


def cuts(n: int, keep: int) -> list[int]:
    """Return how many inputs are left after each cut on the way from n to `keep`."""
    left = []
    while n > keep:
        n -= max(1, min(n - keep, int(SHARE * n)))
        left.append(n)
    return left


def elimination_epochs(n: int, keep: int, epochs: int) -> int:
    """Return the epochs that `eliminate` takes in all."""
    return epochs + _refit(epochs) * len(cuts(n, keep))


def _refit(epochs: int) -> int:
    return math.ceil(REFIT * epochs)


def eliminate(
    module: nn.Sequential,
    train: Sample,
    valid: Sample,
    pace: Pace,
    keep: int,
    epochs: int,
) -> tuple[NDArray[np.int64], nn.Sequential]:
    """Train on all inputs, then take away those whose shuffling costs least, with a short refit after each cut.

    Parameters
    ----------
    module : torch.nn.Sequential
        Left as it is.
    train, valid : Sample
        Rows to train on, and those whose loss rises with the importance.
    pace : Pace
    keep : int
        Inputs that stay.
    epochs : int
        On all inputs; after each cut it is an eighth of that.

    Returns
    -------
    columns : int64 array, shape (keep,)
        Ascending.
    small : torch.nn.Sequential
        The network on those.
    """
    columns, small = np.arange(train.x.shape[1]), copy.deepcopy(module)
    fit(small, train, valid, pace, epochs=epochs, phase="eliminate")
    for left in cuts(len(columns), keep):
        rises = importance(small, valid.columns(columns), pace.generator)
        stay = np.sort(np.argsort(-rises)[:left])
        columns, small = columns[stay], reading_of(small, stay)
        some, few = train.columns(columns), valid.columns(columns)
        fit(small, some, few, pace, epochs=_refit(epochs), phase="eliminate")
    return columns, small


def eliminate_folded(
    module: nn.Sequential, sample: Sample, part: NDArray[np.int64], pace: Pace, keeps: Collection[int], epochs: int
) -> dict[int, NDArray[np.int64]]:
    """Return what one elimination leaves at each of several numbers, by networks trained without each part.

    Where rows are few, one validation sample's luck would decide: what shuffling costs is added up over the parts,
    each seen by the network that was trained without it.

    Parameters
    ----------
    module : torch.nn.Sequential
        Left as it is; copies of it start.
    sample : Sample
    part : int64 array, shape (rows,)
        See `bank.parts`.
    pace : Pace
    keeps : collection of int
        How many inputs stay.
    epochs : int
        On all inputs; after each cut it is an eighth of that.

    Returns
    -------
    dict
        Number → columns, ascending.
    """
    number = int(part.max()) + 1
    bank = side_by_side([module] * number)
    first = next(layer for layer in bank if isinstance(layer, Stacked))
    weight = sample.w * (torch.from_numpy(part)[None] != torch.arange(number)[:, None])
    columns, found = np.arange(sample.x.shape[1]), {}
    train_side_by_side(bank, np.tile(columns, (number, 1)), sample, weight, pace, epochs)
    for keep in sorted(keeps, reverse=True):
        for left in cuts(len(columns), keep):
            rises = _rises(bank, sample.columns(columns), part, pace.generator)
            stay = np.sort(np.argsort(-rises)[:left])
            columns = columns[stay]
            first.weight = nn.Parameter(first.weight.detach()[:, torch.from_numpy(stay)])
            train_side_by_side(bank, np.tile(columns, (number, 1)), sample, weight, pace, _refit(epochs))
        found[keep] = columns
    return found


def _rises(
    bank: nn.Sequential, sample: Sample, part: NDArray[np.int64], generator: torch.Generator
) -> NDArray[np.float64]:
    """Return `importance`, each network's on the part that it was trained without, shape (inputs,)."""
    left = [np.flatnonzero(part == p) for p in range(int(part.max()) + 1)]
    # Parts differ by a row of each class at most; networks side by side see equally many.
    rows = torch.from_numpy(np.stack([some[: min(map(len, left))] for some in left]))
    x, y, w = sample.x[rows], sample.y[rows], sample.w[rows]
    most, losses = rows.shape[1], np.empty(x.shape[2])
    with torch.no_grad():
        before = float(loss(bank(x).flatten(0, 1), y.flatten(), w.flatten()))
        for i in range(len(losses)):
            shuffled = x.repeat(1, SHUFFLES, 1)
            for s in range(SHUFFLES):
                order = torch.randperm(most, generator=generator)
                shuffled[:, s * most : (s + 1) * most, i] = x[:, order, i]
            output = bank(shuffled).flatten(0, 1)
            losses[i] = float(loss(output, y.repeat(1, SHUFFLES).flatten(), w.repeat(1, SHUFFLES).flatten()))
    rises: NDArray[np.float64] = losses - before
    return rises


def importance(module: nn.Sequential, sample: Sample, generator: torch.Generator) -> NDArray[np.float64]:
    """Return by how much the loss rises when each input is shuffled, the mean of `SHUFFLES`, shape (inputs,)."""
    _, before = evaluate(module, sample)
    rises = np.zeros(sample.x.shape[1])
    x = sample.x.clone()
    for i in range(len(rises)):
        for _ in range(SHUFFLES):
            x[:, i] = sample.x[torch.randperm(len(x), generator=generator), i]
            rises[i] += evaluate(module, Sample(x, sample.y, sample.w))[1] - before
        x[:, i] = sample.x[:, i]
    return rises / SHUFFLES
