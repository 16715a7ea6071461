"""Results as histograms of the `hist` package: weighted, each bin with the variance of its estimate.

All have ``Weight`` storage. What is an estimate has the square of half its interval as variance; what is counted
has its counts. A value that belongs to a point, as a rate to a threshold, is in the bin that begins there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hist import Hist, axis, storage
from numpy.typing import ArrayLike, NDArray

from trigsim.base.errors import InputError
from trigsim.numeric.intervals import Estimate


def labelled(estimates: Sequence[Estimate], names: Sequence[str], *, over: str, label: str) -> Hist:
    """Return a histogram over a category axis `over`; `label` says what is in it, with its unit."""
    return _filled([axis.StrCategory(list(names), name=over)], *_moments(estimates), label)


def at_points(estimates: Sequence[Estimate], points: Sequence[float], *, over: str, label: str) -> Hist:
    """Return a histogram whose bin i begins at ``points[i]``, which rise; the last is as wide as the one before."""
    edges = [*points, 2 * points[-1] - points[-2] if len(points) > 1 else points[0] + 1.0]
    return binned(edges, *_moments(estimates), over=over, label=label)


def binned(edges: Sequence[float], values: ArrayLike, variances: ArrayLike, *, over: str, label: str) -> Hist:
    """Return a histogram of n bins with n + 1 rising `edges`; flow bins are empty."""
    return _filled([axis.Variable(list(edges), name="x", label=over)], values, variances, label)


def filled(
    values: NDArray[Any],
    cluster: NDArray[np.int64],
    weight: NDArray[np.float64],
    bins: int | Sequence[float],
    *,
    lsb: float | None,
    over: str,
    label: str,
) -> Hist:
    """Return a histogram of values, several of which may belong to one cluster and then are not independent.

    The variance of a bin is the sum of the squared weights of the clusters in it; if each value has a cluster of
    its own, that is the sum of squared weights.

    Parameters
    ----------
    values : integer or float array, shape (n,)
        Multiples of `lsb`, or as they are where it is None.
    cluster : int64, shape (n,)
        Of each value, from 0.
    weight : float64, shape (clusters,)
        Of each value in a cluster.
    bins : int or sequence of float
        How many, at most, from the lowest to the highest value: of whole steps where there is an `lsb`, so that all
        bins hold equally many of them. Or the edges, in the unit of the values; what is outside is in flow bins.
    lsb : float or None
        Step of the values.
    over, label : str
        What the axis is, and what is in the histogram.
    """
    edges: NDArray[np.float64]
    if not isinstance(bins, int):
        edges = np.asarray(bins, np.float64)
    elif lsb is not None:
        low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        step = -(-(high + 1 - low) // bins)
        edges = (np.arange(low, high + 1 + step, step) * lsb).astype(np.float64)
        inner = np.arange(len(edges), dtype=np.float64)
        return _clustered((values - low) // step + 0.5, inner, edges, cluster, weight, over, label)
    else:
        first, last = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        edges = np.linspace(first, np.nextafter(max(last, first + 1e-6), np.inf), bins + 1)
    return _clustered(values * (1.0 if lsb is None else lsb), edges, edges, cluster, weight, over, label)


def _clustered(
    values: NDArray[Any],
    inner: NDArray[np.float64],
    edges: NDArray[np.float64],
    cluster: NDArray[np.int64],
    weight: NDArray[np.float64],
    over: str,
    label: str,
) -> Hist:
    """Sort `values` into bins between the edges `inner`, which are shown as `edges`."""
    if len(edges) < 2 or (np.diff(edges) <= 0).any():
        raise InputError(f"{len(edges)} edges {edges.tolist()[:5]}…; give two at least, rising")
    place = np.searchsorted(inner, values, "right")
    count = np.bincount(place * len(weight) + cluster, minlength=(len(edges) + 1) * len(weight))
    by_cluster = count.reshape(len(edges) + 1, -1) * weight
    made = Hist(axis.Variable(edges.tolist(), name="x", label=over), storage=storage.Weight(), label=label)
    view = made.view(flow=True)
    view.value[...], view.variance[...] = by_cluster.sum(axis=1), (by_cluster**2).sum(axis=1)
    return made


def counted(counts: ArrayLike, *, first: int = 0, over: str, label: str) -> Hist:
    """Return a histogram of counts of the whole numbers from `first` on."""
    counts = np.asarray(counts, np.float64)
    return _filled([axis.Integer(first, first + len(counts), name="x", label=over)], counts, counts, label)


def matrix(
    values: NDArray[np.float64], variances: NDArray[np.float64], names: Sequence[str], *, label: str
) -> Hist:
    """Return a histogram over pairs of `names`, rows first."""
    axes = [axis.StrCategory(list(names), name=name) for name in ("row", "column")]
    return _filled(axes, values, variances, label)


def _moments(estimates: Sequence[Estimate]) -> tuple[list[float], list[float]]:
    return [e.value for e in estimates], [((e.high - e.low) / 2) ** 2 for e in estimates]


def _filled(axes: Sequence[axis.AxesMixin], values: ArrayLike, variances: ArrayLike, label: str) -> Hist:
    made = Hist(*axes, storage=storage.Weight(), label=label)
    view = made.view(flow=False)
    view.value[...], view.variance[...] = values, variances
    return made
