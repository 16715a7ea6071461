# mypy: ignore-errors
"""Pile-up overlay: the collisions of one crossing summed into what the detector sends."""

import numpy as np
from numba import njit

from trigsim.events.model import FINE, N_ETA, N_PHI

_TURN = N_PHI * FINE


@njit(cache=True, nogil=True)
def overlay_crossing(pool, offsets, event, rotation, mirror, z0, i, wide, towers, tracks, muons):
    """Fill the tower grid, track and muon arrays of crossing i; return the numbers of tracks and muons.

    `wide` is int32 (N_ETA, 2 N_PHI), memory only; `towers` is int32 (N_ETA, N_PHI); `tracks` and `muons` are
    `objects.layout.Tracks` and `Muons` with room for those of any planned crossing.
    """
    # Twice a turn wide, so that turning a collision needs no modulus; folded at the end.
    wide[:] = 0
    n_tracks = 0
    n_muons = 0
    for c in range(offsets[i], offsets[i + 1]):
        e = event[c]
        turn = rotation[c]
        flip = mirror[c]
        z = z0[c]
        first_row = N_ETA - 1 if flip else 0
        step = -1 if flip else 1
        for t in range(pool.tower_offsets[e], pool.tower_offsets[e + 1]):
            row = first_row + step * np.int64(pool.tower_ieta[t])
            wide[row, pool.tower_iphi[t] + turn] += pool.tower_et[t]
        for t in range(pool.track_offsets[e], pool.track_offsets[e + 1]):
            phi = pool.track_phi[t] + turn * FINE
            tracks.pt[n_tracks] = pool.track_pt[t]
            tracks.eta[n_tracks] = -pool.track_eta[t] if flip else pool.track_eta[t]
            tracks.phi[n_tracks] = phi - _TURN if phi >= _TURN else phi
            tracks.z0[n_tracks] = z + (-pool.track_z0[t] if flip else pool.track_z0[t])
            # d0 is the z component of an angular momentum: a mirror in z leaves it, and the charge, alone.
            tracks.d0[n_tracks] = pool.track_d0[t]
            tracks.charge[n_tracks] = pool.track_charge[t]
            n_tracks += 1
        for m in range(pool.muon_offsets[e], pool.muon_offsets[e + 1]):
            phi = pool.muon_phi[m] + turn * FINE
            muons.pt[n_muons] = pool.muon_pt[m]
            muons.eta[n_muons] = -pool.muon_eta[m] if flip else pool.muon_eta[m]
            muons.phi[n_muons] = phi - _TURN if phi >= _TURN else phi
            muons.charge[n_muons] = pool.muon_charge[m]
            n_muons += 1
    for row in range(N_ETA):
        for column in range(N_PHI):
            towers[row, column] = wide[row, column] + wide[row, column + N_PHI]
    return n_tracks, n_muons
