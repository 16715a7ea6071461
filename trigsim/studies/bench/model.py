"""What a benchmark reports, and how it takes time."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigsim.base.provenance import library_versions

#: Rounds of which the best counts, and calls of a stage in each.
ROUNDS, CALLS = 3, 8


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure.

    Attributes
    ----------
    case : str
        What was done, e.g. "39-32-16-1 dense".
    what : str
        Who did it: "trigsim", or a peer's name.
    unit : str
        Of `value`, e.g. "inferences/s".
    value : float
        Of speeds higher is faster, of times, memory and errors lower is better.
    peer : str or None
        None on our own rows, on others the name of ours that they are compared with.
    ratio : float or None
        How many times faster ours is; None on our own rows.
    """

    case: str
    what: str
    unit: str
    value: float
    peer: str | None = None
    ratio: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Bench:
    """The rows of one run.

    Attributes
    ----------
    rows : tuple of Row
        In the order of the cases.
    """

    rows: tuple[Row, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return ``{"machine": …, "rows": …}``."""
        return {"machine": machine(), "rows": [row.as_dict() for row in self.rows]}


def against(case: str, unit: str, ours: tuple[str, float], peers: dict[str, float]) -> tuple[Row, ...]:
    """Return our row and one for each peer with the ratio ours / theirs."""
    name, value = ours
    rows = [Row(case, peer, unit, other, name, value / other) for peer, other in peers.items()]
    return (Row(case, name, unit, value), *rows)


def best_seconds(work: Callable[[], object], repeats: int = 5, at_least: float = 0.2) -> float:
    """Return the shortest wall time of one call of `work`, after one call that warms up.

    Calls are repeated `repeats` times and until they took `at_least` seconds together.
    """
    work()
    best, spent, done = float("inf"), 0.0, 0
    while done < repeats or spent < at_least:
        start = time.perf_counter()
        work()
        taken = time.perf_counter() - start
        best, spent, done = min(best, taken), spent + taken, done + 1
    return best


def best_cpu_seconds(works: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least processor seconds of this thread for one call of each, in turn, after one that warms up."""
    best = dict.fromkeys(works, float("inf"))
    for work in works.values():
        work()
    for _ in range(ROUNDS * CALLS):
        for name, work in works.items():
            start = time.thread_time()
            work()
            best[name] = min(best[name], time.thread_time() - start)
    return best


def machine() -> dict[str, Any]:
    """Return what matters of this machine: processor, cores, system, library versions; no names."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
        "libraries": library_versions(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
