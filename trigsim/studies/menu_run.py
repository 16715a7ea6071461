"""One menu over one beam: rates and efficiencies of all its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.base.provenance import provenance
from trigsim.events.library import Library
from trigsim.menu import load as load_menu
from trigsim.stream.beam import Beam
from trigsim.stream.checkpoint import Checkpoint
from trigsim.stream.demand import EVERYTHING
from trigsim.stream.hardness import sorting
from trigsim.stream.recipe import Recipe
from trigsim.stream.run import stream_worker
from trigsim.stream.schedulers import THREADS, open_schedule
from trigsim.stream.source import TEST
from trigsim.studies.rate_table import Prescaling
from trigsim.studies.rates import menu_result
from trigsim.studies.results import MenuResult
from trigsim.studies.run_details import run_details, run_orbits
from trigsim.studies.run_table import run_table
from trigsim.studies.store_writer import StoreWriter, all_fields, fields_of

#: Orbits that dead time is found in, about half a second of beam.
ORBITS = 5000


def parse_taggers(given: Sequence[str]) -> dict[str, Path]:
    """Return name → folder from texts ``NAME=FOLDER``."""
    taggers = {}
    for text in given:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise InputError(f"'{text}' names no tagger; write NAME=FOLDER")
        if name in taggers:
            raise InputError(f"tagger '{name}' is given twice; keep one")
        taggers[name] = Path(folder)
    return taggers


def run_menu(
    menu: str | Path,
    library: str | Path,
    beam: str | Path,
    taggers: Mapping[str, Path],
    *,
    signals: Sequence[str],
    crossings: int,
    signal_crossings: int,
    target: str = "total",
    seed: int = 1,
    scheduler: str = THREADS,
    threads: int = 0,
    store: str | Path | None = None,
    store_all: bool = False,
    state: str | Path | None = None,
    resume: bool = False,
    checkpoint_seconds: float = 20.0,
    exact_overlay: bool = False,
    train: str | Path | None = None,
    orbits: int = ORBITS,
    details: bool = False,
) -> MenuResult:
    """Stream a menu; see `stream.run.stream` for the counts, target and seed.

    Parameters
    ----------
    menu, library, beam : path
        Menu YAML, event library, beam YAML.
    taggers : mapping of str to path
        Name in the menu → tagger folder.
    scheduler : str
        Where crossings are built; see `stream.schedulers.open_schedule`. The result does not depend on it.
    threads : int
        Threads, processes or jobs; 0 is one per core, or what the site file says.
    store : path, optional
        New folder for the crossings themselves; see `studies.store`. By threads of one unbroken run only.
    store_all : bool
        Store every field, not only what the menu reads.
    state : path, optional
        Folder for checkpoints.
    resume : bool
        Go on from the checkpoint there.
    checkpoint_seconds : float
        Least time between two checkpoints.
    exact_overlay : bool
        Draw every soft collision on its own, not in blocks that are used again; see `stream.blocks`.
    train : path, optional
        Train YAML: what dead time takes is found by drawing the run's decisions into `orbits` orbits.
    orbits : int
        See `train`.
    details : bool
        Whether overlaps, gains and turn-ons are found too.
    """
    if store is not None and (scheduler != THREADS or resume):
        raise InputError("crossings are stored by the threads of one unbroken run; leave out --store or the other")
    if resume and state is None:
        raise InputError("a run is resumed from its folder; name it with -o")
    checked = load_menu(menu)
    kind = sorting(checked, target)
    recipe = Recipe.make(library, load(beam, Beam), TEST, menu, taggers, signals, seed, exact_overlay, kind)
    worker = recipe.open()
    writer, loaded = None, worker.variants[0].taggers
    if store is not None:
        fields = (all_fields if store_all else fields_of)(checked, loaded)
        writer = StoreWriter.open(store, worker.source, Library.open(library), checked, loaded, fields)
        worker = replace(worker, observer=writer, builder=replace(worker.builder, demand=EVERYTHING))
    counts = {"crossings": str(crossings), "signal crossings": str(signal_crossings), "target": target}
    checkpoint = (
        None if state is None
        else Checkpoint(Path(state), {**recipe.identity(), **counts}, resume, checkpoint_seconds)
    )  # fmt: skip
    with open_schedule(scheduler, recipe, worker, threads) as schedule:
        (result,) = stream_worker(
            worker, schedule,
            crossings=crossings, signal_crossings=signal_crossings, target=target, checkpoint=checkpoint,
        )  # fmt: skip
    if writer is not None:
        inputs = {"menu": menu, "library": Path(library) / "manifest.json", "beam": beam}
        counted = {signal: int(counts.drawn[0]) for signal, counts in result.efficiencies.items()}
        writer.finish(result.rates.drawn, counted, provenance(seed, inputs))
    found, names = menu_result(worker.source, result), worker.variants[0].menu.names
    found = replace(found, table=run_table(worker.source, Prescaling.of(checked, names), result, found.rates))
    if train is not None:
        drawn = run_orbits(menu, train, worker, result, orbits=orbits, seed=seed, threads=threads)
        found = replace(found, orbits=drawn)
    return replace(found, details=run_details(worker.source, checked, names, result)) if details else found
