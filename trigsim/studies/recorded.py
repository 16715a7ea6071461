"""Stored crossings as recorded decisions, so that `trigsim validate` compares a menu with them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from trigsim.menu.readers.model import Recorded
from trigsim.studies.store import Store


def recorded(store: Store) -> Iterator[Recorded]:
    """Give the crossings of all samples with the decisions that were stored with them, file by file.

    A crossing's run, lumi and event are its stratum (for signals: the number of strata, one more for each signal),
    its chunk, and its place in it: with the seed they name it.

    Raises
    ------
    InputError
        If a file is missing or not the one of the manifest.
    """
    manifest = store.manifest
    fields = [(kind, name) for kind, collection in manifest.objects.items() for name in collection.fields]
    strata = len(manifest.drawn)
    for place, sample in enumerate(store.samples):
        parts = store.parts(sample)
        if not parts:
            continue
        who, bits = store.crossings(sample), store.bits(sample)
        first = 0
        for part in parts:
            rows = slice(first, first + part.crossings)
            first += part.crossings
            stratum = who.stratum[rows].astype(np.int64)
            unpacked = np.unpackbits(bits[rows], axis=1, count=len(manifest.algorithms), bitorder="little")
            yield Recorded(
                objects=store.objects(part, fields),
                decided=np.arange(part.crossings),
                rows="independent",
                offsets=(0, 0),
                has_externals=False,
                by_index=None,
                by_name=dict(zip(manifest.algorithms, unpacked.T.astype(np.bool_), strict=True)),
                run=np.where(stratum < 0, strata + place - 1, stratum).astype(np.uint64),
                lumi=who.chunk[rows].astype(np.uint64),
                event=who.number[rows].astype(np.uint64),
            )
