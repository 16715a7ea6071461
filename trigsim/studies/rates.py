"""Rates from stratified counts, with intervals that know the library is finite."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate, efficiency, weighted_poisson
from trigsim.stream.accumulate import EfficiencyCounts, RateCounts
from trigsim.stream.run import VariantResult
from trigsim.stream.source import Source
from trigsim.studies.results import MenuResult


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


def rates(counts: RateCounts, probability: NDArray[np.float64], crossing_rate_khz: float) -> dict[str, Estimate]:
    """Return the rate of each row.

    Crossings that share their hardest collision are not independent: the variance sums the square of each
    collision's total weight, which is the sampling error and the re-use of the finite library together.

    Parameters
    ----------
    counts : RateCounts
        Of K + 1 strata of crossings.
    probability : float64, shape (K + 1,)
        Of each stratum of crossings; strata that were not drawn count as never passing.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.

    Returns
    -------
    dict
        Row → estimate in kHz.
    """
    weight = weights(counts.drawn, probability, crossing_rate_khz)
    sum_w = counts.passes.sum(axis=2) @ weight
    sum_w2 = (counts.passes.astype(np.float64) ** 2).sum(axis=2) @ weight**2
    return dict(zip(counts.rows, estimates(sum_w, sum_w2, weight, crossing_rate_khz), strict=True))


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
        Total weight of what passed, and the sum over hardest collisions of its squared total weight; see `rates`.
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


def menu_result(source: Source, result: VariantResult) -> MenuResult:
    """Return rates and efficiencies of one streamed menu."""
    found = rates(result.rates, source.strata.probability, source.beam.crossing_rate_khz)
    return MenuResult(
        rates=found,
        unseen_khz=unseen(
            result.rates, weights(result.rates.drawn, source.strata.probability, source.beam.crossing_rate_khz)
        ),
        efficiencies={signal: efficiencies(counts) for signal, counts in result.efficiencies.items()},
        crossings=int(result.rates.drawn.sum()),
        live_time_s=live_time_s(found["total"]),
    )
