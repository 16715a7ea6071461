"""Rates from stratified counts, with intervals that know the library is finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate, efficiency, weighted_poisson
from trigsim.stream.accumulate import EfficiencyCounts, RateCounts
from trigsim.stream.companions import Classes, Parts
from trigsim.stream.companions import classes as classes_of
from trigsim.stream.run import VariantResult
from trigsim.stream.source import Source
from trigsim.studies.rate_sums import Drawn, Sums, of_counts
from trigsim.studies.results import MenuResult

#: No rate is given a smaller relative error: one that every crossing gives would have none.
LEAST_ERROR = 1e-6


def weights(
    drawn: NDArray[np.int64], probability: NDArray[np.float64], crossing_rate_khz: float
) -> NDArray[np.float64]:
    """Return the rate that one crossing of each stratum stands for, kHz; 0 where none was drawn.

    Parameters
    ----------
    drawn : int64, shape (K + 1,)
        Crossings drawn.
    probability : float64, shape (K + 1,)
        Of each stratum of crossings.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.
    """
    per_crossing = np.divide(probability, drawn, out=np.zeros(len(probability)), where=drawn > 0)
    return np.asarray(crossing_rate_khz * per_crossing, dtype=np.float64)


def unseen(counts: RateCounts, weight: NDArray[np.float64]) -> dict[str, float]:
    """Return what the strata without any pass could add to each row's rate, kHz.

    The upper limit of zero events (1.84 at one standard deviation, as in the intervals) of the largest weight among
    those strata: however the hidden rate is shared among them, it is not larger at that confidence.

    Parameters
    ----------
    counts : RateCounts
        Of K + 1 strata of crossings.
    weight : float64, shape (K + 1,)
        See `weights`. The empty crossing, which is always the same, hides nothing.
    """
    nothing = counts.passes[:, :-1].sum(axis=2) == 0
    largest = np.where(nothing, weight[:-1], 0.0).max(axis=1, initial=0.0)
    limit = weighted_poisson(np.zeros(len(largest)), np.zeros(len(largest)), largest)[1]
    return dict(zip(counts.rows, map(float, limit), strict=True))


def rates(
    counts: RateCounts,
    probability: NDArray[np.float64],
    crossing_rate_khz: float,
    classes: Classes | None = None,
) -> dict[str, Estimate]:
    """Return the rate of each row; its interval holds sampling and re-use of the finite library, see `variance`.

    Parameters
    ----------
    counts : RateCounts
        Of K + 1 strata of crossings.
    probability : float64, shape (K + 1,)
        Of each stratum of crossings; strata that were not drawn count as never passing.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.
    classes : Classes, optional
        Those that the counts are of; without them the companions' re-use is left out.

    Returns
    -------
    dict
        Row → estimate in kHz.
    """
    weight = weights(counts.drawn, probability, crossing_rate_khz)
    found = rates_of(*of_counts(counts, weight), weight, crossing_rate_khz, classes)
    return dict(zip(counts.rows, found, strict=True))


def rates_of(
    sums: Sums, drawn: Drawn, weight: NDArray[np.float64], crossing_rate_khz: float, classes: Classes | None = None
) -> list[Estimate]:
    """Return the same from sums over crossings, row by row."""
    sum_w = sums.total @ weight
    sum_w2 = np.maximum(variance_of(sums, drawn, weight, classes), (LEAST_ERROR * sum_w) ** 2)
    return estimates(sum_w, sum_w2, weight, crossing_rate_khz)


def variance(
    counts: RateCounts, weight: NDArray[np.float64], classes: Classes | None = None
) -> NDArray[np.float64]:
    """Return the variance of each row's rate: sampling of crossings and the finite library together.

    It is the bootstrap over the collisions of the library to first order (the infinitesimal jackknife): the sum,
    over collisions, of the squared derivative of the rate by the collision's weight. The hardest collision of a
    crossing gives its derivative one by one: passes with it, less those that as many crossings of its stratum have
    on average. That of its companions, of which there are hundreds, is the mean of their class: how much more often
    crossings pass that hold more collisions of the class. What chance alone gives to the square of the latter is
    subtracted. Where strata are parts of the library's, the parts' shares are the library's too.

    Parameters
    ----------
    counts : RateCounts
        Of K + 1 strata of crossings.
    weight : float64, shape (K + 1,)
        See `weights`.
    classes : Classes, optional
        Those that the counts are of.

    Returns
    -------
    float64, shape (rows,)
        In kHz squared. Empty crossings, which are all the same, have none.
    """
    return variance_of(*of_counts(counts, weight), weight, classes)


def variance_of(
    sums: Sums,
    drawn: Drawn,
    weight: NDArray[np.float64],
    classes: Classes | None = None,
    beside: tuple[Sums, Drawn, NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """Return the same from sums over crossings, of any value of each row; see `variance`.

    `beside` is the like (sums, all crossings, weight) of the crossings that tell the companions, where it is not
    all of them.
    """
    fraction = sums.total / np.maximum(drawn.crossings, 1)
    # Sum over clusters e of (passes of e - fraction * crossings of e)^2. Where all passed, one might have failed.
    spread = sums.square - 2 * fraction * sums.shared + fraction**2 * drawn.square
    spread = np.where(sums.square > 0, np.maximum(spread, 1.0), 0.0)
    spread[:, -1] = 0.0
    hardest = np.asarray(spread @ weight**2, dtype=np.float64)
    if classes is None:
        return hardest
    return hardest + _companions(sums, drawn, weight, classes, beside or (sums, drawn, weight))


def _excess(sums: Sums, drawn: Drawn, weight: NDArray[np.float64], role: int) -> NDArray[np.float64]:
    """Return the derivative by class, shape (rows, p), of the hardest (role 0) or of companions (1)."""
    mean = weight / np.maximum(drawn.crossings, 1)
    return np.asarray(sums.by_class[:, role] - (sums.total * mean) @ drawn.by_class[:, role], dtype=np.float64)


def _companions(
    sums: Sums,
    drawn: Drawn,
    weight: NDArray[np.float64],
    classes: Classes,
    beside: tuple[Sums, Drawn, NDArray[np.float64]],
) -> NDArray[np.float64]:
    """Return what the companions' re-use adds to `variance_of`, not negative, shape (rows,)."""
    hard, more = _excess(sums, drawn, weight, 0), _excess(*beside, 1)
    of_shares = 0.0
    if classes.parts is not None:
        share = _shares(sums.total * weight, classes.parts)
        of_shares = share**2 @ classes.parts.members.sum(axis=0)
        hard = hard + share @ classes.parts.members.T
    same = classes.stratum[:, None] == classes.stratum
    members = same @ classes.size
    # A companion more of one class is one less of the others of its stratum: its number is drawn before.
    more = more - more @ same * (classes.size / members)
    added = ((2 * hard + more) * more / classes.size).sum(axis=1)
    some, tried, each = beside
    fraction, second = (s / np.maximum(tried.crossings, 1) for s in (some.total, some.second))
    chance = tried.by_class[:, 1] @ (1 / classes.size - 1 / members)
    expected = ((second - fraction**2) * each**2) @ chance
    return np.asarray(np.maximum(added - expected, 0.0) + of_shares, dtype=np.float64)


def _shares(rate: NDArray[np.float64], parts: Parts) -> NDArray[np.float64]:
    """Return the derivative of each row's rate by a collision of each part, for the part's share of its stratum.

    A collision more makes its part more frequent, and the other parts of its stratum of the library less.

    Parameters
    ----------
    rate : float64, shape (rows, K + 1)
        What each stratum of crossings gives.
    parts : Parts

    Returns
    -------
    float64, shape (rows, K)
        Beyond what the crossings of each stratum tell by themselves; 0 where parts are whole strata.
    """
    size = parts.members.sum(axis=0)
    same = parts.parent[:, None] == parts.parent
    return np.asarray(rate @ (parts.expected / size - parts.expected @ same / (size @ same)), dtype=np.float64)


def estimates(
    sum_w: NDArray[np.float64],
    sum_w2: NDArray[np.float64],
    weight: NDArray[np.float64],
    crossing_rate_khz: float,
) -> list[Estimate]:
    """Return rates with their intervals.

    Parameters
    ----------
    sum_w, sum_w2 : float64, shape (n,)
        Total weight of what passed, and its variance.
    weight : float64, shape (K + 1,)
        See `weights`; the empty crossing, the last, bounds nothing.
    crossing_rate_khz : float
        No rate is larger.
    """
    low, high = weighted_poisson(sum_w, sum_w2, weight[:-1].max(initial=0.0))
    high = np.minimum(high, crossing_rate_khz)
    return [Estimate(float(r), float(lo), float(hi), "kHz") for r, lo, hi in zip(sum_w, low, high, strict=True)]


def efficiencies(counts: EfficiencyCounts) -> dict[str, Estimate]:
    """Return the efficiency of each row with its Clopper-Pearson interval."""
    drawn = int(counts.drawn[0])
    return {row: efficiency(int(p), drawn) for row, p in zip(counts.rows, counts.passed, strict=True)}


def live_time_s(rate: Estimate) -> float:
    """Return the seconds of unweighted beam that would measure `rate` (kHz) with the same relative error.

    A Poisson count of R T crossings has the relative error 1/sqrt(R T).
    """
    spread = (rate.high - rate.low) / 2
    return rate.value / spread**2 / 1e3 if spread > 0 else 0.0


def library_error(
    counts: RateCounts, weight: NDArray[np.float64], classes: Classes | None = None
) -> dict[str, float]:
    """Return the standard deviation of each row's rate for the finite library alone, kHz; arguments as `variance`.

    It is what remains of the variance without the binomial sampling of crossings, and does not fall with more.
    """
    drawn = np.maximum(counts.drawn, 1)
    fraction = counts.passes.sum(axis=2) / drawn
    sampling = (fraction * (1 - fraction) * drawn) @ weight**2
    left = np.sqrt(np.maximum(variance(counts, weight, classes) - sampling, 0.0))
    return dict(zip(counts.rows, map(float, left), strict=True))


def menu_result(source: Source, result: VariantResult) -> MenuResult:
    """Return rates and efficiencies of one streamed menu."""
    counts, probability, crossing_rate = result.rates, source.strata.probability, source.beam.crossing_rate_khz
    weight, classes = weights(counts.drawn, probability, crossing_rate), classes_of(source)
    found = rates(counts, probability, crossing_rate, classes)
    return MenuResult(
        rates=found,
        unseen_khz=unseen(counts, weight),
        efficiencies={signal: efficiencies(some) for signal, some in result.efficiencies.items()},
        crossings=int(counts.drawn.sum()),
        live_time_s=live_time_s(found["total"]),
        library_khz=library_error(counts, weight, classes),
    )
