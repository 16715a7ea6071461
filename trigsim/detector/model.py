"""A detector preset: every number with the place it comes from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.events.model import N_ETA, TOWER_ETA

Fraction = Annotated[float, Field(ge=0, le=1)]
NonNegative = Annotated[float, Field(ge=0, le=1e6)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
Source = Annotated[str, Field(min_length=3)]


class Sourced(Config):
    """A number and where it comes from: a publication, or the word "assumed"."""

    value: NonNegative
    source: Source


class Resolution(Config):
    """Relative energy resolution ``stochastic/sqrt(E) (+) constant``, E in GeV, (+) in quadrature."""

    stochastic: NonNegative
    constant: NonNegative
    source: Source


class CalorimeterRegion(Config):
    """Calorimeter response out to `eta_max`, from the region before it."""

    eta_max: Positive
    em: Resolution
    hadronic: Resolution


class Calorimeter(Config):
    """Towers of the geometry in `events.model`; the response of every particle is gamma-distributed, mean 1.

    Photons and electrons end in the electromagnetic part. A hadron starts to shower there with the probability
    `early_shower` and then leaves a share of its energy there that is uniform between none and all; if it does not,
    all of it goes to the part behind.
    """

    barrel_radius: Sourced  # mm
    endcap_z: Sourced  # mm
    early_shower: Sourced
    regions: Annotated[tuple[CalorimeterRegion, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Calorimeter:
        if self.early_shower.value > 1:
            raise ValueError("early_shower must be at most 1")
        edges = [r.eta_max for r in self.regions]
        if edges != sorted(set(edges)) or edges[-1] < N_ETA / 2 * TOWER_ETA:
            raise ValueError(f"regions must rise in eta_max and reach {N_ETA / 2 * TOWER_ETA:.3f}")
        return self


class TrackRegion(Config):
    """Track resolution out to `eta_max`, from the region before it; pT in GeV, lengths in mm.

    sigma(pT)/pT = pt_constant (+) pt_slope pT; sigma(z0) = z0_constant (+) z0_scattering/(pT sin(theta)^1/2);
    sigma(d0) = d0_constant (+) d0_scattering/(pT sin(theta)^1/2).
    """

    eta_max: Positive
    pt_constant: NonNegative
    pt_slope: NonNegative
    z0_constant: NonNegative
    z0_scattering: NonNegative
    d0_constant: NonNegative
    d0_scattering: NonNegative
    source: Source


class Tracker(Config):
    """What becomes a track, and how well it is measured."""

    pt_min: Sourced  # GeV
    production_radius_max: Sourced  # mm: a particle born further out leaves too few hits
    hadron_efficiency: Sourced
    electron_efficiency: Sourced
    muon_efficiency: Sourced
    regions: Annotated[tuple[TrackRegion, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Tracker:
        edges = [r.eta_max for r in self.regions]
        if edges != sorted(set(edges)):
            raise ValueError("regions must rise in eta_max")
        for name in ("hadron_efficiency", "electron_efficiency", "muon_efficiency"):
            if getattr(self, name).value > 1:
                raise ValueError(f"{name} must be at most 1")
        return self


class Muons(Config):
    """Muon candidates with a standalone-like momentum: sigma(pT)/pT = pt_constant (+) pt_slope pT."""

    pt_min: Sourced  # GeV
    eta_max: Sourced
    efficiency: Sourced
    pt_constant: Sourced
    pt_slope: Sourced  # 1/GeV

    @model_validator(mode="after")
    def _efficiency(self) -> Muons:
        if self.efficiency.value > 1:
            raise ValueError("efficiency must be at most 1")
        return self


class Detector(Config):
    """One detector preset."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    imitates: str
    field: Sourced  # T, along +z
    calorimeter: Calorimeter
    tracker: Tracker
    muons: Muons
