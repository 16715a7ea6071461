"""Intervals of ratios from batches: triggers that follow each other are not independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from trigsim.numeric.intervals import ONE_SIGMA, Estimate, efficiency, weighted_poisson

#: With fewer batches, or fewer counts, the interval of independent counts is a floor.
FEW_BATCHES, FEW_COUNTS = 8, 20


def ratio(
    count: NDArray[np.int64],
    of: NDArray[np.int64],
    scale: float = 1.0,
    unit: str = "",
    more_variance: float = 0.0,
) -> Estimate:
    """Return ``scale · sum(count) / sum(of)`` with its interval of one standard deviation.

    The error is that of a ratio of sums over batches (Student's t). Where batches or counts are few, or nothing was
    counted, it is at least that of independent counts: Clopper and Pearson's for a share, Garwood's for a rate.

    Parameters
    ----------
    count, of : int64, shape (B,)
        Of each batch. A share has ``count <= of`` and no unit.
    scale : float
        A rate's unit over one count.
    unit : str
        "" for a share.
    more_variance : float
        Added to that of ``sum(count) / sum(of)``, before `scale`; see `library_variance`.
    """
    total, whole = int(count.sum()), int(of.sum())
    if whole == 0:
        return Estimate(0.0, 0.0, scale, unit)
    value = total / whole
    spread = float(np.sqrt(variance(count, of)))
    if len(of) > 1:
        spread *= float(stats.t.ppf((1 + ONE_SIGMA) / 2, len(of) - 1))
    low = high = spread
    if total < FEW_COUNTS or len(of) < FEW_BATCHES:
        if unit:
            floor = weighted_poisson(total, total, 1.0) / whole
        else:
            share = efficiency(total, whole)
            floor = np.array([share.low, share.high])
        low, high = max(low, value - floor[0]), max(high, floor[1] - value)
    low, high = (float(np.hypot(side, np.sqrt(more_variance))) for side in (low, high))
    top = np.inf if unit else 1.0
    return Estimate(scale * value, scale * max(0.0, value - low), scale * float(min(top, value + high)), unit)


def variance(count: NDArray[np.int64], of: NDArray[np.int64]) -> float:
    """Return the variance of ``sum(count) / sum(of)`` from the spread of the batches; 0 for a single one."""
    batches, whole = len(of), float(of.sum())
    if batches < 2 or whole == 0:
        return 0.0
    left = count - count.sum() / whole * of
    return float(batches / (batches - 1) * (left**2).sum() / whole**2)


def library_variance(count: NDArray[np.int64], of: NDArray[np.int64], nominal: float, longer: float) -> float:
    """Return the variance of a ratio that the finite library causes.

    Parameters
    ----------
    count, of : int64, shape (R,)
        Of each replica of the library.
    nominal : float
        Variance of the ratio in the run itself; see `variance`.
    longer : float
        How many times longer than a replica the run is: a replica's own statistics are taken off.
    """
    values = np.divide(count, of, out=np.zeros(len(of)), where=of > 0)
    return float(max(0.0, values.var(ddof=1) - nominal * longer))
