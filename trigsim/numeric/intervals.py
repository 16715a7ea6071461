"""Intervals of efficiencies and rates: no figure leaves trigsim without one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

#: Two-sided coverage of one standard deviation of a normal.
ONE_SIGMA = 0.682689492137086


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its central interval.

    Attributes
    ----------
    value, low, high : float
        In `unit`.
    unit : str
        "kHz", "" for a fraction, …
    """

    value: float
    low: float
    high: float
    unit: str = ""

    def as_dict(self) -> dict[str, float | str]:
        """Return a JSON-ready mapping."""
        return {"value": self.value, "low": self.low, "high": self.high, "unit": self.unit}

    def __str__(self) -> str:
        """Return ``value ± half unit``, or ``value -below/+above unit`` where the two differ."""
        return f"{self.numbers} {self.unit}".rstrip()

    @property
    def numbers(self) -> str:
        """The same without the unit, with the digits that the interval can carry."""
        below, above = self.value - self.low, self.high - self.value
        width = max(below, above)
        digits = 3 if width <= 0 else int(np.clip(1 - np.floor(np.log10(width)), 0, 6))
        value, minus, plus = (f"{x:.{digits}f}" for x in (self.value, below, above))
        return f"{value} ± {plus}" if minus == plus else f"{value} -{minus}/+{plus}"


def efficiency(passed: int, total: int, coverage: float = ONE_SIGMA) -> Estimate:
    """Return passed/total with its Clopper-Pearson interval (total 0 gives 0 in [0, 1])."""
    if not 0 <= passed <= total:
        raise ValueError(f"{passed} of {total} cannot have passed")
    if total == 0:
        return Estimate(0.0, 0.0, 1.0)
    tail = (1 - coverage) / 2
    low = stats.beta.ppf(tail, passed, total - passed + 1) if passed else 0.0
    high = stats.beta.isf(tail, passed + 1, total - passed) if passed < total else 1.0
    return Estimate(passed / total, float(low), float(high))


def weighted_poisson(sum_w: ArrayLike, sum_w2: ArrayLike, max_weight: ArrayLike) -> NDArray[np.float64]:
    """Return low and high limits of weighted counts at one sigma.

    The weighted sum is taken as a scaled Poisson count, with scale sum_w2/sum_w and effective count
    sum_w**2/sum_w2 (Bohm and Zech, NIM A 748 (2014) 1); its limits are Garwood's. Where nothing passed, the
    upper limit is that of zero events of weight `max_weight`.

    Parameters
    ----------
    sum_w, sum_w2, max_weight : array_like
        Sums of weights and squared weights, and the largest weight an event could have had; broadcast.

    Returns
    -------
    ndarray of shape (2, ...)
        Low and high limits, in the unit of the weights.
    """
    w, w2, largest = np.broadcast_arrays(
        np.asarray(sum_w, float), np.asarray(sum_w2, float), np.asarray(max_weight, float)
    )
    some = w > 0
    scale = np.divide(w2, w, out=np.array(largest, dtype=float), where=some)
    count = np.divide(w**2, w2, out=np.zeros_like(scale), where=some)
    tail = (1 - ONE_SIGMA) / 2
    low = np.where(some, stats.chi2.ppf(tail, 2 * np.maximum(count, 1e-300)) / 2, 0.0)
    high = stats.chi2.isf(tail, 2 * (count + 1)) / 2
    return np.stack([low * scale, high * scale])
