"""Tasks and answers: what a worker is told, plain numbers, and what it sends back, sparse counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from trigsim.objects.model import TriggerObjects
from trigsim.stream.accumulate import Piece, RateCounts
from trigsim.stream.block import Builder
from trigsim.stream.companions import Classes
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
    """

    source: Source
    builder: Builder
    variants: tuple[Variant, ...]
    signals: tuple[str, ...]
    classes: Classes
    seed: int
    observer: Observer | None = None
    words: bool = True

    def answer(self, task: Task) -> Answer:
        """Build and decide the crossings of a task."""
        beam = task.phase != SIGNAL
        clusters, classes = (self.clusters, len(self.classes)) if beam else (1, 0)
        counts = [RateCounts.empty(v.rows, 1, clusters, classes) for v in self.variants]
        algorithms = [len(v.menu.names) for v in self.variants if self.words and task.phase != PILOT]
        words = [WordCounts.empty(n) for n in algorithms]
        company = [CompanyCounts.empty(n, classes) for n in algorithms if beam]
        events: list[list[NDArray[np.int64]]] = [[] for _ in self.variants]
        scores: list[list[NDArray[np.int32]]] = [[] for _ in self.variants]
        for done in range(0, task.crossings, CHUNK):
            n, chunk = min(CHUNK, task.crossings - done), task.chunk + done // CHUNK
            plan = self._plan(task, n, chunk)
            block = self.builder.build(plan)
            decisions = [v.decide(block) for v in self.variants]
            if self.observer is not None and task.phase != PILOT:
                seen = (plan, self.variants[0].scored(block), decisions[0].bits)
                if beam:
                    self.observer.beam(task.part, chunk, *seen)
                else:
                    self.observer.signal(self.signals[task.part], chunk * CHUNK, *seen)
            held = self.classes.count(plan) if beam else None
            local = chunk * CHUNK + np.arange(n) if held is None else self.source.local(task.part, held.event)
            for v, decision in enumerate(decisions):
                counts[v].fill(0, local, decision.bits, held)
                scored = decision.best_score > NO_SCORE if beam else np.ones(n, np.bool_)
                if held is not None:
                    events[v].append(self.source.collision[held.event[scored]])
                scores[v].append(decision.best_score[scored])
            for counted, decision in zip(words, decisions, strict=False):
                counted.fill(task.part, local, decision.bits[:, : counted.algorithms])
            for beside, decision in zip(company, decisions, strict=False):
                assert held is not None  # of the beam's crossings
                number = chunk * CHUNK + np.arange(n)
                beside.fill(task.part, number, decision.bits[:, : beside.algorithms], held.companions)
        return Answer(
            task,
            [c.piece() for c in counts],
            [np.concatenate(e) for e in events] if beam else [],
            [np.concatenate(s) for s in scores],
            [w.piece() for w in words],
            [c.piece() for c in company],
        )

    @property
    def clusters(self) -> int:
        """Hardest collisions of the longest stratum."""
        return max(self.source.sizes)

    def _plan(self, task: Task, n: int, chunk: int) -> Plan:
        if task.phase == SIGNAL:
            return self.source.signal_plan(self.signals[task.part], chunk * CHUNK, n, self.seed)
        return self.source.rate_plan(task.part, n, self.seed, task.phase, chunk)
