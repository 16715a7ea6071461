"""Sequential recombination, after M. Cacciari, G. Salam, Phys. Lett. B 641 (2006) 57.

With kT-power p (anti-kT -1, kT +1) and a radius that may vary with pT (D. Krohn, J. Thaler, L. Wang, JHEP 06
(2009) 059): d_ij = min(kT_i^2p, kT_j^2p) dR_ij^2 and d_iB = kT_i^2p R(pT_i)^2, with R = rho / pT within
[R_min, R_max]. Only geometric nearest neighbours are kept, so that the cost is N^2. E-scheme, rapidity and
azimuth, float64. Equal distances are decided as FastJet's N2Plain strategy does: by the order of its array.
"""

# mypy: ignore-errors

import math

from numba import njit

from trigsim.objects.jit import inner
from trigsim.objects.layout import LANES

TWO_PI = 2 * math.pi
#: A radius beyond which nothing is: clustering without a beam.
FAR2 = 1e30
#: Rapidity of the unused slots up to a multiple of `LANES`, so that loops are whole vectors.
AWAY = 1e150
#: In place of a neighbour's slot: the beam, and one that is no more.
BEAM, STALE = -1, -2


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
def distances(m, y, f, rapidity, phi, d2):
    """Fill `d2` with the squared distances of all slots from a direction."""
    for j in range(m):
        d2[j] = distance2(y, f, rapidity[j], phi[j])


@inner
def closer(i, m, rapidity, phi, near2, near):
    """Make slot i the nearest of those other slots that it is nearer to than any before."""
    y, f, own2, own = rapidity[i], phi[i], near2[i], near[i]
    for j in range(m):
        d2 = distance2(y, f, rapidity[j], phi[j])
        near[j] = i if d2 < near2[j] else near[j]
        near2[j] = d2 if d2 < near2[j] else near2[j]
    near2[i], near[i] = own2, own


@inner
def vacate(i, s):
    """Put slot i far away."""
    s.rapidity[i], s.phi[i], s.factor[i] = AWAY, 0.0, 1.0
    s.near2[i], s.near[i], s.dij[i] = 0.0, BEAM, math.inf


@inner
def beam2(px, py, rho2, min2, max2):
    """Return the squared distance to the beam."""
    return min(max(rho2 / (px * px + py * py), min2), max2)


@inner
def rename(m, n, low, high, near):
    """Mark neighbours in slots `low` and `high` as gone; slot n has moved to `high`."""
    for j in range(m):
        k = near[j]
        lost = (k == high) | ((k == low) & (k != BEAM))
        near[j] = STALE if lost else (high if k == n else k)


@inner
def take(m, i, factor_i, d2, factor, near2, near, dij):
    """Do the same for given distances, and renew the distance measures."""
    # One array a loop, so that each is vectorised.
    for j in range(m):
        near[j] = i if d2[j] < near2[j] else near[j]
    for j in range(m):
        dij[j] = min(factor[j], factor_i) * d2[j] if d2[j] < near2[j] else dij[j]
    for j in range(m):
        near2[j] = min(d2[j], near2[j])


@inner
def lowest(m, values):
    """Return the index of the first of the smallest of m values, m a multiple of `LANES`."""
    a, b, c, d, e, f, g, h = values[0], values[1], values[2], values[3], values[4], values[5], values[6], values[7]
    # Eight minima side by side, for one would wait for itself.
    for i in range(8, m, 8):
        a = min(a, values[i])
        b = min(b, values[i + 1])
        c = min(c, values[i + 2])
        d = min(d, values[i + 3])
        e = min(e, values[i + 4])
        f = min(f, values[i + 5])
        g = min(g, values[i + 6])
        h = min(h, values[i + 7])
    least = min(a, b, c, d, e, f, g, h)
    i = 0
    while values[i] != least:
        i += 1
    return i


@inner
def renew(i, m, d2, factor, near2, near, dij):
    """Find the nearest of slot i for given distances, starting from the beam."""
    best = lowest(m, d2)
    if d2[best] < near2[i]:
        near2[i], near[i] = d2[best], best
        dij[i] = min(factor[i], factor[best]) * d2[best]
    else:
        dij[i] = factor[i] * near2[i]


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
    qx, qy, qz, qe, total = s.px, s.py, s.pz, s.energy, s.total
    rapidity, phi, factor, near2, dij, near = s.rapidity, s.phi, s.factor, s.near2, s.dij, s.near
    head, tail, chain, label, d2 = s.head, s.tail, s.chain, s.label, s.d2
    left = 0.0
    for i in range(n):
        kt2 = px[i] * px[i] + py[i] * py[i]
        qx[i], qy[i], qz[i], qe[i], total[i] = px[i], py[i], pz[i], energy[i], math.sqrt(kt2)
        rapidity[i], phi[i] = rapidity_of(kt2, pz[i], energy[i]), azimuth(px[i], py[i])
        factor[i] = 1.0 / kt2 if power < 0 else kt2
        near2[i], near[i] = beam2(px[i], py[i], rho2, min2, max2), BEAM
        head[i], tail[i], chain[i], label[i] = i, i, -1, -1
        left += total[i]
    m = (n + LANES - 1) // LANES * LANES
    for i in range(n, m):
        vacate(i, s)
    for i in range(n):
        closer(i, m, rapidity, phi, near2, near)
    for i in range(n):
        dij[i] = (min(factor[i], factor[near[i]]) if near[i] >= 0 else factor[i]) * near2[i]
    s.scales[:] = 0.0
    jets = 0
    while n > 0 and left + 1e-6 > min_pt:
        at = lowest(m, dij)
        if n <= 4:
            if n > 1:
                s.scales[n - 2] = dij[at]
            if n < 4:
                for i in range(n):
                    s.axes[n - 1, i, 0], s.axes[n - 1, i, 1] = rapidity[i], phi[i]
        if near[at] >= 0:
            low, high = min(at, near[at]), max(at, near[at])
            x, y, z, e = qx[low] + qx[high], qy[low] + qy[high], qz[low] + qz[high], qe[low] + qe[high]
            kt2 = x * x + y * y
            qx[low], qy[low], qz[low], qe[low] = x, y, z, e
            rapidity[low], phi[low] = rapidity_of(kt2, z, e), azimuth(x, y)
            factor[low] = 1.0 / kt2 if power < 0 else kt2
            near2[low], near[low] = beam2(x, y, rho2, min2, max2), BEAM
            total[low] += total[high]
            chain[tail[low]] = head[high]
            tail[low] = tail[high]
        else:
            low, high = BEAM, at
            left -= total[at]
            if qx[at] * qx[at] + qy[at] * qy[at] >= min_pt * min_pt:
                s.jet_px[jets], s.jet_py[jets], s.jet_pz[jets], s.jet_energy[jets] = qx[at], qy[at], qz[at], qe[at]
                k = head[at]
                while k >= 0:
                    label[k] = jets
                    k = chain[k]
                jets += 1
        # The last slot moves into the one that became free.
        n -= 1
        if high != n:
            qx[high], qy[high], qz[high], qe[high], total[high] = qx[n], qy[n], qz[n], qe[n], total[n]
            rapidity[high], phi[high], factor[high] = rapidity[n], phi[n], factor[n]
            near2[high], dij[high], near[high] = near2[n], dij[n], near[n]
            head[high], tail[high] = head[n], tail[n]
        vacate(n, s)
        m = (n + LANES - 1) // LANES * LANES
        rename(m, n, low, high, near)
        if low >= 0:
            distances(m, rapidity[low], phi[low], rapidity, phi, d2)
            d2[low] = math.inf
            take(m, low, factor[low], d2, factor, near2, near, dij)
            renew(low, m, d2, factor, near2, near, dij)
        for i in range(n):
            if near[i] == STALE:
                distances(m, rapidity[i], phi[i], rapidity, phi, d2)
                d2[i] = math.inf
                near2[i], near[i] = beam2(qx[i], qy[i], rho2, min2, max2), BEAM
                renew(i, m, d2, factor, near2, near, dij)
    return jets
