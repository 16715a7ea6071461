"""The beam: how often bunches cross, and how many collisions a crossing holds on average."""

from __future__ import annotations

from pydantic import Field

from trigsim.base.config import Config

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
    mean_pileup : float
        Mean number of inelastic collisions in a crossing, not negative.
    colliding_bunches : int
        Bunch pairs that collide in an orbit, 1 to 3564.
    vertex_sigma_z_mm : float
        Gaussian spread of the collision vertices along the beam, mm.
    vertex_source : str
        Where the spread comes from, or "assumed".
    """

    name: str
    mean_pileup: float = Field(ge=0, le=1000, allow_inf_nan=False)
    colliding_bunches: int = Field(ge=1, le=SLOTS)
    vertex_sigma_z_mm: float = Field(ge=0, le=200, allow_inf_nan=False)
    vertex_source: str

    @property
    def crossing_rate_khz(self) -> float:
        """Colliding crossings a second, kHz (2760 bunches: 31 038 kHz)."""
        return self.colliding_bunches * ORBIT_FREQUENCY_HZ / 1e3
