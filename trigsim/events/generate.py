"""`trigsim generate`: make the chunks of a plan and join them to a library."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import sha256
from trigsim.base.progress import progress
from trigsim.base.provenance import provenance, write_provenance
from trigsim.events.arrays import concatenate
from trigsim.events.chunks import Chunk, chunks_of, load, readable, run
from trigsim.events.library import FORMAT, MANIFEST, VERSION, Library, Manifest, StratumRecord, write_manifest
from trigsim.events.model import Collisions
from trigsim.events.plan import Plan
from trigsim.events.sample import beside
from trigsim.events.stratum_file import write_stratum

#: Entries a basket of the ROOT files, at least: large baskets compress better.
BASKET = 4000
PARTS = ".parts"


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
    chunks = [chunk for i in range(len(plan.sample.strata)) for chunk in chunks_of(plan, i, parts)]
    with progress("generate", sum(c.events for c in chunks)) as advance:
        missing = []
        for chunk in chunks:
            if readable(chunk.path):
                advance(chunk.events)
            else:
                missing.append(chunk)
        for chunk in run(plan, missing, workers or os.cpu_count() or 1):
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


def _join(plan: Plan, index: int, chunks: list[Chunk], folder: Path) -> StratumRecord:
    """Write the stratum's ROOT file from its parts and sum up its cross section."""
    stratum = plan.sample.strata[index]
    tallies = []

    def baskets() -> Iterator[Collisions]:
        pending: list[Collisions] = []
        for chunk in chunks:
            collisions, tally = load(chunk)
            pending.append(collisions)
            tallies.append(tally)
            if sum(len(p) for p in pending) >= BASKET:
                yield concatenate(pending)
                pending.clear()
        if pending:
            yield concatenate(pending)

    file = f"{stratum.name}.root"
    entries, content = write_stratum(folder / file, baskets(), plan.sample.compression, stratum.readouts)
    sigma, error = cross_section(np.array(tallies))
    low, high = stratum.pt_hat
    return StratumRecord(
        name=stratum.name,
        kind=stratum.kind,
        file=file,
        events=entries // stratum.readouts,
        readouts=stratum.readouts,
        pt_hat_min=low,
        pt_hat_max=high,
        sigma_mb=sigma,
        sigma_error_mb=error,
        sha256=sha256(folder / file),
        content=content,
    )


def cross_section(tallies: NDArray[np.float64]) -> tuple[float, float]:
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
