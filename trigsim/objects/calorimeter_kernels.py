"""Jets in sliding windows, electrons and photons, and sums, from towers."""

# mypy: ignore-errors

import math

import numpy as np

from trigsim.events.model import N_ETA, N_PHI, TOWER_PHI
from trigsim.objects.jit import inner
from trigsim.objects.mitigation_kernels import HALF
from trigsim.objects.scales import PHI_TURN

#: Half the side of a jet's window of 9 x 9 towers.
WING = 4
#: Tower steps in a pT step, as a shift.
TO_PT = 1
#: An e/gamma is isolated when the 5 x 5 towers around hold less than 1/5 of its ET more than pile-up (assumed).
EG_ISOLATION = 5


@inner
def is_peak(grid, row, column, wing):
    """Whether a tower is the window's maximum; of equal ones the one that is last in row, then column order."""
    seed = grid[row, column]
    for r in range(max(row - wing, 0), min(row + wing + 1, N_ETA)):
        for c in range(column - wing, column + wing + 1):
            other = grid[r, c % N_PHI]
            if other > seed or (other == seed and (r > row or (r == row and c > column))):
                return False
    return True


@inner
def window_sum(grid, row, column, wing):
    """Return the sum of the window."""
    total = 0
    for r in range(max(row - wing, 0), min(row + wing + 1, N_ETA)):
        for c in range(column - wing, column + wing + 1):
            total += grid[r, c % N_PHI]
    return total


@inner
def insert(pt, eta, phi, out_pt, out_eta, out_phi):
    """Insert an object into slots sorted by falling pT; return its slot, or -1 if it is too soft."""
    slots = len(out_pt)
    if pt <= out_pt[slots - 1]:
        return -1
    k = slots - 1
    while k > 0 and out_pt[k - 1] < pt:
        k -= 1
    insert_at(k, pt, out_pt)
    insert_at(k, eta, out_eta)
    insert_at(k, phi, out_phi)
    return k


@inner
def insert_at(k, value, slots):
    """Insert a value at slot k and move the later ones on; the last falls out."""
    for later in range(len(slots) - 1, k, -1):
        slots[later] = slots[later - 1]
    slots[k] = value


@inner
def window_jets(par, grid, cells, out, i):
    """Find jets among the filled cells of the mitigated grid, H_T and missing H_T on the way."""
    pts = out.jet_pt[i]
    etas = out.jet_eta[i]
    phis = out.jet_phi[i]
    pts[:] = 0
    etas[:] = 0
    phis[:] = 0
    ht = 0
    hx = 0.0
    hy = 0.0
    for cell in cells:
        row = cell // N_PHI
        column = cell % N_PHI
        if grid[row, column] < par.jet_seed or not is_peak(grid, row, column, WING):
            continue
        et = window_sum(grid, row, column, WING)
        if et < par.jet_min:
            continue
        insert(et >> TO_PT, 2 * row - (N_ETA - 1), 2 * column + 1, pts, etas, phis)
        ring = row - HALF if row >= HALF else HALF - 1 - row
        if et >= par.ht_jet_min and ring < par.tracker_rings:
            ht += et
            hx -= et * math.cos((column + 0.5) * TOWER_PHI)
            hy -= et * math.sin((column + 0.5) * TOWER_PHI)
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
def tower_sums(par, grid, cells, column, out, i):
    """Scalar energy where tracks are, and missing energy of the whole mitigated grid."""
    column[:] = 0
    total = 0
    for cell in cells:
        row = cell // N_PHI
        et = grid[row, cell % N_PHI]
        column[cell % N_PHI] += et
        ring = row - HALF if row >= HALF else HALF - 1 - row
        if ring < par.tracker_rings:
            total += et
    x = 0.0
    y = 0.0
    for c in range(N_PHI):
        x -= column[c] * math.cos((c + 0.5) * TOWER_PHI)
        y -= column[c] * math.sin((c + 0.5) * TOWER_PHI)
    out.et_pt[i, 0] = total >> TO_PT
    store_missing(x, y, out.etm_pt[i], out.etm_phi[i])


@inner
def electrons_photons(par, towers, ring, top, out, i):
    """Find pairs of towers above their rings' mean: an e/gamma, with no word on hadronic energy behind it."""
    pts = out.eg_pt[i]
    etas = out.eg_eta[i]
    phis = out.eg_phi[i]
    isos = out.eg_iso[i]
    pts[:] = 0
    etas[:] = 0
    phis[:] = 0
    isos[:] = 0
    for row in range(max(HALF - par.tracker_rings, 2), min(HALF + par.tracker_rings, N_ETA - 2)):
        mean = ring[row]
        least = par.eg_min // 2 + mean
        if top[row] < least:
            continue
        for column in range(N_PHI):
            if towers[row, column] < least or not is_peak(towers, row, column, 1):
                continue
            left = towers[row, (column - 1) % N_PHI]
            right = towers[row, (column + 1) % N_PHI]
            second = max(left, right, towers[row - 1, column], towers[row + 1, column])
            et = np.int64(towers[row, column]) + second - 2 * mean
            if et < par.eg_min:
                continue
            k = insert(et >> TO_PT, 2 * row - (N_ETA - 1), 2 * column + 1, pts, etas, phis)
            if k >= 0:
                around = window_sum(towers, row, column, 2) - 23 * mean - et
                insert_at(k, 1 if EG_ISOLATION * around <= et else 0, isos)
