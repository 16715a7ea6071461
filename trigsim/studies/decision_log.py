"""The decisions of a run's beam crossings, kept in memory: 50 bytes a crossing for 400 algorithms."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trigsim.menu.menu import Menu
from trigsim.numeric.intervals import Estimate
from trigsim.objects.model import TriggerObjects
from trigsim.stream.plan import Plan
from trigsim.stream.source import Source
from trigsim.stream.task import Observer
from trigsim.studies.decided import in_order
from trigsim.studies.rate_table import Prescaling, RateTable, rate_table
from trigsim.studies.rates import weights


@dataclass(slots=True)
class DecisionLog:
    """An observer of a stream that keeps what was decided, and lets another one see it too.

    Attributes
    ----------
    source : Source
        Of the stream.
    menu : Menu
        Of its first variant.
    names : tuple of str
        Its algorithms.
    also : Observer or None
        Sees what this one sees.
    """

    source: Source
    menu: Menu
    names: tuple[str, ...]
    also: Observer | None = None
    _seen: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.uint8]]] = field(default_factory=dict)

    def beam(self, stratum: int, chunk: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """Keep the decisions of a chunk."""
        packed = np.packbits(bits[:, : len(self.names)], axis=1, bitorder="little")
        self._seen[stratum, chunk] = (self.source.local(stratum, plan.hardest), packed)
        if self.also is not None:
            self.also.beam(stratum, chunk, plan, objects, bits)

    def signal(self, signal: str, first: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """Keep nothing: efficiencies are counted."""
        if self.also is not None:
            self.also.signal(signal, first, plan, objects, bits)

    def table(self, drawn: NDArray[np.int64], rates: dict[str, Estimate]) -> RateTable:
        """Return the rates of the run, before and after prescale.

        Parameters
        ----------
        drawn : int64, shape (K + 1,)
            Crossings of each stratum.
        rates : dict
            Row → rate with the interval that knows all of the library's re-use; it takes the place of the table's.
        """
        keys = sorted(self._seen)
        stratum = np.concatenate([np.full(len(self._seen[k][0]), k[0]) for k in keys])
        event, packed = (np.concatenate([self._seen[k][i] for k in keys]) for i in (0, 1))
        khz = self.source.beam.crossing_rate_khz
        weight = weights(drawn, self.source.strata.probability, khz)
        found = rate_table(
            in_order(self.names, packed, stratum, event, weight), Prescaling.of(self.menu, self.names), khz
        )
        rows = []
        for row in found.rows:
            rate = rates[f"group {row.name}" if row.kind == "group" else row.name]
            after = row.after
            if row.prescale is not None:
                part = 1 / row.prescale if row.prescale else 0.0
                scaled = Estimate(rate.value * part, rate.low * part, rate.high * part, rate.unit)
                after = replace(after, rate=scaled)
            rows.append(replace(row, before=replace(row.before, rate=rate), after=after))
        return replace(found, rows=tuple(rows))
