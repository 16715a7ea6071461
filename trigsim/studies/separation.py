"""How well a tagger separates on candidates that it was not trained on, with intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate
from trigsim.numeric.random import stream_rng
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.evaluation import auc

TOYS = 100


def auc_estimate(score: NDArray[np.int32], candidates: Candidates, seed: int) -> Estimate:
    """Return the area under the ROC curve with a bootstrap interval over collisions.

    Parameters
    ----------
    score : int32, shape (n,)
        Of each candidate.
    candidates : Candidates
        Labels, weights, and the collision that each came from: candidates of one collision are drawn together.
    seed : int
        Of the bootstrap.
    """
    _, collision = np.unique(candidates.collision, return_inverse=True)
    rng = stream_rng(seed, "studies/auc")
    toys = [
        auc(score, candidates.label, candidates.weight * rng.poisson(1.0, collision.max() + 1)[collision])
        for _ in range(TOYS)
    ]
    value = auc(score, candidates.label, candidates.weight)
    spread = float(np.std(toys))
    return Estimate(value, max(value - spread, 0.0), min(value + spread, 1.0))
