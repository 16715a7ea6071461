"""Which collisions make up which crossing: drawn up front, so that the loop itself has no randomness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """

    offsets: NDArray[np.int64]
    event: NDArray[np.int64]
    rotation: NDArray[np.int64]
    mirror: NDArray[np.bool_]
    z0: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def hardest(self) -> NDArray[np.int64]:
        """Pool number of each crossing's first collision, -1 for an empty crossing, shape (n,)."""
        first = np.append(self.event, -1)[np.minimum(self.offsets[:-1], len(self.event))]
        return np.where(np.diff(self.offsets) > 0, first, -1)


def draw_plan(
    counts: NDArray[np.int64],
    members: Sequence[NDArray[np.int64]],
    vertex_sigma_z_mm: float,
    rng: np.random.Generator,
    signal: NDArray[np.int64] | None = None,
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

    Returns
    -------
    Plan
        Of n crossings.
    """
    n, strata = counts.shape
    sizes = np.array([len(m) for m in members])
    bases = np.cumsum(sizes) - sizes
    hardest_first = counts[:, ::-1]
    stratum = np.repeat(np.tile(np.arange(strata)[::-1], n), hardest_first.ravel())
    event = np.concatenate(members)[bases[stratum] + rng.integers(sizes[stratum])]
    per_crossing = counts.sum(axis=1)
    if signal is not None:
        event = np.insert(event, np.cumsum(per_crossing) - per_crossing, signal)
        per_crossing = per_crossing + 1
    total = len(event)
    return Plan(
        offsets=np.concatenate([[0], np.cumsum(per_crossing)]),
        event=event,
        rotation=rng.integers(N_PHI, size=total),
        mirror=rng.random(total) < 0.5,
        z0=TRACK_Z0.to_hw(rng.normal(0.0, vertex_sigma_z_mm, size=total)).astype(np.int64),
    )
