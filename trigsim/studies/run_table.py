"""The table of a run's rates, before and after prescale, from the decision words that it counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from trigsim.numeric.intervals import Estimate
from trigsim.stream.run import VariantResult
from trigsim.stream.source import Source
from trigsim.studies.decided import in_order
from trigsim.studies.rate_table import Prescaling, RateTable, rate_table, with_rates
from trigsim.studies.rates import weights


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
        Row → rate with the interval that knows all of the library's re-use; it takes the place of the table's.
    """
    khz, drawn, words = source.beam.crossing_rate_khz, result.rates.drawn, result.words.words()
    weight = weights(drawn, source.strata.probability, khz)
    sample = in_order(after.names, words.packed, words.stratum, words.event, weight)
    table = rate_table(sample, after, khz, np.asarray(words.times, np.int64))
    return replace(with_rates(table, [rates[row.label] for row in table.rows]), crossings=int(drawn.sum()))
