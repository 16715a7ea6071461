"""`trigsim generate`: chunks in worker processes, each written when done, joined to a library at the end."""

from __future__ import annotations

import hashlib
import json
import math
import multiprocessing
import multiprocessing.connection
import os
import shutil
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from trigsim.base import config
from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, existing, sha256
from trigsim.base.progress import progress
from trigsim.base.provenance import provenance, write_provenance
from trigsim.detector.model import Detector
from trigsim.detector.readout import load_detector, read_out
from trigsim.events import pythia
from trigsim.events.arrays import concatenate
from trigsim.events.foreign import HepMC, slice_lhe
from trigsim.events.library import (
    FORMAT,
    MANIFEST,
    VERSION,
    Library,
    Manifest,
    StratumRecord,
    write_manifest,
    write_stratum,
)
from trigsim.events.model import Collisions
from trigsim.events.sample import Sample, Settings, StratumConfig, beside
from trigsim.events.truth import Truth
from trigsim.numeric.random import stream_rng

#: Collisions a basket of the ROOT files, at least: large baskets compress better.
BASKET = 4000
PARTS = ".parts"


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked sample with all it refers to; what a worker gets.

    Attributes
    ----------
    file : Path
        The sample's configuration.
    sample : Sample
        Its contents, `seed` as finally chosen.
    detector : Detector
        The preset it names.
    """

    file: Path
    sample: Sample
    detector: Detector

    def key(self, stratum: StratumConfig) -> str:
        """Return a hash of all that a chunk of `stratum` depends on, the number of chunks aside."""
        facts: dict[str, Any] = {
            "format": VERSION,
            "pythia": pythia.version() if stratum.hepmc is None else None,
            "seed": self.sample.seed,
            "energy": self.sample.energy,
            "settings": self.sample.settings,
            "stratum": stratum.model_dump(mode="json", exclude={"events"}),
            "detector": self.detector.model_dump(mode="json"),
        }
        foreign = stratum.lhe or stratum.hepmc
        if foreign is not None:
            facts["file"] = sha256(existing(beside(self.file, foreign), "event file"))
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def load_plan(path: str | Path, seed: int | None = None) -> Plan:
    """Read and check a sample configuration and the detector preset it names.

    Parameters
    ----------
    path : path
        YAML as in `Sample`.
    seed : int, optional
        Replaces the configuration's.

    Raises
    ------
    InputError
        At the line and column of what is wrong, Pythia's settings included.
    """
    file = Path(path)
    document = config.read(file)
    sample = document.validate(Sample)
    if seed is not None:
        sample = sample.model_copy(update={"seed": seed})
    preset = beside(file, sample.detector)
    if not preset.is_file():
        raise document.error(("detector",), f"no such detector preset: {preset}; check the path")
    places: list[tuple[tuple[str, ...], Settings]] = [(("settings",), sample.settings)]
    for i, stratum in enumerate(sample.strata):
        places.append((("strata", str(i), "process"), stratum.process or {}))
        foreign = stratum.lhe or stratum.hepmc
        if foreign is not None and not beside(file, foreign).is_file():
            raise document.error(("strata", i), f"no such event file: {beside(file, foreign)}; check the path")
    for place, settings in places:
        found = pythia.check_settings(settings) if settings else None
        if found:
            location = [int(p) if p.isdigit() else p for p in place]
            raise document.error((*location, found[0]), found[1])
    return Plan(file, sample, load_detector(preset))


def generate(plan: Plan, output: str | Path, workers: int = 0, resume: bool = False) -> Library:
    """Make the library of `plan` in the folder `output`.

    Parameters
    ----------
    plan : Plan
        From `load_plan`.
    output : path
        A new folder, or with `resume` one where an earlier run of the same plan was stopped.
    workers : int
        Worker processes; 0 is one per core. The arrays do not depend on it.
    resume : bool
        Keep the chunks that are there.

    Returns
    -------
    Library
        The finished library.

    Raises
    ------
    InputError
        If `output` holds a library already, or Pythia refuses a stratum.
    """
    if workers < 0:
        raise InputError(f"{workers} workers cannot work; give 0 for one per core, or more")
    folder = Path(output)
    if (folder / MANIFEST).exists():
        done = Library.open(folder)
        wanted = (plan.sample.model_dump(mode="json"), plan.detector.model_dump(mode="json"))
        if resume and (done.manifest.sample, done.manifest.detector) == wanted:
            return done
        raise InputError("holds a library already; give another folder", folder)
    parts = folder / PARTS
    if not resume and parts.exists():
        shutil.rmtree(parts)
    parts.mkdir(parents=True, exist_ok=True)
    chunks = [chunk for i in range(len(plan.sample.strata)) for chunk in _chunks(plan, i, parts)]
    with progress("generate", sum(c.events for c in chunks)) as advance:
        missing = []
        for chunk in chunks:
            if _readable(chunk.path):
                advance(chunk.events)
            else:
                missing.append(chunk)
        for chunk in _run(plan, missing, workers or os.cpu_count() or 1):
            advance(chunk.events)
    records = [
        _join(plan, i, [c for c in chunks if c.stratum == i], folder) for i in range(len(plan.sample.strata))
    ]
    inputs = {"sample": plan.file, "detector": beside(plan.file, plan.sample.detector)}
    write_manifest(
        folder,
        Manifest(
            format=FORMAT,
            version=VERSION,
            name=plan.sample.name,
            seed=plan.sample.seed,
            energy=plan.sample.energy,
            strata=tuple(records),
            sample=plan.sample.model_dump(mode="json"),
            detector=plan.detector.model_dump(mode="json"),
            provenance=provenance(plan.sample.seed, inputs),
        ),
    )
    write_provenance(folder, plan.sample.seed, inputs)
    shutil.rmtree(parts)
    return Library.open(folder)


@dataclass(frozen=True, slots=True)
class _Chunk:
    stratum: int
    number: int
    events: int
    path: Path


def _chunks(plan: Plan, index: int, parts: Path) -> Iterator[_Chunk]:
    stratum = plan.sample.strata[index]
    key = plan.key(stratum)
    for number in range(math.ceil(stratum.events / stratum.chunk)):
        events = min(stratum.chunk, stratum.events - number * stratum.chunk)
        yield _Chunk(index, number, events, parts / f"{stratum.name}-{key}-{number:06d}-{events}.npz")


def _readable(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        # Opened here: NumPy leaves a damaged file open.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return "tally" in archive
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        path.unlink()
        return False


def _run(plan: Plan, chunks: list[_Chunk], workers: int) -> Iterator[_Chunk]:
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
        running: dict[Future[None], _Chunk] = {}
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
    parent = multiprocessing.parent_process()
    assert parent is not None
    # A worker whose parent was killed would wait for work for ever.
    threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _make(chunk: _Chunk) -> None:
    """Generate, read out and write one chunk."""
    plan: Plan = _worker["plan"]
    stratum = plan.sample.strata[chunk.stratum]
    if _worker.get("at") != chunk.stratum:
        _worker["source"] = _source(plan, stratum)
        _worker["at"] = chunk.stratum
    source: _Source = _worker["source"]
    truth, tally = source(chunk)
    rng = stream_rng(plan.sample.seed, f"detector/{stratum.name}", chunk.number)
    collisions = read_out(truth, plan.detector, rng)
    numbers = np.array([tally.sigma_mb, tally.sigma_error_mb, tally.generated, tally.kept])
    with atomic_path(chunk.path) as path:
        arrays = {f.name: getattr(collisions, f.name) for f in fields(Collisions)}
        np.savez(path, tally=numbers, **arrays)


_Source = Callable[[_Chunk], tuple[Truth, pythia.Tally]]


def _source(plan: Plan, stratum: StratumConfig) -> _Source:
    """Return the function that makes a chunk of `stratum`; called with rising chunk numbers."""

    def seed(chunk: _Chunk) -> int:
        rng = stream_rng(plan.sample.seed, f"generate/{stratum.name}", chunk.number)
        return int(rng.integers(1, 900_000_000))

    if stratum.hepmc is not None:
        hepmc = HepMC(beside(plan.file, stratum.hepmc), stratum.truth, stratum.sigma_mb)

        def read(chunk: _Chunk) -> tuple[Truth, pythia.Tally]:
            truth, sigma, error = hepmc.take(chunk.number * stratum.chunk, chunk.events)
            return truth, pythia.Tally(sigma, error, chunk.events, chunk.events)

        return read
    if stratum.lhe is not None:
        file = beside(plan.file, stratum.lhe)

        def shower(chunk: _Chunk) -> tuple[Truth, pythia.Tally]:
            # Pythia set up anew on a slice: where an event fails, later chunks keep their own events.
            with tempfile.TemporaryDirectory() as folder:
                part = Path(folder) / "part.lhe"
                slice_lhe(file, chunk.number * stratum.chunk, chunk.events, part)
                return pythia.Generator(plan.sample, stratum, part).chunk(seed(chunk), chunk.events)

        return shower
    generator = pythia.Generator(plan.sample, stratum)
    return lambda chunk: generator.chunk(seed(chunk), chunk.events)


def _join(plan: Plan, index: int, chunks: list[_Chunk], folder: Path) -> StratumRecord:
    """Write the stratum's ROOT file from its parts and sum up its cross section."""
    stratum = plan.sample.strata[index]
    tallies = []

    def baskets() -> Iterator[Collisions]:
        pending: list[Collisions] = []
        for chunk in chunks:
            with np.load(chunk.path, allow_pickle=False) as archive:
                tallies.append(archive["tally"])
                pending.append(Collisions(**{f.name: archive[f.name] for f in fields(Collisions)}))
            if sum(len(p) for p in pending) >= BASKET:
                yield concatenate(pending)
                pending.clear()
        if pending:
            yield concatenate(pending)

    file = f"{stratum.name}.root"
    events, content = write_stratum(folder / file, baskets(), plan.sample.compression)
    sigma, error = cross_section(np.array(tallies))
    low, high = stratum.pt_hat
    return StratumRecord(
        name=stratum.name,
        kind=stratum.kind,
        file=file,
        events=events,
        pt_hat_min=low,
        pt_hat_max=high,
        sigma_mb=sigma,
        sigma_error_mb=error,
        sha256=sha256(folder / file),
        content=content,
    )


def cross_section(tallies: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[float, float]:
    """Return (sigma, its statistical error) in mb from the chunks of a stratum.

    Parameters
    ----------
    tallies : float64, shape (chunks, 4)
        sigma, its error, generated, kept; see `pythia.Tally`.
    """
    sigma, error, generated, kept = tallies.T
    total, passed = generated.sum(), kept.sum()
    mean = float((sigma * generated).sum() / total)
    spread = float(np.sqrt(((error * generated) ** 2).sum()) / total)
    fraction = float(passed / total)
    veto = mean * math.sqrt(fraction * (1 - fraction) / total)
    return float(f"{mean * fraction:.10g}"), float(f"{math.hypot(spread * fraction, veto):.4g}")
