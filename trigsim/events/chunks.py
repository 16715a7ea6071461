"""Chunks of a stratum: made in worker processes, each written when done, read when all are there."""

from __future__ import annotations

import math
import multiprocessing
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path
from trigsim.base.processes import die_with_parent
from trigsim.detector.readout import read_out
from trigsim.events.arrays import interleaved
from trigsim.events.foreign import HepMC, slice_lhe
from trigsim.events.model import Collisions
from trigsim.events.plan import Plan
from trigsim.events.pythia import Generator, Tally
from trigsim.events.sample import StratumConfig, beside
from trigsim.events.truth import Truth
from trigsim.numeric.random import stream_rng


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a stratum.

    Attributes
    ----------
    stratum, number : int
        Index of the stratum in the sample, number of the chunk in the stratum.
    events : int
        Collisions in it, each of which is in its arrays as often as it is read out.
    path : Path
        Where it is or will be.
    """

    stratum: int
    number: int
    events: int
    path: Path


def chunks_of(plan: Plan, index: int, parts: Path) -> Iterator[Chunk]:
    """Yield the chunks of stratum `index`; their files, in `parts`, are named for all that they depend on."""
    stratum = plan.sample.strata[index]
    key = plan.key(stratum)
    for number in range(math.ceil(stratum.events / stratum.chunk)):
        events = min(stratum.chunk, stratum.events - number * stratum.chunk)
        yield Chunk(index, number, events, parts / f"{stratum.name}-{key}-{number:06d}-{events}.npz")


def readable(path: Path) -> bool:
    """Tell whether a whole chunk is there."""
    if not path.exists():
        return False
    try:
        # Opened here: NumPy leaves a damaged file open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return "tally" in archive
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def load(chunk: Chunk) -> tuple[Collisions, NDArray[np.float64]]:
    """Return the collisions of a chunk that was made, and its tally: sigma, its error, generated, kept."""
    with np.load(chunk.path, allow_pickle=False) as archive:
        return Collisions(**{f.name: archive[f.name] for f in fields(Collisions)}), archive["tally"]


def run(plan: Plan, chunks: list[Chunk], workers: int) -> Iterator[Chunk]:
    """Make `chunks`, in this process or in several others; yield each when it is on disk."""
    if workers == 1:
        _worker.clear()
        _worker["plan"] = plan
        for chunk in chunks:
            with _stdout_to_stderr():
                _make(chunk)
            yield chunk
        _worker.clear()
        return
    if not chunks:
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(chunks)), context, _start_worker, (plan,)) as pool:
        waiting = iter(chunks)
        running: dict[Future[None], Chunk] = {}
        try:
            while True:
                # A few more than there are workers, so that none waits and a failure ends the run soon.
                for chunk in waiting:
                    running[pool.submit(_make, chunk)] = chunk
                    if len(running) >= 2 * workers:
                        break
                if not running:
                    return
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    chunk = running.pop(future)
                    future.result()
                    yield chunk
        except BrokenProcessPool:
            raise InputError("a worker died, for want of memory perhaps; go on with --resume") from None
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


# The state of a worker: its plan, and Pythia as set up for the stratum it is at.
_worker: dict[str, Any] = {}


@contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what Pythia complains of, on stdout, to stderr: stdout belongs to --json."""
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _start_worker(plan: Plan) -> None:
    _worker["plan"] = plan
    os.dup2(2, 1)
    die_with_parent()


def _make(chunk: Chunk) -> None:
    """Generate, read out and write one chunk."""
    plan: Plan = _worker["plan"]
    stratum = plan.sample.strata[chunk.stratum]
    if _worker.get("at") != chunk.stratum:
        _worker["source"] = _source(plan, stratum)
        _worker["at"] = chunk.stratum
    source: _Source = _worker["source"]
    truth, tally = source(chunk)
    collisions = interleaved(
        [
            read_out(truth, plan.detector, stream_rng(plan.sample.seed, name, chunk.number))
            for name in _detector_streams(stratum)
        ]
    )
    numbers = np.array([tally.sigma_mb, tally.sigma_error_mb, tally.generated, tally.kept])
    with atomic_path(chunk.path) as path:
        arrays = {f.name: getattr(collisions, f.name) for f in fields(Collisions)}
        np.savez(path, tally=numbers, **arrays)


def _detector_streams(stratum: StratumConfig) -> list[str]:
    """Return the random stream of each read-out: the first is what a single one has, another changes none."""
    first = f"detector/{stratum.name}"
    return [first, *(f"{first}/{number}" for number in range(1, stratum.readouts))]


_Source = Callable[[Chunk], tuple[Truth, Tally]]


def _source(plan: Plan, stratum: StratumConfig) -> _Source:
    """Return the function that makes a chunk of `stratum`; called with rising chunk numbers."""

    def seed(chunk: Chunk) -> int:
        rng = stream_rng(plan.sample.seed, f"generate/{stratum.name}", chunk.number)
        return int(rng.integers(1, 900_000_000))

    if stratum.hepmc is not None:
        hepmc = HepMC(beside(plan.file, stratum.hepmc), stratum.truth, stratum.sigma_mb)

        def read(chunk: Chunk) -> tuple[Truth, Tally]:
            truth, sigma, error = hepmc.take(chunk.number * stratum.chunk, chunk.events)
            return truth, Tally(sigma, error, chunk.events, chunk.events)

        return read
    if stratum.lhe is not None:
        file = beside(plan.file, stratum.lhe)

        def shower(chunk: Chunk) -> tuple[Truth, Tally]:
            # Pythia set up anew on a slice: where an event fails, later chunks keep their own events.
            with tempfile.TemporaryDirectory() as folder:
                part = Path(folder) / "part.lhe"
                slice_lhe(file, chunk.number * stratum.chunk, chunk.events, part)
                return Generator(plan.sample, stratum, part).chunk(seed(chunk), chunk.events)

        return shower
    generator = Generator(plan.sample, stratum)
    return lambda chunk: generator.chunk(seed(chunk), chunk.events)
