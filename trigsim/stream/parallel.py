"""Chunks through a pool of threads, results in order; the kernels release the interpreter lock."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def cores(asked: int) -> int:
    """Return `asked`, or the number of cores if it is 0."""
    return asked or len(os.sched_getaffinity(0))


def in_order(work: Callable[[Task], Result], tasks: Iterable[Task], threads: int) -> Iterator[Result]:
    """Yield ``work(task)`` for each task, in the order of the tasks, a bounded number ahead.

    The first runs alone: it compiles the kernels, which numba does not bear from two threads at once.
    """
    with ThreadPoolExecutor(threads) as executor:
        waiting: deque[Future[Result]] = deque()
        alone = threads > 1
        try:
            for task in tasks:
                waiting.append(executor.submit(work, task))
                if alone:
                    wait(waiting)
                    alone = False
                if len(waiting) >= 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
