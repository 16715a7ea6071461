"""`trigsim bench menu`: crossings per second of a CMS menu, and of twenty of its seeds against awkward + vector."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Collection
from pathlib import Path

import numpy as np

import trigsim
from trigsim.base.errors import InputError
from trigsim.menu.decide import CompiledMenu, Rows
from trigsim.menu.files import read_menu
from trigsim.menu.readers import Recorded, read
from trigsim.menu.validate import unsupported
from trigsim.objects.model import Collection as Objects
from trigsim.objects.model import TriggerObjects
from trigsim.studies.bench.model import Bench, Row, against, best_seconds

UNIT = "crossings/s"
PEER = "awkward + vector"
PEER_SCRIPT = Path(trigsim.__file__).resolve().parents[1] / "benchmarks" / "menu_awkward.py"
#: Crossings decided in one call, again and again: one orbit, and arrays that are long but fit the memory.
ORBIT, LONG = 3564, 200_000


def bench_menu(menu: str | Path, vectors: str | Path, *, crossings: int = 1_000_000, threads: int = 2) -> Bench:
    """Measure a menu on the crossings of a vector.

    Parameters
    ----------
    menu, vectors : path
        L1Menu XML (or our YAML) and a uGT vector of it.
    crossings : int
        At least so many are decided for each figure.
    threads : int
        Threads to decide with.
    """
    started = time.perf_counter()
    checked = read_menu(menu)
    (recorded,) = read(vectors)
    reasons = unsupported(checked, recorded, {}, {})
    supported = [a.name for a in checked.algorithms if a.name not in reasons]
    compiled = checked.compile(only=supported)
    loaded = time.perf_counter() - started
    long = _repeated(recorded, LONG)
    rows = [
        Row("import, compile, read vector", "trigsim", "times/s", 1 / loaded),
        Row(
            f"{len(supported)} algorithms, {threads} threads",
            "trigsim",
            UNIT,
            _speed(compiled, long, recorded.rows, crossings, threads),
        ),
    ]
    peer = _peer(Path(vectors))
    if peer is not None:
        seeds, theirs = peer
        few = checked.compile(only=_known(seeds, supported))
        for length, speed in theirs.items():
            ours = _speed(few, _repeated(recorded, length), recorded.rows, crossings, threads)
            case = f"{len(few.names)} seeds, {length} crossings a call, {threads} threads"
            rows += against(case, UNIT, ("trigsim", ours), {PEER: speed})
    return Bench(tuple(rows))


def _repeated(recorded: Recorded, length: int) -> TriggerObjects:
    times = -(-length // len(recorded))
    return TriggerObjects(
        {
            kind: Objects({name: np.tile(array, (times, 1)) for name, array in collection.fields.items()})
            for kind, collection in recorded.objects.collections.items()
        },
        np.tile(recorded.objects.externals, (times, 1)),
    )


def _speed(menu: CompiledMenu, objects: TriggerObjects, rows: Rows, crossings: int, threads: int) -> float:
    calls = -(-crossings // len(objects))

    def work() -> None:
        for _ in range(calls):
            menu.decide(objects, rows=rows, threads=threads)

    return calls * len(objects) / best_seconds(work, repeats=3)


def _known(seeds: Collection[str], supported: Collection[str]) -> list[str]:
    missing = sorted(set(seeds) - set(supported))
    if missing:
        raise InputError(
            f"the peer decides '{missing[0]}', which the menu lacks; give the 2024 menu it was written for"
        )
    return list(seeds)


def _peer(vectors: Path) -> tuple[list[str], dict[int, float]] | None:
    """Return the seeds of the peer and its speed by crossings a call; None where it or its libraries are absent."""
    if not PEER_SCRIPT.is_file():
        return None
    done = subprocess.run(
        [sys.executable, str(PEER_SCRIPT), "--vectors", str(vectors), "--crossings", str(ORBIT), str(LONG)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return None
    found = json.loads(done.stdout)
    return list(found["fractions"]), {int(n): float(speed) for n, speed in found["crossings_per_s"].items()}
