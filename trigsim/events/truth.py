"""Generated collisions before any detector: stable particles, flat, with offsets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.events.arrays import offsets_of


@dataclass(frozen=True, slots=True)
class Truth:
    """n generated collisions; positions are relative to the collision's own vertex.

    Attributes
    ----------
    offsets : int64, shape (n + 1,)
        Collision i owns the particles ``offsets[i]:offsets[i + 1]``.
    pdg : int32
        PDG codes of the stable particles.
    charge : int8
        Electric charge in units of e.
    px, py, pz, energy : float64
        Momenta and energies at production, GeV.
    x, y, z : float64
        Production points, mm.
    pt_hat, weight : float32, shape (n,)
        As in `Collisions`.
    resonance_pt, resonance_eta, resonance_phi : float32, shape (n,)
        As in `Collisions`.
    quark_pt, quark_eta, quark_phi : float32, shape (n, 2)
        As in `Collisions`.
    """

    offsets: NDArray[np.int64]
    pdg: NDArray[np.int32]
    charge: NDArray[np.int8]
    px: NDArray[np.float64]
    py: NDArray[np.float64]
    pz: NDArray[np.float64]
    energy: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    z: NDArray[np.float64]
    pt_hat: NDArray[np.float32]
    weight: NDArray[np.float32]
    resonance_pt: NDArray[np.float32]
    resonance_eta: NDArray[np.float32]
    resonance_phi: NDArray[np.float32]
    quark_pt: NDArray[np.float32]
    quark_eta: NDArray[np.float32]
    quark_phi: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.pt_hat)

    def take(self, keep: NDArray[np.bool_]) -> Truth:
        """Return the collisions where `keep`, of shape (n,), is true."""
        counts = np.diff(self.offsets)
        particles = np.repeat(keep, counts)
        chosen: dict[str, NDArray[Any]] = {}
        for f in fields(self):
            array = getattr(self, f.name)
            if f.name == "offsets":
                chosen[f.name] = offsets_of(counts[keep])
            else:
                chosen[f.name] = array[particles if f.name in PARTICLE_FIELDS else keep]
        return Truth(**chosen)


#: Fields with one entry a particle; the others, `offsets` aside, have one a collision.
PARTICLE_FIELDS = ("pdg", "charge", "px", "py", "pz", "energy", "x", "y", "z")


def label_fields(label: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the resonance and quark fields of `Truth` from the array that `truth_kernels` fills.

    Parameters
    ----------
    label : float32, shape (n, 3, 3)
        Of each collision its resonance and two quarks, each with pT, eta, phi.
    """
    axes = list(enumerate(("pt", "eta", "phi")))
    resonance = {f"resonance_{name}": label[:, 0, axis] for axis, name in axes}
    return resonance | {f"quark_{name}": label[:, 1:, axis] for axis, name in axes}
