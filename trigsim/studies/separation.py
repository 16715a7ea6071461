"""How well a tagger separates on candidates that it was not trained on, with intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate
from trigsim.numeric.random import stream_rng
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.evaluation import auc, threshold

TOYS = 100


def auc_estimate(score: NDArray[np.int32], candidates: Candidates, seed: int) -> Estimate:
    """Return the area under the ROC curve of weighted candidates; see `bootstrap`."""
    return bootstrap(lambda weight: auc(score, candidates.label, weight), candidates, seed)


def rejection_estimate(score: NDArray[np.int32], candidates: Candidates, efficiency: float, seed: int) -> Estimate:
    """Return 1 / background efficiency, of weighted candidates, where `efficiency` of the signal passes."""
    background = candidates.label == 0
    passed = background & (score >= threshold(score, candidates.label, efficiency))

    def rejection(weight: NDArray[np.float64]) -> float:
        kept = weight[passed].sum()
        return float(weight[background].sum() / kept) if kept > 0 else float(background.sum())

    return bootstrap(rejection, candidates, seed)


def bootstrap(figure: Callable[[NDArray[np.float64]], float], candidates: Candidates, seed: int) -> Estimate:
    """Return a figure of weighted candidates with its interval by a bootstrap over collisions.

    Parameters
    ----------
    figure : callable
        Weights, float64 of shape (n,) → number.
    candidates : Candidates
        Candidates of one collision are drawn together: each collision counts Poisson(1) times in a toy.
    seed : int
        Of the bootstrap.
    """
    weight = candidates.weight.astype(np.float64)
    _, collision = np.unique(candidates.collision, return_inverse=True)
    rng = stream_rng(seed, "studies/bootstrap")
    toys = [figure(weight * rng.poisson(1.0, collision.max() + 1)[collision]) for _ in range(TOYS)]
    value, (low, high) = figure(weight), np.quantile(toys, [0.1587, 0.8413])
    return Estimate(value, float(min(low, value)), float(max(high, value)))
