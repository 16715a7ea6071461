"""The event loop over a whole run: pilot, allotment, weighted beam crossings, signal crossings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.progress import progress
from trigsim.objects.model import TriggerObjects
from trigsim.stream.accumulate import EfficiencyCounts, RateCounts
from trigsim.stream.block import Builder
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, Source
from trigsim.stream.strata import allot
from trigsim.stream.variant import NO_SCORE, Decision, Variant

#: Chunks that the pilot run gives every stratum, and every stratum gets at least.
PILOT_CHUNKS = 2


@dataclass(frozen=True, slots=True)
class Scores:
    """Best scores of single crossings, in the order of the chunks.

    Attributes
    ----------
    stratum, event : list of int64 arrays
        Stratum of each beam crossing and the pool number of its hardest collision; empty for signals.
    score : list of int32 arrays
        Best score of each crossing.
    """

    stratum: list[NDArray[np.int64]] = field(default_factory=list)
    event: list[NDArray[np.int64]] = field(default_factory=list)
    score: list[NDArray[np.int32]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class VariantResult:
    """What a run counted for one variant.

    Attributes
    ----------
    rates : RateCounts
        Of the beam's crossings.
    efficiencies : dict of str to EfficiencyCounts
        Of each signal's.
    beam_scores : Scores
        Beam crossings that have a candidate.
    signal_scores : dict of str to Scores
        All signal crossings.
    """

    rates: RateCounts
    efficiencies: dict[str, EfficiencyCounts]
    beam_scores: Scores
    signal_scores: dict[str, Scores]


class Observer(Protocol):
    """Sees every crossing that counts, chunk by chunk, from any thread and in any order."""

    def beam(self, stratum: int, chunk: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """See a chunk of one stratum: objects with scores, and bits in the rows of the variant."""

    def signal(self, signal: str, first: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """See the chunk of crossings of `signal` that starts with crossing `first`."""


def stream(
    source: Source,
    builder: Builder,
    variants: Sequence[Variant],
    *,
    crossings: int,
    signals: Sequence[str],
    signal_crossings: int,
    target: str,
    seed: int,
    threads: int = 0,
    observer: Observer | None = None,
) -> tuple[VariantResult, ...]:
    """Stream crossings through every variant.

    Parameters
    ----------
    source : Source
        Where crossings come from.
    builder : Builder
        Makes objects and features; its `wanted` covers all taggers.
    variants : sequence of Variant
        Menus with their taggers.
    crossings : int
        Beam crossings to stream, about; each stratum is rounded to whole chunks.
    signals : sequence of str
        Signals whose efficiency is measured.
    signal_crossings : int
        Crossings of each signal; at most the library's collisions on this side of the split, each used once.
    target : str
        Row whose rate the crossings are allotted for, of the first variant.
    seed : int
        Of all randomness; the result does not depend on `threads`.
    threads : int
        0 is one per core.
    observer : Observer, optional
        Shown the objects and decisions of the first variant, pilot crossings excepted.

    Returns
    -------
    tuple of VariantResult
        One a variant.

    Raises
    ------
    InputError
        If a signal or the target is unknown.
    """
    source.require_signals(signals)
    if target not in variants[0].rows:
        raise InputError(f"no row '{target}' to aim at; there are {', '.join(variants[0].rows)}")
    threads = cores(threads)
    strata = len(source.members) + 1
    events = max(len(m) for m in source.members)
    results = tuple(
        VariantResult(
            RateCounts.empty(v.rows, strata, events),
            {s: EfficiencyCounts.empty(v.rows) for s in signals},
            Scores(),
            {s: Scores() for s in signals},
        )
        for v in variants
    )

    def beam(task: BeamTask) -> BeamAnswer:
        plan = source.rate_plan(task.stratum, task.crossings, seed, task.phase, task.chunk)
        block = builder.build(plan)
        decisions = [v.decide(block) for v in variants]
        if observer is not None and task.phase == "rate":
            observer.beam(task.stratum, task.chunk, plan, variants[0].scored(block), decisions[0].bits)
        return BeamAnswer(task.stratum, plan.hardest, decisions)

    chunks = _allotted(source, beam, variants[0].rows.index(target), crossings, threads)
    tasks = [
        BeamTask("rate", k, 1 if k == strata - 1 else CHUNK, c) for k in range(strata) for c in range(chunks[k])
    ]
    with progress("beam crossings", sum(t.crossings for t in tasks), "crossings") as advance:
        for answer in in_order(beam, tasks, threads):
            for result, decision in zip(results, answer.decisions, strict=True):
                result.rates.fill(answer.stratum, source.local(answer.stratum, answer.hardest), decision.bits)
                some = decision.best_score > NO_SCORE
                result.beam_scores.stratum.append(np.full(some.sum(), answer.stratum))
                result.beam_scores.event.append(answer.hardest[some])
                result.beam_scores.score.append(decision.best_score[some])
            advance(len(answer.hardest))

    def wanted(task: tuple[str, int, int]) -> tuple[str, list[Decision]]:
        signal, first, n = task
        plan = source.signal_plan(signal, first, n, seed)
        block = builder.build(plan)
        decisions = [v.decide(block) for v in variants]
        if observer is not None:
            observer.signal(signal, first, plan, variants[0].scored(block), decisions[0].bits)
        return signal, decisions

    signal_tasks = [
        (signal, first, min(CHUNK, n - first))
        for signal in signals
        for n in [min(signal_crossings, len(source.signals[signal]))]
        for first in range(0, n, CHUNK)
    ]
    with progress("signal crossings", sum(t[2] for t in signal_tasks), "crossings") as advance:
        for signal, decisions in in_order(wanted, signal_tasks, threads):
            for result, decision in zip(results, decisions, strict=True):
                result.efficiencies[signal].fill(decision.bits)
                result.signal_scores[signal].score.append(decision.best_score)
            advance(len(decisions[0].bits))
    return results


class BeamTask(NamedTuple):
    """One chunk of beam crossings of one stratum (K for empty ones)."""

    phase: str
    stratum: int
    crossings: int
    chunk: int


class BeamAnswer(NamedTuple):
    """What a chunk of beam crossings did in every variant."""

    stratum: int
    hardest: NDArray[np.int64]
    decisions: list[Decision]


def _allotted(
    source: Source, beam: Callable[[BeamTask], BeamAnswer], row: int, crossings: int, threads: int
) -> NDArray[np.int64]:
    """Return the chunks of each stratum, by a pilot run with randomness of its own."""
    strata = len(source.members) + 1
    passed, tried = np.zeros(strata, np.int64), np.zeros(strata, np.int64)
    tasks = [BeamTask("pilot", k, CHUNK, c) for k in range(strata - 1) for c in range(PILOT_CHUNKS)]
    for answer in in_order(beam, tasks, threads):
        passed[answer.stratum] += answer.decisions[0].bits[:, row].sum()
        tried[answer.stratum] += len(answer.hardest)
    share = allot(source.strata.probability, passed, tried, crossings, PILOT_CHUNKS * CHUNK)
    return -(-share // CHUNK)
