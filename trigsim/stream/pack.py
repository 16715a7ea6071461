"""Collisions and blocks of them as the overlay kernel takes them: few arrays, all that can be known before."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.events.model import FINE, N_PHI
from trigsim.objects.layout import CELLS, EDGE, VERTEX_BIN_BITS, VERTEX_BINS, WIDE, aligned
from trigsim.objects.settings import Parameters
from trigsim.stream.overlay_kernels import FACE, MIRRORED_FACE, PT, Z0, fill_faces, pack_towers
from trigsim.stream.plan import Blocks, Plan, Pool


class PackedPool(NamedTuple):
    """A `Pool`, what is read together side by side."""

    starts: NDArray[np.int64]  # (collisions + 1, 4): first tower, track, muon and hadronic tower
    towers: NDArray[np.uint32]  # cell of `objects.layout` + 2^16 ET
    hadronic: NDArray[np.uint32]  # the same of the hadronic part, where there is any
    tracks: NDArray[np.int32]  # (tracks, 8): columns of `overlay_kernels`
    muons: NDArray[np.int32]  # (muons, 4): pt, eta, phi, charge
    most: NDArray[np.int64]  # (2,): tracks and muons of a collision, at most


class PackedBlocks(NamedTuple):
    """`Blocks`, towers summed and the rest turned into place.

    What of tracks is laid are entries as towers are, a place in the low 16 bits and pT in the others: bins of the
    vertex histogram with what counts there, and cells where they enter the calorimeter; of the block as it is, then
    both mirrored.
    """

    et: NDArray[np.uint8]  # (blocks * CELLS,): towers, as far as they fit
    hadronic: NDArray[np.uint8]  # their hadronic part
    starts: NDArray[np.int64]  # (blocks + 1, 4): first spilt tower, track, muon and spilt hadronic tower
    laid: NDArray[np.int64]  # (blocks, 5): where these four lists begin, and where the last ends
    entries: NDArray[np.uint32]
    spill: NDArray[np.uint32]  # as towers above: by how much some are above 255
    hadronic_spill: NDArray[np.uint32]
    tracks: NDArray[np.int32]
    track_z: NDArray[np.int32]  # their z0
    muons: NDArray[np.int32]
    most: NDArray[np.int64]  # (2,): tracks and muons of a block, at most


class PlanArrays(NamedTuple):
    """A `Plan` as kernels take it; see there and `Stack`."""

    offsets: NDArray[np.int64]
    event: NDArray[np.int64]
    rotation: NDArray[np.int64]
    mirror: NDArray[np.bool_]
    z0: NDArray[np.int64]
    block_offsets: NDArray[np.int64]
    block: NDArray[np.int64]
    block_rotation: NDArray[np.int64]
    block_mirror: NDArray[np.bool_]


def pack_pool(pool: Pool, par: Parameters) -> PackedPool:
    """Return a packed pool; `par` says where tracks enter the calorimeter."""
    cell = pool.tower_iphi.astype(np.uint32) * WIDE + EDGE + pool.tower_ieta
    behind = pool.tower_hadronic > 0
    towers, hadronic = _towers(cell, pool.tower_et), _towers(cell[behind], pool.tower_hadronic[behind])
    first_behind = np.concatenate([[0], np.cumsum(behind)])[pool.tower_offsets]
    starts = np.stack([pool.tower_offsets, pool.track_offsets, pool.muon_offsets, first_behind], axis=1)
    tracks = _tracks(
        pool.track_pt, pool.track_eta, pool.track_phi, pool.track_z0, pool.track_d0, pool.track_charge, par
    )
    muons = _columns(pool.muon_pt, pool.muon_eta, pool.muon_phi, pool.muon_charge)
    return PackedPool(starts, towers, hadronic, tracks, muons, _most(starts))


def pack_blocks(blocks: Blocks | None, pool: Pool, packed: PackedPool, par: Parameters) -> PackedBlocks:
    """Return packed blocks of the collisions of a pool; none if `blocks` is None."""
    plan = _no_plan() if blocks is None else blocks.plan
    n = len(plan)
    starts = np.zeros((n + 1, 4), np.int64)
    et, spill = _summed(packed.starts[:, 0], packed.towers, plan, starts[1:, 0])
    hadronic, hadronic_spill = _summed(packed.starts[:, 3], packed.hadronic, plan, starts[1:, 3])
    t, sign, turn, z0, starts[:, 1] = _entries(pool.track_offsets, plan)
    tracks = _tracks(
        pool.track_pt[t], sign * pool.track_eta[t], (pool.track_phi[t] + turn) % (N_PHI * FINE),
        z0 + sign * pool.track_z0[t], pool.track_d0[t], pool.track_charge[t], par,
    )  # fmt: skip
    laid, entries = _laid(tracks, np.repeat(np.arange(n), np.diff(starts[:, 1])), n, par.track_cap)
    m, sign, turn, _, starts[:, 2] = _entries(pool.muon_offsets, plan)
    muons = _columns(
        pool.muon_pt[m], sign * pool.muon_eta[m], (pool.muon_phi[m] + turn) % (N_PHI * FINE), pool.muon_charge[m]
    )
    track_z = np.ascontiguousarray(tracks[:, Z0])
    return PackedBlocks(
        et, hadronic, starts, laid, entries, spill, hadronic_spill, tracks, track_z, muons, _most(starts)
    )


def _laid(
    tracks: NDArray[np.int32], of: NDArray[np.int64], n: int, cap: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Return `laid` and `entries` of the tracks of n blocks; `of` is the block of each."""
    z, pt = tracks[:, Z0], tracks[:, PT]
    place, value, key = [], [], []
    for side, (at, face) in enumerate(((z, FACE), (-z, MIRRORED_FACE))):
        place += [(at >> VERTEX_BIN_BITS) + VERTEX_BINS // 2, tracks[:, face]]
        value += [np.minimum(pt, cap), pt]
        key += [4 * of + 2 * side, 4 * of + 2 * side + 1]
    places, keys = np.concatenate(place), np.concatenate(key)
    some = np.flatnonzero((places >= 0) & (places < np.where(keys % 2 == 0, VERTEX_BINS, CELLS)))
    some = some[np.argsort(keys[some], kind="stable")]
    first = np.searchsorted(keys[some], 4 * np.arange(n)[:, None] + np.arange(5))
    return first, _towers(places[some].astype(np.uint32), np.concatenate(value)[some])


def _towers(cell: NDArray[Any], et: NDArray[Any]) -> NDArray[np.uint32]:
    """Return towers as kernels take them."""
    return np.asarray(cell | et.astype(np.uint32) << 16, dtype=np.uint32)


def _summed(
    starts: NDArray[np.int64], entries: NDArray[np.uint32], plan: Plan, ends: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint32]]:
    """Return the dense towers of a plan's crossings, and what of them is above 255; fill the latter's `ends`."""
    n = len(plan)
    dense = aligned(n * CELLS, np.uint8)
    grid = aligned(CELLS, np.uint16)
    spill = np.zeros(0, np.uint32)
    choice = plan.offsets, plan.event, plan.rotation, plan.mirror
    while (found := pack_towers(starts, entries, *choice, grid, dense, ends, spill)) > len(spill):
        spill = np.zeros(found, np.uint32)
    return dense, spill


def plan_arrays(plan: Plan) -> PlanArrays:
    """Return a plan as kernels take it."""
    single = plan.offsets, plan.event, plan.rotation, plan.mirror, plan.z0
    stack = plan.stack
    if stack is None:
        nothing = np.zeros(0, np.int64)
        return PlanArrays(*single, np.zeros_like(plan.offsets), nothing, nothing, nothing.astype(np.bool_))
    return PlanArrays(*single, stack.offsets, stack.number, stack.rotation, stack.mirror)


def most_entries(pool: PackedPool, blocks: PackedBlocks, plan: Plan) -> tuple[int, int]:
    """Return numbers of tracks and of muons that no crossing exceeds, each at least 1.

    As if all were full of the fullest collisions and blocks: to look at each takes 0.2 us a crossing.
    """
    arrays = plan_arrays(plan)
    most = np.diff(arrays.offsets).max(initial=0) * pool.most
    most = most + np.diff(arrays.block_offsets).max(initial=0) * blocks.most
    tracks, muons = np.maximum(most, 1).tolist()
    return tracks, muons


def _most(starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the largest numbers of tracks and of muons between two of `starts`, shape (2,)."""
    return np.asarray(np.diff(starts[:, 1:3], axis=0).max(axis=0, initial=0), dtype=np.int64)


def _entries(offsets: NDArray[np.int64], plan: Plan) -> tuple[NDArray[np.int64], ...]:
    """Return number in the pool, sign of eta, phi to turn by and vertex of all that the collisions of a plan own.

    Last come the offsets of the plan's crossings in that.
    """
    count = np.diff(offsets)[plan.event]
    ends = np.concatenate([[0], np.cumsum(count)])
    of = np.repeat(np.arange(len(count)), count)
    entry = (offsets[plan.event] - ends[:-1])[of] + np.arange(len(of))
    return entry, np.where(plan.mirror, -1, 1)[of], plan.rotation[of] * FINE, plan.z0[of], ends[plan.offsets]


def _tracks(
    pt: NDArray[Any],
    eta: NDArray[Any],
    phi: NDArray[Any],
    z0: NDArray[Any],
    d0: NDArray[Any],
    charge: NDArray[Any],
    par: Parameters,
) -> NDArray[np.int32]:
    no_face = np.full(len(pt), -1)
    tracks = _columns(pt, z0, no_face, no_face, eta, phi, d0, charge)
    fill_faces(tracks, par.tracker_rings, par.bend)
    return tracks


def _columns(*columns: NDArray[Any]) -> NDArray[np.int32]:
    return np.stack(columns, axis=1).astype(np.int32)


def _no_plan() -> Plan:
    nothing = np.zeros(0, np.int64)
    return Plan(np.zeros(1, np.int64), nothing, nothing, nothing.astype(np.bool_), nothing)
