# mypy: ignore-errors
"""Stable particles to towers, tracks and muons, one collision after the other."""

import math

import numpy as np
from numba import njit

from trigsim.detector.helix_kernels import face_point, perigee, radius_of

TWO_PI = 2 * math.pi


@njit(cache=True, nogil=True)
def region_of(eta, edges):
    """Return the first region whose edge is above abs(eta); beyond the last edge, their number."""
    r = 0
    while r < len(edges) and abs(eta) >= edges[r]:
        r += 1
    return r


@njit(cache=True, nogil=True)
def invisible(code):
    """Tell whether an absolute PDG code leaves nothing in a calorimeter (muons have their own system)."""
    return code in (12, 13, 14, 16, 18, 1000012, 1000014, 1000016, 1000022, 1000039)


@njit(cache=True, nogil=True)
def unbiased_integer(value, rng):
    """Return `value` rounded to one of its two neighbours, at random, so that the mean stays."""
    low = math.floor(value)
    return int(low) + (1 if rng.random() < value - low else 0)


@njit(cache=True, nogil=True)
def towers(
    offsets, pdg, charge, px, py, pz, energy, x, y, z, field, barrel, endcap, edges, em, hadronic,
    early_shower, n_eta, n_phi, tower_eta, lsb, et_max, rng, shower_rng,
):  # fmt: skip
    """Return (counts, ieta, iphi, et, hadronic), towers sorted by index within each collision."""
    n = len(offsets) - 1
    counts = np.zeros(n, np.int64)
    capacity = len(pdg)
    ieta = np.empty(capacity, np.uint8)
    iphi = np.empty(capacity, np.uint8)
    et = np.empty(capacity, np.uint16)
    hadronic_et = np.empty(capacity, np.uint16)
    grid = np.zeros(n_eta * n_phi)
    behind = np.zeros(n_eta * n_phi)
    touched = np.empty(n_eta * n_phi, np.int64)
    filled = 0
    for i in range(n):
        n_touched = 0
        for p in range(offsets[i], offsets[i + 1]):
            code = abs(pdg[p])
            if invisible(code) or (px[p] == 0 and py[p] == 0):
                continue
            eta, phi = face_point(x[p], y[p], z[p], px[p], py[p], pz[p], charge[p], field, barrel, endcap)
            row = math.floor(eta / tower_eta + 0.5 * n_eta)
            if row < 0 or row >= n_eta:
                continue
            column = math.floor((phi % TWO_PI) / TWO_PI * n_phi) % n_phi
            r = min(region_of(eta, edges), len(edges) - 1)
            electromagnetic = code == 11 or code == 22
            terms = em[r] if electromagnetic else hadronic[r]
            variance = terms[0] * terms[0] / energy[p] + terms[1] * terms[1]
            # Gamma: positive, with the exact mean even where the spread exceeds the mean.
            response = variance * rng.standard_gamma(1 / variance) if variance > 0 else 1.0
            cell = row * n_phi + column
            if grid[cell] == 0:
                touched[n_touched] = cell
                n_touched += 1
            # Never zero, so that a touched tower is listed once.
            deposit = max(response * energy[p] / math.cosh(eta), 1e-12)
            grid[cell] += deposit
            if not electromagnetic:
                share = shower_rng.random() if shower_rng.random() < early_shower else 0.0
                behind[cell] += (1.0 - share) * deposit
        touched[:n_touched].sort()
        for k in range(n_touched):
            cell = touched[k]
            hw = unbiased_integer(grid[cell] / lsb, rng)
            share = behind[cell] / grid[cell]
            grid[cell] = 0
            behind[cell] = 0
            if hw > 0:
                ieta[filled] = cell // n_phi
                iphi[filled] = cell % n_phi
                et[filled] = min(hw, et_max)
                hadronic_et[filled] = int(min(share, 1.0) * et[filled] + 0.5)
                filled += 1
                counts[i] += 1
    return counts, ieta[:filled].copy(), iphi[:filled].copy(), et[:filled].copy(), hadronic_et[:filled].copy()


@njit(cache=True, nogil=True)
def smeared_curvature(pt, charge, constant, slope, rng):
    """Return (pt, charge) after smearing charge/pt: what a chamber measures is the bend."""
    sigma = math.hypot(constant, slope * pt)
    curvature = charge * (1 + sigma * rng.standard_normal())
    if curvature == 0:
        curvature = charge * 1e-9
    return pt / abs(curvature), 1 if curvature > 0 else -1


@njit(cache=True, nogil=True)
def tracks(offsets, pdg, charge, px, py, pz, x, y, z, field, pt_min, radius_max, efficiencies, edges, terms, rng):
    """Return (counts, values, charges); values are (pt, eta, phi, z0, d0) rows, GeV, rad and mm.

    `efficiencies` are of hadrons, electrons, muons; `terms` rows are pt_constant, pt_slope, z0_constant,
    z0_scattering, d0_constant, d0_scattering of a region.
    """
    n = len(offsets) - 1
    counts = np.zeros(n, np.int64)
    values = np.empty((len(pdg), 5))
    charges = np.empty(len(pdg), np.int8)
    filled = 0
    for i in range(n):
        for p in range(offsets[i], offsets[i + 1]):
            pt = math.hypot(px[p], py[p])
            # Nothing further below the threshold than its resolution allows is worth a random number.
            if abs(charge[p]) != 1 or pt < 0.5 * pt_min or math.hypot(x[p], y[p]) > radius_max:
                continue
            cot_theta = pz[p] / pt
            eta = math.asinh(cot_theta)
            r = region_of(eta, edges)
            if r == len(edges):
                continue
            code = abs(pdg[p])
            kind = 1 if code == 11 else 2 if code == 13 else 0
            if rng.random() >= efficiencies[kind]:
                continue
            q = float(charge[p])
            d0, z0, phi0, _ = perigee(
                x[p], y[p], z[p], math.atan2(py[p], px[p]), cot_theta, radius_of(pt, field), q
            )
            scattering = pt * (1 + cot_theta * cot_theta) ** -0.25
            measured, sign = smeared_curvature(pt, q, terms[r, 0], terms[r, 1], rng)
            z0 += math.hypot(terms[r, 2], terms[r, 3] / scattering) * rng.standard_normal()
            d0 += math.hypot(terms[r, 4], terms[r, 5] / scattering) * rng.standard_normal()
            if measured < pt_min:
                continue
            values[filled] = (measured, eta, phi0, z0, d0)
            charges[filled] = sign
            filled += 1
            counts[i] += 1
    return counts, values[:filled].copy(), charges[:filled].copy()


@njit(cache=True, nogil=True)
def muons(offsets, pdg, charge, px, py, pz, x, y, z, field, pt_min, eta_max, radius_max, efficiency, terms, rng):
    """Return (counts, values, charges); values are (pt, eta, phi) rows, directions at the perigee."""
    n = len(offsets) - 1
    counts = np.zeros(n, np.int64)
    values = np.empty((len(pdg), 3))
    charges = np.empty(len(pdg), np.int8)
    filled = 0
    for i in range(n):
        for p in range(offsets[i], offsets[i + 1]):
            if abs(pdg[p]) != 13 or math.hypot(x[p], y[p]) > radius_max:
                continue
            pt = math.hypot(px[p], py[p])
            if pt < 0.5 * pt_min:
                continue
            cot_theta = pz[p] / pt
            eta = math.asinh(cot_theta)
            if abs(eta) >= eta_max or rng.random() >= efficiency:
                continue
            q = float(charge[p])
            _, _, phi0, _ = perigee(x[p], y[p], z[p], math.atan2(py[p], px[p]), cot_theta, radius_of(pt, field), q)
            measured, sign = smeared_curvature(pt, q, terms[0], terms[1], rng)
            if measured < pt_min:
                continue
            values[filled] = (measured, eta, phi0)
            charges[filled] = sign
            filled += 1
            counts[i] += 1
    return counts, values[:filled].copy(), charges[:filled].copy()
