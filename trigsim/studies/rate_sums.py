"""Sums over weighted crossings that the variance of rates is made of: those of a run, and of stored crossings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.stream.accumulate import RateCounts


@dataclass(frozen=True, slots=True)
class Drawn:
    """All crossings of K + 1 strata, p classes of collisions.

    Attributes
    ----------
    crossings : int64, shape (K + 1,)
        How many.
    square : float64, shape (K + 1,)
        Sum over hardest collisions of the square of their crossings.
    by_class : int64, shape (K + 1, 2, p)
        Collisions of each class: the hardest, and companions; see `stream.companions`.
    """

    crossings: NDArray[np.int64]
    square: NDArray[np.float64]
    by_class: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of a value v of each row over crossings; of a decision it is 1 where it passes.

    Attributes
    ----------
    total, second : float64, shape (rows, K + 1)
        Of v, and of v squared.
    square : float64, shape (rows, K + 1)
        Over hardest collisions, of the square of their sum of v.
    shared : float64, shape (rows, K + 1)
        Over hardest collisions, of their sum of v times their crossings.
    by_class : float64, shape (rows, 2, p)
        Of v times the collisions of each class, times the weight of the stratum.
    """

    total: NDArray[np.float64]
    second: NDArray[np.float64]
    square: NDArray[np.float64]
    shared: NDArray[np.float64]
    by_class: NDArray[np.float64]


def of_counts(counts: RateCounts, weight: NDArray[np.float64]) -> tuple[Sums, Drawn]:
    """Return the sums of what a run counted; `weight` is that of each stratum's crossings, shape (K + 1,)."""
    passed = counts.passes.sum(axis=2).astype(np.float64)
    tried = counts.tried.astype(np.float64)
    sums = Sums(
        passed,
        passed,
        np.einsum("rke,rke->rk", counts.passes, counts.passes).astype(np.float64),
        np.einsum("rke,ke->rk", counts.passes, counts.tried).astype(np.float64),
        np.einsum("rkcj,k->rcj", counts.class_passed, weight),
    )
    return sums, Drawn(counts.drawn, (tried**2).sum(axis=1), counts.class_tried)
