"""From file names to a source of crossings and a builder of objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.events.library import Library
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import Builder
from trigsim.stream.source import Source
from trigsim.tagger.features import d0_table


def open_source(library: str | Path, beam: str | Path, side: str) -> Source:
    """Open one side of a library under a beam; see `stream.source.Source.open`."""
    return Source.open(Library.open(library), load(beam, Beam), side)


def d0_resolution(library: str | Path) -> NDArray[np.float64]:
    """Return the d0 resolution by ring that the library's detector preset states; see `features.d0_table`.

    Raises
    ------
    InputError
        If the manifest does not describe a detector.
    """
    opened = Library.open(library)
    try:
        regions = opened.manifest.detector["tracker"]["regions"]
        columns = [[float(r[name]) for r in regions] for name in ("eta_max", "d0_constant", "d0_scattering")]
        return d0_table(*columns)
    except (KeyError, TypeError, ValueError):
        raise InputError(
            "the manifest has no tracker resolution; generate the library again", opened.folder
        ) from None


def builder(library: str | Path, source: Source, settings: ObjectSettings, wanted: NDArray[np.bool_]) -> Builder:
    """Return a builder of the crossings of `source`; see `stream.block.Builder`."""
    return Builder.of(source, settings, d0_resolution(library), wanted)
