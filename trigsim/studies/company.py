"""What else is in crossings beside their hardest collision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.stream.companions import Classes


@dataclass(frozen=True, slots=True)
class Company:
    """What else is in n crossings beside their hardest collision.

    Attributes
    ----------
    classes : Classes
        Of collisions.
    kind : int16, shape (n,)
        Class of the hardest collision; -1 where there is none.
    count : uint16, shape (n, p)
        Companions of each class.
    tried : int64, shape (K + 1, 2, p)
        Collisions of each class in all crossings of each stratum: the hardest, and companions.
    """

    classes: Classes
    kind: NDArray[np.int16]
    count: NDArray[np.uint16]
    tried: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        classes: Classes,
        kind: NDArray[np.int16],
        count: NDArray[np.uint16],
        stratum: NDArray[np.integer],
        strata: int,
    ) -> Company:
        """Return the company of crossings of K + 1 = `strata` strata, those of each crossing in `stratum`."""
        tried = np.zeros((strata, 2, len(classes)), np.int64)
        for k in range(strata):
            mine = stratum == k
            tried[k, 0] = np.bincount(kind[mine & (kind >= 0)], minlength=len(classes))
            tried[k, 1] = count[mine].sum(axis=0, dtype=np.int64)
        return cls(classes, kind, count, tried)
