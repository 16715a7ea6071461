"""What the decision words of a run tell beside its rates: overlaps, gains, turn-ons, dead time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hist import Hist

from trigsim.menu.menu import Menu
from trigsim.stream.orbit_words import Words
from trigsim.stream.run import VariantResult
from trigsim.stream.source import Source
from trigsim.stream.task import Worker
from trigsim.studies.decided import Decided, in_order
from trigsim.studies.gains import Gain, gains_of
from trigsim.studies.gains import histograms as gain_histograms
from trigsim.studies.orbit_results import OrbitResult
from trigsim.studies.orbits import Decisions, draw_orbits
from trigsim.studies.overlap import Overlap, overlap
from trigsim.studies.rates import weights
from trigsim.studies.run_table import run_told
from trigsim.studies.turnon import TurnOn, members, turn_on

#: Turn-ons of one signal, the total first, then groups: a plot tells no more lines apart.
MOST_TURN_ONS = 7


@dataclass(frozen=True, slots=True)
class RunDetails:
    """What a report of a run shows beside its rates.

    Attributes
    ----------
    overlap : Overlap
        Of all algorithms.
    gains : mapping of str to (mapping of str to Gain)
        Signal → row → efficiency, and what the menu loses without the row.
    turn_ons : mapping of str to tuple of TurnOn
        Signal → the total and groups, against the pT of the resonance, or the scale of the hard process where there
        is none.
    """

    overlap: Overlap
    gains: Mapping[str, Mapping[str, Gain]]
    turn_ons: Mapping[str, tuple[TurnOn, ...]]

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "overlap": self.overlap.as_dict(),
            "gains": {s: {row: gain.as_dict() for row, gain in some.items()} for s, some in self.gains.items()},
            "turn_ons": {s: [one.as_dict() for one in some] for s, some in self.turn_ons.items()},
        }

    def histograms(self) -> dict[str, Hist]:
        """Return all as histograms."""
        found = self.overlap.histograms() | gain_histograms(self.gains)
        for signal, some in self.turn_ons.items():
            found |= {f"{signal}_{name}": one for t in some for name, one in t.histograms().items()}
        return found


def run_details(source: Source, menu: Menu, names: tuple[str, ...], result: VariantResult) -> RunDetails:
    """Return the details of a run of `menu`, whose decided algorithms are `names`."""
    found = result.words.words()
    weight = weights(result.rates.drawn, source.strata.probability, source.beam.crossing_rate_khz)
    # One row a crossing that passed something.
    each = np.repeat(np.arange(len(found.times)), found.times)
    sample = in_order(names, found.packed[each], found.stratum[each], found.event[each], weight)
    pairs = overlap(sample, told=run_told(source, names, result))
    gains, turn_ons = {}, {}
    for number, (signal, counts) in enumerate(result.efficiencies.items()):
        n = int(counts.drawn[0])
        sample = _signal(names, n, number, result)
        gains[signal] = gains_of(sample, menu)
        which = source.signals[signal][:n]
        quantity = "resonance_pt" if (source.resonance_pt[which] > 0).any() else "pt_hat"
        x = getattr(source, quantity)[which]
        rows = ["total", *(f"group {g}" for g in menu.groups)][:MOST_TURN_ONS]
        passed = {row: sample.passes(members(menu, names, row)) for row in rows}
        turn_ons[signal] = tuple(
            turn_on(x, some, name=row, signal=signal, quantity=quantity) for row, some in passed.items() if n
        )
    return RunDetails(pairs, gains, turn_ons)


def run_orbits(
    menu: str | Path,
    train: str | Path,
    worker: Worker,
    result: VariantResult,
    *,
    orbits: int,
    seed: int,
    threads: int,
) -> OrbitResult:
    """Return what dead time takes from a run: its decisions are drawn by weight into orbits.

    Raises
    ------
    InputError
        As `studies.orbits.sample_orbits`.
    """
    source, compiled = worker.source, worker.variants[0].menu
    found, drawn = result.words.words(), result.rates.drawn
    chance = weights(drawn, source.strata.probability, 1.0)[found.stratum] * found.times
    bits = np.unpackbits(found.packed, axis=1, count=len(compiled.names), bitorder="little").astype(np.bool_)
    # All that passed nothing, in one.
    bits = np.concatenate([bits, np.zeros((1, bits.shape[1]), np.bool_)])
    cluster, rest = np.append(found.stratum << 32 | found.event, 0), max(0.0, 1 - chance.sum())
    words = Words.of(bits, cluster, np.append(chance, rest))
    text = f"words drawn by weight from the {int(drawn.sum()):,} crossings of the run"
    decisions = Decisions(compiled, words, source.beam, len(source.members), text)
    return draw_orbits(menu, train, decisions, orbits=orbits, seed=seed, threads=threads)


def _signal(names: Sequence[str], n: int, number: int, result: VariantResult) -> Decided:
    """Return the decisions of all n crossings of a signal."""
    found = result.signal_words.words()
    mine = found.stratum == number
    packed = np.zeros((n, found.packed.shape[1]), np.uint8)
    packed[found.event[mine]] = found.packed[mine]
    each = np.array([1.0 / max(n, 1), 0.0])
    return in_order(tuple(names), packed, np.zeros(n, np.int64), np.arange(n), each)
