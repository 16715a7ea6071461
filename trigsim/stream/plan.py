"""Which collisions make up which crossing: drawn up front, so that the loop itself has no randomness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.events.model import N_PHI, TRACK_Z0, Collisions


class Pool(NamedTuple):
    """All collisions of a run end to end; the fields of `Collisions` that the detector reads out."""

    tower_offsets: NDArray[np.int64]
    tower_ieta: NDArray[np.uint8]
    tower_iphi: NDArray[np.uint8]
    tower_et: NDArray[np.uint16]
    tower_hadronic: NDArray[np.uint16]
    track_offsets: NDArray[np.int64]
    track_pt: NDArray[np.uint16]
    track_eta: NDArray[np.int16]
    track_phi: NDArray[np.uint16]
    track_z0: NDArray[np.int16]
    track_d0: NDArray[np.int16]
    track_charge: NDArray[np.int8]
    muon_offsets: NDArray[np.int64]
    muon_pt: NDArray[np.uint16]
    muon_eta: NDArray[np.int16]
    muon_phi: NDArray[np.uint16]
    muon_charge: NDArray[np.int8]


def pool(strata: Sequence[Collisions]) -> Pool:
    """Lay strata end to end; collision e of stratum k becomes number ``sum of the sizes before k`` + e."""

    def end_to_end(name: str) -> NDArray[Any]:
        parts = [getattr(stratum, name) for stratum in strata]
        if not name.endswith("offsets"):
            return np.concatenate(parts)
        ends = np.cumsum([0, *(part[-1] for part in parts)])
        shifted = [part[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
        return np.concatenate([*shifted, ends[-1:]])

    return Pool(*(end_to_end(name) for name in Pool._fields))


@dataclass(frozen=True, slots=True)
class Plan:
    """n crossings to be built.

    Attributes
    ----------
    offsets : int64, shape (n + 1,)
        Crossing i holds collisions ``offsets[i]:offsets[i + 1]`` of the arrays below, its hardest first.
    event : int64
        Number of the collision in the pool.
    rotation : int64
        Towers to turn it by in phi, 0 to 71.
    mirror : bool
        Whether eta and z change sign.
    z0 : int64
        Its vertex in `TRACK_Z0` steps.
    stack : Stack or None
        More soft collisions, in blocks.
    """

    offsets: NDArray[np.int64]
    event: NDArray[np.int64]
    rotation: NDArray[np.int64]
    mirror: NDArray[np.bool_]
    z0: NDArray[np.int64]
    stack: Stack | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def hardest(self) -> NDArray[np.int64]:
        """Pool number of each crossing's first collision, -1 for an empty crossing, shape (n,).

        Where all collisions are in blocks it is the first of the first block.
        """
        first = np.append(self.event, -1)[np.minimum(self.offsets[:-1], len(self.event))]
        some = np.diff(self.offsets) > 0
        if self.stack is None:
            return np.where(some, first, -1)
        return np.where(some, first, self.stack.first)

    @property
    def collisions(self) -> NDArray[np.int64]:
        """Number of collisions in each crossing, shape (n,)."""
        single = np.diff(self.offsets)
        return single if self.stack is None else single + self.stack.collisions


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks of soft collisions, to be used again and again: whole ones, all alike, and rests of every size.

    Attributes
    ----------
    size : int
        Collisions in a whole block.
    least : int
        Collisions in the smallest rest; the others are of each size up to ``least + size - 1``, so that whole
        blocks and one rest hold any number from `least` on.
    whole : int
        Number of whole blocks.
    each : int
        Number of rests of each size.
    plan : Plan
        The collisions of each block: the whole ones, then the rests by size.
    """

    size: int
    least: int
    whole: int
    each: int
    plan: Plan


@dataclass(frozen=True, slots=True)
class Stack:
    """The blocks in n crossings.

    Attributes
    ----------
    blocks : Blocks
        What is numbered.
    offsets : int64, shape (n + 1,)
        Crossing i holds entries ``offsets[i]:offsets[i + 1]`` of the arrays below.
    number : int64
        Block.
    rotation : int64
        Towers to turn it by in phi, 0 to 71.
    mirror : bool
        Whether eta and z change sign.
    """

    blocks: Blocks
    offsets: NDArray[np.int64]
    number: NDArray[np.int64]
    rotation: NDArray[np.int64]
    mirror: NDArray[np.bool_]

    @property
    def first(self) -> NDArray[np.int64]:
        """Pool number of the first collision of each crossing's first block, -1 where there is none."""
        inside = self.blocks.plan
        first = np.append(inside.event[inside.offsets[self.number]], -1)[
            np.minimum(self.offsets[:-1], len(self.number))
        ]
        return np.where(np.diff(self.offsets) > 0, first, -1)

    @property
    def collisions(self) -> NDArray[np.int64]:
        """Number of collisions in the blocks of each crossing, shape (n,)."""
        sizes = np.diff(self.blocks.plan.offsets)[self.number]
        return np.diff(np.concatenate([[0], np.cumsum(sizes)])[self.offsets])


def draw_plan(
    counts: NDArray[np.int64],
    members: Sequence[NDArray[np.int64]],
    vertex_sigma_z_mm: float,
    rng: np.random.Generator,
    signal: NDArray[np.int64] | None = None,
    blocks: Blocks | None = None,
) -> Plan:
    """Choose collisions, rotations, mirror images and vertices.

    Parameters
    ----------
    counts : int64, shape (n, K)
        Collisions of each stratum, softest first, in each crossing.
    members : K int64 arrays
        Pool numbers that may be drawn for each stratum.
    vertex_sigma_z_mm : float
        Spread of the vertices.
    rng : numpy Generator
        Source of randomness.
    signal : int64, shape (n,), optional
        Pool numbers of a signal collision for each crossing, put first.
    blocks : Blocks, optional
        As many soft collisions as fill blocks come in them; without it all come one by one.

    Returns
    -------
    Plan
        Of n crossings.
    """
    stack = None
    if blocks is not None:
        stack, left = _draw_stack(counts[:, 0], blocks, rng)
        counts = np.concatenate([left[:, None], counts[:, 1:]], axis=1)
    strata = counts.shape[1]
    sizes = np.array([len(m) for m in members])
    bases = np.cumsum(sizes) - sizes
    hardest_first = counts[:, ::-1].ravel()
    # Of fifty strata a crossing holds collisions of a few.
    some = np.flatnonzero(hardest_first)
    stratum = np.repeat(strata - 1 - some % strata, hardest_first[some])
    event = np.concatenate(members)[bases[stratum] + rng.integers(sizes[stratum])]
    per_crossing = counts.sum(axis=1)
    if signal is not None:
        event = np.insert(event, np.cumsum(per_crossing) - per_crossing, signal)
        per_crossing = per_crossing + 1
    return replace(placed(per_crossing, event, vertex_sigma_z_mm, rng), stack=stack)


def placed(
    per_crossing: NDArray[np.int64], event: NDArray[np.int64], vertex_sigma_z_mm: float, rng: np.random.Generator
) -> Plan:
    """Return a plan of chosen collisions, so many in each crossing, with random places."""
    total = len(event)
    return Plan(
        offsets=np.concatenate([[0], np.cumsum(per_crossing)]),
        event=event,
        rotation=rng.integers(N_PHI, size=total),
        mirror=rng.random(total) < 0.5,
        z0=TRACK_Z0.to_hw(rng.normal(0.0, vertex_sigma_z_mm, size=total)).astype(np.int64),
    )


def _draw_stack(
    soft: NDArray[np.int64], blocks: Blocks, rng: np.random.Generator
) -> tuple[Stack, NDArray[np.int64]]:
    """Put soft collisions into whole blocks and one rest; return these, and those left over where they are few."""
    whole = np.maximum(soft - blocks.least, 0) // blocks.size
    left = soft - whole * blocks.size
    rest = left >= blocks.least
    offsets = np.concatenate([[0], np.cumsum(whole + rest)])
    total = int(offsets[-1])
    number = rng.integers(blocks.whole, size=total)
    first = blocks.whole + (left[rest] - blocks.least) * blocks.each
    number[offsets[1:][rest] - 1] = first + rng.integers(blocks.each, size=len(first))
    stack = Stack(
        blocks=blocks,
        offsets=offsets,
        number=number,
        rotation=rng.integers(N_PHI, size=total),
        mirror=rng.random(total) < 0.5,
    )
    return stack, np.where(rest, 0, left)


def unfolded(plan: Plan) -> Plan:
    """Return the same crossings with every collision on its own: blocks follow the others, in their order."""
    stack = plan.stack
    if stack is None:
        return plan
    inside = stack.blocks.plan
    parts: list[list[NDArray[Any]]] = [[], [], [], []]
    for i in range(len(plan)):
        own = slice(plan.offsets[i], plan.offsets[i + 1])
        for part, field in zip(parts, (plan.event, plan.rotation, plan.mirror, plan.z0), strict=True):
            part.append(field[own])
        for b in range(stack.offsets[i], stack.offsets[i + 1]):
            block = slice(inside.offsets[stack.number[b]], inside.offsets[stack.number[b] + 1])
            parts[0].append(inside.event[block])
            parts[1].append((inside.rotation[block] + stack.rotation[b]) % N_PHI)
            parts[2].append(inside.mirror[block] ^ stack.mirror[b])
            parts[3].append(-inside.z0[block] if stack.mirror[b] else inside.z0[block])
    offsets = np.concatenate([[0], np.cumsum(plan.collisions)])
    event, rotation, mirror, z0 = (np.concatenate(part) for part in parts)
    return Plan(offsets, event, rotation, mirror, z0)
