"""The state of a run: what has been counted so far, as arrays that can be written and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.stream.accumulate import EfficiencyCounts, RateCounts
from trigsim.stream.company_counts import CompanyCounts, Together
from trigsim.stream.task import PILOT, RATE, SIGNAL, Answer, Worker
from trigsim.stream.word_counts import WordCounts, Words

Arrays = dict[str, NDArray[Any]]
PHASES = (PILOT, RATE, SIGNAL)


@dataclass(frozen=True, slots=True)
class Scores:
    """Best scores of single crossings, in the order of the chunks.

    Attributes
    ----------
    stratum, event : list of int64 arrays
        Stratum of each beam crossing and the number of its hardest collision; empty for signals.
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
    words : WordCounts
        Decision words of the beam's crossings; nothing where they are not wanted.
    signal_words : WordCounts
        The same of all signals' crossings: "stratum" is the number of the signal, "event" that of the crossing.
    company : CompanyCounts
        What came with the decision words of the beam's crossings.
    """

    rates: RateCounts
    efficiencies: dict[str, EfficiencyCounts]
    beam_scores: Scores
    signal_scores: dict[str, Scores]
    words: WordCounts
    signal_words: WordCounts
    company: CompanyCounts


@dataclass(frozen=True, slots=True)
class State:
    """All that a run has counted, and how many tasks of each phase are in it.

    Attributes
    ----------
    results : tuple of VariantResult
        One a variant.
    pilot_passed, pilot_tried : int64, shape (K + 1,)
        What the pilot run saw of the target.
    done : int64, shape (3,)
        Tasks of each of `PHASES` that are counted: always the first so many.
    """

    results: tuple[VariantResult, ...]
    pilot_passed: NDArray[np.int64]
    pilot_tried: NDArray[np.int64]
    done: NDArray[np.int64]

    @classmethod
    def empty(cls, worker: Worker) -> State:
        """Return the state of a run that has not begun."""
        strata = len(worker.source.members) + 1
        results = tuple(
            VariantResult(
                RateCounts.empty(v.rows, strata, worker.clusters, len(worker.classes)),
                {s: EfficiencyCounts.empty(v.rows) for s in worker.signals},
                Scores(),
                {s: Scores() for s in worker.signals},
                WordCounts.empty(len(v.menu.names)),
                WordCounts.empty(len(v.menu.names)),
                CompanyCounts.empty(len(v.menu.names), len(worker.classes)),
            )
            for v in worker.variants
        )
        return cls(results, np.zeros(strata, np.int64), np.zeros(strata, np.int64), np.zeros(3, np.int64))

    def add(self, answer: Answer, signals: Sequence[str], target: int) -> None:
        """Count the answer to the next task; `target` is the row that the pilot run looks at."""
        phase, part = answer.task.phase, answer.task.part
        if phase == PILOT:
            piece, clusters = answer.pieces[0], self.results[0].rates.passes.shape[2]
            self.pilot_passed[part] += piece.passed[piece.cell // clusters == target].sum()
            self.pilot_tried[part] += piece.crossings
        for v, result in enumerate(self.results):
            if phase == RATE:
                result.rates.add(part, answer.pieces[v])
                result.beam_scores.stratum.append(np.full(len(answer.event[v]), part))
                result.beam_scores.event.append(answer.event[v])
                result.beam_scores.score.append(answer.score[v])
                if answer.words:
                    result.words.add(answer.words[v])
                    result.company.add(answer.company[v])
            elif phase == SIGNAL:
                piece, efficiency = answer.pieces[v], result.efficiencies[signals[part]]
                efficiency.passed[piece.cell] += piece.passed
                efficiency.drawn[:] += piece.crossings
                if answer.words:
                    result.signal_words.add(answer.words[v])
                result.signal_scores[signals[part]].score.append(answer.score[v])
        self.done[PHASES.index(phase)] += 1

    def arrays(self) -> Arrays:
        """Return everything as named arrays; large ones as their non-zero entries."""
        found: Arrays = {"done": self.done, "pilot_passed": self.pilot_passed, "pilot_tried": self.pilot_tried}
        for name, array in self._counts().items():
            flat = array.reshape(-1)
            found[f"{name}/cell"] = np.flatnonzero(flat)
            found[f"{name}/count"] = flat[found[f"{name}/cell"]]
        for name, (parts, kind) in self._lists().items():
            found[name] = np.concatenate([np.zeros(0, kind), *parts])
        for name, words in self._words().items():
            found[f"{name}/key"], found[f"{name}/times"] = words.words()
        for v, result in enumerate(self.results):
            of = f"{v}/company"
            found |= {
                f"{of}/{name}": np.asarray(part) for name, part in result.company.together()._asdict().items()
            }
        return found

    def restore(self, found: Mapping[str, NDArray[Any]]) -> None:
        """Fill this empty state from what `arrays` returned."""
        for name in ("done", "pilot_passed", "pilot_tried"):
            getattr(self, name)[:] = found[name]
        for name, array in self._counts().items():
            array.reshape(-1)[found[f"{name}/cell"]] = found[f"{name}/count"]
        for name, (parts, _) in self._lists().items():
            parts[:] = [found[name]]
        for name, words in self._words().items():
            words.add(Words(found[f"{name}/key"], found[f"{name}/times"]))
        for v, result in enumerate(self.results):
            key, times, companions, level = (found[f"{v}/company/{name}"] for name in Together._fields)
            result.company.add(Together(key, times, companions, int(level)))

    def _counts(self) -> dict[str, NDArray[np.int64]]:
        named = {}
        for v, result in enumerate(self.results):
            for what in ("passes", "tried", "class_passed", "class_tried"):
                named[f"{v}/{what}"] = getattr(result.rates, what)
            for signal, counts in result.efficiencies.items():
                named[f"{v}/{signal}/passed"], named[f"{v}/{signal}/drawn"] = counts.passed, counts.drawn
        return named

    def _words(self) -> dict[str, WordCounts]:
        named = {}
        for v, result in enumerate(self.results):
            named[f"{v}/words"], named[f"{v}/signal_words"] = result.words, result.signal_words
        return named

    def _lists(self) -> dict[str, tuple[list[Any], Any]]:
        named: dict[str, tuple[list[Any], Any]] = {}
        for v, result in enumerate(self.results):
            scores = result.beam_scores
            named[f"{v}/stratum"], named[f"{v}/event"] = (scores.stratum, np.int64), (scores.event, np.int64)
            named[f"{v}/score"] = (scores.score, np.int32)
            for signal, some in result.signal_scores.items():
                named[f"{v}/{signal}/score"] = (some.score, np.int32)
        return named
