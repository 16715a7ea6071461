"""How well a score separates: ROC area, background rejection, thresholds; weighted, ties counted half."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigsim.base.errors import InputError
from trigsim.numeric.intervals import Estimate, efficiency


def _checked(
    score: ArrayLike, label: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    s = np.asarray(score, dtype=np.float64).ravel()
    y = np.asarray(label).ravel().astype(bool)
    w = np.ones(len(s)) if weight is None else np.asarray(weight, dtype=np.float64).ravel()
    if not len(s) == len(y) == len(w):
        raise InputError(f"{len(s)} scores, {len(y)} labels, {len(w)} weights; give one each")
    if not y.any() or y.all():
        raise InputError("labels of one class only; a ROC curve needs both")
    return s, y, w


def auc(score: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the area under the ROC curve: the chance that a signal scores above a background.

    Parameters
    ----------
    score : array_like, shape (n,)
    label : array_like, shape (n,)
        1 signal, 0 background.
    weight : array_like, shape (n,), optional
    """
    s, y, w = _checked(score, label, weight)
    values, place = np.unique(s, return_inverse=True)
    signal = np.bincount(place, weights=w * y, minlength=len(values))
    other = np.bincount(place, weights=w * ~y, minlength=len(values))
    below = np.cumsum(other) - other
    return float((signal * (below + other / 2)).sum() / (signal.sum() * other.sum()))


def threshold(score: ArrayLike, label: ArrayLike, signal_efficiency: float) -> float:
    """Return the largest score s so that at least this share of signal has score >= s."""
    s, y, _ = _checked(score, label, None)
    if not 0 < signal_efficiency <= 1:
        raise InputError(f"signal efficiency {signal_efficiency}; give one in (0, 1]")
    signal = np.sort(s[y])
    # The guard keeps 0.9 * 10 from being 9.000…2, one too many.
    return float(signal[len(signal) - int(np.ceil(signal_efficiency * len(signal) - 1e-9))])


def rejection(score: ArrayLike, label: ArrayLike, signal_efficiency: float) -> Estimate:
    """Return 1 / background efficiency at this signal efficiency, with its one-sigma interval.

    Both the interval of the background efficiency (Clopper-Pearson) and no other source are counted. Where no
    background passes, the value is that of one event.
    """
    s, y, _ = _checked(score, label, None)
    cut = threshold(s, y, signal_efficiency)
    passed, total = int((s[~y] >= cut).sum()), int((~y).sum())
    passing = efficiency(passed, total)
    return Estimate(
        total / max(passed, 1), 1 / passing.high, 1 / max(passing.low, 1e-12) if passed else float(total)
    )
