"""Sequential recombination, after M. Cacciari, G. Salam, Phys. Lett. B 641 (2006) 57.

With kT-power p (anti-kT -1, kT +1) and a radius that may vary with pT (D. Krohn, J. Thaler, L. Wang, JHEP 06
(2009) 059): d_ij = min(kT_i^2p, kT_j^2p) dR_ij^2 and d_iB = kT_i^2p R(pT_i)^2, with R = rho / pT within
[R_min, R_max]. Only geometric nearest neighbours are kept, so that the cost is N^2. E-scheme, rapidity and
azimuth, float64. Equal distances are decided as FastJet's N2Plain strategy does: by the order of its array.
"""

# mypy: ignore-errors

import math

import numpy as np
from numba import njit

from trigsim.objects.jit import inner
from trigsim.objects.layout import BLOCK, FIELDS

TWO_PI = 2 * math.pi
#: A radius beyond which nothing is: clustering without a beam.
FAR2 = 1e30
#: Rapidity of the unused slots up to a multiple of `VECTOR`, so that loops are whole vectors.
AWAY = 1e150
VECTOR = 8
#: In place of a neighbour: the beam, one that is no more, and one that nobody has.
BEAM, STALE, NOBODY = -1.0, -2.0, -3
#: Bits of infinity; distances are not negative, so that their bits are in the order of their values.
NEVER = 0x7FF0000000000000
#: Where a pseudojet's fields are, from its place. That these are constants of one array is what lets the compiler
#: see that fields do not overlap, and make vectors of loops of many fields.
RAPIDITY, PHI, FACTOR, NEAR2, NEAR, DIJ, D2, PX, PY, PZ, ENERGY, TOTAL, HEAD, TAIL = range(0, FIELDS * BLOCK, BLOCK)


@inner
def azimuth(px, py):
    """Return phi in [0, 2 pi)."""
    phi = math.atan2(py, px)
    if phi < 0.0:
        phi += TWO_PI
    return phi - TWO_PI if phi >= TWO_PI else phi


@inner
def rapidity_of(kt2, pz, energy):
    """Return the rapidity; a mass below zero counts as zero."""
    mass2 = max(0.0, (energy + pz) * (energy - pz) - kt2)
    forward = energy + abs(pz)
    rapidity = 0.5 * math.log((kt2 + mass2) / (forward * forward))
    return -rapidity if pz > 0.0 else rapidity


@inner
def distance2(rapidity1, phi1, rapidity2, phi2):
    """Return the squared distance in rapidity and azimuth."""
    dphi = abs(phi1 - phi2)
    dphi = min(dphi, TWO_PI - dphi)
    drap = rapidity1 - rapidity2
    return dphi * dphi + drap * drap


@inner
def beam2(px, py, rho2, min2, max2):
    """Return the squared distance to the beam."""
    return min(max(rho2 / (px * px + py * py), min2), max2)


@inner
def place(slot):
    """Return where the fields of a slot begin."""
    return slot // BLOCK * (FIELDS * BLOCK) + slot % BLOCK


@inner
def lanes(slots, block):
    """Return how many lanes of a block are in use, up to a whole vector."""
    return min(BLOCK, (slots - block * BLOCK + VECTOR - 1) // VECTOR * VECTOR)


@inner
def blocks(slots):
    """Return how many blocks are in use."""
    return (slots + BLOCK - 1) // BLOCK


@inner
def put(i, px, py, pz, energy, power, rho2, min2, max2, w):
    """Put a four-momentum at place i, the beam its neighbour."""
    kt2 = px * px + py * py
    w[i + PX], w[i + PY], w[i + PZ], w[i + ENERGY] = px, py, pz, energy
    w[i + RAPIDITY], w[i + PHI] = rapidity_of(kt2, pz, energy), azimuth(px, py)
    w[i + FACTOR] = 1.0 / kt2 if power < 0 else kt2
    w[i + NEAR2], w[i + NEAR] = beam2(px, py, rho2, min2, max2), BEAM


@inner
def vacate(i, w):
    """Put place i far away."""
    w[i + RAPIDITY], w[i + PHI], w[i + FACTOR] = AWAY, 0.0, 1.0
    w[i + NEAR2], w[i + NEAR], w[i + DIJ] = 0.0, BEAM, math.inf


@inner
def closer(i, n, w):
    """Make i the nearest of those others that it is nearer to than any before."""
    y, f, name = w[i + RAPIDITY], w[i + PHI], float(i)
    for block in range(blocks(n)):
        for lane in range(lanes(n, block)):
            j = block * (FIELDS * BLOCK) + lane
            d2 = distance2(y, f, w[j + RAPIDITY], w[j + PHI])
            d2 = math.inf if j == i else d2
            # Read before it is chosen from: else the compiler masks the store, which stalls the next load.
            near, near2 = w[j + NEAR], w[j + NEAR2]
            w[j + NEAR] = name if d2 < near2 else near
            w[j + NEAR2] = min(d2, near2)


@inner
def replace(low, high, last, n, y, f, factor, w):
    """Tell all that places `low` and `high` are gone, that `last` moved to `high` and that `low` is at (y, f) now.

    Returns the smallest distance measure of those that still have a neighbour, the smallest distance of the others
    from (y, f), and how many have lost their neighbour.
    """
    gone, also_gone, moved = float(low), float(high), float(last)
    least, least2, stale = NEVER, NEVER, 0
    for block in range(blocks(n)):
        for lane in range(lanes(n, block)):
            j = block * (FIELDS * BLOCK) + lane
            d2 = distance2(y, f, w[j + RAPIDITY], w[j + PHI])
            d2 = math.inf if j == low else d2
            near, near2, dij, to_near = w[j + NEAR], w[j + NEAR2], w[j + DIJ], min(w[j + FACTOR], factor) * d2
            near = STALE if (near == gone) | (near == also_gone) else (also_gone if near == moved else near)
            near = gone if d2 < near2 else near
            dij = to_near if d2 < near2 else dij
            dij = math.inf if near == STALE else dij
            w[j + D2], w[j + NEAR], w[j + NEAR2], w[j + DIJ] = d2, near, min(d2, near2), dij
            least = min(least, np.float64(dij).view(np.int64))
            least2 = min(least2, np.float64(d2).view(np.int64))
            stale += near == STALE
    return np.int64(least).view(np.float64), np.int64(least2).view(np.float64), stale


@inner
def survey(i, n, w):
    """Fill in the squared distances of the others from i; return the smallest."""
    y, f, least = w[i + RAPIDITY], w[i + PHI], NEVER
    for block in range(blocks(n)):
        for lane in range(lanes(n, block)):
            j = block * (FIELDS * BLOCK) + lane
            d2 = distance2(y, f, w[j + RAPIDITY], w[j + PHI])
            d2 = math.inf if j == i else d2
            w[j + D2] = d2
            least = min(least, np.float64(d2).view(np.int64))
    return np.int64(least).view(np.float64)


@inner
def first(field, value, start, w):
    """Return the first place from `start` where a field has a value that it has somewhere."""
    while True:
        end = start - start % (FIELDS * BLOCK) + BLOCK
        for i in range(start, end):
            if w[i + field] == value:
                return i
        start = end + (FIELDS - 1) * BLOCK


@inner
def renew(i, nearest2, w):
    """Make the one at the smallest distance, `nearest2`, the neighbour of i if it is nearer than the beam."""
    if nearest2 < w[i + NEAR2]:
        near = first(D2, nearest2, 0, w)
        w[i + NEAR2], w[i + NEAR] = nearest2, near
        w[i + DIJ] = min(w[i + FACTOR], w[near + FACTOR]) * nearest2
    else:
        w[i + DIJ] = w[i + FACTOR] * w[i + NEAR2]
    return w[i + DIJ]


@njit(cache=True, nogil=True)
def cluster(n, px, py, pz, energy, power, rho2, min2, max2, min_pt, s):
    """Cluster n inputs; return the number of jets of at least `min_pt`, in the order in which they end.

    Jets are in `s.jet_*` and the labels of inputs in `s.label`; directions and distances of the last three
    mergings in `s.axes` and `s.scales`. It stops as soon as what is left cannot make a jet: a jet's pT is at
    most the scalar sum of its inputs'.

    Parameters
    ----------
    n : int
        Number of inputs; none may have pT = 0.
    px, py, pz, energy : float64 arrays
        GeV, at least n long.
    power : int
        The sign of p.
    rho2, min2, max2 : float
        Squares of rho in GeV and of the limits of the radius.
    min_pt : float
        GeV.
    s : Cluster
        Memory.
    """
    # Bound to names of their own: the fields of a tuple are looked up slowly.
    w, chain, label, scales, axes = s.slots, s.chain, s.label, s.scales, s.axes
    jet_px, jet_py, jet_pz, jet_energy = s.jet_px, s.jet_py, s.jet_pz, s.jet_energy
    left, least = 0.0, math.inf
    for k in range(n):
        i = place(k)
        put(i, px[k], py[k], pz[k], energy[k], power, rho2, min2, max2, w)
        w[i + TOTAL] = math.sqrt(px[k] * px[k] + py[k] * py[k])
        w[i + HEAD], w[i + TAIL], chain[k], label[k] = k, k, -1, -1
        left += w[i + TOTAL]
    for k in range(n, (n + VECTOR - 1) // VECTOR * VECTOR):
        vacate(place(k), w)
    for k in range(n):
        closer(place(k), n, w)
    for k in range(n):
        i = place(k)
        near = int(w[i + NEAR])
        w[i + DIJ] = (min(w[i + FACTOR], w[near + FACTOR]) if near >= 0 else w[i + FACTOR]) * w[i + NEAR2]
        least = min(least, w[i + DIJ])
    scales[0] = scales[1] = scales[2] = 0.0
    jets = 0
    while n > 0 and left + 1e-6 > min_pt:
        at = first(DIJ, least, 0, w)
        if n <= 4:
            if n > 1:
                scales[n - 2] = least
            if n < 4:
                for i in range(n):
                    axes[n - 1, i, 0], axes[n - 1, i, 1] = w[i + RAPIDITY], w[i + PHI]
        near = int(w[at + NEAR])
        merged = near >= 0
        low, high = (min(at, near), max(at, near)) if merged else (NOBODY, at)
        if merged:
            put(
                low,
                w[low + PX] + w[high + PX],
                w[low + PY] + w[high + PY],
                w[low + PZ] + w[high + PZ],
                w[low + ENERGY] + w[high + ENERGY],
                power,
                rho2,
                min2,
                max2,
                w,
            )
            w[low + TOTAL] += w[high + TOTAL]
            chain[int(w[low + TAIL])] = int(w[high + HEAD])
            w[low + TAIL] = w[high + TAIL]
        else:
            left -= w[at + TOTAL]
            x, y = w[at + PX], w[at + PY]
            if x * x + y * y >= min_pt * min_pt:
                jet_px[jets], jet_py[jets], jet_pz[jets], jet_energy[jets] = (
                    x,
                    y,
                    w[at + PZ],
                    w[at + ENERGY],
                )
                k = int(w[at + HEAD])
                while k >= 0:
                    label[k] = jets
                    k = chain[k]
                jets += 1
        # The last slot moves into the one that became free.
        n -= 1
        last = place(n)
        if high != last:
            for k in range(0, FIELDS * BLOCK, BLOCK):
                w[high + k] = w[last + k]
        vacate(last, w)
        y, f, factor = AWAY, 0.0, 1.0
        if merged:
            y, f, factor, w[low + DIJ] = w[low + RAPIDITY], w[low + PHI], w[low + FACTOR], math.inf
        least, nearest2, stale = replace(low, high, last, n, y, f, factor, w)
        if merged:
            least = min(least, renew(low, nearest2, w))
        i = -1
        for _ in range(stale):
            i = first(NEAR, STALE, i + 1, w)
            nearest2 = survey(i, n, w)
            w[i + NEAR2], w[i + NEAR] = beam2(w[i + PX], w[i + PY], rho2, min2, max2), BEAM
            least = min(least, renew(i, nearest2, w))
    return jets
