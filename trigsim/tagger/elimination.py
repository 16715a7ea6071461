"""Recursive elimination: inputs leave one after another by what shuffling them costs, the network adapting between.

Permutation importance is Breiman's (Machine Learning 45 (2001) 5); elimination by it with refits is that of Guyon
et al. (Machine Learning 46 (2002) 389) with another ranking.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trigsim.tagger.cancelout import reading_of
from trigsim.tagger.fitting import Pace, Sample, Split, evaluate, fit

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
    splits: Sequence[Split],
    pace: Pace,
    keep: int,
    epochs: int,
) -> tuple[NDArray[np.int64], nn.Sequential]:
    """Train on all inputs, then take away those whose shuffling costs least, with a short refit after each cut.

    Parameters
    ----------
    module : torch.nn.Sequential
        Left as it is.
    splits : sequence of (Sample, Sample)
        Rows to train on, and those whose loss rises with the importance. With several, a network is trained on each
        and the rises are added: where rows are few, one split's luck is not what decides.
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
        The network of the first split on those.
    """
    columns = np.arange(splits[0][0].x.shape[1])
    networks = [copy.deepcopy(module) for _ in splits]
    for small, (train, valid) in zip(networks, splits, strict=True):
        fit(small, train, valid, pace, epochs=epochs, phase="eliminate")
    for left in cuts(len(columns), keep):
        rises = np.zeros(len(columns))
        for small, (_, valid) in zip(networks, splits, strict=True):
            rises += importance(small, valid.columns(columns), pace.generator)
        stay = np.sort(np.argsort(-rises)[:left])
        columns = columns[stay]
        networks = [reading_of(small, stay) for small in networks]
        for small, (train, valid) in zip(networks, splits, strict=True):
            some, few = train.columns(columns), valid.columns(columns)
            fit(small, some, few, pace, epochs=_refit(epochs), phase="eliminate")
    return columns, networks[0]


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
