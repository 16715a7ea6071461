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
#: The vector is repeated to this length, which bounds the memory, and decided again and again.
BLOCK = 200_000
#: Crossings of the peer.
PEER_CROSSINGS = 50_000


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
    objects = _repeated(recorded)
    rows = [
        Row("import, compile, read vector", "trigsim", "times/s", 1 / loaded),
        Row(
            f"{len(supported)} algorithms, {threads} threads",
            "trigsim",
            UNIT,
            _speed(compiled, objects, recorded.rows, crossings, threads),
        ),
    ]
    peer = _peer(Path(vectors))
    if peer is not None:
        seeds, theirs = peer
        few = checked.compile(only=_known(seeds, supported))
        ours = _speed(few, objects, recorded.rows, crossings, threads)
        rows += against(f"{len(few.names)} seeds, {threads} threads", UNIT, ("trigsim", ours), {PEER: theirs})
    return Bench(tuple(rows))


def _repeated(recorded: Recorded) -> TriggerObjects:
    times = -(-BLOCK // len(recorded))
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


def _peer(vectors: Path) -> tuple[list[str], float] | None:
    """Return the seeds of the peer and its speed; None where the script or its libraries are absent."""
    if not PEER_SCRIPT.is_file():
        return None
    done = subprocess.run(
        [sys.executable, str(PEER_SCRIPT), "--vectors", str(vectors), "--crossings", str(PEER_CROSSINGS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return None
    found = json.loads(done.stdout)
    return list(found["fractions"]), float(found["crossings_per_s"])
