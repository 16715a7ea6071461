"""One menu over one beam: rates and efficiencies of all its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from trigsim.base.errors import InputError
from trigsim.base.provenance import provenance
from trigsim.events.library import Library
from trigsim.menu import load as load_menu
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.block import wanted_features
from trigsim.stream.run import stream
from trigsim.stream.source import TEST
from trigsim.stream.variant import Variant
from trigsim.studies.rates import menu_result
from trigsim.studies.results import MenuResult
from trigsim.studies.setup import builder, open_source
from trigsim.studies.store_writer import StoreWriter, all_fields, fields_of
from trigsim.tagger.tagger import Tagger, load_tagger


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
    threads: int = 0,
    store: str | Path | None = None,
    store_all: bool = False,
) -> MenuResult:
    """Stream a menu; see `stream.run.stream` for the counts, target and seed.

    Parameters
    ----------
    menu, library, beam : path
        Menu YAML, event library, beam YAML.
    taggers : mapping of str to path
        Name in the menu → tagger folder.
    store : path, optional
        New folder for the crossings themselves; see `studies.store`.
    store_all : bool
        Store every field, not only what the menu reads.
    """
    checked = load_menu(menu)
    source = open_source(library, beam, TEST)
    loaded: dict[str, Tagger] = {name: load_tagger(folder) for name, folder in taggers.items()}
    variant = Variant.bind(checked.name, checked, loaded)
    wanted = wanted_features(t.columns for t in loaded.values())
    writer = None
    if store is not None:
        fields = (all_fields if store_all else fields_of)(checked, loaded)
        writer = StoreWriter.open(store, source, Library.open(library), checked, loaded, fields)
    (result,) = stream(
        source, builder(library, source, ObjectSettings(), wanted), [variant],
        crossings=crossings, signals=signals, signal_crossings=signal_crossings,
        target=target, seed=seed, threads=threads, observer=writer,
    )  # fmt: skip
    if writer is not None:
        inputs = {"menu": menu, "library": Path(library) / "manifest.json", "beam": beam}
        counted = {signal: int(counts.drawn[0]) for signal, counts in result.efficiencies.items()}
        writer.finish(result.rates.drawn, counted, provenance(seed, inputs))
    return menu_result(source, result)
