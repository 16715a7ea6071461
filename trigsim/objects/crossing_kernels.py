"""One bunch crossing: towers, tracks and muons in, all trigger objects out."""

# mypy: ignore-errors

import math

import numpy as np

from trigsim.events.model import FINE, N_ETA, N_PHI, TOWER_ETA, TOWER_PHI, TRACK_D0
from trigsim.objects.calorimeter_kernels import (
    electrons_photons,
    insert,
    insert_at,
    phi_steps,
    tower_sums,
    window_jets,
)
from trigsim.objects.cluster_kernels import azimuth, cluster
from trigsim.objects.jit import inner, outer
from trigsim.objects.layout import CELLS, EDGE, MAX_TRACK_JETS, TOWER_MAX, VERTEX_BINS, WIDE
from trigsim.objects.mitigation_kernels import (
    ET_STEP,
    HALF,
    TO_TOWER,
    TRACK_ETA_STEP,
    TRACK_PHI_STEP,
    TRACK_PT_STEP,
    add_around,
    clean_towers,
    clear_around,
    deposit,
    face_cell,
    find_vertex,
    is_near,
    ring_sums,
)
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

PION_MASS = 0.13957
D0_STEP = TRACK_D0.lsb
PT_STEP = PT.lsb
MASS_STEP = MASS.lsb
ETA_STEP = ETA.lsb
FINE_ETA_STEP = FINE_ETA.lsb
MASS_MAX = MASS.maximum
#: Scale of a ghost: too soft to change any sum in float64.
GHOST = 1e-100
COUNT_MAX = COUNT.maximum
GHOSTS_MAX = SMALL_COUNT.maximum


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
    start_crossing(par.tracker_rings, work)
    grid, behind = work.towers, work.hadronic
    for c in range(N_PHI):
        for row in range(N_ETA):
            cell = c * WIDE + EDGE + row
            grid[cell] = min(towers[row, c], TOWER_MAX)
            behind[cell] = min(hadronic[row, c], TOWER_MAX)
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
def start_crossing(tracker_rings, work):
    """Clear what the crossing before left in the workspace."""
    filled, charged, touched = work.filled, work.charged, work.touched
    near, wanted, face, clean, cells = work.near, work.wanted, work.face, work.clean, work.cell
    low, high = EDGE + HALF - tracker_rings, EDGE + HALF + tracker_rings
    for k in range(filled[0]):
        charged[touched[k]] = 0
    for k in range(filled[1]):
        if face[k] >= 0:
            clear_around(face[k], near, wanted, low, high)
    for k in range(filled[2]):
        clean[cells[k]] = 0
    if filled[3] != tracker_rings:
        near[:] = 0
        for q in range(N_PHI):
            column = wanted[q * WIDE : (q + 1) * WIDE]
            column[:] = 1
            column[low:high] = 0
    vertex = work.vertex
    for b in range(VERTEX_BINS):
        vertex[b] = 0
    filled[0], filled[1], filled[2], filled[3] = 0, 0, 0, tracker_rings


@outer
def finish_crossing(par, z, total, n_tracks, muons, muon_first, muon_last, electrons, complete, work, out, i):
    """Make all objects of a crossing whose towers, charged grid and vertex tracks are in the workspace.

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
    cells, clean, charged, ring = work.cell, work.clean, work.charged, work.ring
    ring_sums(work.towers, ring)
    take_charged(work.filled[0], work.towers, charged, work.touched, ring, work.rest, work.total)
    gather_near(n_tracks, work.face, work.chosen.pt, work.near, work.wanted)
    flags, words = work.flags, work.words
    n_neutral = clean_towers(
        par,
        work.rest,
        work.total,
        charged,
        work.near,
        work.wanted,
        flags,
        words,
        clean,
        cells,
        work.lanes,
    )
    for k in range(n_neutral):
        work.neutral[k] = clean[cells[k]]
    n_cells = add_charged(n_tracks, n_neutral, work.chosen, clean, cells)
    work.filled[1], work.filled[2] = n_tracks, n_cells
    out.vtx_z[i, 0] = z
    out.vtx_sum_pt[i, 0] = total >> 3
    out.vtx_n_tracks[i, 0] = min(n_tracks, COUNT_MAX)
    start, found, cos, sin = work.lanes.start, work.found, work.tower_cos, work.tower_sin
    window_jets(par, clean, cells, n_neutral, n_cells, start, flags, found, cos, sin, out, i)
    tower_sums(par.tracker_rings, clean, cells[:n_cells], work.column, cos, sin, out, i)
    if electrons:
        behind, floor = work.behind, work.lanes.floor
        ring_sums(work.hadronic, behind)
        electrons_photons(
            par, work.towers, work.hadronic, work.front, ring, behind, floor, flags, words, found, out, i
        )
    copy_muons(muons, muon_first, muon_last, out, i)
    possible = large_jet_possible(
        par, n_tracks, n_neutral, work.chosen, cells, work.neutral, work.columns, cos, sin
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
def take_charged(n, towers, charged, touched, ring, rest, total):
    """Take the charged energy from the towers where it is, and from the sums of their rings."""
    for cell in range(CELLS):
        rest[cell] = towers[cell]
    for x in range(WIDE):
        total[x] = ring[x]
    for k in range(n):
        cell = touched[k]
        energy = np.int64(towers[cell])
        left = max(energy - (charged[cell] >> TO_TOWER), 0)
        rest[cell] = left
        total[cell % WIDE] -= energy - left


@inner
def gather_near(n, face, pt, near, wanted):
    """Sum the pT of n vertex tracks over the towers around each."""
    for k in range(n):
        if face[k] >= 0:
            add_around(face[k], pt[k], near, wanted)


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


@inner
def large_jet_possible(par, n_tracks, n_neutral, chosen, cells, neutral, columns, cos, sin):
    """Whether any jet of the inputs could have the pT that large-R jets need.

    A jet's pT is the length of the vector sum of some inputs. No choice of inputs makes it longer than the best
    half turn of columns does, with every input in the middle of its column, plus what tracks are off the middle.
    """
    if par.fat_min == math.inf:
        return False
    weight, x, y = columns[0], columns[1], columns[2]
    weight[:] = 0.0
    total = 0.0
    for k in range(n_tracks):
        pt = chosen.pt[k] * TRACK_PT_STEP
        weight[chosen.phi[k] // FINE] += pt
        total += pt
    slack = 0.5 * TOWER_PHI * total
    low, high = EDGE + HALF - par.fat_rings, EDGE + HALF + par.fat_rings
    for k in range(n_neutral):
        if low <= cells[k] % WIDE < high:
            pt = neutral[k] * ET_STEP
            weight[cells[k] // WIDE] += pt
            total += pt
    # Well above what rounding can do.
    if total + 1e-3 < par.fat_min:
        return False
    sum_x, sum_y = 0.0, 0.0
    for c in range(N_PHI):
        x[c] = weight[c] * cos[c]
        y[c] = weight[c] * sin[c]
        if c < N_PHI // 2:
            sum_x += x[c]
            sum_y += y[c]
    longest2 = 0.0
    for c in range(N_PHI):
        longest2 = max(longest2, sum_x * sum_x + sum_y * sum_y)
        after = c + N_PHI // 2 if c < N_PHI // 2 else c - N_PHI // 2
        sum_x += x[after] - x[c]
        sum_y += y[after] - y[c]
    return math.sqrt(longest2) + slack + 1e-3 > par.fat_min


@inner
def add_tracks(n, work):
    """Make the n vertex tracks inputs of jets, with the pion's mass; return n."""
    chosen = work.chosen
    for k in range(n):
        pt = chosen.pt[k] * TRACK_PT_STEP
        eta = chosen.eta[k] * TRACK_ETA_STEP
        phi = chosen.phi[k] * TRACK_PHI_STEP
        grow = math.exp(eta)
        pz = 0.5 * pt * (grow - 1.0 / grow)
        work.pt[k] = pt
        work.eta[k] = eta
        work.phi[k] = phi
        work.px[k] = pt * math.cos(phi)
        work.py[k] = pt * math.sin(phi)
        work.pz[k] = pz
        work.energy[k] = math.sqrt(pt * pt + pz * pz + PION_MASS * PION_MASS)
        work.d0[k] = chosen.d0[k] * D0_STEP
        work.cosh_eta[k] = 0.5 * (grow + 1.0 / grow)
    return n


@inner
def add_towers(n, n_neutral, fat_rings, work):
    """Append neutral towers, by eta, then phi, to the n track inputs; return the number of inputs."""
    cells, neutral, start = work.cell, work.neutral, work.lanes.start
    low, high = EDGE + HALF - fat_rings, EDGE + HALF + fat_rings
    # The cells stand in the order of phi: counting those of each lane gives their places.
    start[:] = 0
    for k in range(n_neutral):
        start[cells[k] % WIDE] += 1
    for x in range(WIDE):
        count = start[x] if low <= x < high else 0
        start[x] = n
        n += count
    for k in range(n_neutral):
        lane, c = cells[k] % WIDE, cells[k] // WIDE
        if not low <= lane < high:
            continue
        at = start[lane]
        start[lane] += 1
        pt = neutral[k] * ET_STEP
        grow = work.tower_grow[lane - EDGE]
        work.pt[at] = pt
        work.phi[at] = (c + 0.5) * TOWER_PHI
        work.px[at] = pt * work.tower_cos[c]
        work.py[at] = pt * work.tower_sin[c]
        work.pz[at] = 0.5 * pt * (grow - 1.0 / grow)
        work.energy[at] = 0.5 * pt * (grow + 1.0 / grow)
    return n


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
    # Sizes of the jets, and their numbers among those kept.
    size = s.size
    number = s.number
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
    return kept


@inner
def large_jets(n, n_track_jets, possible, par, work):
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
    if possible and total + 1e-6 > par.fat_min:
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
