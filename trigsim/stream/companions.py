"""Classes of collisions: what else is in a crossing, so that the re-use of its companions can be told.

A crossing at a mean pile-up of 200 holds two hundred soft collisions, always of the same ten thousand. How much a
rate hangs on which ten thousand they are is found from how much more often crossings pass that hold more collisions
of one class. What a trigger sees of soft collisions is mostly the few hard ones among them: those are classes of
their own, the others are sorted by what they deposit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.events.model import MUON_PT
from trigsim.stream.count_kernels import count_alone, count_stacked
from trigsim.stream.plan import Plan
from trigsim.stream.source import Source, by_collision

#: A collision with a muon of this many GeV is sorted by it.
MUON_GEV = 3.0
#: Chance adds (mean number of companions) * classes / collisions of the sampling variance, and is subtracted again:
#: not much more than this, lest what is left drown in its noise.
CHANCE = 0.55
#: Hard collisions that are classes of their own, at least and at most, and classes that a stratum has beside them.
ALONE, OTHERS = (4, 48), 16
#: Collisions that are not in this hardest part of their stratum are sorted by total energy, into so many classes.
HARD_PART, QUIET = 1 / 6, 4
#: A stratum of fewer collisions in a crossing is one class: companions of it are rare.
FEW = 0.1


class Held(NamedTuple):
    """What n crossings hold, by class.

    Attributes
    ----------
    event : int64, shape (n,)
        Pool number of the hardest collision of each, -1 for an empty crossing: `Plan.hardest`.
    kind : int64, shape (n,)
        Its class, -1 for an empty crossing.
    companions : int32, shape (n, p)
        All others of each class.
    """

    event: NDArray[np.int64]
    kind: NDArray[np.int64]
    companions: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Parts:
    """The strata of crossings where they are parts of those of the library; see `stream.hardness`.

    Attributes
    ----------
    parent : int64, shape (K,)
        Stratum of the library.
    members : int64, shape (p, K)
        Collisions of each class in each part.
    expected : float64, shape (K + 1, K)
        Collisions of each part in a crossing of each stratum; see `Strata.expected`.
    """

    parent: NDArray[np.int64]
    members: NDArray[np.int64]
    expected: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Classes:
    """Classes of the collisions of a pool.

    Attributes
    ----------
    of : int16, shape (size,)
        Class of each of the pool, one for all read-outs of a collision; 0 for those that belong to no stratum.
    stratum, size : int64, shape (p,)
        Stratum of the library of each class, and its collisions that may be drawn.
    in_blocks : int16, shape (blocks, p), or None
        Collisions of each class in the source's blocks.
    parts : Parts or None
        Where the strata of crossings are parts of the library's.
    """

    of: NDArray[np.int16]
    stratum: NDArray[np.int64]
    size: NDArray[np.int64]
    in_blocks: NDArray[np.int16] | None = None
    parts: Parts | None = None

    def __len__(self) -> int:
        return len(self.size)

    def count(self, plan: Plan) -> Held:
        """Return the collisions in the crossings of a plan by their class."""
        n, stack = len(plan), plan.stack
        held = Held(np.empty(n, np.int64), np.empty(n, np.int64), np.empty((n, len(self)), np.int32))
        count_alone(plan.offsets, plan.event, self.of, *held)
        if stack is not None and self.in_blocks is not None:
            inside = stack.blocks.plan
            count_stacked(
                stack.offsets, stack.number, inside.offsets, inside.event, self.in_blocks, self.of, *held
            )  # fmt: skip
        return held


def classes(source: Source) -> Classes:
    """Sort the collisions that a source draws of each stratum of the library into classes."""
    pool, parent = source.pool, source.parent
    mean = np.bincount(parent, weights=source.strata.share @ source.strata.means)
    whole = [
        np.sort(np.concatenate([m for m, k in zip(source.members, parent, strict=True) if k == stratum]))
        for stratum in range(len(mean))
    ]
    energy = _of_each(np.add, pool.tower_et, pool.tower_offsets)
    # The sum of squares tells a few hard towers from many soft ones.
    hardness = _of_each(np.add, pool.tower_et.astype(np.int64) ** 2, pool.tower_offsets)
    muon = _of_each(np.maximum, pool.muon_pt, pool.muon_offsets)
    of = np.zeros(len(energy), np.int16)
    stratum: list[int] = []
    for k, members in enumerate(whole):
        some = by_collision(source.collision, members)
        number = np.zeros(len(some), np.int64)
        if mean[k] > FEW:
            alone = int(np.clip(CHANCE * len(some) / mean[k] - OTHERS, *ALONE))
            seen = energy[some].sum(axis=1), hardness[some].sum(axis=1), muon[some].max(axis=1)
            number = _sort(*seen, alone)
        of[some] = len(stratum) + number[:, None]
        stratum += [k] * int(number.max() + 1)
    # Of each part the classes of its collisions, each once however often it was read out.
    first = [of[by_collision(source.collision, some)[:, 0]] for some in source.members]
    inside = np.stack([np.bincount(some, minlength=len(stratum)) for some in first], axis=1)
    found = Classes(of, np.array(stratum), inside.sum(axis=1))
    if len(mean) < len(parent):
        found = replace(found, parts=Parts(parent, inside, source.strata.expected))
    if source.blocks is None:
        return found
    held = found.count(source.blocks.plan)
    hardest = held.kind[:, None] == np.arange(len(found))
    return replace(found, in_blocks=(held.companions + hardest).astype(np.int16))


def _sort(
    energy: NDArray[np.int64], hardness: NDArray[np.int64], muon: NDArray[np.int64], alone: int
) -> NDArray[np.int64]:
    """Return the class of each collision of a stratum, from 0, none of them empty."""
    number = np.zeros(len(energy), np.int64)
    with_muon = muon >= MUON_PT.to_hw(MUON_GEV)
    number[with_muon] = _doubling(_rank(muon[with_muon]), alone)
    rest = np.flatnonzero(~with_muon)
    rank = _rank(hardness[rest])
    number[rest] = 1000 + _doubling(rank, alone)
    quiet = rest[rank >= HARD_PART * len(rest)]
    number[quiet] = 2000 + _rank(energy[quiet]) * QUIET // max(len(quiet), 1)
    return np.asarray(np.unique(number, return_inverse=True)[1], dtype=np.int64)


def _of_each(join: np.ufunc, values: NDArray[Any], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `join` over the entries of each collision, 0 where it has none."""
    result = np.zeros(len(offsets) - 1, np.int64)
    some = np.diff(offsets) > 0
    if some.any():
        result[some] = join.reduceat(values.astype(np.int64), offsets[:-1][some])
    return result


def _rank(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of each value, the largest first; ties by order."""
    rank = np.empty(len(values), np.int64)
    rank[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return rank


def _doubling(rank: NDArray[np.int64], alone: int) -> NDArray[np.int64]:
    """Return a class of its own for each of the first, then classes each as large as all before."""
    doublings = np.log2(np.maximum(rank, alone) / alone).astype(np.int64)
    return np.where(rank < alone, rank, alone + doublings)
