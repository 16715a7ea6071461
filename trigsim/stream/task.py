"""Tasks and answers: what a worker is told, plain numbers, and what it sends back, sparse counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from trigsim.objects.model import TriggerObjects
from trigsim.stream.accumulate import Piece, RateCounts
from trigsim.stream.block import Builder
from trigsim.stream.companions import Classes, classes
from trigsim.stream.company_counts import CompanyCounts, Together
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, Source
from trigsim.stream.variant import NO_SCORE, Variant
from trigsim.stream.word_counts import WordCounts, Words

PILOT, RATE, SIGNAL = "pilot", "rate", "signal"


class Task(NamedTuple):
    """Some chunks of crossings of one kind.

    Attributes
    ----------
    phase : str
        `PILOT` or `RATE` for beam crossings, `SIGNAL` for signal crossings.
    part : int
        Stratum of the crossings (K for empty ones), or number of the signal among those of the run.
    chunk : int
        First chunk; each chunk has randomness of its own.
    crossings : int
        Crossings in all; each chunk but the last is full.
    """

    phase: str
    part: int
    chunk: int
    crossings: int


class Answer(NamedTuple):
    """What the crossings of a task did.

    Attributes
    ----------
    task : Task
        The task.
    pieces : list of Piece
        Counts of each variant; of signal crossings there is one cluster.
    event : list of int64 arrays
        For each variant the hardest collisions (`Source.collision`) of the beam crossings that have a score.
    score : list of int32 arrays
        For each variant best scores: of beam crossings those that have one, of signal crossings all.
    words : list of Words
        For each variant the decision words of the crossings that count, of a signal's by their place among all of
        it; empty where they are not wanted.
    company : list of Together
        For each variant what came with its decision words, of the beam's crossings only; empty where words are.
    """

    task: Task
    pieces: list[Piece]
    event: list[NDArray[np.int64]]
    score: list[NDArray[np.int32]]
    words: list[Words]
    company: list[Together]


class Observer(Protocol):
    """Sees every crossing that counts, chunk by chunk, from any thread and in any order."""

    def beam(self, stratum: int, chunk: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """See a chunk of one stratum: objects with scores, and bits in the rows of the variant."""

    def signal(self, signal: str, first: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """See the chunk of crossings of `signal` that starts with crossing `first`."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Answers tasks; holds nothing that changes, so that threads can share it.

    Attributes
    ----------
    source : Source
        Where crossings come from.
    builder : Builder
        Makes objects and features; its `wanted` covers all taggers.
    variants : tuple of Variant
        Menus with their taggers.
    signals : tuple of str
        Signals that tasks number.
    classes : Classes
        Of the pool's collisions.
    seed : int
        Of all randomness.
    observer : Observer or None
        Shown the objects and decisions of the first variant, pilot crossings excepted.
    words : bool
        Whether decision words are counted; see `word_counts`.
    place : int64, shape (size + 1,)
        Number of each collision of the pool within its stratum (`Source.local`); 0 at the end for empty crossings.
    clusters : int
        Hardest collisions of the longest stratum.
    """

    source: Source
    builder: Builder
    variants: tuple[Variant, ...]
    signals: tuple[str, ...]
    classes: Classes
    seed: int
    observer: Observer | None
    words: bool
    place: NDArray[np.int64]
    clusters: int

    @classmethod
    def of(
        cls,
        source: Source,
        builder: Builder,
        variants: Sequence[Variant],
        signals: Sequence[str],
        seed: int,
        observer: Observer | None = None,
        *,
        words: bool = True,
    ) -> Self:
        """Return a worker; see its attributes."""
        place = np.zeros(len(source.collision) + 1, np.int64)
        for k, members in enumerate(source.members):
            place[members] = source.local(k, members)
        return cls(
            source, builder, tuple(variants), tuple(signals), classes(source), seed, observer, words,
            place, max(source.sizes),
        )  # fmt: skip

    def answer(self, task: Task) -> Answer:
        """Build and decide the crossings of a task."""
        beam = task.phase != SIGNAL
        clusters, kinds = (self.clusters, len(self.classes)) if beam else (1, 0)
        counts = [RateCounts.empty(v.rows, 1, clusters, kinds) for v in self.variants]
        algorithms = [len(v.menu.names) for v in self.variants if self.words and task.phase != PILOT]
        words = [WordCounts.empty(a) for a in algorithms]
        company = [CompanyCounts.empty(a, kinds) for a in algorithms if beam]
        events = [[np.zeros(0, np.int64)] for _ in self.variants if beam]
        scores = [[np.zeros(0, np.int32)] for _ in self.variants]
        for done in range(0, task.crossings, CHUNK):
            n, chunk = min(CHUNK, task.crossings - done), task.chunk + done // CHUNK
            plan = self._plan(task, n, chunk)
            block = self.builder.build(plan)
            decisions = [v.decide(block) for v in self.variants]
            if self.observer is not None and task.phase != PILOT:
                seen = (plan, decisions[0].objects, decisions[0].bits)
                if beam:
                    self.observer.beam(task.part, chunk, *seen)
                else:
                    self.observer.signal(self.signals[task.part], chunk * CHUNK, *seen)
            number = chunk * CHUNK + np.arange(n)
            held = self.classes.count(plan) if beam else None
            local = number if held is None else self.place[held.event]
            for v, decision in enumerate(decisions):
                counts[v].fill(0, local, decision.bits, held)
                if words:
                    words[v].fill(task.part, local, decision.bits[:, : algorithms[v]])
                if held is None:
                    scores[v].append(decision.best_score)
                    continue
                if company:
                    company[v].fill(task.part, number, decision.bits[:, : algorithms[v]], held.companions)
                scored = decision.best_score > NO_SCORE
                if scored.any():
                    events[v].append(self.source.collision[held.event[scored]])
                    scores[v].append(decision.best_score[scored])
        return Answer(
            task,
            [c.piece() for c in counts],
            [np.concatenate(e) for e in events],
            [np.concatenate(s) for s in scores],
            [w.piece() for w in words],
            [c.piece() for c in company],
        )

    def _plan(self, task: Task, n: int, chunk: int) -> Plan:
        if task.phase == SIGNAL:
            return self.source.signal_plan(self.signals[task.part], chunk * CHUNK, n, self.seed)
        return self.source.rate_plan(task.part, n, self.seed, task.phase, chunk)
