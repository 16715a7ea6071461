"""Trigger objects of many crossings, as the menu reads them: integers, structure of arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Collection:
    """One kind of trigger object in n consecutive crossings.

    Attributes
    ----------
    fields : mapping of str to int32 array, shape (n, slots)
        Field name ("pt", "eta", "phi", "iso", …) → hardware integers, signed where the scale is signed. All
        fields share one shape; an absent object is zero in every field, and slots are filled from 0.
        A sum is a collection of one slot.
    """

    fields: Mapping[str, NDArray[np.int32]]

    def __post_init__(self) -> None:
        shapes = {name: array.shape for name, array in self.fields.items()}
        if len(set(shapes.values())) != 1 or any(len(shape) != 2 for shape in shapes.values()):
            raise ValueError(f"fields of one collection need one shape (n, slots); got {shapes}")

    @property
    def shape(self) -> tuple[int, int]:
        """Crossings and slots."""
        n, slots = next(iter(self.fields.values())).shape
        return n, slots


@dataclass(frozen=True, slots=True)
class TriggerObjects:
    """All trigger objects of n consecutive crossings.

    Attributes
    ----------
    collections : mapping of str to Collection
        Names as in the scale set ("MU", "EG", "TAU", "JET", "ETM", … or "JET", "FATJET", "HT", …).
    externals : uint64 array of shape (n, 4)
        External-signal bits, bit b of the 256 in word ``b // 64``.
    """

    collections: Mapping[str, Collection]
    externals: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.externals)
