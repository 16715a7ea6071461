"""The event loop over a whole run: pilot, allotment, weighted beam crossings, signal crossings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.progress import progress
from trigsim.stream.block import Builder
from trigsim.stream.checkpoint import Checkpoint
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.source import CHUNK, Source
from trigsim.stream.state import PHASES, Scores, State, VariantResult
from trigsim.stream.strata import allot
from trigsim.stream.task import PILOT, RATE, SIGNAL, Answer, Observer, Task, Worker
from trigsim.stream.variant import Variant

__all__ = ["Observer", "Schedule", "Scores", "VariantResult", "stream", "stream_worker"]

#: Crossings that the pilot run gives every stratum of the library, and every part of one at least; each gets as
#: many afterwards, and what the pilot run earns it.
LEAST, LEAST_PART = 512, 128
#: A run is cut into about this many tasks, of at most so many chunks each.
TASKS, LARGEST_TASK = 512, 512

#: Answers tasks in their order, somewhere; see `stream.schedulers`.
Schedule = Callable[[Iterable[Task]], Iterator[Answer]]


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
    checkpoint: Checkpoint | None = None,
) -> tuple[VariantResult, ...]:
    """Stream crossings through every variant, on threads of this process.

    Parameters
    ----------
    source : Source
        Where crossings come from.
    builder : Builder
        Makes objects and features; its `wanted` covers all taggers.
    variants : sequence of Variant
        Menus with their taggers.
    crossings : int
        Beam crossings to stream, beyond the few that every stratum gets.
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
    checkpoint : Checkpoint, optional
        Where the state is left now and then, and taken up from; what an observer saw is not in it.

    Returns
    -------
    tuple of VariantResult
        One a variant, without decision words.

    Raises
    ------
    InputError
        If a signal or the target is unknown, or the checkpoint is of another run or cannot be written.
    """
    source.require_signals(signals)
    worker = Worker.of(source, builder, variants, signals, seed, observer, words=False)
    schedule = partial(in_order, worker.answer, threads=cores(threads))
    return stream_worker(
        worker, schedule,
        crossings=crossings, signal_crossings=signal_crossings, target=target, checkpoint=checkpoint,
    )  # fmt: skip


def stream_worker(
    worker: Worker,
    schedule: Schedule,
    *,
    crossings: int,
    signal_crossings: int,
    target: str,
    checkpoint: Checkpoint | None = None,
) -> tuple[VariantResult, ...]:
    """Stream crossings wherever `schedule` has them answered; see `stream`.

    Parameters
    ----------
    worker : Worker
        What is streamed; here it only says what there is.
    schedule : callable
        Yields the answers to tasks in their order.
    crossings, signal_crossings, target, checkpoint
        As in `stream`.
    """
    rows = worker.variants[0].rows
    if target not in rows:
        raise InputError(f"no row '{target}' to aim at; there are {', '.join(rows)}")
    state = State.empty(worker)
    saved = checkpoint.load() if checkpoint else None
    if saved is not None:
        state.restore(saved)
    go = partial(_phase, state, schedule, worker.signals, rows.index(target), checkpoint)
    least = _least(worker.source)
    go(PILOT, _tasks(PILOT, least), "pilot crossings")
    share = allot(worker.source.strata.probability, state.pilot_passed, state.pilot_tried, crossings, least)
    go(RATE, _tasks(RATE, share), "beam crossings")
    go(SIGNAL, _signal_tasks(worker, signal_crossings), "signal crossings")
    return state.results


def _phase(
    state: State,
    schedule: Schedule,
    signals: Sequence[str],
    target: int,
    checkpoint: Checkpoint | None,
    phase: str,
    tasks: Sequence[Task],
    title: str,
) -> None:
    """Have the tasks of a phase answered that are not counted yet, and count them."""
    done = int(state.done[PHASES.index(phase)])
    if done >= len(tasks):
        return
    whole = True
    with progress(title, sum(t.crossings for t in tasks), "crossings") as advance:
        advance(sum(t.crossings for t in tasks[:done]))
        try:
            for answer in schedule(islice(tasks, done, None)):
                whole = False
                state.add(answer, signals, target)
                whole = True
                advance(answer.task.crossings)
                if checkpoint and checkpoint.due():
                    checkpoint.save(state.arrays())
        finally:
            # Also where a worker failed: what was counted is not lost. A state half added to is.
            if checkpoint and whole:
                checkpoint.save(state.arrays())


def _least(source: Source) -> NDArray[np.int64]:
    """Return the crossings that each stratum gets at least, shape (K,)."""
    parts = np.bincount(source.parent)[source.parent]
    return np.asarray(np.maximum(LEAST // parts, LEAST_PART), dtype=np.int64)


def _tasks(phase: str, crossings: NDArray[np.int64]) -> list[Task]:
    """Cut the crossings of each stratum into tasks; the same whoever does them."""
    size = int(np.clip(crossings.sum() // CHUNK // TASKS, 1, LARGEST_TASK))
    return [
        Task(phase, k, first, min(CHUNK * size, int(n) - CHUNK * first))
        for k, n in enumerate(crossings)
        for first in range(0, -(-int(n) // CHUNK), size)
    ]


def _signal_tasks(worker: Worker, most: int) -> list[Task]:
    tasks = []
    for part, signal in enumerate(worker.signals):
        n = min(most, worker.source.signal_collisions(signal))
        tasks += [Task(SIGNAL, part, first // CHUNK, min(CHUNK, n - first)) for first in range(0, n, CHUNK)]
    return tasks
