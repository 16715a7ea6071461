"""Truth to what is read out: the public face of the parametrised detector."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base import config
from trigsim.detector import kernels
from trigsim.detector.model import Detector
from trigsim.events.arrays import offsets_of
from trigsim.events.model import (
    FINE,
    MUON_PT,
    N_ETA,
    N_PHI,
    TOWER_ET,
    TOWER_ETA,
    TRACK_D0,
    TRACK_ETA,
    TRACK_PHI,
    TRACK_PT,
    TRACK_Z0,
    Collisions,
)
from trigsim.events.truth import Truth


def load_detector(path: str | Path) -> Detector:
    """Read a detector preset from YAML.

    Raises
    ------
    InputError
        At the line and column of what is wrong.
    """
    return config.load(path, Detector)


def read_out(truth: Truth, detector: Detector, rng: np.random.Generator) -> Collisions:
    """Return the towers, tracks and muons of generated collisions.

    Parameters
    ----------
    truth : Truth
        Stable particles, positions relative to the collision's vertex.
    detector : Detector
        The preset.
    rng : numpy.random.Generator
        All smearing and rounding comes from it, and from one child of it where showers start; collisions are done
        in order.

    Returns
    -------
    Collisions
        In hardware integers; the truth columns are passed through.

    Raises
    ------
    ValueError
        If energies, momenta or positions are not finite or an energy is not positive.
    """
    for name in ("px", "py", "pz", "energy", "x", "y", "z"):
        if not np.isfinite(getattr(truth, name)).all():
            raise ValueError(f"truth.{name} has values that are not finite; drop those particles")
    if (truth.energy <= 0).any():
        raise ValueError("truth.energy must be positive; drop particles without energy")
    particles = (truth.offsets, truth.pdg, truth.charge, truth.px, truth.py, truth.pz)
    origin = (truth.x, truth.y, truth.z)
    field = detector.field.value
    cal, trk, mu = detector.calorimeter, detector.tracker, detector.muons
    n_towers, ieta, iphi, et, hadronic = kernels.towers(
        *particles, truth.energy, *origin, field, cal.barrel_radius.value, cal.endcap_z.value,
        np.array([r.eta_max for r in cal.regions]),
        np.array([(r.em.stochastic, r.em.constant) for r in cal.regions]),
        np.array([(r.hadronic.stochastic, r.hadronic.constant) for r in cal.regions]),
        cal.early_shower.value, N_ETA, N_PHI, TOWER_ETA, TOWER_ET.lsb, TOWER_ET.maximum, rng, rng.spawn(1)[0],
    )  # fmt: skip
    n_tracks, track, track_charge = kernels.tracks(
        *particles, *origin, field, trk.pt_min.value, trk.production_radius_max.value,
        np.array([trk.hadron_efficiency.value, trk.electron_efficiency.value, trk.muon_efficiency.value]),
        np.array([r.eta_max for r in trk.regions]),
        np.array([
            (r.pt_constant, r.pt_slope, r.z0_constant, r.z0_scattering, r.d0_constant, r.d0_scattering)
            for r in trk.regions
        ]),
        rng,
    )  # fmt: skip
    n_muons, muon, muon_charge = kernels.muons(
        *particles, *origin, field, mu.pt_min.value, mu.eta_max.value, trk.production_radius_max.value,
        mu.efficiency.value, np.array([mu.pt_constant.value, mu.pt_slope.value]), rng,
    )  # fmt: skip
    return Collisions(
        tower_offsets=offsets_of(n_towers),
        tower_ieta=ieta,
        tower_iphi=iphi,
        tower_et=et,
        tower_hadronic=hadronic,
        track_offsets=offsets_of(n_tracks),
        track_pt=TRACK_PT.to_hw(track[:, 0]).astype(np.uint16),
        track_eta=TRACK_ETA.to_hw(track[:, 1]).astype(np.int16),
        track_phi=hw_phi(track[:, 2]),
        track_z0=TRACK_Z0.to_hw(track[:, 3]).astype(np.int16),
        track_d0=TRACK_D0.to_hw(track[:, 4]).astype(np.int16),
        track_charge=track_charge,
        muon_offsets=offsets_of(n_muons),
        muon_pt=MUON_PT.to_hw(muon[:, 0]).astype(np.uint16),
        muon_eta=TRACK_ETA.to_hw(muon[:, 1]).astype(np.int16),
        muon_phi=hw_phi(muon[:, 2]),
        muon_charge=muon_charge,
        **{name: getattr(truth, name) for name in TRUTH_COLUMNS},
    )


def hw_phi(phi: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return azimuths in rad, any turn, as `TRACK_PHI` integers from 0 and below a turn."""
    return (np.floor(phi / TRACK_PHI.lsb + 0.5).astype(np.int64) % (N_PHI * FINE)).astype(np.uint16)


#: Columns that `Truth` and `Collisions` share.
TRUTH_COLUMNS = (
    "pt_hat", "weight", "resonance_pt", "resonance_eta", "resonance_phi", "quark_pt", "quark_eta", "quark_phi",
)  # fmt: skip
