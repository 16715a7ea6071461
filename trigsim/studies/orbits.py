"""A menu over real orbits: what dead time takes, from full emulation or from stored crossings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.menu import load as load_menu
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.menu import Menu
from trigsim.menu.prescale import FinalDecision, read_prescales
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.deadtime import DeadTime
from trigsim.stream.filling import FillingScheme, read_filling, require_bunches
from trigsim.stream.orbit import Emulation
from trigsim.stream.orbit_config import TrainConfig
from trigsim.stream.orbit_run import Readout
from trigsim.stream.orbit_words import Sampling, Words
from trigsim.stream.parallel import cores
from trigsim.stream.pileup import PileupByBunch
from trigsim.stream.source import TEST
from trigsim.stream.variant import Variant, group_columns
from trigsim.studies.orbit_results import OrbitResult
from trigsim.studies.orbit_summary import summary
from trigsim.studies.setup import builder, open_source
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM
from trigsim.tagger.tagger import load_tagger

#: Replicas of the library, and the orbits of each at most.
REPLICAS, REPLICA_ORBITS = 24, 1000


def emulate_orbits(
    menu: str | Path,
    train: str | Path,
    library: str | Path,
    beam: str | Path,
    taggers: Mapping[str, Path],
    *,
    orbits: int,
    scheme: str | Path | None = None,
    prescales: str | Path | None = None,
    column: str | None = None,
    seed: int = 1,
    threads: int = 0,
) -> OrbitResult:
    """Walk orbits whose every crossing is emulated: conditions over borders, objects out of time.

    Parameters
    ----------
    menu, train, library, beam : path
        Menu YAML, train YAML, event library, beam YAML.
    taggers : mapping of str to path
        Name in the menu → tagger folder.
    orbits : int
        Orbits to walk, 1 at least.
    scheme : path, optional
        Filling scheme in place of the train's.
    prescales, column : path and str, optional
        Table of prescales and the column to use (its only one by default); see `menu.prescale.read_prescales`.
    seed, threads : int
        The result does not depend on `threads`.
    """
    checked, config, bunches = _read(menu, train, scheme)
    source = open_source(library, beam, TEST)
    loaded = {name: load_tagger(folder) for name, folder in taggers.items()}
    variant = Variant.bind(checked.name, checked, loaded)
    wanted = wanted_features(t.columns for t in loaded.values())
    made = Emulation(
        source, builder(library, source, ObjectSettings(), wanted), variant, checked, bunches,
        {str(kind): one for kind, one in config.timing.items()}, config.single_beam_collisions,
    )  # fmt: skip
    readout = _readout(checked, config, bunches, variant.menu, _column(checked, prescales, column))
    counts = readout.run(made.triggers(orbits, seed, cores(threads)), orbits)
    return summary(checked, config, readout, counts, "full emulation")


def sample_orbits(
    menu: str | Path,
    train: str | Path,
    stored: str | Path,
    *,
    orbits: int,
    scheme: str | Path | None = None,
    prescales: str | Path | None = None,
    column: str | None = None,
    seed: int = 1,
    threads: int = 0,
) -> OrbitResult:
    """Walk orbits whose crossings are drawn from a store, decided by `menu`.

    Parameters
    ----------
    menu, train, stored : path
        Menu YAML, train YAML, folder of `trigsim run --store`.
    orbits, scheme, prescales, column, seed, threads
        As in `emulate_orbits`.

    Raises
    ------
    InputError
        If neighbouring crossings matter (conditions on other crossings, objects out of time, single-beam
        collisions, pile-up by bunch, external signals, algorithms that empty crossings pass): emulate then.
    """
    store = Store.open(stored)
    compiled = store.compile(load_menu(menu))
    empty = len(store.manifest.drawn) - 1
    drawn = f"words drawn by weight from {sum(store.manifest.drawn):,} stored and decided crossings"
    decisions = Decisions(compiled, _words(store, compiled), store.manifest.beam, empty, drawn)
    return draw_orbits(
        menu, train, decisions,
        orbits=orbits, scheme=scheme, prescales=prescales, column=column, seed=seed, threads=threads,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decisions:
    """Crossings of one beam that a menu has decided.

    Attributes
    ----------
    compiled : CompiledMenu
        What decided.
    words : Words
        Distinct decisions and how likely each is; ``cluster >> 32`` is the stratum.
    beam : Beam
    empty : int
        Number of the stratum of empty crossings.
    drawn : str
        What the words are from; see `OrbitResult.crossings_from`.
    """

    compiled: CompiledMenu
    words: Words
    beam: Beam
    empty: int
    drawn: str


def draw_orbits(
    menu: str | Path,
    train: str | Path,
    decisions: Decisions,
    *,
    orbits: int,
    scheme: str | Path | None = None,
    prescales: str | Path | None = None,
    column: str | None = None,
    seed: int = 1,
    threads: int = 0,
) -> OrbitResult:
    """Walk orbits whose crossings are drawn from `decisions` of `menu`; see `sample_orbits`."""
    checked, config, bunches = _read(menu, train, scheme)
    words, compiled = decisions.words, decisions.compiled
    require_bunches(bunches, decisions.beam.colliding_bunches)
    _require_independent(checked, config, decisions)
    threads = cores(threads)
    sampling = Sampling(words, bunches)
    readout = _readout(checked, config, bunches, compiled, _column(checked, prescales, column))
    counts = readout.run(sampling.triggers(orbits, seed, threads), orbits)
    short = min(orbits, REPLICA_ORBITS)
    replicas = [
        readout.run(sampling.replicas(number, short, seed, threads), short, f"replica {number + 1} of {REPLICAS}")
        for number in range(REPLICAS)
    ]
    return summary(checked, config, readout, counts, decisions.drawn, replicas)


def _read(
    menu: str | Path, train: str | Path, scheme: str | Path | None
) -> tuple[Menu, TrainConfig, FillingScheme]:
    config = load(train, TrainConfig)
    return load_menu(menu), config, read_filling(scheme or Path(train).parent / config.scheme)


def _column(menu: Menu, prescales: str | Path | None, column: str | None) -> Mapping[str, int] | None:
    if prescales is None:
        if column is not None:
            raise InputError(f"column '{column}' of which table? name the file with --prescales")
        return None
    columns = read_prescales(prescales, menu).columns
    name = next(iter(columns)) if column is None and len(columns) == 1 else column
    if name is None or name not in columns:
        problem = f"no column '{column}'" if column else "several columns, or none"
        raise InputError(f"{problem}; choose one of {', '.join(columns) or 'none'}", prescales)
    return columns[name]


def _readout(
    menu: Menu,
    config: TrainConfig,
    scheme: FillingScheme,
    compiled: CompiledMenu,
    column: Mapping[str, int] | None,
) -> Readout:
    names = compiled.names
    final = FinalDecision.of(menu, names, column)
    return Readout(names, group_columns(menu, names), final, DeadTime.of(config.dead_time), scheme)


def _words(store: Store, compiled: CompiledMenu) -> Words:
    packed = store.decide(compiled, BEAM)
    bits = np.unpackbits(packed, axis=1, count=len(compiled.names), bitorder="little").astype(np.bool_)
    who = store.crossings(BEAM)
    probability, drawn = np.array(store.manifest.probability), np.array(store.manifest.drawn)
    chance = np.divide(probability, drawn, out=np.zeros(len(drawn)), where=drawn > 0)
    return Words.of(bits, who.stratum.astype(np.int64) << 32 | who.event, chance[who.stratum])


def _require_independent(menu: Menu, config: TrainConfig, decisions: Decisions) -> None:
    compiled = decisions.compiled
    empty_passes = (decisions.words.cluster >> 32 == decisions.empty).any()
    reasons = {
        "the menu looks at neighbouring crossings": compiled.reach != (0, 0),
        "the menu reads external signals": compiled.uses_externals,
        "the train has objects out of time": bool(config.timing),
        "the train has single-beam collisions": config.single_beam_collisions > 0,
        "pile-up differs from bunch to bunch": isinstance(decisions.beam.mean_pileup, PileupByBunch),
        f"an algorithm of '{menu.name}' passes empty crossings": bool(empty_passes),
    }
    for reason, there in reasons.items():
        if there:
            raise InputError(f"{reason}, which stored crossings do not know; emulate: trigsim orbits, no --stored")
