"""Crossings of our own streams to compare a menu's firmware on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from trigsim.firmware.menu_compare import Sample
from trigsim.menu.menu import Menu
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.block import wanted_features
from trigsim.stream.source import CHUNK, TEST
from trigsim.stream.variant import Variant
from trigsim.studies.setup import builder, open_source
from trigsim.tagger.tagger import Tagger

#: Phase of the random stream; see `Source.rate_plan`.
PHASE = "firmware"


def streamed(
    menu: Menu, library: str | Path, beam: str | Path, taggers: Mapping[str, Tagger], crossings: int, seed: int = 0
) -> Iterator[Sample]:
    """Yield crossings of every stratum and signal in equal parts, jets with their scores.

    Parameters
    ----------
    menu : Menu
    library, beam : path
        Event library and beam YAML.
    taggers : mapping of str to Tagger
        Name in the menu → tagger.
    crossings : int
        How many in all, rounded up to whole chunks of each stratum and signal.
    seed : int
    """
    source = open_source(library, beam, TEST)
    made = builder(library, source, ObjectSettings(), wanted_features(t.columns for t in taggers.values()))
    variant = Variant.bind(menu.name, menu, taggers)
    kinds = len(source.members) + len(source.signals)
    for chunk in range(-(-crossings // (CHUNK * kinds))):
        for stratum, name in enumerate(source.strata.names):
            plan = source.rate_plan(stratum, CHUNK, seed, PHASE, chunk)
            yield Sample(f"{name} {chunk}", variant.scored(made.build(plan)))
        for signal in source.signals:
            plan = source.signal_plan(signal, chunk * CHUNK, CHUNK, seed)
            yield Sample(f"{signal} {chunk}", variant.scored(made.build(plan)))
