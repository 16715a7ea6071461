"""One bunch crossing: towers, tracks and muons in, all trigger objects out."""

# mypy: ignore-errors

import math

import numpy as np

from trigsim.events.model import N_ETA, N_PHI, TOWER_ETA, TOWER_PHI
from trigsim.objects.calorimeter_kernels import electrons_photons, list_cells, tower_sums, window_jets
from trigsim.objects.jit import inner, merged, outer
from trigsim.objects.large_jet_kernels import add_towers, add_tracks, large_jet_possible, large_jets, track_jets
from trigsim.objects.layout import EDGE, TOWER_MAX, VERTEX_BINS, WIDE
from trigsim.objects.mitigation_kernels import (
    ET_STEP,
    HALF,
    LANE,
    TO_TOWER,
    TRACK_ETA_STEP,
    TRACK_PHI_STEP,
    TRACK_PT_STEP,
    clean_towers,
    clear_rows,
    deposit,
    face_cell,
    find_vertex,
    is_near,
    near_rows,
    ring_sums,
    want_rows,
)
from trigsim.objects.store_kernels import COUNT_MAX, copy_muons, store_jets


@outer
def reconstruct_crossing(
    par, towers, hadronic, tracks, track_first, track_last, muons, muon_first, muon_last, work, out, i
):
    """Fill row i of all outputs; leave large-R jets, constituents and track jets in the workspace.

    Parameters
    ----------
    par : Parameters
    towers : integer array, shape (116, 72)
        `TOWER_ET` steps.
    hadronic : integer array, shape (116, 72)
        Their hadronic part.
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
    start_crossing(par, work)
    grid, behind = work.towers, work.hadronic
    for c in range(N_PHI):
        for row in range(N_ETA):
            cell = c * WIDE + EDGE + row
            grid[cell] = min(towers[row, c], TOWER_MAX)
            behind[cell] = min(hadronic[row, c], TOWER_MAX)
    ring_sums(grid, work.ring, work.lanes)
    n = 0
    for t in range(track_first, track_last):
        pt = tracks.pt[t]
        cell = face_cell(pt, tracks.eta[t], tracks.phi[t], tracks.charge[t], par.tracker_rings, par.bend)
        n = deposit(pt, tracks.z0[t], cell, par.track_cap, work.vertex, work.charged, work.touched, n)
    work.filled[0] = n
    z, total = find_vertex(work.vertex, work.windows)
    n = 0
    chosen = work.chosen
    for t in range(track_first, track_last):
        eta = tracks.eta[t]
        if not is_near(tracks.z0[t] - z, eta, par.tracker_rings, par.window):
            continue
        pt, phi, charge = tracks.pt[t], tracks.phi[t], tracks.charge[t]
        chosen.pt[n], chosen.eta[n], chosen.phi[n] = pt, eta, phi
        chosen.z0[n], chosen.d0[n], chosen.charge[n] = tracks.z0[t], tracks.d0[t], charge
        work.face[n] = face_cell(pt, eta, phi, charge, par.tracker_rings, par.bend)
        n += 1
    return finish_crossing(par, z, total, n, muons, muon_first, muon_last, True, True, work, out, i)


@inner
def start_crossing(par, work):
    """Clear what the crossing before left in the workspace."""
    filled, charged, touched = work.filled, work.charged, work.touched
    near, wanted, face, clean, cells = work.near, work.wanted, work.face, work.clean, work.cell
    for k in range(filled[0]):
        charged[np.uint64(touched[k])] = 0
    for k in range(filled[1]):
        if face[k] >= 0:
            clear_rows(face[k], near)
    for k in range(filled[2]):
        clean[np.uint64(cells[k])] = 0
    for q in range(N_PHI):
        wanted[2 * q], wanted[2 * q + 1] = par.forward[0], par.forward[1]
    vertex = work.vertex
    for b in range(VERTEX_BINS):
        vertex[b] = 0
    filled[:] = 0


@merged
def finish_crossing(par, z, total, n_tracks, muons, muon_first, muon_last, electrons, complete, work, out, i):
    """Make all objects of a crossing whose towers, charged grid and vertex tracks are in the workspace.

    So are the sums of its rings of towers.

    Parameters
    ----------
    par : Parameters
    z, total : int
        Primary vertex and the pT sum of its window.
    n_tracks : int
        Its tracks, in ``work.chosen``.
    muons : Muons
        Those of the crossing are ``muon_first:muon_last``.
    electrons : bool
        Whether an electron or photon is possible; if not, ``work.hadronic`` is not looked at.
    complete : bool
        Whether track jets are made also where no large-R jet is possible.
    work : Workspace
    out : Outputs
    i : int
        Row.

    Returns
    -------
    int
        Number of large-R jets.
    """
    cells, clean, charged, ring, lanes = work.cell, work.clean, work.charged, work.ring, work.lanes
    flags, wanted, listed = work.flags, work.wanted, work.listed
    if electrons:
        behind = work.behind
        ring_sums(work.hadronic, behind, lanes)
        electrons_photons(
            par, work.towers, work.hadronic, work.front, ring, behind, lanes.floor, flags, work.found, out, i
        )
    take_charged(work.filled[0], work.towers, charged, work.touched, ring, work.total)
    gather_near(n_tracks, work.face, work.chosen.pt, work.near, wanted)
    n_neutral = clean_towers(
        par, work.towers, work.total, charged, work.near, wanted, flags, clean, cells, work.neutral,
        (work.share, work.around, work.found), lanes,
    )  # fmt: skip
    n_cells = add_charged(n_tracks, n_neutral, work.chosen, clean, cells)
    work.filled[1], work.filled[2] = n_tracks, n_cells
    out.vtx_z[i, 0] = z
    out.vtx_sum_pt[i, 0] = total >> 3
    out.vtx_n_tracks[i, 0] = min(n_tracks, COUNT_MAX)
    cos, sin = work.tower_cos, work.tower_sin
    strips, windows = work.strips, work.wide_windows
    list_cells(n_cells, cells, clean, listed, strips)
    window_jets(par, n_neutral, n_cells, listed, work.seeds, strips, windows, work.found, cos, sin, out, i)
    column, fat_column = work.column, work.fat_column
    tower_sums(par.tracker_rings, par.fat_rings, n_cells, listed, column, fat_column, cos, sin, out, i)
    copy_muons(muons, muon_first, muon_last, out, i)
    possible = large_jet_possible(
        par, n_tracks, n_neutral, work.chosen, cells, work.neutral, fat_column, work.columns, cos, sin
    )
    n_track_jets, n_fat = 0, 0
    if possible or complete:
        n_inputs = add_towers(add_tracks(n_tracks, work), n_neutral, par.fat_rings, work)
        n_track_jets = track_jets(n_tracks, par, work)
        n_fat = large_jets(n_inputs, n_track_jets, possible, par, work)
        work.counts[0], work.counts[1], work.counts[2], work.counts[3] = n_tracks, n_inputs, n_track_jets, n_fat
    store_jets(n_fat, n_track_jets, work, out, i)
    return n_fat


@inner
def take_charged(n, towers, charged, touched, ring, total):
    """Take the charged energy from the towers where it is; `total` becomes the sums of the rings' rest."""
    for x in range(WIDE):
        total[x] = ring[x]
    for k in range(n):
        cell = np.uint64(touched[k])
        energy = np.int64(towers[cell])
        left = max(energy - (charged[cell] >> TO_TOWER), 0)
        towers[cell] = left
        total[cell & np.uint64(LANE)] -= energy - left


@inner
def gather_near(n, face, pt, near, wanted):
    """Sum the pT of n vertex tracks over the towers around each."""
    for k in range(n):
        if face[k] >= 0:
            near_rows(face[k], pt[k], near)
            want_rows(face[k], wanted)


@inner
def add_charged(n, n_cells, chosen, clean, cells):
    """Add n vertex tracks to the clean grid, at their direction from the vertex; return its number of cells."""
    for k in range(n):
        row = HALF + np.int64(math.floor(chosen.eta[k] * TRACK_ETA_STEP / TOWER_ETA))
        cell = np.int64(chosen.phi[k] * TRACK_PHI_STEP / TOWER_PHI) * WIDE + EDGE + row
        if clean[cell] == 0:
            cells[n_cells] = cell
            n_cells += 1
        clean[cell] += np.int32(max(chosen.pt[k] * TRACK_PT_STEP / ET_STEP + 0.5, 1.0))
    return n_cells
