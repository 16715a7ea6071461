"""The beam: how often bunches cross, and how many collisions a crossing holds on average."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.stream.pileup import Pileup, PileupByBunch

#: Revolution frequency of the LHC, Hz (26 659 m at the speed of light; LHC Design Report, CERN-2004-003).
ORBIT_FREQUENCY_HZ = 11_245.5
#: Slots of 25 ns in an orbit (LHC Design Report).
SLOTS = 3564


class Beam(Config):
    """Conditions under which crossings are drawn.

    Attributes
    ----------
    name : str
        What reports call it.
    mean_pileup : float, PileupValues, PileupHistogram or PileupByBunch
        Mean number of inelastic collisions in a crossing, not negative: fixed, or how it varies.
    colliding_bunches : int
        Bunch pairs that collide in an orbit, 1 to 3564.
    vertex_sigma_z_mm : float
        Gaussian spread of the collision vertices along the beam, mm.
    vertex_source : str
        Where the spread comes from, or "assumed".
    """

    name: str
    mean_pileup: Pileup
    colliding_bunches: int = Field(ge=1, le=SLOTS)
    vertex_sigma_z_mm: float = Field(ge=0, le=200, allow_inf_nan=False)
    vertex_source: str

    @model_validator(mode="after")
    def _every_bunch_has_its_pileup(self) -> Self:
        if isinstance(self.mean_pileup, PileupByBunch):
            given = len(self.mean_pileup.by_bunch)
            if given != self.colliding_bunches:
                wanted = f"colliding_bunches says {self.colliding_bunches}"
                raise ValueError(f"by_bunch lists {given} bunches, {wanted}; make them agree")
        return self

    def pileup_points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean pile-ups that occur and their shares, which sum to 1, each of shape (M,)."""
        if isinstance(self.mean_pileup, float | int):
            return np.array([float(self.mean_pileup)]), np.ones(1)
        return self.mean_pileup.points()

    @property
    def average_pileup(self) -> float:
        """Mean pile-up, averaged over all crossings."""
        values, share = self.pileup_points()
        return float(values @ share)

    @property
    def crossing_rate_khz(self) -> float:
        """Colliding crossings a second, kHz (2760 bunches: 31 038 kHz)."""
        return self.colliding_bunches * ORBIT_FREQUENCY_HZ / 1e3
