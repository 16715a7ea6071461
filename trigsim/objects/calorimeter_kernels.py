"""Jets in sliding windows, electrons and photons, and sums, from towers; grids as in `mitigation_kernels`."""

# mypy: ignore-errors

import math

import numpy as np

from trigsim.events.model import N_ETA, N_PHI
from trigsim.objects.column_kernels import above, load, plus, store
from trigsim.objects.jit import inner
from trigsim.objects.layout import EDGE, STRIP_BITS, STRIPS, TOWER_MAX, WIDE
from trigsim.objects.mitigation_kernels import BITS, HALF, LANE, around, flag, flagged, turned_column
from trigsim.objects.scales import PHI_TURN
from trigsim.objects.window_kernels import COLUMN_TURN, TOGETHER, WING, beaten, energy_inside, nothing, sum_of

#: Tower steps in a pT step, as a shift.
TO_PT = 1
#: An e/gamma is isolated when the 5 x 5 towers around hold less than 1/5 of its ET more than pile-up (assumed).
EG_ISOLATION = 5
#: The hadronic energy behind it, less pile-up, is at most 1/8 of its ET (assumed).
EG_HADRONIC = 8


@inner
def is_peak(grid, cell, wing):
    """Whether a tower is the window's maximum; of equal ones the one that is last in eta, then phi order."""
    seed = grid[cell]
    column, first = cell >> BITS, (cell & LANE) - wing
    for step in range(-wing, wing + 1):
        at = turned_column(column + step) * WIDE + first
        for x in range(2 * wing + 1):
            other = grid[at + x]
            if other > seed or (other == seed and (x > wing or (x == wing and step > 0))):
                return False
    return True


@inner
def insert(pt, eta, phi, out_pt, out_eta, out_phi):
    """Insert an object into slots sorted by falling pT; return its slot, or -1 if it is too soft."""
    k = len(out_pt) - 1
    if pt <= out_pt[k]:
        return -1
    while k > 0 and out_pt[k - 1] < pt:
        out_pt[k], out_eta[k], out_phi[k] = out_pt[k - 1], out_eta[k - 1], out_phi[k - 1]
        k -= 1
    out_pt[k], out_eta[k], out_phi[k] = pt, eta, phi
    return k


@inner
def insert_at(k, value, slots):
    """Insert a value at slot k and move the later ones on; the last falls out."""
    for later in range(len(slots) - 1, k, -1):
        slots[later] = slots[later - 1]
    slots[k] = value


@inner
def by_row(n, cells):
    """Sort n cells by eta, then phi; insertion sort."""
    for a in range(1, n):
        cell = cells[a]
        key = (cell & LANE) * N_PHI + (cell >> BITS)
        k = a
        while k > 0 and (cells[k - 1] & LANE) * N_PHI + (cells[k - 1] >> BITS) > key:
            cells[k] = cells[k - 1]
            k -= 1
        cells[k] = cell


@inner
def list_cells(n, cells, grid, listed, strips):
    """List n cells of a grid one by one, and cells without energy after them; sum their columns in `strips`."""
    for k in range(STRIPS * WING, STRIPS * (N_PHI + WING)):
        strips[k] = 0
    for k in range(n):
        cell = cells[k]
        column, lane, et = cell >> BITS, cell & LANE, grid[np.uint64(cell)]
        listed.lane[k], listed.column[k], listed.et[k] = lane, column, et
        listed.turn[k] = np.int32(np.uint32(column * COLUMN_TURN))
        strips[np.uint64(STRIPS * (WING + column) + (lane >> STRIP_BITS))] += et
    for k in range(n, n + TOGETHER):
        listed.et[k] = 0


@inner
def wide_windows(strips, windows):
    """Sum nine columns of two strips around each; return the largest sum.

    A jet's window of nine lanes is within two strips: what these hold, it cannot exceed. So no seed that is quiet
    need be compared with others, and none at all where the largest sum is too small.
    """
    for k in range(STRIPS * WING):
        strips[k] = strips[k + STRIPS * N_PHI]
        strips[k + STRIPS * (N_PHI + WING)] = strips[k + STRIPS * WING]
    for k in range(STRIPS * N_PHI):
        total = strips[k]
        for q in range(1, 2 * WING + 1):
            total += strips[k + STRIPS * q]
        windows[k] = total
    most = np.int32(0)
    for k in range(STRIPS * N_PHI):
        # The strip after the last is another column's first: more than nothing is no less a bound.
        windows[k] += windows[k + 1]
        most = max(most, windows[k])
    return most


@inner
def list_seeds(n, listed, least, seeds):
    """List those of n cells that reach `least`; return their number."""
    m = 0
    for k in range(n):
        a = np.uint64(m)
        seeds.lane[a], seeds.column[a], seeds.turn[a] = listed.lane[k], listed.column[k], listed.turn[k]
        seeds.et[a], seeds.place[a] = listed.et[k], k
        m += np.int64(listed.et[k] >= least)
    for k in range(m, m + TOGETHER):
        seeds.et[k] = 0
    return m


@inner
def is_beaten(a, n, seeds):
    """Whether any of n seeds in the window of seed a exceeds it."""
    lane, turn, et = seeds.lane[a], seeds.turn[a], seeds.et[a]
    found = False
    for first in range(0, n, TOGETHER):
        found |= beaten(seeds.lane, seeds.turn, seeds.et, first, lane, turn, et)
    return found


@inner
def window_sum(lane, turn, n, listed):
    """Return the energy of those of n cells that are in the window around a tower."""
    total = nothing()
    for first in range(0, n, TOGETHER):
        total = plus(total, energy_inside(listed.lane, listed.turn, listed.et, first, lane, turn))
    return np.int64(sum_of(total))


@inner
def peaks(n, n_neutral, seeds, n_cells, listed, windows, least, found):
    """Put those of n seeds first that are the maximum of their window and hold `least` in it; return their number.

    What exceeds a seed is a seed itself, so that only seeds are compared. Neutral cells come first, by eta, then
    phi, then those with tracks alone in their own order: `found` is sorted by keys of that order, which end with a
    seed. The energy of these seeds becomes their window's.
    """
    hopes = 0
    for a in range(n):
        found[hopes] = a
        strip = (seeds.lane[a] - WING) >> STRIP_BITS
        hopes += np.int64(windows[STRIPS * np.int64(seeds.column[a]) + strip] >= least)
    m = 0
    for k in range(hopes):
        a = found[k]
        found[m] = a
        m += np.int64(not is_beaten(a, n, seeds))
    kept = 0
    for k in range(m):
        a = found[k]
        et, place = window_sum(seeds.lane[a], seeds.turn[a], n_cells, listed), np.int64(seeds.place[a])
        order = np.int64(seeds.lane[a]) if place < n_neutral else place + WIDE
        found[kept] = (order << 32) + a
        seeds.et[a] = et
        kept += np.int64(et >= least)
    for k in range(1, kept):
        key, at = found[k], k
        while at > 0 and found[at - 1] > key:
            found[at] = found[at - 1]
            at -= 1
        found[at] = key
    return kept


@inner
def window_jets(par, n_neutral, n_cells, listed, seeds, strips, windows, found, cos, sin, out, i):
    """Find jets among the listed cells of the mitigated grid, H_T and missing H_T on the way."""
    pts = out.jet_pt[i]
    etas = out.jet_eta[i]
    phis = out.jet_phi[i]
    pts[:] = 0
    etas[:] = 0
    phis[:] = 0
    n = 0
    if wide_windows(strips, windows) >= par.jet_min:
        n = list_seeds(n_cells, listed, par.jet_seed, seeds)
        n = peaks(n, n_neutral, seeds, n_cells, listed, windows, par.jet_min, found)
    ht = 0
    hx = 0.0
    hy = 0.0
    for k in range(n):
        a = found[k] & 0xFFFFFFFF
        et = np.int64(seeds.et[a])
        row, column = np.int64(seeds.lane[a]) - EDGE, np.int64(seeds.column[a])
        insert(et >> TO_PT, 2 * row - (N_ETA - 1), 2 * column + 1, pts, etas, phis)
        ring = row - HALF if row >= HALF else HALF - 1 - row
        if et >= par.ht_jet_min and ring < par.tracker_rings:
            ht += et
            hx -= et * cos[column]
            hy -= et * sin[column]
    out.ht_pt[i, 0] = ht >> TO_PT
    store_missing(hx, hy, out.mht_pt[i], out.mht_phi[i])


@inner
def store_missing(x, y, out_pt, out_phi):
    """Store a transverse vector, given in tower steps."""
    pt = math.floor(math.sqrt(x * x + y * y) / (1 << TO_PT))
    out_pt[0] = pt
    out_phi[0] = phi_steps(math.atan2(y, x), PHI_TURN) if pt > 0 else 0


@inner
def phi_steps(phi, turn):
    """Return an azimuth in radians as the nearest of `turn` steps."""
    return np.int64(math.floor(phi / (2 * math.pi) * turn + 0.5)) % turn


@inner
def tower_sums(tracker_rings, fat_rings, n, listed, column, fat_column, cos, sin, out, i):
    """Scalar energy where tracks are, and missing energy of the whole mitigated grid.

    `column` becomes the sums over all rings, `fat_column` those over rings that large-R jets take inputs from.
    """
    column[:] = 0
    fat_column[:] = 0
    total = 0
    low, high = EDGE + HALF - tracker_rings, EDGE + HALF + tracker_rings
    fat_low, fat_high = min(low, EDGE + HALF - fat_rings), max(high, EDGE + HALF + fat_rings)
    for k in range(n):
        lane, at, et = listed.lane[k], listed.column[k], listed.et[k]
        column[at] += et
        fat_column[at] += et if fat_low <= lane < fat_high else 0
        total += et if low <= lane < high else 0
    x = 0.0
    y = 0.0
    for c in range(N_PHI):
        x -= column[c] * cos[c]
        y -= column[c] * sin[c]
    out.et_pt[i, 0] = total >> TO_PT
    store_missing(x, y, out.etm_pt[i], out.etm_phi[i])


@inner
def take_hadronic(towers, hadronic, front):
    """Fill `front` with what of the towers is electromagnetic."""
    for q in range(N_PHI):
        store(above(load(towers, q * WIDE), load(hadronic, q * WIDE)), front, q * WIDE)


@inner
def electron_possible(par, towers, peak, floor, flags, cells):
    """Whether any pair of towers could be an electron or photon, were they all electromagnetic and pile-up none.

    `peak` is the largest tower by lane; `floor`, `flags` and `cells` are memory.
    """
    first, last = inside(par.tracker_rings)
    least, most = max(par.eg_min // 2, 1), 0
    for x in range(WIDE):
        floor[x] = min(least, TOWER_MAX) if first <= x < last else TOWER_MAX
        most = max(most, np.int64(peak[x]) if first <= x < last else 0)
    if most < least:
        return False
    flag(towers, floor, flags)
    for k in range(flagged(flags, flags, cells)):
        cell = cells[k]
        et = np.int64(towers[cell]) + np.int64(towers[highest_neighbour(towers, cell)])
        if first <= (cell & LANE) < last and et >= par.eg_min:
            return True
    return False


@inner
def inside(tracker_rings):
    """Return the first lane where electrons and photons are sought, and the one after the last."""
    return EDGE + max(HALF - tracker_rings, 2), EDGE + min(HALF + tracker_rings, N_ETA - 2)


@inner
def electrons_photons(par, towers, hadronic, front, ring, behind, floor, flags, peaks, out, i):
    """Find pairs of electromagnetic towers above their rings' mean, with little hadronic energy behind them.

    `ring` and `behind` are the sums of each ring's towers and of their hadronic part; `front`, `floor`, `flags` and
    `peaks` are memory.
    """
    pts = out.eg_pt[i]
    etas = out.eg_eta[i]
    phis = out.eg_phi[i]
    isos = out.eg_iso[i]
    pts[:] = 0
    etas[:] = 0
    phis[:] = 0
    isos[:] = 0
    first, last = inside(par.tracker_rings)
    least = par.eg_min // 2
    for x in range(WIDE):
        floor[x] = min(least + (ring[x] - behind[x]) // N_PHI, TOWER_MAX) if first <= x < last else TOWER_MAX
    take_hadronic(towers, hadronic, front)
    flag(front, floor, flags)
    n = 0
    for k in range(flagged(flags, flags, peaks)):
        cell = peaks[k]
        x = cell & LANE
        if first <= x < last and is_peak(front, cell, 1):
            peaks[n] = cell
            n += 1
    by_row(n, peaks)
    for k in range(n):
        cell = peaks[k]
        x = cell & LANE
        second = highest_neighbour(front, cell)
        et = np.int64(front[cell]) + np.int64(front[second]) - 2 * np.int64(ring[x] - behind[x]) // N_PHI
        if et < par.eg_min:
            continue
        leak = np.int64(hadronic[cell]) + np.int64(hadronic[second]) - 2 * np.int64(behind[x]) // N_PHI
        if EG_HADRONIC * leak > et:
            continue
        slot = insert(et >> TO_PT, 2 * (x - EDGE) - (N_ETA - 1), 2 * (cell >> BITS) + 1, pts, etas, phis)
        if slot >= 0:
            rest = np.int64(around(towers, cell, 2)) - 25 * np.int64(ring[x]) // N_PHI - et
            insert_at(slot, 1 if EG_ISOLATION * rest <= et else 0, isos)


@inner
def highest_neighbour(grid, cell):
    """Return the highest direct neighbour of a tower; of equal ones the first in phi - 1, + 1, eta - 1, + 1."""
    column, x = cell >> BITS, cell & LANE
    best = turned_column(column - 1) * WIDE + x
    for other in (turned_column(column + 1) * WIDE + x, cell - 1, cell + 1):
        if grid[other] > grid[best]:
            best = other
    return best
