"""One bunch crossing: towers, tracks and muons in, all trigger objects out."""

# mypy: ignore-errors

import math

import numpy as np
from numba import njit

from trigsim.events.model import N_PHI, TOWER_ET, TOWER_ETA, TOWER_PHI
from trigsim.objects.calorimeter_kernels import (
    electrons_photons,
    insert,
    insert_at,
    phi_steps,
    tower_sums,
    window_jets,
)
from trigsim.objects.cluster_kernels import azimuth, cluster
from trigsim.objects.jit import inner
from trigsim.objects.layout import MAX_TRACK_JETS
from trigsim.objects.mitigation_kernels import HALF, clean_towers, find_vertex, select_tracks
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

ET_STEP = TOWER_ET.lsb
PT_STEP = PT.lsb
MASS_STEP = MASS.lsb
ETA_STEP = ETA.lsb
FINE_ETA_STEP = FINE_ETA.lsb
MASS_MAX = MASS.maximum
#: Scale of a ghost: too soft to change any sum in float64.
GHOST = 1e-100
COUNT_MAX = COUNT.maximum
GHOSTS_MAX = SMALL_COUNT.maximum


@njit(cache=True, nogil=True)
def reconstruct_crossing(par, towers, tracks, track_first, track_last, muons, muon_first, muon_last, work, out, i):
    """Fill row i of all outputs; leave large-R jets, constituents and track jets in the workspace.

    Parameters
    ----------
    par : Parameters
    towers : integer array, shape (116, 72)
        `TOWER_ET` steps.
    tracks : Tracks
        Those of the crossing are ``track_first:track_last``, as many as the workspace holds at most.
    muons : Muons
        Those of the crossing are ``muon_first:muon_last``.
    work : Workspace
    out : Outputs
    i : int
        Row.

    Returns
    -------
    int
        Number of large-R jets, in slots 0, 1, …
    """
    z, total = find_vertex(tracks, track_first, track_last, par, work.vertex)
    n_tracks = select_tracks(tracks, track_first, track_last, z, par, work)
    n_cells = clean_towers(towers, par, work)
    n_inputs = add_towers(n_tracks, work.cell[:n_cells], par, work)
    n_cells = add_charged(n_tracks, n_cells, work)
    cells = work.cell[:n_cells]
    work.counts[0] = n_tracks
    out.vtx_z[i, 0] = z
    out.vtx_sum_pt[i, 0] = total >> 3
    out.vtx_n_tracks[i, 0] = min(n_tracks, COUNT_MAX)
    window_jets(par, work.clean, cells, out, i)
    tower_sums(par, work.clean, cells, work.column, out, i)
    electrons_photons(par, towers, work.ring, work.top, out, i)
    copy_muons(muons, muon_first, muon_last, out, i)
    n_track_jets = track_jets(n_tracks, par, work)
    n_fat = large_jets(n_inputs, n_track_jets, par, work)
    store_jets(n_fat, n_track_jets, work, out, i)
    return n_fat


@inner
def add_towers(n, cells, par, work):
    """Append neutral towers to the n track inputs; return the number of inputs."""
    for cell in cells:
        row = cell // N_PHI
        ring = row - HALF if row >= HALF else HALF - 1 - row
        if ring >= par.fat_rings:
            continue
        c = cell % N_PHI
        pt = work.clean[row, c] * ET_STEP
        phi = (c + 0.5) * TOWER_PHI
        grow = work.tower_grow[row]
        work.pt[n] = pt
        work.phi[n] = phi
        work.px[n] = pt * work.tower_cos[c]
        work.py[n] = pt * work.tower_sin[c]
        work.pz[n] = 0.5 * pt * (grow - 1.0 / grow)
        work.energy[n] = 0.5 * pt * (grow + 1.0 / grow)
        n += 1
    return n


@inner
def add_charged(n, n_cells, work):
    """Add the primary-vertex tracks to the clean grid, at their direction from the vertex; return its cells."""
    for k in range(n):
        row = HALF + np.int64(math.floor(work.eta[k] / TOWER_ETA))
        column = np.int64(work.phi[k] / TOWER_PHI)
        if work.clean[row, column] == 0:
            work.cell[n_cells] = row * N_PHI + column
            n_cells += 1
        work.clean[row, column] += np.int32(max(work.pt[k] / ET_STEP + 0.5, 1.0))
    return n_cells


@inner
def by_pt(n, s, order):
    """Fill `order` with the first n jets of a clustering, hardest first; insertion sort, stable."""
    for a in range(n):
        pt2 = s.jet_px[a] ** 2 + s.jet_py[a] ** 2
        k = a
        while k > 0 and s.jet_px[order[k - 1]] ** 2 + s.jet_py[order[k - 1]] ** 2 < pt2:
            order[k] = order[k - 1]
            k -= 1
        order[k] = a


@inner
def track_jets(n, par, work):
    """Cluster the n primary-vertex tracks with a variable radius; return the number of track jets."""
    s = work.cluster
    m = cluster(
        n,
        work.px,
        work.py,
        work.pz,
        work.energy,
        -1,
        par.vr_rho2,
        par.vr_min2,
        par.vr_max2,
        par.track_jet_min,
        s,
    )
    order = work.order
    by_pt(m, s, order)
    # The chains are no longer needed: sizes of the jets, and their numbers among those kept.
    size = s.tail
    number = s.head
    for k in range(m):
        size[k] = 0
        number[k] = -1
    for t in range(n):
        if s.label[t] >= 0:
            size[s.label[t]] += 1
    kept = 0
    for k in range(m):
        jet = order[k]
        if size[jet] < par.track_jet_min_tracks or kept == MAX_TRACK_JETS:
            continue
        number[jet] = kept
        work.track_jet[kept, 0] = s.jet_px[jet]
        work.track_jet[kept, 1] = s.jet_py[jet]
        work.track_jet[kept, 2] = s.jet_pz[jet]
        work.track_jet[kept, 3] = s.jet_energy[jet]
        work.track_jet_tracks[kept] = size[jet]
        work.track_jet_fat[kept] = -1
        kept += 1
    for t in range(n):
        work.track_label[t] = number[s.label[t]] if s.label[t] >= 0 else -1
    work.counts[2] = kept
    return kept


@inner
def large_jets(n, n_track_jets, par, work):
    """Cluster all inputs and the ghosts of track jets with R = 1; return the number of jets kept."""
    for k in range(n_track_jets):
        work.px[n + k] = GHOST * work.track_jet[k, 0]
        work.py[n + k] = GHOST * work.track_jet[k, 1]
        work.pz[n + k] = GHOST * work.track_jet[k, 2]
        work.energy[n + k] = GHOST * work.track_jet[k, 3]
    s = work.cluster
    all_inputs = n + n_track_jets
    total = 0.0
    for k in range(n):
        total += work.pt[k]
    m = 0
    # A jet's pT is at most the scalar sum of the inputs'.
    if total + 1e-6 > par.fat_min:
        m = cluster(all_inputs, work.px, work.py, work.pz, work.energy, -1, 1.0, 1.0, 1.0, par.fat_min, s)
    by_pt(m, s, work.order)
    m = min(m, len(work.fat))
    filled = 0
    for slot in range(m):
        jet = work.order[slot]
        work.fat[slot, 0] = s.jet_px[jet]
        work.fat[slot, 1] = s.jet_py[jet]
        work.fat[slot, 2] = s.jet_pz[jet]
        work.fat[slot, 3] = s.jet_energy[jet]
        work.fat_start[slot] = filled
        for k in range(n):
            if s.label[k] == jet:
                work.constituent[filled] = k
                filled += 1
        for k in range(n_track_jets):
            if s.label[n + k] == jet:
                work.track_jet_fat[k] = slot
    work.fat_start[m] = filled
    work.counts[1] = n
    work.counts[3] = m
    return m


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
