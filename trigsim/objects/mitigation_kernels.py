# mypy: ignore-errors
"""Primary vertex, track association, and towers with the pile-up taken out.

Grids are flat, one column of towers in phi after the other, each `WIDE` cells long (see `layout`): every pass over
a grid is whole vectors, rings are summed side by side, and a window needs no care at the ends in eta.
"""

import numpy as np

from trigsim.events.model import FINE, N_ETA, N_PHI, TOWER_ET, TOWER_ETA, TOWER_PHI, TRACK_PT
from trigsim.objects.jit import inner
from trigsim.objects.layout import EDGE, TOWER_MAX, VERTEX_BIN_BITS, VERTEX_BINS, WIDE

HALF = N_ETA // 2
TURN = N_PHI * FINE
TRACK_PHI_STEP = TOWER_PHI / FINE
TRACK_ETA_STEP = TOWER_ETA / FINE
TRACK_PT_STEP = TRACK_PT.lsb
ET_STEP = TOWER_ET.lsb
#: Track pT steps in one tower ET step, as a shift.
TO_TOWER = 2
#: Reach of the neighbourhood of a track, in towers.
REACH = 3
#: Largest cut for which the sum of a ring of cut towers stays within 16 bits.
NARROW = TOWER_MAX // N_PHI


@inner
def ring_of(eta):
    """Return the ring in abs(eta) of a fine eta."""
    return min((eta if eta >= 0 else -eta - 1) // FINE, HALF - 1)


@inner
def face_cell(pt, eta, phi, charge, tracker_rings, bend_of):
    """Return the cell where a track enters the calorimeter; -1 if it does not, or is beyond the tracker."""
    ring = ring_of(eta)
    if ring >= tracker_rings:
        return -1
    bend = bend_of[ring] / pt
    # The series of the arc sine; a track that curls up before the face gives nothing there.
    angle = bend * TRACK_PHI_STEP
    if angle >= 1.0:
        return -1
    turned = phi - charge * np.int64(bend * (1.0 + angle * angle / 6.0))
    return (turned + 2 * TURN) % TURN // FINE * WIDE + EDGE + HALF + eta // FINE


@inner
def deposit(pt, z, cell, cap, vertex, charged, touched, n):
    """Add a track to the vertex histogram and to the calorimeter's face; return how many cells are touched."""
    b = (z >> VERTEX_BIN_BITS) + VERTEX_BINS // 2
    if 0 <= b < VERTEX_BINS:
        vertex[b] += min(pt, cap)
    if cell >= 0:
        if charged[cell] == 0:
            touched[n] = cell
            n += 1
        charged[cell] += pt
    return n


@inner
def find_vertex(histogram, windows):
    """Return z0 steps and the pT sum of the hardest three-bin window of the z histogram; `windows` is memory."""
    most = np.int32(0)
    for b in range(VERTEX_BINS - 2):
        windows[b] = np.int32(histogram[b] + histogram[b + 1] + histogram[b + 2])
    for b in range(VERTEX_BINS - 2):
        most = max(most, windows[b])
    if most == 0:
        return np.int64(0), np.int64(0)
    best = 1
    while windows[best - 1] != most:
        best += 1
    # Mean z of the window, bins as their centres, in z0 steps.
    moment = np.int64(histogram[best + 1]) - np.int64(histogram[best - 1])
    centre = ((best - VERTEX_BINS // 2) << VERTEX_BIN_BITS) + (1 << (VERTEX_BIN_BITS - 1))
    return np.int64(centre + (moment << VERTEX_BIN_BITS) // np.int64(most)), np.int64(most)


@inner
def is_near(dz, eta, tracker_rings, window):
    """Whether a track at dz from the vertex belongs to it."""
    ring = ring_of(eta)
    return ring < tracker_rings and abs(dz) < window[ring]


@inner
def turned_column(q):
    """Return a column number up to a turn off within 0..71."""
    if q < 0:
        return q + N_PHI
    return q - N_PHI if q >= N_PHI else q


@inner
def around(grid, cell, wing):
    """Return the sum of the window of (2 wing + 1)^2 towers around a cell."""
    side = np.uint64(2 * wing + 1)
    column, first = cell // WIDE - wing, cell % WIDE - wing
    total = 0
    for q in range(column, column + 2 * wing + 1):
        # Unsigned, it cannot count from the end: without that care the window takes a third of the time.
        at = np.uint64(turned_column(q) * WIDE + first)
        for x in range(side):
            total += grid[at + x]
    return total


@inner
def add_around(cell, value, near, wanted):
    """Add a value to the 7 x 7 towers around a cell and mark them as wanted."""
    side = np.uint64(2 * REACH + 1)
    column, first = cell // WIDE - REACH, cell % WIDE - REACH
    for q in range(column, column + 2 * REACH + 1):
        at = np.uint64(turned_column(q) * WIDE + first)
        for x in range(side):
            near[at + x] += value
            wanted[at + x] = 1


@inner
def clear_around(cell, near, wanted, low, high):
    """Undo `add_around`; lanes low:high are those of the tracker, all others stay wanted."""
    column, first = cell // WIDE - REACH, cell % WIDE - REACH
    for q in range(column, column + 2 * REACH + 1):
        at = turned_column(q) * WIDE
        for x in range(first, first + 2 * REACH + 1):
            near[np.uint64(at + x)] = 0
            wanted[np.uint64(at + x)] = 0 if low <= x < high else 1


@inner
def ring_sums(grid, sums):
    """Sum each ring over phi."""
    for x in range(WIDE):
        sums[x] = 0
    for q in range(N_PHI):
        for x in range(WIDE):
            sums[x] += grid[q * WIDE + x]


@inner
def cut_sums(grid, cut, sums):
    """Sum each ring over phi, towers cut at a value by ring."""
    for x in range(WIDE):
        sums[x] = 0
    for q in range(N_PHI):
        for x in range(WIDE):
            sums[x] += min(grid[q * WIDE + x], cut[x])


@inner
def deviations(grid, cut, density, sums):
    """Sum the distance of each ring's cut towers from a value by ring."""
    for x in range(WIDE):
        sums[x] = 0
    for q in range(N_PHI):
        for x in range(WIDE):
            energy = min(grid[q * WIDE + x], cut[x])
            sums[x] += max(energy, density[x]) - min(energy, density[x])


@inner
def ring_edges(sigmas, beyond, neutral_min, rest, total, lanes):
    """Fill the pile-up density of each ring and the `edge` that a tower must reach to stand out of it.

    Parameters
    ----------
    sigmas : float64 array
        By lane.
    beyond : uint16 array
        `TOWER_MAX` in lanes that are no ring, 0 in the others.
    neutral_min : int
    rest : uint16 array
        Towers.
    total : int32 array
        Their sums by ring.
    lanes : Lanes
        `floor` is `edge` within 16 bits.
    """
    density, edge, floor, cut, narrow, wide = (
        lanes.density, lanes.edge, lanes.floor, lanes.cut, lanes.narrow, lanes.wide,
    )  # fmt: skip
    largest = np.uint32(0)
    for x in range(WIDE):
        # Mean with the tail cut at twice the mean, so that jets do not count as pile-up; then the spread.
        twice = np.uint32(np.uint32(np.uint32(2) * np.uint32(total[x])) // np.uint32(N_PHI) + np.uint32(1))
        cut[x] = min(twice, np.uint32(TOWER_MAX))
        largest = max(largest, twice)
    # Sums of 16 bits where they hold: twice as many at once.
    if largest <= NARROW:
        cut_sums(rest, cut, narrow)
        for x in range(WIDE):
            density[x] = narrow[x] // N_PHI
        deviations(rest, cut, density, narrow)
        for x in range(WIDE):
            wide[x] = narrow[x]
    else:
        cut_sums(rest, cut, wide)
        for x in range(WIDE):
            density[x] = wide[x] // N_PHI
        deviations(rest, cut, density, wide)
    for x in range(WIDE):
        edge[x] = density[x] + max(np.int64(sigmas[x] * wide[x] / N_PHI), neutral_min)
        floor[x] = max(min(edge[x], TOWER_MAX), beyond[x])


@inner
def mark_above(grid, floor, wanted, flags):
    """Flag the towers that are wanted and reach their ring's `floor`."""
    for q in range(N_PHI):
        for x in range(WIDE):
            flags[q * WIDE + x] = np.uint8(grid[q * WIDE + x] >= floor[x]) & wanted[q * WIDE + x]


@inner
def flagged(words, flags, cells):
    """List the cells whose flags are set, looked at eight at a time; return their number."""
    n = 0
    for w in range(len(words)):
        if words[w] == 0:
            continue
        for cell in range(8 * w, 8 * w + 8):
            cells[n] = cell
            n += np.int64(flags[cell])
    return n


@inner
def clean_towers(par, rest, total, charged, near, wanted, flags, words, clean, cells, lanes):
    """Fill `clean` with neutral energy above the pile-up of its ring; return how many cells are listed.

    Parameters
    ----------
    par : Parameters
    rest : uint16 array
        Towers less charged energy.
    total : int32 array
        Its sums by ring.
    charged, near : int32 arrays
        Track pT of all tracks, and of vertex tracks summed over 7 x 7 towers.
    wanted : uint8 array
        1 where `near` is above 0, and beyond the tracker.
    flags, words
        Memory.
    clean, cells
        Written; `clean` is 0 before.
    lanes : Lanes
        Memory.
    """
    density, edge, floor = lanes.density, lanes.edge, lanes.floor
    ring_edges(par.sigmas, par.beyond, par.neutral_min, rest, total, lanes)
    low, high = EDGE + HALF - par.tracker_rings, EDGE + HALF + par.tracker_rings
    smear2, least = par.hadron_smearing * par.hadron_smearing, par.neutral_min
    mark_above(rest, floor, wanted, flags)
    n = 0
    for k in range(flagged(words, flags, cells)):
        cell = cells[k]
        x = cell % WIDE
        if rest[cell] < edge[x]:
            continue
        excess = np.int64(rest[cell]) - np.int64(density[x])
        if low <= x < high:
            excess = weigh(excess, cell, charged, near, smear2, least)
        if excess > 0:
            clean[cell] = excess
            cells[n] = cell
            n += 1
    return n


@inner
def weigh(excess, cell, charged, near, smear2, least):
    """Return the primary vertex' part of a neutral excess: its share of the charged pT around.

    Few towers get here: sums around all of them, however quick for one, took three times as long.
    """
    if excess * excess < smear2 * (charged[cell] >> TO_TOWER):
        return 0
    kept = excess * np.int64(near[cell]) // max(around(charged, cell, REACH), 1)
    return kept if kept >= least else 0
