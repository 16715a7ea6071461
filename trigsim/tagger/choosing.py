"""Which inputs stay where rows are few, for several numbers at once: several ways propose, networks choose."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import nn

from trigsim.tagger.bank import gated_choices, stratified
from trigsim.tagger.dense import fresh
from trigsim.tagger.elimination import eliminate_folded
from trigsim.tagger.fitting import Pace, Sample
from trigsim.tagger.subsets import LISTED, judged, likeliest, searchable

#: Parts of the rows that networks are trained without.
FOLDS = 3


def choose(
    module: nn.Sequential,
    sample: Sample,
    pace: Pace,
    budgets: Sequence[int],
    *,
    select: int,
    tune: int,
    restarts: int,
) -> dict[int, NDArray[np.int64]]:
    """Return the inputs that stay at each budget.

    All networks of a kind are trained side by side. One elimination passes all budgets; where so few stay that all
    subsets can be looked at (`subsets.searchable`), the likeliest are in its place.

    Parameters
    ----------
    module : torch.nn.Sequential
        On all columns; where gates and elimination start, and what those on fewer are like.
    sample : Sample
        All rows: none is kept for validation, each is left out in turn.
    pace : Pace
    budgets : sequence of int
        Numbers of inputs, each below that of the columns.
    select, tune : int
        Epochs of gates, and of a network on chosen inputs.
    restarts : int
        Tries with gates for each budget.

    Returns
    -------
    dict
        Budget → columns, ascending.
    """
    keeps = [k for k in budgets for _ in range(restarts)]
    starts = [fresh(module) if i % restarts else module for i in range(len(keeps))]
    proposed: dict[int, list[NDArray[np.int64]]] = {k: [] for k in budgets}
    for k, columns in zip(keeps, gated_choices(starts, keeps, sample, pace, select), strict=True):
        proposed[k].append(columns)
    searched = [k for k in budgets if searchable(len(sample), sample.x.shape[1], k)]
    for k in searched:
        proposed[k] += likeliest(sample, pace.generator, k)[:LISTED]
    eliminated = [k for k in budgets if k not in searched]
    if eliminated:
        part = stratified(sample.y, FOLDS, pace.generator)
        found = eliminate_folded(module, sample, part, pace, eliminated, math.ceil(tune / 2))
        for k, columns in found.items():
            proposed[k].append(columns)
    return {
        k: judged(module, sample, lambda: stratified(sample.y, FOLDS, pace.generator), pace, tune, listed)
        for k, listed in proposed.items()
    }
