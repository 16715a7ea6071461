"""The table of a run's rates, before and after prescale, from the decision words that it counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.intervals import Estimate
from trigsim.stream.companions import classes as classes_of
from trigsim.stream.company_counts import CompanyCounts
from trigsim.stream.run import VariantResult
from trigsim.stream.source import Source
from trigsim.studies.decided import in_order
from trigsim.studies.rate_sums import Drawn, of_counts
from trigsim.studies.rate_table import Prescaling, RateTable, told_table
from trigsim.studies.rates import weights
from trigsim.studies.word_sums import Entries, Told


def run_table(source: Source, after: Prescaling, result: VariantResult, rates: Mapping[str, Estimate]) -> RateTable:
    """Return the rates of a run, before and after prescale.

    Parameters
    ----------
    source : Source
        Of the run.
    after : Prescaling
        Of the algorithms that were decided.
    result : VariantResult
        With decision words.
    rates : mapping
        Row → rate before prescale, whose companions all crossings tell.
    """
    told = run_told(source, after.names, result)
    known = [rates[row] for row in (*after.names, *(f"group {g}" for g in after.groups), "total")]
    table = told_table(told, after, source.beam.crossing_rate_khz, known)
    return replace(table, crossings=int(result.rates.drawn.sum()))


def run_told(source: Source, names: tuple[str, ...], result: VariantResult) -> Told:
    """Return what the decision words of a run of the algorithms `names` tell."""
    khz, counts, words = source.beam.crossing_rate_khz, result.rates, result.words.words()
    probability, classes = source.strata.probability, classes_of(source)
    weight = weights(counts.drawn, probability, khz)
    # Hardest collisions share clusters as they do in `RateCounts`.
    cluster = words.event % counts.tried.shape[1]
    sample = in_order(names, words.packed, words.stratum, cluster, weight)
    some = sample.order[sample.starts[:-1]]
    # Class of each collision, stratum by stratum; the empty crossing has none.
    of = [classes.of[m[:: len(m) // n]] for m, n in zip(source.members, source.sizes, strict=True)]
    kind = np.concatenate([*of, np.array([-1], np.int16)])
    entries = Entries(
        sample,
        np.asarray(words.times, np.int64),
        counts.tried[words.stratum[some], cluster[some]],
        kind[np.cumsum([0, *source.sizes])[words.stratum] + words.event],
        np.zeros((len(sample), len(classes)), np.uint16),
    )
    some_told = beside(names, result.company, probability, khz)
    return Told(entries, of_counts(counts, weight)[1], classes, some_told)


def beside(
    names: tuple[str, ...], company: CompanyCounts, probability: NDArray[np.float64], crossing_rate_khz: float
) -> tuple[Entries, Drawn]:
    """Return the crossings of a run that tell its companions, and all of them.

    Parameters
    ----------
    names : tuple of str
        Algorithms.
    company : CompanyCounts
        What came with their decision words.
    probability : float64, shape (K + 1,)
        Of each stratum of crossings.
    crossing_rate_khz : float
        Colliding crossings a second, kHz.
    """
    found, strata = company.together(), len(probability)
    crossings = np.zeros(strata, np.int64)
    np.add.at(crossings, found.stratum, found.times)
    by_class = np.zeros((strata, 2, company.classes), np.int64)
    np.add.at(by_class[:, 1], found.stratum, found.companions)
    some = found.packed.any(axis=1)
    weight = weights(crossings, probability, crossing_rate_khz)
    # Who was the hardest does not matter here.
    sample = in_order(names, found.packed[some], found.stratum[some], np.zeros(int(some.sum()), np.int64), weight)
    entries = Entries(
        sample,
        np.asarray(found.times[some], np.int64),
        np.ones(len(sample.weight), np.int64),
        np.full(len(sample), -1, np.int16),
        found.companions[some],
    )
    return entries, Drawn(crossings, np.zeros(strata), by_class)
