"""Rate against efficiency along a score: what a working point costs and buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate, efficiency, weighted_poisson
from trigsim.stream.run import Scores, VariantResult
from trigsim.stream.source import Source
from trigsim.stream.variant import NO_SCORE
from trigsim.studies.rates import weights

#: Best score of a crossing that has no candidate; below every score of a network.
NONE = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class ScoreSample:
    """The best score of each crossing, of one signal and of the beam.

    Attributes
    ----------
    signal : int64, shape (n,)
        Best score of each signal crossing; `NONE` where no candidate passed the other cuts.
    beam : int64, shape (m,)
        The same of the beam's crossings.
    weight : float64, shape (m,)
        Rate that each beam crossing stands for, kHz.
    event : int64, shape (m,)
        Number of its hardest collision, which several crossings may share.
    max_weight : float
        Largest weight that a beam crossing could have had, kHz.
    """

    signal: NDArray[np.int64]
    beam: NDArray[np.int64]
    weight: NDArray[np.float64]
    event: NDArray[np.int64]
    max_weight: float

    def rate_above(self, cut: int) -> Estimate:
        """Return the rate of crossings whose best score is at least `cut`, kHz."""
        passed = self.beam >= cut
        weight = self.weight[passed]
        # Crossings that share a collision count as one: see studies.rates.rates.
        shared = np.bincount(self.event[passed], weights=weight) if len(weight) else np.zeros(1)
        low, high = weighted_poisson(weight.sum(), (shared**2).sum(), self.max_weight)
        return Estimate(float(weight.sum()), float(low), float(high), "kHz")

    def efficiency_above(self, cut: int) -> Estimate:
        """Return the fraction of signal crossings whose best score is at least `cut`."""
        return efficiency(int((self.signal >= cut).sum()), len(self.signal))

    def cuts(self) -> NDArray[np.int64]:
        """Return every score at which something changes, ascending."""
        scores = np.unique(np.concatenate([self.signal, self.beam]))
        return scores[scores > NONE]

    def cut_for_rate(self, rate_khz: float) -> int:
        """Return the lowest cut whose rate is at most `rate_khz`; above every score if there is none."""
        cuts = self.cuts()
        if len(cuts) == 0:
            return 0
        order = np.argsort(self.beam)
        above = np.append(np.cumsum(self.weight[order][::-1])[::-1], 0.0)
        allowed = np.flatnonzero(above[np.searchsorted(self.beam[order], cuts)] <= rate_khz)
        return int(cuts[allowed[0]]) if len(allowed) else int(cuts[-1]) + 1

    def cut_for_efficiency(self, wanted: float) -> int:
        """Return the highest cut whose signal efficiency is at least `wanted`; the lowest if none is."""
        cuts = self.cuts()
        if len(cuts) == 0:
            return 0
        passed = len(self.signal) - np.searchsorted(np.sort(self.signal), cuts)
        enough = np.flatnonzero(passed >= wanted * len(self.signal))
        return int(cuts[enough[-1]]) if len(enough) else int(cuts[0])


def efficiency_at_rate(sample: ScoreSample, rate_khz: float) -> Estimate:
    """Return the signal efficiency at a fixed rate.

    The interval joins, in quadrature, that of the efficiency at the cut and what the cut moves when the
    rate is one standard deviation off.

    Parameters
    ----------
    sample : ScoreSample
        The two samples.
    rate_khz : float
        The rate allowed, kHz, above zero.
    """
    cut = sample.cut_for_rate(rate_khz)
    at = sample.efficiency_above(cut)
    rate = sample.rate_above(cut)
    tight = sample.efficiency_above(sample.cut_for_rate(rate_khz * rate.value / rate.high if rate.high else 0.0))
    wide = sample.efficiency_above(
        sample.cut_for_rate(rate_khz * rate.value / rate.low if rate.low > 0 else np.inf)
    )
    below = np.hypot(at.value - at.low, at.value - tight.value)
    above = np.hypot(at.high - at.value, wide.value - at.value)
    return Estimate(at.value, float(max(at.value - below, 0.0)), float(min(at.value + above, 1.0)))


def rate_at_efficiency(sample: ScoreSample, wanted: float) -> Estimate | None:
    """Return the rate at a fixed signal efficiency, None if no cut reaches it.

    The interval joins, in quadrature, that of the rate at the cut and what the cut moves when the efficiency
    is one standard deviation off.
    """
    cut = sample.cut_for_efficiency(wanted)
    at = sample.efficiency_above(cut)
    if at.value < wanted:
        return None
    rate = sample.rate_above(cut)
    fewer = sample.rate_above(sample.cut_for_efficiency(wanted - (at.high - at.value)))
    more = sample.rate_above(sample.cut_for_efficiency(min(wanted + (at.value - at.low), 1.0)))
    below = np.hypot(rate.value - rate.low, rate.value - min(more.value, fewer.value, rate.value))
    above = np.hypot(rate.high - rate.value, max(more.value, fewer.value, rate.value) - rate.value)
    return Estimate(rate.value, float(max(rate.value - below, 0.0)), float(rate.value + above), "kHz")


def score_sample(source: Source, result: VariantResult, signal: str) -> ScoreSample:
    """Return the recorded best scores with the rate that each crossing stands for."""
    weight = weights(result.rates.drawn, source.strata.probability, source.beam.crossing_rate_khz)
    stratum = _joined(result.beam_scores.stratum)
    return ScoreSample(
        signal=_best(result.signal_scores[signal]),
        beam=_best(result.beam_scores),
        weight=weight[stratum],
        event=_joined(result.beam_scores.event),
        max_weight=float(weight[:-1].max()),
    )


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _best(scores: Scores) -> NDArray[np.int64]:
    best = _joined(scores.score)
    return np.where(best > NO_SCORE, best, NONE)
