"""Joining and interleaving of flat records with offsets (`Truth`, `Collisions`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Record = TypeVar("Record")


def offsets_of(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return offsets, int64 of shape (n + 1,), of consecutive groups of `counts` members."""
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def concatenate(parts: Sequence[Record]) -> Record:
    """Return all collisions of `parts` (at least one, all of one type) in order."""
    if not parts:
        raise ValueError("nothing to join; give at least one part")
    columns: dict[str, NDArray[Any]] = {}
    for f in fields(parts[0]):  # type: ignore[arg-type]
        arrays = [getattr(p, f.name) for p in parts]
        if f.name.endswith("offsets"):
            columns[f.name] = offsets_of(np.concatenate([np.diff(a) for a in arrays]))
        else:
            columns[f.name] = np.concatenate(arrays)
    return type(parts[0])(**columns)


def interleaved(parts: Sequence[Record]) -> Record:
    """Return the first collision of each of `parts` in turn, then the second of each, and so on.

    Parameters
    ----------
    parts : sequence of records
        At least one; all of one type and as many collisions, with arrays ``PREFIX_…`` by ``PREFIX_offsets``.
    """
    if len(parts) == 1:
        return parts[0]
    whole, n = concatenate(parts), len(parts[0])  # type: ignore[arg-type]
    order = np.arange(len(parts) * n).reshape(len(parts), n).T.ravel()
    columns: dict[str, NDArray[Any]] = {}
    places: dict[str, NDArray[np.int64]] = {}
    names = [f.name for f in fields(whole)]  # type: ignore[arg-type]
    for name in names:
        if name.endswith("offsets"):
            starts, counts = getattr(whole, name)[order], np.diff(getattr(whole, name))[order]
            columns[name] = offsets_of(counts)
            within = np.arange(columns[name][-1]) - np.repeat(columns[name][:-1], counts)
            places[name] = np.repeat(starts, counts) + within
    for name in names:
        if name not in columns:
            columns[name] = getattr(whole, name)[places.get(f"{name.split('_')[0]}_offsets", order)]
    return type(whole)(**columns)
