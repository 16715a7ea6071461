"""Collisions as the detector reads them out: flat arrays with offsets, in hardware integers.

Geometry of the records
-----------------------
Towers of 0.087 x 2pi/72 out to abs(eta) = 5.046: `ieta` 0..115 counts from negative eta (centre at
``(ieta - 57.5) * 0.087``), `iphi` 0..71 has its centre at ``(iphi + 0.5) * 2pi/72``. Track and muon phi count in
1/128 of a tower and eta in 1/128 of 0.087, so that the rotation of a collision by whole towers and its mirror
image in eta are exact on the integers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.scales import Scale

N_ETA = 116
N_PHI = 72
TOWER_ETA = 0.087
TOWER_PHI = 2 * math.pi / N_PHI
#: Fine steps of track and muon coordinates in one tower.
FINE = 128

TOWER_ET = Scale(0.125, 16, unit="GeV")
TRACK_PT = Scale(0.03125, 16, unit="GeV")
TRACK_ETA = Scale(TOWER_ETA / FINE, 16, signed=True)
TRACK_PHI = Scale(TOWER_PHI / FINE, 16, unit="rad")
TRACK_Z0 = Scale(0.0625, 16, signed=True, unit="mm")
TRACK_D0 = Scale(1 / 256, 16, signed=True, unit="mm")
MUON_PT = Scale(0.25, 16, unit="GeV")


@dataclass(frozen=True, slots=True)
class Collisions:
    """n pp collisions; all z0 are relative to the collision's own vertex, which has no z of its own yet.

    Attributes
    ----------
    tower_offsets, track_offsets, muon_offsets : int64, shape (n + 1,)
        Collision i owns entries ``offsets[i]:offsets[i + 1]`` of the arrays of that kind.
    tower_ieta, tower_iphi : uint8
        Tower indices, each tower at most once a collision.
    tower_et : uint16
        Transverse energy in `TOWER_ET` steps, rounded at random so that its mean is exact.
    tower_hadronic : uint16
        What of it is behind the electromagnetic calorimeter, rounded to the nearest step.
    track_pt, track_phi : uint16
        In `TRACK_PT`, `TRACK_PHI` steps; direction at the point of closest approach to the beam line.
    track_eta, track_z0, track_d0 : int16
        In `TRACK_ETA`, `TRACK_Z0`, `TRACK_D0` steps; d0 is signed by the angular momentum about z.
    track_charge, muon_charge : int8
        +1 or -1.
    muon_pt, muon_phi : uint16
        In `MUON_PT`, `TRACK_PHI` steps.
    muon_eta : int16
        In `TRACK_ETA` steps.
    pt_hat : float32, shape (n,)
        Scale of the hard process, GeV (0 for soft ones).
    weight : float32, shape (n,)
        Generator weight, 1 for unweighted events.
    resonance_pt, resonance_eta, resonance_phi : float32, shape (n,)
        The decayed H or Z that makes the event a signal, GeV and rad; pt = 0 where there is none.
    quark_pt, quark_eta, quark_phi : float32, shape (n, 2)
        Its two b quarks (or quarks), the harder first; pt = 0 where there are none.
    """

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

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays together."""
        return sum(getattr(self, f.name).nbytes for f in fields(self))
