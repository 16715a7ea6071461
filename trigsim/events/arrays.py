"""Joining of flat records with offsets (`Truth`, `Collisions`)."""

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
