"""Small made-up collisions."""

import numpy as np

from trigsim.events.model import FINE, N_ETA, N_PHI, Collisions


def offsets(counts):
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def made_up(n: int, seed: int) -> Collisions:
    """n collisions with a few towers, tracks and muons anywhere in range."""
    rng = np.random.default_rng(seed)
    towers, tracks, muons = rng.integers(0, 12, n), rng.integers(0, 6, n), rng.integers(0, 3, n)
    cells = [rng.choice(N_ETA * N_PHI, k, replace=False) for k in towers]
    flat = np.concatenate([*cells, np.zeros(0, np.int64)]).astype(np.int64)
    a, m = tracks.sum(), muons.sum()
    et = rng.integers(1, 800, len(flat))
    half = N_ETA // 2 * FINE - 1
    truth = {name: np.zeros(n, np.float32) for name in ("pt_hat", "resonance_pt", "resonance_eta", "resonance_phi")}
    quarks = {name: np.zeros((n, 2), np.float32) for name in ("quark_pt", "quark_eta", "quark_phi")}
    return Collisions(
        tower_offsets=offsets(towers),
        tower_ieta=(flat // N_PHI).astype(np.uint8),
        tower_iphi=(flat % N_PHI).astype(np.uint8),
        tower_et=et.astype(np.uint16),
        tower_hadronic=rng.integers(0, et + 1).astype(np.uint16),
        track_offsets=offsets(tracks),
        track_pt=rng.integers(64, 4000, a).astype(np.uint16),
        track_eta=rng.integers(-half, half, a).astype(np.int16),
        track_phi=rng.integers(0, N_PHI * FINE, a).astype(np.uint16),
        track_z0=rng.integers(-100, 100, a).astype(np.int16),
        track_d0=rng.integers(-100, 100, a).astype(np.int16),
        track_charge=rng.choice([-1, 1], a).astype(np.int8),
        muon_offsets=offsets(muons),
        muon_pt=rng.integers(8, 400, m).astype(np.uint16),
        muon_eta=rng.integers(-half, half, m).astype(np.int16),
        muon_phi=rng.integers(0, N_PHI * FINE, m).astype(np.uint16),
        muon_charge=rng.choice([-1, 1], m).astype(np.int8),
        weight=np.ones(n, np.float32),
        **truth,
        **quarks,
    )
