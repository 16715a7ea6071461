"""Classes of collisions: what else is in a crossing, so that the re-use of its companions can be told.

A crossing at a mean pile-up of 200 holds two hundred soft collisions, always of the same ten thousand. How much a
rate hangs on which ten thousand they are is found from how much more often crossings pass that hold more collisions
of one class. Classes are chosen by what a trigger can see of a collision: a muon, the total transverse energy, the
hardest tower.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.events.model import MUON_PT
from trigsim.stream.companion_kernels import count_classes
from trigsim.stream.plan import Plan
from trigsim.stream.source import Source

#: A collision with a muon of this many GeV is in the muon class of its stratum.
MUON_GEV = 3.0
#: Chance adds (mean number of companions) * classes / collisions of the sampling variance, and is subtracted again:
#: not more than this, lest what is left drown in its noise.
CHANCE = 0.35
#: Energy and tower classes go this many a side at most, and hold about this many collisions at least.
SIDE, LEAST = 7, 20
#: A stratum of fewer collisions in a crossing is one class: companions of it are rare.
FEW = 0.1


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes of the collisions of a pool.

    Attributes
    ----------
    of : int16, shape (size,)
        Class of each collision; 0 for those that belong to no stratum.
    stratum, size : int64, shape (p,)
        Stratum of each class, and its collisions that may be drawn.
    """

    of: NDArray[np.int16]
    stratum: NDArray[np.int64]
    size: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.size)

    def count(self, plan: Plan) -> NDArray[np.float32]:
        """Return the collisions of each class in n crossings, shape (n, 2, p): the hardest, its companions."""
        out = np.zeros((len(plan), 2, len(self)), np.float32)
        count_classes(plan.offsets, plan.event, self.of, out)
        return out


def classes(source: Source) -> Classes:
    """Sort the collisions that a source draws of each stratum into classes."""
    pool, mean = source.pool, source.strata.share @ source.strata.means
    energy = _of_each(np.add, pool.tower_et, pool.tower_offsets)
    tower = _of_each(np.maximum, pool.tower_et, pool.tower_offsets)
    muon = _of_each(np.maximum, pool.muon_pt, pool.muon_offsets) >= MUON_PT.to_hw(MUON_GEV)
    of = np.zeros(len(energy), np.int16)
    stratum: list[int] = []
    for k, some in enumerate(source.members):
        most = min(CHANCE * len(some) / mean[k], len(some) / LEAST, SIDE**2) if mean[k] > FEW else 1.0
        side = max(1, int(np.sqrt(most)))
        slice_of_energy = _quantile(energy[some], side)
        within = np.zeros(len(some), np.int64)
        for one in range(side):
            chosen = slice_of_energy == one
            within[chosen] = _quantile(tower[some[chosen]], side)
        number = np.where(muon[some], side * side, slice_of_energy * side + within)
        used, number = np.unique(number, return_inverse=True)
        of[some] = len(stratum) + number
        stratum += [k] * len(used)
    drawn = np.concatenate(source.members)
    return Classes(of, np.array(stratum), np.bincount(of[drawn], minlength=len(stratum)))


def _of_each(join: np.ufunc, values: NDArray[np.uint16], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `join` over the entries of each collision, 0 where it has none."""
    result = np.zeros(len(offsets) - 1, np.int64)
    some = np.diff(offsets) > 0
    if some.any():
        result[some] = join.reduceat(values.astype(np.int64), offsets[:-1][some])
    return result


def _quantile(values: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """Return which of equally many parts, from low to high, each value belongs to; ties by order."""
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(values, kind="stable")] = np.arange(len(values))
    return rank * parts // max(len(values), 1)
