"""Jets in sliding windows, electrons and photons, and sums, from towers; grids as in `mitigation_kernels`."""

# mypy: ignore-errors

import math

import numpy as np

from trigsim.events.model import N_ETA, N_PHI
from trigsim.objects.jit import inner
from trigsim.objects.layout import CELLS, EDGE, TOWER_MAX, WIDE
from trigsim.objects.mitigation_kernels import HALF, around, flagged, turned_column
from trigsim.objects.scales import PHI_TURN

#: Half the side of a jet's window of 9 x 9 towers.
WING = 4
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
    column, first = cell // WIDE, cell % WIDE - wing
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
        key = cell % WIDE * N_PHI + cell // WIDE
        k = a
        while k > 0 and cells[k - 1] % WIDE * N_PHI + cells[k - 1] // WIDE > key:
            cells[k] = cells[k - 1]
            k -= 1
        cells[k] = cell


@inner
def seeds(n_cells, cells, grid, least, start, found):
    """List the places in `cells` of towers of at least `least`, by eta; return their number."""
    start[:] = 0
    for k in range(n_cells):
        start[cells[k] % WIDE] += grid[cells[k]] >= least
    n = 0
    for x in range(WIDE):
        count = start[x]
        start[x] = n
        n += count
    for k in range(n_cells):
        x = cells[k] % WIDE
        if grid[cells[k]] >= least:
            found[start[x]] = k
            start[x] += 1
    return n


@inner
def peaks(n, n_neutral, cells, grid, beaten, found, kept):
    """List in `kept` those of n seeds, sorted by eta, that are the maximum of their window; return their number.

    What exceeds a seed is a seed itself, so that only seeds are compared; of equal ones the last in eta, then phi
    order stays. Neutral cells come first, in that order, then those with tracks alone in their own.
    """
    for a in range(n):
        beaten[a] = 0
    for a in range(n):
        one = cells[found[a]]
        for b in range(a + 1, n):
            other = cells[found[b]]
            apart = other % WIDE - one % WIDE
            if apart > WING:
                break
            step = other // WIDE - one // WIDE
            if step > N_PHI // 2:
                step -= N_PHI
            elif step < -N_PHI // 2:
                step += N_PHI
            if abs(step) > WING:
                continue
            if grid[other] > grid[one] or (grid[other] == grid[one] and (apart > 0 or step > 0)):
                beaten[a] = 1
            else:
                beaten[b] = 1
    m = 0
    for a in range(n):
        if beaten[a] == 0 and found[a] < n_neutral:
            kept[m] = found[a]
            m += 1
    for a in range(n):
        if beaten[a] == 0 and found[a] >= n_neutral:
            k = m
            while k > 0 and kept[k - 1] > found[a] and kept[k - 1] >= n_neutral:
                kept[k] = kept[k - 1]
                k -= 1
            kept[k] = found[a]
            m += 1
    return m


@inner
def window_jets(par, grid, cells, n_neutral, n_cells, start, beaten, found, cos, sin, out, i):
    """Find jets among the filled cells of the mitigated grid, H_T and missing H_T on the way."""
    pts = out.jet_pt[i]
    etas = out.jet_eta[i]
    phis = out.jet_phi[i]
    pts[:] = 0
    etas[:] = 0
    phis[:] = 0
    n = seeds(n_cells, cells, grid, par.jet_seed, start, found)
    kept = found[n:]
    n = peaks(n, n_neutral, cells, grid, beaten, found, kept)
    ht = 0
    hx = 0.0
    hy = 0.0
    for k in range(n):
        cell = cells[kept[k]]
        et = around(grid, cell, WING)
        if et < par.jet_min:
            continue
        row = cell % WIDE - EDGE
        column = cell // WIDE
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
def tower_sums(tracker_rings, grid, cells, column, cos, sin, out, i):
    """Scalar energy where tracks are, and missing energy of the whole mitigated grid."""
    column[:] = 0
    total = 0
    low, high = EDGE + HALF - tracker_rings, EDGE + HALF + tracker_rings
    for cell in cells:
        et = grid[cell]
        column[cell // WIDE] += et
        if low <= cell % WIDE < high:
            total += et
    x = 0.0
    y = 0.0
    for c in range(N_PHI):
        x -= column[c] * cos[c]
        y -= column[c] * sin[c]
    out.et_pt[i, 0] = total >> TO_PT
    store_missing(x, y, out.etm_pt[i], out.etm_phi[i])


@inner
def mark_reached(grid, floor, flags):
    """Flag the towers that reach their ring's `floor`."""
    for q in range(N_PHI):
        for x in range(WIDE):
            flags[q * WIDE + x] = grid[q * WIDE + x] >= floor[x]


@inner
def take_hadronic(towers, hadronic, front):
    """Fill `front` with what of the towers is electromagnetic."""
    for cell in range(CELLS):
        front[cell] = towers[cell] - hadronic[cell]


@inner
def electrons_photons(par, towers, hadronic, front, ring, behind, floor, flags, words, peaks, out, i):
    """Find pairs of electromagnetic towers above their rings' mean, with little hadronic energy behind them.

    `ring` and `behind` are the sums of each ring's towers and of their hadronic part; `front`, `floor`, `flags`,
    `words` and `peaks` are memory.
    """
    pts = out.eg_pt[i]
    etas = out.eg_eta[i]
    phis = out.eg_phi[i]
    isos = out.eg_iso[i]
    pts[:] = 0
    etas[:] = 0
    phis[:] = 0
    isos[:] = 0
    first = EDGE + max(HALF - par.tracker_rings, 2)
    last = EDGE + min(HALF + par.tracker_rings, N_ETA - 2)
    least = par.eg_min // 2
    for x in range(WIDE):
        floor[x] = min(least + (ring[x] - behind[x]) // N_PHI, TOWER_MAX) if first <= x < last else TOWER_MAX
    take_hadronic(towers, hadronic, front)
    mark_reached(front, floor, flags)
    n = 0
    for k in range(flagged(words, flags, peaks)):
        cell = peaks[k]
        x = cell % WIDE
        if first <= x < last and is_peak(front, cell, 1):
            peaks[n] = cell
            n += 1
    by_row(n, peaks)
    for k in range(n):
        cell = peaks[k]
        x = cell % WIDE
        second = highest_neighbour(front, cell)
        et = np.int64(front[cell]) + np.int64(front[second]) - 2 * np.int64(ring[x] - behind[x]) // N_PHI
        if et < par.eg_min:
            continue
        leak = np.int64(hadronic[cell]) + np.int64(hadronic[second]) - 2 * np.int64(behind[x]) // N_PHI
        if EG_HADRONIC * leak > et:
            continue
        slot = insert(et >> TO_PT, 2 * (x - EDGE) - (N_ETA - 1), 2 * (cell // WIDE) + 1, pts, etas, phis)
        if slot >= 0:
            rest = np.int64(around(towers, cell, 2)) - 25 * np.int64(ring[x]) // N_PHI - et
            insert_at(slot, 1 if EG_ISOLATION * rest <= et else 0, isos)


@inner
def highest_neighbour(grid, cell):
    """Return the highest direct neighbour of a tower; of equal ones the first in phi - 1, + 1, eta - 1, + 1."""
    column, x = cell // WIDE, cell % WIDE
    best = turned_column(column - 1) * WIDE + x
    for other in (turned_column(column + 1) * WIDE + x, cell - 1, cell + 1):
        if grid[other] > grid[best]:
            best = other
    return best
