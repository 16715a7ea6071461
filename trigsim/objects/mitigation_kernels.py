"""Primary vertex, track association, and towers with the pile-up taken out."""

# mypy: ignore-errors

import math

import numpy as np

from trigsim.events.model import FINE, N_ETA, N_PHI, TOWER_ETA, TOWER_PHI, TRACK_D0, TRACK_PT
from trigsim.objects.jit import inner
from trigsim.objects.layout import VERTEX_BIN_BITS, VERTEX_BINS

HALF = N_ETA // 2
TURN = N_PHI * FINE
ETA_STEP = TOWER_ETA / FINE
PHI_STEP = TOWER_PHI / FINE
PT_STEP = TRACK_PT.lsb
D0_STEP = TRACK_D0.lsb
PION_MASS = 0.13957
#: Track pT steps in one tower ET step, as a shift.
TO_TOWER = 2
#: Reach of the neighbourhood of a track, in towers.
REACH = 3


@inner
def ring_of(eta):
    """Return the ring in abs(eta) of a fine eta."""
    return min((eta if eta >= 0 else -eta - 1) // FINE, HALF - 1)


@inner
def find_vertex(tracks, first, last, par, histogram):
    """Return z0 steps and the pT sum of the hardest three-bin window of the z histogram."""
    histogram[:] = 0
    for t in range(first, last):
        b = (tracks.z0[t] >> VERTEX_BIN_BITS) + VERTEX_BINS // 2
        if 0 <= b < VERTEX_BINS:
            histogram[b] += min(tracks.pt[t], par.track_cap)
    best = 1
    most = np.int64(0)
    for b in range(1, VERTEX_BINS - 1):
        window = histogram[b - 1] + histogram[b] + histogram[b + 1]
        if window > most:
            most = window
            best = b
    if most == 0:
        return np.int64(0), most
    # Mean z of the window, bins as their centres, in z0 steps.
    moment = histogram[best + 1] - histogram[best - 1]
    centre = ((best - VERTEX_BINS // 2) << VERTEX_BIN_BITS) + (1 << (VERTEX_BIN_BITS - 1))
    return centre + (moment << VERTEX_BIN_BITS) // most, most


@inner
def select_tracks(tracks, first, last, z, par, work):
    """Fill the charged grids and list the tracks of the vertex at z; return their number."""
    work.charged[:] = 0
    work.near[:] = 0
    n = 0
    for t in range(first, last):
        eta = tracks.eta[t]
        pt = tracks.pt[t]
        ring = ring_of(eta)
        if ring >= par.tracker_rings or pt <= 0:
            continue
        row = (eta + HALF * FINE) // FINE
        bend = par.bend[ring] / pt
        # The series of the arc sine; a track that curls up before the face gives nothing there.
        angle = bend * PHI_STEP
        inside = angle < 1.0
        phi = tracks.phi[t] - tracks.charge[t] * np.int64(bend * (1.0 + angle * angle / 6.0))
        column = (phi + 2 * TURN) % TURN // FINE
        if inside:
            work.charged[row, column] += pt
        if abs(tracks.z0[t] - z) >= par.window[ring]:
            continue
        if inside:
            for r in range(max(row - REACH, 0), min(row + REACH + 1, N_ETA)):
                for c in range(column - REACH, column + REACH + 1):
                    work.near[r, c % N_PHI] += pt
        add_track(n, t, tracks, work)
        n += 1
    return n


@inner
def add_track(n, t, tracks, work):
    """Make track t the input n of jets, with the pion's mass."""
    pt = tracks.pt[t] * PT_STEP
    eta = tracks.eta[t] * ETA_STEP
    phi = tracks.phi[t] * PHI_STEP
    grow = math.exp(eta)
    pz = 0.5 * pt * (grow - 1.0 / grow)
    work.pt[n] = pt
    work.eta[n] = eta
    work.phi[n] = phi
    work.px[n] = pt * math.cos(phi)
    work.py[n] = pt * math.sin(phi)
    work.pz[n] = pz
    work.energy[n] = math.sqrt(pt * pt + pz * pz + PION_MASS * PION_MASS)
    work.d0[n] = tracks.d0[t] * D0_STEP
    work.cosh_eta[n] = 0.5 * (grow + 1.0 / grow)


@inner
def clean_towers(towers, par, work):
    """Fill `work.clean` with neutral energy above the pile-up of its ring; return how many cells are listed.

    int32 throughout and flat rows: so each pass over a ring is vectorised.
    """
    all_towers = towers.ravel()
    all_charged = work.charged.ravel()
    all_near = work.near.ravel()
    all_clean = work.clean.ravel()
    zero = np.int32(0)
    n = 0
    for row in range(N_ETA):
        ring = row - HALF if row >= HALF else HALF - 1 - row
        tracked = ring < par.tracker_rings
        first = row * N_PHI
        raw = all_towers[first : first + N_PHI]
        charged = all_charged[first : first + N_PHI]
        near = all_near[first : first + N_PHI]
        rest = all_clean[first : first + N_PHI]
        sum_raw = zero
        top = zero
        total = zero
        for c in range(N_PHI):
            energy = np.int32(raw[c])
            neutral = np.int32(max(np.int32(energy - (charged[c] >> np.int32(TO_TOWER))), zero))
            rest[c] = neutral
            total += neutral
            sum_raw += energy
            top = np.int32(max(top, energy))
        work.ring[row] = sum_raw // N_PHI
        work.top[row] = top
        # Mean with the tail cut at twice the mean, so that jets do not count as pile-up; then the spread.
        cut = np.int32(2 * total // N_PHI + 1)
        total = zero
        for c in range(N_PHI):
            total += np.int32(min(rest[c], cut))
        density = np.int32(total // N_PHI)
        total = zero
        for c in range(N_PHI):
            total += np.int32(abs(np.int32(min(rest[c], cut) - density)))
        sigmas = par.noise_sigmas if tracked else par.forward_noise_sigmas
        edge = np.int32(density + max(np.int32(sigmas * total / N_PHI), par.neutral_min))
        least_near = np.int32(1 if tracked else 0)
        kept = zero
        for c in range(N_PHI):
            keep = (rest[c] >= edge) & (near[c] >= least_near)
            rest[c] = np.int32(rest[c] - density) if keep else zero
            kept += np.int32(keep)
        if kept == 0:
            continue
        for c in range(N_PHI):
            if rest[c] > 0:
                if tracked:
                    rest[c] = weigh(rest[c], row, c, par, work)
                if rest[c] > 0:
                    work.cell[n] = first + c
                    n += 1
    return n


@inner
def weigh(excess, row, column, par, work):
    """Return the primary vertex' part of a neutral excess: its share of the charged pT around."""
    smear = par.hadron_smearing
    if excess * excess < smear * smear * (work.charged[row, column] >> TO_TOWER):
        return 0
    around = 0
    for r in range(max(row - REACH, 0), min(row + REACH + 1, N_ETA)):
        for c in range(column - REACH, column + REACH + 1):
            around += work.charged[r, c % N_PHI]
    kept = excess * work.near[row, column] // max(around, 1)
    return kept if kept >= par.neutral_min else 0
