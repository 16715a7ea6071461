"""Jets and muons of one crossing as the integers that the menu reads."""

# mypy: ignore-errors

import math

import numpy as np

from trigsim.objects.calorimeter_kernels import insert, insert_at, phi_steps
from trigsim.objects.cluster_kernels import azimuth
from trigsim.objects.jit import inner
from trigsim.objects.scales import (
    COUNT,
    ETA,
    FINE_ETA,
    FINE_PER_FINE_STEP,
    FINE_PHI_TURN,
    MASS,
    MUON_QUALITY,
    PHI_TURN,
    PT,
    SMALL_COUNT,
)

PT_STEP = PT.lsb
MASS_STEP = MASS.lsb
ETA_STEP = ETA.lsb
FINE_ETA_STEP = FINE_ETA.lsb
MASS_MAX = MASS.maximum
COUNT_MAX = COUNT.maximum
GHOSTS_MAX = SMALL_COUNT.maximum


@inner
def momentum(p):
    """Return pT, pseudorapidity, azimuth and mass of a four-momentum."""
    pt = math.sqrt(p[0] * p[0] + p[1] * p[1])
    mass2 = p[3] * p[3] - p[2] * p[2] - pt * pt
    return pt, math.asinh(p[2] / pt), azimuth(p[0], p[1]), math.sqrt(max(mass2, 0.0))


@inner
def nearest_step(value, step):
    """Return the nearest integer of value / step, halves up."""
    return np.int64(math.floor(value / step + 0.5))


@inner
def store_jets(n_fat, n_track_jets, work, out, i):
    """Write large-R jets and track jets as integers."""
    for slot in range(out.fatjet_pt.shape[1]):
        pt, eta, phi, mass, ghosts = 0.0, 0.0, 0.0, 0.0, 0
        if slot < n_fat:
            pt, eta, phi, mass = momentum(work.fat[slot])
            for k in range(n_track_jets):
                ghosts += work.track_jet_fat[k] == slot
        out.fatjet_pt[i, slot] = nearest_step(pt, PT_STEP)
        out.fatjet_eta[i, slot] = nearest_step(eta, ETA_STEP)
        out.fatjet_phi[i, slot] = phi_steps(phi, PHI_TURN)
        out.fatjet_mass[i, slot] = min(nearest_step(mass, MASS_STEP), MASS_MAX)
        out.fatjet_n_track_jets[i, slot] = min(ghosts, GHOSTS_MAX)
    for slot in range(out.trkjet_pt.shape[1]):
        pt, eta, phi, mass, tracks, fat = 0.0, 0.0, 0.0, 0.0, 0, 0
        if slot < n_track_jets:
            pt, eta, phi, mass = momentum(work.track_jet[slot])
            tracks = min(work.track_jet_tracks[slot], COUNT_MAX)
            fat = work.track_jet_fat[slot] + 1
        out.trkjet_pt[i, slot] = nearest_step(pt, PT_STEP)
        out.trkjet_eta[i, slot] = nearest_step(eta, FINE_ETA_STEP)
        out.trkjet_phi[i, slot] = phi_steps(phi, FINE_PHI_TURN)
        out.trkjet_mass[i, slot] = min(nearest_step(mass, MASS_STEP), MASS_MAX)
        out.trkjet_n_tracks[i, slot] = tracks
        out.trkjet_fatjet[i, slot] = fat


@inner
def copy_muons(muons, first, last, out, i):
    """Copy the hardest muons, hardest first, rounded to their scale; charge bit 1 is negative."""
    pts = out.mu_pt[i]
    etas = out.mu_eta[i]
    phis = out.mu_phi[i]
    charges = out.mu_charge[i]
    pts[:] = 0
    etas[:] = 0
    phis[:] = 0
    charges[:] = 0
    for m in range(first, last):
        eta = (2 * muons.eta[m] + FINE_PER_FINE_STEP) // (2 * FINE_PER_FINE_STEP)
        phi = (2 * muons.phi[m] + FINE_PER_FINE_STEP) // (2 * FINE_PER_FINE_STEP) % FINE_PHI_TURN
        k = insert(muons.pt[m], eta, phi, pts, etas, phis)
        if k >= 0:
            insert_at(k, 1 if muons.charge[m] < 0 else 0, charges)
    for k in range(len(pts)):
        out.mu_quality[i, k] = MUON_QUALITY if pts[k] > 0 else 0
        out.mu_charge_valid[i, k] = 1 if pts[k] > 0 else 0
