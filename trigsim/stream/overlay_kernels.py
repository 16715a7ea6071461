# mypy: ignore-errors
"""Pile-up overlay: the collisions and blocks of one crossing summed into what the detector sends.

Towers and the charged grid are flat grids of `objects.layout`, where turning is an offset and a mirror image a
reversed column. Towers saturate.
"""

import numpy as np

from trigsim.events.model import FINE, N_PHI
from trigsim.objects.crossing_kernels import start_crossing
from trigsim.objects.jit import inner, outer
from trigsim.objects.layout import CACHE_LINE, CELLS, EDGE, TOWER_MAX, WIDE
from trigsim.objects.mitigation_kernels import HALF, deposit, face_cell, find_vertex, is_near
from trigsim.objects.prefetch_kernels import prefetch

_TURN = N_PHI * FINE
#: Columns of packed tracks: cells of the calorimeter's face, as the track is and mirrored in eta; -1 for none.
PT, Z0, FACE, MIRRORED_FACE, ETA, PHI, D0, CHARGE = range(8)


@inner
def turned(cell, turn):
    """Return a cell turned by whole towers; -1 stays."""
    if cell < 0:
        return cell
    cell += turn * WIDE
    return cell - CELLS if cell >= CELLS else cell


@inner
def turned_fine(phi, turn):
    """Return a fine azimuth turned by whole towers."""
    phi += turn * FINE
    return phi - _TURN if phi >= _TURN else phi


@inner
def lay_towers(first, last, entries, turn, flip, towers):
    """Add single towers."""
    # Unsigned throughout: a cell that could count from the end is looked at twice.
    start, end = np.uint64(turn * WIDE), np.uint64(CELLS)
    mirror = np.uint64(WIDE - 1 if flip else 0)
    for t in range(first, last):
        entry = np.uint64(entries[t])
        cell = ((entry & np.uint64(0xFFFF)) ^ mirror) + start
        cell = cell - end if cell >= end else cell
        towers[cell] = min(np.uint64(towers[cell]) + (entry >> np.uint64(16)), np.uint64(TOWER_MAX))


@inner
def lay_grid(grid, b, turn, flip, empty, towers):
    """Add the dense towers of block b; to `empty` ones it is a copy. Towers that do not fit a byte follow."""
    for q in range(N_PHI):
        to = q + turn
        to = (to - N_PHI if to >= N_PHI else to) * WIDE
        line, into = grid[b, q], towers[to : to + WIDE]
        if empty and flip:
            for x in range(WIDE):
                into[x] = np.uint16(line[WIDE - 1 - x])
        elif empty:
            for x in range(WIDE):
                into[x] = np.uint16(line[x])
        elif flip:
            for x in range(WIDE):
                into[x] = np.uint16(into[x] + np.uint16(line[WIDE - 1 - x]))
        else:
            for x in range(WIDE):
                into[x] = np.uint16(into[x] + np.uint16(line[x]))


@inner
def lay_blocks(grid, starts, spill, first, last, block, rotation, mirror, towers):
    """Fill the towers with the sum of blocks first to last of a plan."""
    if first == last:
        clear_grid(towers)
    for c in range(first, last):
        lay_grid(grid, block[c], rotation[c], mirror[c], c == first, towers)
    for c in range(first, last):
        lay_towers(starts[block[c]], starts[block[c] + 1], spill, rotation[c], mirror[c], towers)


@inner
def largest(towers, rings, lanes):
    """Return the largest tower of the inner rings; `lanes` is memory, which makes whole vectors of the loop."""
    for x in range(WIDE):
        lanes[x] = 0
    for q in range(N_PHI):
        for x in range(WIDE):
            lanes[x] = max(lanes[x], towers[q * WIDE + x])
    found = np.uint16(0)
    for x in range(EDGE + HALF - rings, EDGE + HALF + rings):
        found = max(found, lanes[x])
    return found


@inner
def clear_grid(towers):
    """Empty the towers."""
    for cell in range(CELLS):
        towers[cell] = 0


@inner
def lay_tracks(first, last, tracks, turn, flip, z, cap, vertex, charged, touched, n):
    """Add tracks to the vertex histogram and the charged grid; return how many of its cells are filled."""
    face = MIRRORED_FACE if flip else FACE
    for t in range(first, last):
        at = z - tracks[t, Z0] if flip else z + tracks[t, Z0]
        cell = turned(np.int64(tracks[t, face]), turn)
        n = deposit(tracks[t, PT], at, cell, cap, vertex, charged, touched, n)
    return n


@inner
def choose(first, last, tracks, turn, flip, z, vertex_z, widest, rings, window, chosen, cells, n):
    """Copy those tracks that belong to the vertex; return their number so far.

    `chosen` is (pt, eta, phi, z0, d0, charge) of `objects.layout.Tracks`.
    """
    for t in range(first, last):
        at = z - tracks[t, Z0] if flip else z + tracks[t, Z0]
        if abs(at - vertex_z) >= widest:
            continue
        eta = -np.int64(tracks[t, ETA]) if flip else np.int64(tracks[t, ETA])
        if not is_near(at - vertex_z, eta, rings, window):
            continue
        pt, etas, phi, z0, d0, charge = chosen
        pt[n], etas[n], z0[n] = tracks[t, PT], eta, at
        phi[n] = turned_fine(np.int64(tracks[t, PHI]), turn)
        # d0 is the z component of an angular momentum: a mirror in z leaves it, and the charge, alone.
        d0[n], charge[n] = tracks[t, D0], tracks[t, CHARGE]
        cells[n] = turned(np.int64(tracks[t, MIRRORED_FACE if flip else FACE]), turn)
        n += 1
    return n


@inner
def lay_muons(first, last, record, turn, flip, muons, n):
    """Copy muons; return their number so far."""
    for m in range(first, last):
        pt, eta, phi, charge = muons
        pt[n], eta[n], charge[n] = record[m, 0], -record[m, 1] if flip else record[m, 1], record[m, 3]
        phi[n] = turned_fine(np.int64(record[m, 2]), turn)
        n += 1
    return n


@outer
def overlay_crossing(pool, packed, plan, i, par, work, muons):
    """Fill the workspace with the towers, the charged grid and the vertex tracks of crossing i.

    Parameters
    ----------
    pool : PackedPool
    packed : PackedBlocks
    plan : PlanArrays
    i : int
    par : Parameters
    work : Workspace
    muons : Muons
        With room for those of any planned crossing.

    Returns
    -------
    z, total : int
        Primary vertex and the pT sum of its window.
    n_tracks, n_muons : int
        Vertex tracks in ``work.chosen``, and muons.
    electrons : bool
        Whether an electron or photon is possible; if not, ``work.hadronic`` is not filled.
    """
    start_crossing(par.tracker_rings, work)
    towers, hadronic = work.towers, work.hadronic
    vertex, charged, touched = work.vertex, work.charged, work.touched
    offsets, event, rotation, mirror, z0 = plan.offsets, plan.event, plan.rotation, plan.mirror, plan.z0
    b_offsets, block, b_rotation, b_mirror = plan.block_offsets, plan.block, plan.block_rotation, plan.block_mirror
    starts, tower, behind, track, muon = pool.starts, pool.towers, pool.hadronic, pool.tracks, pool.muons
    b_starts, b_track, b_muon = packed.starts, packed.tracks, packed.muons
    cap = par.track_cap
    b_first, b_last = b_offsets[i], b_offsets[i + 1]
    lay_blocks(packed.et, b_starts[:, 0], packed.spill, b_first, b_last, block, b_rotation, b_mirror, towers)
    n = 0
    for c in range(b_first, b_last):
        b, turn, flip = block[c], b_rotation[c], b_mirror[c]
        first, last = b_starts[b, 1], b_starts[b + 1, 1]
        n = lay_tracks(first, last, b_track, turn, flip, 0, cap, vertex, charged, touched, n)
    for c in range(offsets[i], offsets[i + 1]):
        e, turn, flip = event[c], rotation[c], mirror[c]
        lay_towers(starts[e, 0], starts[e + 1, 0], tower, turn, flip, towers)
        first, last = starts[e, 1], starts[e + 1, 1]
        n = lay_tracks(first, last, track, turn, flip, z0[c], cap, vertex, charged, touched, n)
    work.filled[0] = n
    if i + 2 < len(offsets):
        ask_for(pool, packed, plan, i + 1)
    # The electromagnetic part of a tower is not above the tower, nor its threshold below the one without pile-up.
    electrons = largest(towers, par.tracker_rings, work.lanes.narrow) >= par.eg_min // 2
    if electrons:
        spill = packed.hadronic_spill
        lay_blocks(packed.hadronic, b_starts[:, 3], spill, b_first, b_last, block, b_rotation, b_mirror, hadronic)
        for c in range(offsets[i], offsets[i + 1]):
            e = event[c]
            lay_towers(starts[e, 3], starts[e + 1, 3], behind, rotation[c], mirror[c], hadronic)
    z, total = find_vertex(vertex, work.windows)
    rings, window, widest = par.tracker_rings, par.window, par.widest
    chosen, cells = work.chosen, work.face
    n_tracks, n_muons = 0, 0
    for c in range(offsets[i], offsets[i + 1]):
        e, turn, flip = event[c], rotation[c], mirror[c]
        first, last = starts[e, 1], starts[e + 1, 1]
        n_tracks = choose(first, last, track, turn, flip, z0[c], z, widest, rings, window, chosen, cells, n_tracks)
        n_muons = lay_muons(starts[e, 2], starts[e + 1, 2], muon, turn, flip, muons, n_muons)
    for c in range(b_first, b_last):
        b, turn, flip = block[c], b_rotation[c], b_mirror[c]
        first, last = b_starts[b, 1], b_starts[b + 1, 1]
        n_tracks = choose(first, last, b_track, turn, flip, 0, z, widest, rings, window, chosen, cells, n_tracks)
        n_muons = lay_muons(b_starts[b, 2], b_starts[b + 1, 2], b_muon, turn, flip, muons, n_muons)
    return z, total, n_tracks, n_muons, electrons


@inner
def ask_for(pool, packed, plan, i):
    """Ask for the memory of crossing i, which is next: that takes a twelfth off the loop's time."""
    for c in range(plan.block_offsets[i], plan.block_offsets[i + 1]):
        first = plan.block[c] * CELLS
        for k in range(0, CELLS, CACHE_LINE):
            prefetch(packed.flat, first + k)
    for c in range(plan.offsets[i], plan.offsets[i + 1]):
        e = plan.event[c]
        for t in range(pool.starts[e, 0], pool.starts[e + 1, 0], CACHE_LINE // 4):
            prefetch(pool.towers, t)


@outer
def fill_faces(tracks, tracker_rings, bend):
    """Fill the columns of cells where tracks enter the calorimeter, as they are and mirrored in eta."""
    for t in range(len(tracks)):
        pt, eta = np.int64(tracks[t, PT]), np.int64(tracks[t, ETA])
        phi, charge = np.int64(tracks[t, PHI]), np.int64(tracks[t, CHARGE])
        tracks[t, FACE] = face_cell(pt, eta, phi, charge, tracker_rings, bend)
        tracks[t, MIRRORED_FACE] = face_cell(pt, -eta, phi, charge, tracker_rings, bend)


@outer
def pack_towers(starts, entries, offsets, event, rotation, mirror, grid, et, ends, spill):
    """Sum the towers of each crossing of a plan into bytes; return how many do not fit.

    What is above 255 is listed as towers where there is room in `spill`, up to `ends` for each crossing; `grid` is
    memory.
    """
    n = 0
    for i in range(len(offsets) - 1):
        clear_grid(grid)
        for c in range(offsets[i], offsets[i + 1]):
            e = event[c]
            lay_towers(starts[e], starts[e + 1], entries, rotation[c], mirror[c], grid)
        for cell in range(CELLS):
            rest = max(np.int64(grid[cell]) - 255, 0)
            et[i, cell // WIDE, cell % WIDE] = np.int64(grid[cell]) - rest
            if rest > 0:
                if n < len(spill):
                    spill[n] = (rest << 16) | cell
                n += 1
        ends[i] = n
    return n
