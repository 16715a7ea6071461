"""Large-R jets and track jets of one crossing: their inputs, and what is kept of them."""

# mypy: ignore-errors

import math

from trigsim.events.model import FINE, N_PHI, TOWER_PHI, TRACK_D0
from trigsim.objects.cluster_kernels import cluster
from trigsim.objects.jit import inner
from trigsim.objects.layout import EDGE, MAX_TRACK_JETS, WIDE
from trigsim.objects.mitigation_kernels import (
    BITS,
    ET_STEP,
    HALF,
    LANE,
    TRACK_ETA_STEP,
    TRACK_PHI_STEP,
    TRACK_PT_STEP,
)

PION_MASS = 0.13957
D0_STEP = TRACK_D0.lsb
#: Scale of a ghost: too soft to change any sum in float64.
GHOST = 1e-100


@inner
def large_jet_possible(par, n_tracks, n_neutral, chosen, cells, neutral, column, columns, cos, sin):
    """Whether any jet of the inputs could have the pT that large-R jets need.

    A jet's pT is the length of the vector sum of some inputs. No choice of inputs makes it longer than the best
    half turn of columns does, with every input in the middle of its column, plus what tracks are off the middle.
    First `column` is looked at, sums of inputs, and maybe of more, that are known already; it settles nearly all.
    """
    if par.fat_min == math.inf:
        return False
    weight = columns[0]
    of_tracks = 0.0
    for k in range(n_tracks):
        of_tracks += chosen.pt[k] * TRACK_PT_STEP
    slack = 0.5 * TOWER_PHI * of_tracks
    for c in range(N_PHI):
        weight[c] = column[c] * ET_STEP
    # There tracks are rounded to tower steps.
    if longest_half_turn(columns, cos, sin) + slack + 0.5 * ET_STEP * n_tracks < par.fat_min:
        return False
    weight[:] = 0.0
    for k in range(n_tracks):
        weight[chosen.phi[k] // FINE] += chosen.pt[k] * TRACK_PT_STEP
    low, high = EDGE + HALF - par.fat_rings, EDGE + HALF + par.fat_rings
    for k in range(n_neutral):
        weight[cells[k] >> BITS] += neutral[k] * ET_STEP if low <= (cells[k] & LANE) < high else 0.0
    return longest_half_turn(columns, cos, sin) + slack >= par.fat_min


@inner
def longest_half_turn(columns, cos, sin):
    """Return the longest vector sum of half a turn of columns, with a little more than what rounding can do.

    The first of `columns` is the energy of each; the others are memory.
    """
    weight, x, y = columns[0], columns[1], columns[2]
    for c in range(N_PHI):
        x[c] = weight[c] * cos[c]
        y[c] = weight[c] * sin[c]
    half_x, half_y, rest_x, rest_y = 0.0, 0.0, 0.0, 0.0
    for c in range(N_PHI // 2):
        half_x += x[c]
        half_y += y[c]
        rest_x += x[c + N_PHI // 2]
        rest_y += y[c + N_PHI // 2]
    longest2 = 0.0
    for c in range(N_PHI // 2):
        longest2 = max(longest2, half_x * half_x + half_y * half_y, rest_x * rest_x + rest_y * rest_y)
        x_in, y_in = x[c + N_PHI // 2] - x[c], y[c + N_PHI // 2] - y[c]
        half_x += x_in
        half_y += y_in
        rest_x -= x_in
        rest_y -= y_in
    return math.sqrt(longest2) + 1e-3


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
        start[cells[k] & LANE] += 1
    for x in range(WIDE):
        count = start[x] if low <= x < high else 0
        start[x] = n
        n += count
    for k in range(n_neutral):
        lane, c = cells[k] & LANE, cells[k] >> BITS
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
