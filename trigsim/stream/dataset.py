"""`trigsim dataset`: signal and pT-matched multijet candidates at several pile-ups, written part by part."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import write_json
from trigsim.base.progress import progress
from trigsim.base.provenance import provenance, write_provenance
from trigsim.stream.block import Builder, wanted_features
from trigsim.stream.candidates import PT_EDGES
from trigsim.stream.dataset_join import feature_records, join
from trigsim.stream.dataset_parts import Stream, Workshop
from trigsim.stream.dataset_plan import Plan
from trigsim.stream.matching import Matching, match
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.source import TRAIN, Source, by_collision
from trigsim.stream.strata import strata_of
from trigsim.tagger.dataset import SPLITS
from trigsim.tagger.dataset_folder import MANIFEST, Manifest, read_manifest
from trigsim.tagger.features import FEATURES

#: Every so many collisions of the training side are for validation.
VALIDATION_EVERY = 5
#: Parts without a candidate after which there will be none.
EMPTY = 200
PARTS = ".parts"


def make_dataset(
    plan: Plan, d0_resolution: NDArray[np.float64], output: str | Path, threads: int = 0, resume: bool = False
) -> Manifest:
    """Make the data set of `plan` in the folder `output`; memory does not grow with its size.

    Parameters
    ----------
    plan : Plan
        From `dataset_plan.load_plan`.
    d0_resolution : float64, shape (2, 58)
        Of the library's detector; see `tagger.features.d0_table`.
    output : path
        A new folder, or with `resume` one where an earlier run of the same plan was stopped.
    threads : int
        0 is one per core; the columns do not depend on it.
    resume : bool
        Keep the parts that are there.

    Returns
    -------
    Manifest
        As written.

    Raises
    ------
    InputError
        If `output` holds a data set already, or candidates cannot be found.
    """
    folder = Path(output)
    made = {"config": plan.config.model_dump(mode="json"), "facts": plan.facts}
    if (folder / MANIFEST).exists():
        done = read_manifest(folder)
        if resume and {k: done.made.get(k) for k in made} == made:
            return done
        raise InputError("holds a data set already; give another folder", folder)
    key = hashlib.sha256(json.dumps(plan.facts, sort_keys=True).encode()).hexdigest()[:16]
    parts = folder / PARTS / key
    if not resume and parts.parent.exists():
        shutil.rmtree(parts.parent)
    parts.mkdir(parents=True, exist_ok=True)
    shop = open_workshop(plan, d0_resolution, parts)
    # Once in this thread: two that compile the same kernel at once can make numba fail.
    source = next(iter(shop.sources.values()))
    shop.builder.build(source.signal_plan(plan.config.signals[0], 0, 1, plan.config.seed))
    threads = cores(threads)
    matched = {b.average_pileup: _pilot(plan, shop, b.average_pileup, threads) for b in plan.beams}
    ratio = {
        (pile_up, name): matching.ratio[k]
        for pile_up, matching in matched.items()
        for k, name in enumerate(plan.config.background)
    }
    shop = replace(shop, ratio=ratio)
    streams = _streams(plan, matched)
    with progress("candidates", sum(s.wanted for s in streams), "candidates") as advance:
        rows = {s: _fill(shop, s, threads, advance) for s in streams}
    splits, told = join(plan, shop, rows, folder)
    manifest = Manifest(
        name=plan.config.name,
        features=feature_records(),
        splits=splits,
        made={**made, **told, "matching": {f"{p:g}": _described(plan, m) for p, m in matched.items()}},
        provenance=provenance(plan.config.seed, plan.inputs),
    )
    write_provenance(folder, plan.config.seed, plan.inputs)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    shutil.rmtree(parts.parent)
    return manifest


def open_workshop(plan: Plan, d0_resolution: NDArray[np.float64], folder: Path) -> Workshop:
    """Return a workshop for parts in `folder`, which accepts all multijets."""
    every = wanted_features([np.arange(len(FEATURES))])
    sources = open_sources(plan)
    source = next(iter(sources.values()))  # All of them share their collisions.
    builder = Builder.of(source, plan.config.objects, d0_resolution, every)
    return Workshop(folder, sources, builder, {}, plan.config.chunk, plan.config.seed)


def open_sources(plan: Plan) -> dict[tuple[float, str], Source]:
    """Return (pile-up, split) → source; of hard collisions the splits share none, nor read-outs of one."""
    whole = Source.open(plan.library, plan.beams[0], TRAIN)
    ends = np.cumsum([s.entries for s in (*plan.library.inelastic, *plan.library.signals)])
    mine = np.s_[VALIDATION_EVERY - 1 :: VALIDATION_EVERY]
    sides = {"train": lambda m: np.delete(m, mine, axis=0), "validation": lambda m: m[mine], "test": None}
    found = {}
    for split, choose in sides.items():
        hard = [np.sort(some) for some in (*whole.members[1:], *whole.signals.values())]
        if choose is None:  # What the event loop takes for its test side: all that is not in the training side.
            hard = [np.setdiff1d(np.arange(*ends[k : k + 2]), m) for k, m in enumerate(hard)]
        numbers = [by_collision(whole.collision, m) if len(m) else m for m in hard]
        if choose is not None:
            numbers = [choose(m) for m in numbers]
        for name, some in zip((*whole.strata.names[1:], *whole.signals), numbers, strict=True):
            if len(some) == 0:
                problem = f"stratum '{name}' has too few collisions to split; generate more"
                raise InputError(problem, plan.library.folder)
        soft = len(whole.members) - 1
        members = (whole.members[0], *(some.ravel() for some in numbers[:soft]))
        signals = {n: some.T.ravel() for n, some in zip(whole.signals, numbers[soft:], strict=True)}
        for beam in plan.beams:
            strata = strata_of(plan.library, beam)
            found[beam.average_pileup, split] = replace(
                whole, beam=beam, strata=strata, members=members, signals=signals
            )
    return found


def _pilot(plan: Plan, shop: Workshop, pile_up: float, threads: int) -> Matching:
    """Learn from some crossings of each stratum how multijets have to be accepted."""
    config = plan.config
    parts = -(-config.pilot // config.chunk)

    def spectrum(name: str, signal: bool) -> NDArray[np.int64]:
        """Return candidates, and collisions that made them, in each pT bin."""
        stream = Stream(0, pile_up, "pilot", name, signal, 0)
        tables = [
            shop.load(stream, part, "bin", "collision")
            for part, _ in enumerate(in_order(lambda p: shop.candidates(stream, p), range(parts), threads))
        ]
        made = np.stack([np.concatenate([t[column] for t in tables]) for column in ("bin", "collision")])
        return np.stack([np.bincount(m[0], minlength=len(PT_EDGES) - 1) for m in (made, np.unique(made, axis=1))])

    signals = [spectrum(name, True)[0] for name in config.signals]
    signal = sum((s / max(s.sum(), 1) for s in signals), np.zeros(len(PT_EDGES) - 1))
    background, collisions = np.stack([spectrum(name, False) for name in config.background], axis=1)
    source = shop.sources[pile_up, "train"]
    sigma = {s.name: s.sigma_mb for s in plan.library.inelastic}
    # Without pile-up there is one collision a crossing: its strata go as their cross sections.
    often = source.strata.probability if pile_up > 0 else np.array([sigma[n] for n in source.strata.names])
    chosen = [source.strata.names.index(name) for name in config.background]
    return match(signal, background, collisions, parts * config.chunk, often[chosen], config.max_weight)


def _streams(plan: Plan, matched: dict[float, Matching]) -> list[Stream]:
    """Return what to make; the numbers of each class add up to what is wanted."""
    numbers = itertools.count(1)
    streams = []
    for pile_up, matching in matched.items():
        for split in SPLITS:
            wanted = getattr(plan.config.candidates, split)
            kinds = [(name, True, 1 / len(plan.config.signals)) for name in plan.config.signals]
            kinds += [(n, False, s) for n, s in zip(plan.config.background, matching.share.tolist(), strict=True)]
            for signal in (True, False):
                some = [(name, share) for name, is_signal, share in kinds if is_signal is signal]
                upto = np.rint(np.cumsum([0.0, *(share for _, share in some)]) * wanted).astype(int)
                for (name, _), count in zip(some, np.diff(upto).tolist(), strict=True):
                    if count:
                        streams.append(Stream(next(numbers), pile_up, split, name, signal, count))
    return streams


def _fill(shop: Workshop, stream: Stream, threads: int, advance: Callable[[int], None]) -> list[int]:
    """Make parts of a stream until there are enough; return how many candidates to take of each."""
    taken: list[int] = []
    missing = stream.wanted
    while missing:
        found = stream.wanted - missing
        # As many as should do, so that no thread makes what is not needed.
        more = math.ceil(missing * len(taken) / found) if found else len(taken) + 1
        for made in in_order(
            lambda part: shop.candidates(stream, part), range(len(taken), len(taken) + more), threads
        ):
            if missing:
                taken.append(min(made, missing))
                missing -= taken[-1]
                advance(taken[-1])
        if len(taken) >= EMPTY and missing == stream.wanted:
            problem = f"no candidate of '{stream.stratum}' in {len(taken) * shop.chunk} crossings"
            raise InputError(f"{problem} at pile-up {stream.pile_up:g}; leave it out or generate harder events")
    return taken


def _described(plan: Plan, matching: Matching) -> dict[str, Any]:
    """Return a matching as the manifest has it: of each stratum, in each pT bin, mixture and acceptance ratio."""
    names = plan.config.background
    return {
        "pt_edges": [float(e) for e in PT_EDGES[:-1]],
        "mixture": dict(zip(names, matching.mixture.tolist(), strict=True)),
        "ratio": dict(zip(names, matching.ratio.tolist(), strict=True)),
    }
