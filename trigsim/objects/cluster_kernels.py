"""Sequential recombination, after M. Cacciari, G. Salam, Phys. Lett. B 641 (2006) 57.

With kT-power p (anti-kT -1, kT +1) and a radius that may vary with pT (D. Krohn, J. Thaler, L. Wang, JHEP 06
(2009) 059): d_ij = min(kT_i^2p, kT_j^2p) dR_ij^2 and d_iB = kT_i^2p R(pT_i)^2, with R = rho / pT within
[R_min, R_max]. Only geometric nearest neighbours are kept, so that the cost is N^2. E-scheme, rapidity and
azimuth, float64. Equal distances are decided as FastJet's N2Plain strategy does: by the order of its array.
"""

# mypy: ignore-errors

import math

from numba import njit

TWO_PI = 2 * math.pi


@njit(cache=True, nogil=True)
def place(i, px, py, pz, energy, power, rho2, min2, max2, s):
    """Fill slot i with a pseudojet that has the beam as nearest."""
    s.px[i] = px
    s.py[i] = py
    s.pz[i] = pz
    s.energy[i] = energy
    kt2 = px * px + py * py
    phi = math.atan2(py, px)
    if phi < 0.0:
        phi += TWO_PI
    if phi >= TWO_PI:
        phi -= TWO_PI
    s.phi[i] = phi
    mass2 = max(0.0, (energy + pz) * (energy - pz) - kt2)
    forward = energy + abs(pz)
    rapidity = 0.5 * math.log((kt2 + mass2) / (forward * forward))
    s.rapidity[i] = -rapidity if pz > 0.0 else rapidity
    s.factor[i] = 1.0 / kt2 if power < 0 else kt2
    s.near[i] = -1
    s.near2[i] = min(max(rho2 / kt2, min2), max2)


@njit(cache=True, nogil=True)
def distance2(i, j, s):
    """Return the squared distance of slots i and j."""
    dphi = abs(s.phi[i] - s.phi[j])
    if dphi > math.pi:
        dphi = TWO_PI - dphi
    drap = s.rapidity[i] - s.rapidity[j]
    return dphi * dphi + drap * drap


@njit(cache=True, nogil=True)
def update_dij(i, s):
    """Set the distance measure of slot i from its nearest."""
    factor = s.factor[i]
    if s.near[i] >= 0:
        factor = min(factor, s.factor[s.near[i]])
    s.dij[i] = factor * s.near2[i]


@njit(cache=True, nogil=True)
def start(n, px, py, pz, energy, power, rho2, min2, max2, s):
    """Fill the slots with n inputs (no pT may be zero) and find all nearest neighbours."""
    for i in range(n):
        place(i, px[i], py[i], pz[i], energy[i], power, rho2, min2, max2, s)
        s.total[i] = math.sqrt(px[i] * px[i] + py[i] * py[i])
        s.head[i] = i
        s.tail[i] = i
        s.chain[i] = -1
        s.label[i] = -1
        for j in range(i):
            d2 = distance2(i, j, s)
            if d2 < s.near2[j]:
                s.near2[j] = d2
                s.near[j] = i
            if d2 < s.near2[i]:
                s.near2[i] = d2
                s.near[i] = j
    for i in range(n):
        update_dij(i, s)


@njit(cache=True, nogil=True)
def smallest(n, s):
    """Return the slot of the smallest distance measure."""
    best = 0
    least = s.dij[0]
    for i in range(1, n):
        if s.dij[i] < least:
            least = s.dij[i]
            best = i
    return best


@njit(cache=True, nogil=True)
def move(source, target, s):
    """Copy one slot onto another."""
    s.px[target] = s.px[source]
    s.py[target] = s.py[source]
    s.pz[target] = s.pz[source]
    s.energy[target] = s.energy[source]
    s.total[target] = s.total[source]
    s.rapidity[target] = s.rapidity[source]
    s.phi[target] = s.phi[source]
    s.factor[target] = s.factor[source]
    s.near2[target] = s.near2[source]
    s.dij[target] = s.dij[source]
    s.near[target] = s.near[source]
    s.head[target] = s.head[source]
    s.tail[target] = s.tail[source]


@njit(cache=True, nogil=True)
def settle(n, gone, merged, rho2, min2, max2, s):
    """Repair nearest neighbours after slot `gone` left and slot `merged` (-1 for none) was replaced.

    The last of the n + 1 slots moves into `gone`.
    """
    if gone != n:
        move(n, gone, s)
    for i in range(n):
        near = s.near[i]
        stale = near == gone or (near == merged and merged >= 0)
        if stale:
            kt2 = s.px[i] * s.px[i] + s.py[i] * s.py[i]
            s.near[i] = -1
            s.near2[i] = min(max(rho2 / kt2, min2), max2)
            for j in range(n):
                if j != i:
                    d2 = distance2(i, j, s)
                    if d2 < s.near2[i]:
                        s.near2[i] = d2
                        s.near[i] = j
        if merged >= 0 and i != merged:
            d2 = distance2(i, merged, s)
            if d2 < s.near2[i]:
                s.near2[i] = d2
                s.near[i] = merged
                stale = True
            if d2 < s.near2[merged]:
                s.near2[merged] = d2
                s.near[merged] = i
        if not stale and near == n:
            s.near[i] = gone
        if stale:
            update_dij(i, s)
    if merged >= 0:
        update_dij(merged, s)


@njit(cache=True, nogil=True)
def merge(i, n, power, rho2, min2, max2, s):
    """Merge slot i with its nearest among n slots; return n - 1."""
    low = min(i, s.near[i])
    high = max(i, s.near[i])
    place(
        low,
        s.px[low] + s.px[high],
        s.py[low] + s.py[high],
        s.pz[low] + s.pz[high],
        s.energy[low] + s.energy[high],
        power,
        rho2,
        min2,
        max2,
        s,
    )
    s.total[low] += s.total[high]
    s.chain[s.tail[low]] = s.head[high]
    s.tail[low] = s.tail[high]
    settle(n - 1, high, low, rho2, min2, max2, s)
    return n - 1


@njit(cache=True, nogil=True)
def inclusive(n, px, py, pz, energy, power, rho2, min2, max2, min_pt, s):
    """Cluster n inputs; return the number of jets of at least `min_pt`, in the order in which they end.

    Jets are in `s.jet_*` and the labels of inputs in `s.label`. It stops as soon as what is left cannot make a
    jet: a jet's pT is at most the scalar sum of its inputs'.
    """
    start(n, px, py, pz, energy, power, rho2, min2, max2, s)
    left = 0.0
    for i in range(n):
        left += s.total[i]
    jets = 0
    while n > 0 and left + 1e-6 > min_pt:
        i = smallest(n, s)
        if s.near[i] >= 0:
            n = merge(i, n, power, rho2, min2, max2, s)
            continue
        left -= s.total[i]
        if s.px[i] * s.px[i] + s.py[i] * s.py[i] >= min_pt * min_pt:
            s.jet_px[jets] = s.px[i]
            s.jet_py[jets] = s.py[i]
            s.jet_pz[jets] = s.pz[i]
            s.jet_energy[jets] = s.energy[i]
            k = s.head[i]
            while k >= 0:
                s.label[k] = jets
                k = s.chain[k]
            jets += 1
        n -= 1
        settle(n, i, -1, rho2, min2, max2, s)
    return jets


@njit(cache=True, nogil=True)
def exclusive_kt(n, px, py, pz, energy, s):
    """Merge n inputs by kT without a beam; keep axes and scales of the last three steps in `s`."""
    far = 1e30
    start(n, px, py, pz, energy, 1, far, far, far, s)
    s.scales[:] = 0.0
    while n > 1:
        if n <= 3:
            keep_axes(n, s)
        i = smallest(n, s)
        if n <= 4:
            s.scales[n - 2] = s.dij[i]
        n = merge(i, n, 1, far, far, far, s)
    keep_axes(n, s)


@njit(cache=True, nogil=True)
def keep_axes(n, s):
    """Note the directions of the n pseudojets left."""
    for i in range(n):
        s.axes[n - 1, i, 0] = s.rapidity[i]
        s.axes[n - 1, i, 1] = s.phi[i]
