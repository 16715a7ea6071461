# mypy: ignore-errors
"""Primary vertex, track association, and towers with the pile-up taken out.

Grids are flat, one column of towers in phi after the other, each `WIDE` cells long (see `layout`): every pass over
a grid is whole vectors, rings are summed side by side, and a window needs no care at the ends in eta.
"""

import numpy as np

from trigsim.events.model import FINE, N_ETA, N_PHI, TOWER_ET, TOWER_ETA, TOWER_PHI, TRACK_PT
from trigsim.objects.column_kernels import (
    above,
    dropped,
    higher,
    load,
    load_row,
    lower,
    lowest,
    ones,
    plus,
    reached,
    seven,
    store,
    store_row,
    sum_of_seven,
    zeros,
)
from trigsim.objects.jit import inner
from trigsim.objects.layout import EDGE, TOWER_MAX, VERTEX_BIN_BITS, VERTEX_BINS, WIDE

HALF = N_ETA // 2
#: A cell is its column in phi, times 2^BITS, and its lane.
BITS, LANE = WIDE.bit_length() - 1, WIDE - 1
TURN = N_PHI * FINE
TRACK_PHI_STEP = TOWER_PHI / FINE
TRACK_ETA_STEP = TOWER_ETA / FINE
TRACK_PT_STEP = TRACK_PT.lsb
ET_STEP = TOWER_ET.lsb
#: Track pT steps in one tower ET step, as a shift.
TO_TOWER = 2
#: Reach of the neighbourhood of a track, in towers: seven in a row, see `column_kernels`.
REACH = 3
#: Largest tower for which the sum of a ring stays within 16 bits.
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
    column, first = (cell >> BITS) - wing, (cell & LANE) - wing
    total = 0
    for q in range(column, column + 2 * wing + 1):
        # Unsigned, it cannot count from the end: without that care the window takes a third of the time.
        at = np.uint64(turned_column(q) * WIDE + first)
        for x in range(side):
            total += grid[at + x]
    return total


@inner
def near_rows(cell, value, near):
    """Add a value to the 7 x 7 towers around a cell."""
    column, first = (cell >> BITS) - REACH, (cell & LANE) - REACH
    row = seven(value)
    for q in range(column, column + 2 * REACH + 1):
        at = turned_column(q) * WIDE + first
        store_row(plus(load_row(near, at), row), near, at)


@inner
def clear_rows(cell, near):
    """Undo `near_rows`."""
    column, first = (cell >> BITS) - REACH, (cell & LANE) - REACH
    row = seven(np.int32(0))
    for q in range(column, column + 2 * REACH + 1):
        store_row(row, near, turned_column(q) * WIDE + first)


@inner
def want_rows(cell, wanted):
    """Set the bits of the 7 x 7 towers around a cell; a column is two words."""
    column, first = (cell >> BITS) - REACH, (cell & LANE) - REACH
    word, shift = first >> 6, np.uint64(first & 63)
    row = np.uint64((1 << (2 * REACH + 1)) - 1)
    bits, beyond = row << shift, row >> np.uint64(1) >> (np.uint64(63) - shift)
    for q in range(column, column + 2 * REACH + 1):
        at = 2 * turned_column(q)
        wanted[np.uint64(at + word)] |= bits
        wanted[np.uint64(at + 1)] |= beyond


@inner
def sum_rows(cell, grid):
    """Return the sum of the 7 x 7 towers around a cell."""
    column, first = (cell >> BITS) - REACH, cell - REACH * (WIDE + 1)
    if 0 <= column < N_PHI - 2 * REACH:
        total = load_row(grid, first)
        for q in range(1, 2 * REACH + 1):
            total = plus(total, load_row(grid, first + q * WIDE))
    else:
        first &= LANE
        total = load_row(grid, turned_column(column) * WIDE + first)
        for q in range(column + 1, column + 2 * REACH + 1):
            total = plus(total, load_row(grid, turned_column(q) * WIDE + first))
    return np.int64(sum_of_seven(total))


@inner
def ring_sums(grid, sums, lanes):
    """Sum each ring over phi; `lanes.peak` becomes its largest tower."""
    total, most = zeros(), zeros()
    for q in range(N_PHI):
        column = load(grid, q * WIDE)
        total, most = plus(total, column), higher(most, column)
    store(total, lanes.narrow, 0)
    store(most, lanes.peak, 0)
    if largest(lanes.peak) <= NARROW:
        for x in range(WIDE):
            sums[x] = lanes.narrow[x]
        return
    for x in range(WIDE):
        sums[x] = 0
    for q in range(N_PHI):
        for x in range(WIDE):
            sums[x] += grid[q * WIDE + x]


@inner
def largest(lanes):
    """Return the largest of all lanes."""
    most = np.uint16(0)
    for x in range(WIDE):
        most = max(most, lanes[x])
    return most


@inner
def narrow_edges(grid, lanes):
    """Fill the mean of each ring's cut towers, and the sums of their distances from it: sums fit 16 bits.

    What is above the mean is as much as what is below it, and the remainder of the mean's division.
    """
    cut, density, narrow, wide = lanes.cut, lanes.density, lanes.narrow, lanes.wide
    limit, total = load(cut, 0), zeros()
    for q in range(N_PHI):
        total = plus(total, lower(load(grid, q * WIDE), limit))
    store(total, narrow, 0)
    for x in range(WIDE):
        density[x] = narrow[x] // N_PHI
        wide[x] = narrow[x] - N_PHI * density[x]
    mean, below = load(density, 0), zeros()
    for q in range(N_PHI):
        below = plus(below, above(mean, load(grid, q * WIDE)))
    store(below, narrow, 0)
    for x in range(WIDE):
        wide[x] += 2 * narrow[x]


@inner
def wide_edges(grid, lanes):
    """Do what `narrow_edges` does with sums of 32 bits."""
    cut, density, wide = lanes.cut, lanes.density, lanes.wide
    for x in range(WIDE):
        wide[x] = 0
    for q in range(N_PHI):
        for x in range(WIDE):
            wide[x] += min(grid[q * WIDE + x], cut[x])
    for x in range(WIDE):
        density[x] = wide[x] // N_PHI
        wide[x] = 0
    for q in range(N_PHI):
        for x in range(WIDE):
            energy = min(grid[q * WIDE + x], cut[x])
            wide[x] += max(energy, density[x]) - min(energy, density[x])


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
    density, edge, floor, cut, wide = lanes.density, lanes.edge, lanes.floor, lanes.cut, lanes.wide
    for x in range(WIDE):
        # Mean with the tail cut at twice the mean, so that jets do not count as pile-up; then the spread.
        twice = np.uint32(np.uint32(np.uint32(2) * np.uint32(total[x])) // np.uint32(N_PHI) + np.uint32(1))
        cut[x] = min(twice, np.uint32(TOWER_MAX))
    if largest(cut) <= NARROW:
        narrow_edges(rest, lanes)
    else:
        wide_edges(rest, lanes)
    for x in range(WIDE):
        edge[x] = density[x] + max(np.int64(sigmas[x] * wide[x] / N_PHI), neutral_min)
        floor[x] = max(min(edge[x], TOWER_MAX), beyond[x])


@inner
def flag(grid, floor, flags):
    """Set the bits of the towers that reach their ring's `floor`."""
    least = load(floor, 0)
    for q in range(N_PHI):
        reached(load(grid, q * WIDE), least, flags, 2 * q)


@inner
def flagged(flags, wanted, cells):
    """List the cells whose bits are set in both; return their number.

    Two places are written whatever a word holds: no processor foresees how many bits are set.
    """
    n = 0
    for w in range(2 * N_PHI):
        word, first = flags[w] & wanted[w], 64 * w
        cells[np.uint64(n)] = first + lowest(word)
        after, word = n + ones(word), dropped(word)
        cells[np.uint64(n + 1)] = first + lowest(word)
        word = dropped(word)
        while word != 0:
            n += 1
            cells[np.uint64(n + 1)] = first + lowest(word)
            word = dropped(word)
        n = after
    return n


@inner
def clean_towers(par, rest, total, charged, near, wanted, flags, clean, cells, neutral, memory, lanes):
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
    wanted : uint64 array
        Bits: 1 where `near` is above 0, and beyond the tracker.
    flags : uint64 array
        Memory.
    clean, cells, neutral
        Written: the grid, 0 before, its cells above 0, and what is in them.
    memory
        Of the towers that are cleaned with tracks: share, around and numbers; see `Workspace`.
    lanes : Lanes
        Memory.
    """
    density, edge, floor = lanes.density, lanes.edge, lanes.floor
    share, around, central = memory
    ring_edges(par.sigmas, par.beyond, par.neutral_min, rest, total, lanes)
    low, high = EDGE + HALF - par.tracker_rings, EDGE + HALF + par.tracker_rings
    smear2, least = par.hadron_smearing * par.hadron_smearing, par.neutral_min
    flag(rest, floor, flags)
    listed = flagged(flags, wanted, cells)
    # Nothing branches on what no processor foresees: all are looked at, all are written. Divisions stand in a loop
    # of their own: beside a choice, a compiler would rather foresee than divide, which took 31 cycles a tower.
    m = 0
    for k in range(listed):
        # Unsigned, places need no care for counting from the end.
        cell = np.uint64(cells[k])
        x, energy = cell & np.uint64(LANE), np.int64(rest[cell])
        neutral[k] = energy - np.int64(density[x]) if energy >= edge[x] else 0
        central[m] = k
        m += np.int64(low <= np.int64(x) < high)
    for j in range(m):
        k = np.uint64(central[j])
        share[j] = neutral[k] * np.int64(near[np.uint64(cells[k])])
        around[j] = max(sum_rows(cells[k], charged), 1)
    for j in range(m):
        # Both are below 2^53 and the quotient below 2^16: the rounding of floats cannot reach the next integer.
        share[j] /= around[j]
    for j in range(m):
        k = np.uint64(central[j])
        excess, kept, tracks = neutral[k], np.int64(share[j]), charged[np.uint64(cells[k])] >> TO_TOWER
        enough = (kept >= least) & (np.float64(excess * excess) >= smear2 * tracks)
        neutral[k] = kept if enough else 0
    n = 0
    for k in range(listed):
        cell, energy = cells[k], neutral[k]
        clean[np.uint64(cell)] = energy
        cells[n], neutral[n] = cell, energy
        n += np.int64(energy > 0)
    return n
