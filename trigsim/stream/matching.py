"""Multijets with the signal's pT spectrum, mixed from strata of hardness as their cross sections say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.stream.candidates import PT_EDGES
from trigsim.tagger.features import FEATURES

#: In a pT bin, strata of a smaller share than this, or whose pilot candidates come of fewer collisions, are left
#: out: each candidate of theirs would stand for many, and a few odd collisions would fill the bin.
SHARE, SEEN = 0.02, 10


@dataclass(frozen=True, slots=True)
class Matching:
    """How multijets of one beam are accepted.

    Attributes
    ----------
    ratio : float64, shape (K, bins)
        How often a candidate of a stratum in a pT bin is wanted for one that is made: accepted with this
        probability, weighted by it where it is above 1. 0 where the stratum is left out.
    share : float64, shape (K,)
        Share of each stratum in the accepted candidates; sums to 1.
    mixture : float64, shape (K, bins)
        Share of each stratum in the weighted candidates of a bin.
    """

    ratio: NDArray[np.float64]
    share: NDArray[np.float64]
    mixture: NDArray[np.float64]


def pt_bin(features_hw: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return the bin of `PT_EDGES` of each candidate, -1 below all, shape (n,)."""
    return np.asarray(np.digitize(FEATURES[0].scale.to_value(features_hw[:, 0]), PT_EDGES) - 1)


def match(
    signal: NDArray[np.float64],
    background: NDArray[np.int64],
    collisions: NDArray[np.int64],
    crossings: int,
    probability: NDArray[np.float64],
    max_weight: float,
) -> Matching:
    """Compute acceptances from pilot crossings.

    Parameters
    ----------
    signal : float64, shape (bins,)
        Signal candidates in each pT bin; only the shape counts.
    background : int64, shape (K, bins)
        Candidates that `crossings` crossings of each stratum made.
    collisions : int64, shape (K, bins)
        How many different collisions made them.
    crossings : int
        See `background`.
    probability : float64, shape (K,)
        How often a crossing is of each stratum; only ratios count.
    max_weight : float
        Largest ratio, at least 1.

    Raises
    ------
    InputError
        If no multijet has a pT that the signal has.
    """
    made = background / crossings
    natural = probability[:, None] * made
    share = _over(natural, natural.sum(axis=0))
    told = ((share >= SHARE) & (collisions >= SEEN)) | ((share == share.max(axis=0)) & (background > 0))
    mixture = _over(np.where(told, natural, 0.0), np.where(told, natural, 0.0).sum(axis=0))
    wanted = signal / max(signal.sum(), 1) * mixture
    needed = _over(wanted, made)
    built = needed.max(axis=1, keepdims=True) / max_weight
    ratio = _over(needed, built)
    accepted = (built * made * np.minimum(ratio, 1.0)).sum(axis=1)
    if not accepted.sum() > 0:
        raise InputError("no multijet jet has a pT of the signal; generate harder events or make the pilot longer")
    return Matching(ratio, accepted / accepted.sum(), mixture)


def _over(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a / b, 0 where b is 0."""
    a, b = np.broadcast_arrays(a, b)
    return np.divide(a, b, out=np.zeros(a.shape), where=b > 0)
