"""Events to cluster, and our own clustering in the form in which the oracle answers."""

from __future__ import annotations

import numpy as np

from trigsim.events.model import TOWER_ETA, TOWER_PHI
from trigsim.objects.cluster_kernels import cluster
from trigsim.objects.layout import cluster_memory


def four_momenta(pt: np.ndarray, eta: np.ndarray, phi: np.ndarray, mass: float = 0.0) -> np.ndarray:
    """Return (4, n): px, py, pz, E."""
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    return np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta), energy])


def soft_and_hard(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return a soft background with a few hard sprays, pions."""
    pt = 0.5 + rng.exponential(2.0, n)
    eta = rng.uniform(-2.5, 2.5, n)
    phi = rng.uniform(0, 2 * np.pi, n)
    for _ in range(rng.integers(0, 4)):
        some = rng.random(n) < 0.2
        pt[some] += rng.exponential(30.0, some.sum())
        eta[some] = rng.uniform(-2, 2) + rng.normal(0, 0.3, some.sum())
        phi[some] = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.3, some.sum())
    return four_momenta(pt, eta, phi, 0.13957)


def grid(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return towers of few different energies on the tower grid: full of equal distances."""
    cell = rng.choice(24 * 72, size=n, replace=False)
    eta = (cell // 72 - 11.5) * TOWER_ETA
    phi = (cell % 72 + 0.5) * TOWER_PHI
    return four_momenta(rng.integers(1, 20, n) * 0.5, eta, phi)


def with_ghosts(p: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return `p` with the directions of n of its members again, as ghosts."""
    return np.concatenate([p, 1e-100 * p[:, rng.choice(p.shape[1], n, replace=False)]], axis=1)


def own_labels(p: np.ndarray, rho: float, r_min: float, r_max: float, min_pt: float) -> np.ndarray:
    """Return the jet of each input by our kernel, jets sorted by pT."""
    n = p.shape[1]
    s = cluster_memory(n)
    jets = cluster(n, p[0], p[1], p[2], p[3], -1, rho**2, r_min**2, r_max**2, min_pt, s)
    order = np.argsort(-np.hypot(s.jet_px[:jets], s.jet_py[:jets]), kind="stable")
    rank = np.append(np.argsort(order), -1)
    return rank[s.label[:n]]


def partition(labels: np.ndarray) -> np.ndarray:
    """Return labels renamed by first appearance, so that jets of equal pT may stand in any order."""
    seen: dict[int, int] = {-1: -1}
    return np.array([seen.setdefault(int(k), len(seen) - 1) for k in labels])
