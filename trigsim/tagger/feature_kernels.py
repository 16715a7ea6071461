"""The features of one large-R jet, from the workspace of its crossing."""

# mypy: ignore-errors

import math

import numpy as np
from numba import njit

from trigsim.events.model import TOWER_ETA
from trigsim.objects.cluster_kernels import FAR2, azimuth, cluster, distance2, rapidity_of
from trigsim.objects.jit import inner
from trigsim.objects.layout import LANES
from trigsim.objects.store_kernels import momentum, nearest_step
from trigsim.tagger.feature_table import LSB, MAXIMUM, MINIMUM

# Columns; the order of `features.FEATURES`.
C2, D2, TAU21, TAU32, D12, D23, N, WIDTH = 3, 4, 5, 6, 7, 8, 9, 10
TRACK_JET, TRACK_JET_SIZE, PAIR_DR, PAIR_MASS = 11, 13, 37, 38
#: A track is displaced when its signed d0 significance is above this.
DISPLACED = 2.0


@njit(cache=True, nogil=True, _nrt=True)
def candidate_features(work, jet, wanted, a, b, row):
    """Fill the wanted features of one large-R jet.

    Parameters
    ----------
    work : Workspace
        As `reconstruct_crossing` left it.
    jet : int
        Slot of the large-R jet.
    wanted : bool array, shape (39,)
    a, b : float64 arrays, shape (58,)
        mm and mm GeV of sigma(d0)^2 = a^2 + b^2 / (pT^2 sin(theta)), by ring in abs(eta); see
        `features.d0_table`.
    row : int32 array, shape (39,)
        Written where wanted.
    """
    pt, eta, phi, mass = momentum(work.fat[jet])
    axis_y = rapidity(work.fat[jet])
    put(0, pt, wanted, row)
    put(1, eta, wanted, row)
    put(2, mass, wanted, row)
    first = work.fat_start[jet]
    last = work.fat_start[jet + 1]
    put(N, float(last - first), wanted, row)
    if wanted[WIDTH] or wanted[C2 : D23 + 1].any():
        gather(work, first, last)
    n = last - first
    if wanted[WIDTH]:
        put(WIDTH, width(n, axis_y, phi, work.sub), wanted, row)
    if wanted[C2] or wanted[D2]:
        stride = n + LANES
        # A jet of very many constituents gets memory of its own.
        pairs = work.pairs if n * stride <= len(work.pairs) else np.empty(n * stride)
        e2, e3 = correlators(n, work.sub[4], work.sub[5], work.sub[6], work.sub[7], pairs)
        put(C2, e3 / (e2 * e2) if e2 > 0.0 else 0.0, wanted, row)
        put(D2, e3 / (e2 * e2 * e2) if e2 > 0.0 else 0.0, wanted, row)
    if wanted[TAU21 : D23 + 1].any():
        kt_features(n, work, wanted, row)
    if wanted[TRACK_JET:].any():
        track_jet_features(work, jet, axis_y, phi, wanted, a, b, row)


@inner
def put(column, value, wanted, row):
    """Write one feature on its scale, saturated."""
    if wanted[column]:
        # Clip first: what is beyond int64 has no integer.
        steps = min(max(value / LSB[column], MINIMUM[column] - 1.0), MAXIMUM[column] + 1.0)
        row[column] = min(max(nearest_step(steps, 1.0), np.int64(MINIMUM[column])), np.int64(MAXIMUM[column]))


@inner
def rapidity(p):
    """Return the rapidity of a four-momentum."""
    return rapidity_of(p[0] * p[0] + p[1] * p[1], p[2], p[3])


@inner
def gather(work, first, last):
    """Copy the constituents' four-momenta, share of pT, rapidity, azimuth to `work.sub`."""
    sub = work.sub
    total = 0.0
    for k in range(first, last):
        c = work.constituent[k]
        n = k - first
        sub[0, n] = work.px[c]
        sub[1, n] = work.py[c]
        sub[2, n] = work.pz[c]
        sub[3, n] = work.energy[c]
        sub[4, n] = work.pt[c]
        sub[5, n] = rapidity_of(sub[0, n] ** 2 + sub[1, n] ** 2, sub[2, n], sub[3, n])
        sub[6, n] = work.phi[c]
        total += work.pt[c]
    for n in range(last - first):
        sub[4, n] /= total


@inner
def width(n, axis_y, axis_phi, sub):
    """Return the pT-weighted mean distance to an axis."""
    mean = 0.0
    for k in range(n):
        mean += sub[4, k] * math.sqrt(distance2(sub[5, k], sub[6, k], axis_y, axis_phi))
    return mean


@inner
def correlators(n, z, y, phi, third, pairs):
    """Return the normalised energy correlation functions e2 and e3 with beta = 1.

    Row i of `pairs` holds the distances to the constituents before i, then zeros up to a multiple of `LANES`;
    with them every innermost loop is whole vectors. `third` sums by the third of three.
    """
    stride = (n + LANES - 1) // LANES * LANES
    e2 = 0.0
    for i in range(n):
        row = pairs[i * stride : (i + 1) * stride]
        for j in range(i):
            row[j] = math.sqrt(distance2(y[i], phi[i], y[j], phi[j]))
        row[i:] = 0.0
        for j in range(i):
            e2 += z[i] * z[j] * row[j]
    third[:stride] = 0.0
    for i in range(n):
        row = pairs[i * stride : (i + 1) * stride]
        for j in range(i):
            other = pairs[j * stride : (j + 1) * stride]
            weight = z[i] * z[j] * row[j]
            for k in range((j + LANES - 1) // LANES * LANES):
                third[k] += weight * row[k] * other[k]
    e3 = 0.0
    for k in range(n):
        e3 += z[k] * third[k]
    return e2, e3


@inner
def kt_features(n, work, wanted, row):
    """N-subjettiness ratios and splitting scales from one kT clustering of the constituents."""
    s = work.cluster
    sub = work.sub
    cluster(n, sub[0], sub[1], sub[2], sub[3], 1, FAR2, FAR2, FAR2, 0.0, s)
    put(D12, math.sqrt(s.scales[0]), wanted, row)
    put(D23, math.sqrt(s.scales[1]), wanted, row)
    tau1 = subjettiness(n, 1, s.axes, sub)
    tau2 = subjettiness(n, 2, s.axes, sub) if n > 1 else 0.0
    tau3 = subjettiness(n, 3, s.axes, sub) if n > 2 else 0.0
    put(TAU21, tau2 / tau1 if tau1 > 0.0 else 0.0, wanted, row)
    put(TAU32, tau3 / tau2 if tau2 > 0.0 else 0.0, wanted, row)


@inner
def subjettiness(n, axes, directions, sub):
    """Return tau_N with beta = 1, R0 = 1 for given axes."""
    tau = 0.0
    for k in range(n):
        least = 1e30
        for a in range(axes):
            axis = directions[axes - 1, a]
            least = min(least, distance2(sub[5, k], sub[6, k], axis[0], axis[1]))
        tau += sub[4, k] * math.sqrt(least)
    return tau


@inner
def track_jet_features(work, jet, axis_y, axis_phi, wanted, a, b, row):
    """Features of the two leading track jets of a large-R jet, and of the pair; 0 where there is none."""
    for column in range(TRACK_JET, len(row)):
        put(column, 0.0, wanted, row)
    found = 0
    leading = -1
    for t in range(work.counts[2]):
        if work.track_jet_fat[t] != jet:
            continue
        column = TRACK_JET + found * TRACK_JET_SIZE
        if wanted[column : column + TRACK_JET_SIZE].any():
            one_track_jet(work, t, axis_y, axis_phi, column, wanted, a, b, row)
        found += 1
        if found == 1:
            leading = t
        else:
            pair_features(work.track_jet[leading], work.track_jet[t], work.sub[1, :4], wanted, row)
            break


@inner
def pair_features(p, q, both, wanted, row):
    """Distance and mass of two track jets; `both` is memory for their sum."""
    d2 = distance2(rapidity(p), azimuth(p[0], p[1]), rapidity(q), azimuth(q[0], q[1]))
    put(PAIR_DR, math.sqrt(d2), wanted, row)
    for c in range(4):
        both[c] = p[c] + q[c]
    put(PAIR_MASS, momentum(both)[3], wanted, row)


@inner
def one_track_jet(work, t, axis_y, axis_phi, column, wanted, a, b, row):
    """Kinematics and displacement of track jet t."""
    pt, eta, phi, mass = momentum(work.track_jet[t])
    put(column, pt, wanted, row)
    put(column + 1, eta, wanted, row)
    put(column + 2, math.sqrt(distance2(rapidity(work.track_jet[t]), phi, axis_y, axis_phi)), wanted, row)
    put(column + 3, mass, wanted, row)
    put(column + 4, float(work.track_jet_tracks[t]), wanted, row)
    if not wanted[column + 5 : column + TRACK_JET_SIZE].any():
        return
    displaced = 0
    largest = work.sub[0, :3]
    largest[:] = -1e30
    total = 0.0
    p = work.sub[1, :4]
    p[:] = 0.0
    # Weighted sums of the straight-line fit d0 = x sin(phi) - y cos(phi) of a common vertex (x, y).
    ss, sc, cc, sd, cd = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(work.counts[0]):
        if work.track_label[k] != t:
            continue
        weight = 1.0 / d0_variance(work.pt[k], work.eta[k], work.cosh_eta[k], a, b)
        d0 = work.d0[k]
        significance = abs(d0) * math.sqrt(weight)
        if d0 * math.sin(work.phi[k] - phi) < 0.0:
            significance = -significance
        total += significance
        rank_in(significance, largest)
        if significance > DISPLACED:
            displaced += 1
            p[0] += work.px[k]
            p[1] += work.py[k]
            p[2] += work.pz[k]
            p[3] += work.energy[k]
            sin = math.sin(work.phi[k])
            cos = math.cos(work.phi[k])
            ss += weight * sin * sin
            sc += weight * sin * cos
            cc += weight * cos * cos
            sd += weight * sin * d0
            cd += weight * cos * d0
    put(column + 5, float(displaced), wanted, row)
    for r in range(3):
        put(column + 6 + r, largest[r] if largest[r] > -1e30 else 0.0, wanted, row)
    put(column + 9, total, wanted, row)
    if displaced < 2:
        return
    put(column + 10, momentum(p)[3], wanted, row)
    put(column + 11, p[3] / work.track_jet[t, 3], wanted, row)
    put(column + 12, flight_significance(ss, sc, cc, sd, cd, math.cos(phi), math.sin(phi)), wanted, row)


@njit(cache=True, nogil=True)
def d0_variance(pt, eta, cosh_eta, a, b):
    """Return sigma(d0)^2 in mm^2; 1 / sin(theta) is cosh(eta)."""
    ring = min(int(abs(eta) / TOWER_ETA), len(a) - 1)
    return a[ring] * a[ring] + b[ring] * b[ring] * cosh_eta / (pt * pt)


@inner
def rank_in(value, largest):
    """Insert a value into the falling list of the largest."""
    k = len(largest) - 1
    if value <= largest[k]:
        return
    while k > 0 and largest[k - 1] < value:
        largest[k] = largest[k - 1]
        k -= 1
    largest[k] = value


@inner
def flight_significance(ss, sc, cc, sd, cd, ux, uy):
    """Return the fitted vertex' distance along (ux, uy) over its error; 0 where the tracks are parallel.

    Normal equations of sum w (x sin - y cos - d0)^2: [[ss, -sc], [-sc, cc]] (x, y) = (sd, -cd).
    """
    determinant = ss * cc - sc * sc
    if determinant <= 1e-9 * ss * cc:
        return 0.0
    x = (cc * sd - sc * cd) / determinant
    y = (sc * sd - ss * cd) / determinant
    variance = (cc * ux * ux + 2.0 * sc * ux * uy + ss * uy * uy) / determinant
    return (x * ux + y * uy) / math.sqrt(variance)
