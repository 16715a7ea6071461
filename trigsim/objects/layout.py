"""What goes into and out of the per-crossing kernel: named tuples of arrays, allocated once."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.events.model import N_ETA, N_PHI, TOWER_ETA, TOWER_PHI
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.objects.scales import SCALES, SLOTS

U16 = NDArray[np.uint16]
U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

#: Slack of memory whose loops run over whole vectors.
LANES = 32
#: Clustering: slots that lie together, and fields of each.
BLOCK, FIELDS = 64, 14
#: Grids of towers are flat, by column in phi: cell = iphi * WIDE + EDGE + ieta. The empty lanes on both sides make
#: each column whole vectors and windows free of borders; the mirror image in eta of a cell is cell ^ (WIDE - 1).
WIDE = 128
EDGE = (WIDE - N_ETA) // 2
CELLS = N_PHI * WIDE
CACHE_LINE = 64
#: A column is cut into strips of so many lanes, as a power of two.
STRIP_BITS = 4
STRIPS = WIDE >> STRIP_BITS
#: Towers of a grid saturate here, in `TOWER_ET` steps: 8.2 TeV, above what a beam of 7 TeV can give.
TOWER_MAX = 65535
#: Bins of the vertex histogram: 1 mm each (`VERTEX_BIN_BITS` on z0), from -256 mm.
VERTEX_BINS = 512
VERTEX_BIN_BITS = 4
#: Track jets above the minimum, by the room for ghosts; softer ones beyond it are dropped.
MAX_TRACK_JETS = 64
#: Memory for the distances of a jet's constituents: about 240 of them.
MAX_PAIRS = 1 << 16


class Tracks(NamedTuple):
    """Tracks of one or many crossings, int32, on the scales of `events.model`; z0 includes the vertex's z."""

    pt: I32
    eta: I32
    phi: I32
    z0: I32
    d0: I32
    charge: I32


class Muons(NamedTuple):
    """Muons of one or many crossings, int32, on the scales of `events.model`."""

    pt: I32
    eta: I32
    phi: I32
    charge: I32


class Outputs(NamedTuple):
    """One int32 array (n, slots) for each field of each collection; see `scales.SCALES`."""

    jet_pt: I32
    jet_eta: I32
    jet_phi: I32
    fatjet_pt: I32
    fatjet_eta: I32
    fatjet_phi: I32
    fatjet_mass: I32
    fatjet_n_track_jets: I32
    trkjet_pt: I32
    trkjet_eta: I32
    trkjet_phi: I32
    trkjet_mass: I32
    trkjet_n_tracks: I32
    trkjet_fatjet: I32
    mu_pt: I32
    mu_eta: I32
    mu_phi: I32
    mu_quality: I32
    mu_charge: I32
    mu_charge_valid: I32
    eg_pt: I32
    eg_eta: I32
    eg_phi: I32
    eg_iso: I32
    ht_pt: I32
    mht_pt: I32
    mht_phi: I32
    et_pt: I32
    etm_pt: I32
    etm_phi: I32
    vtx_z: I32
    vtx_sum_pt: I32
    vtx_n_tracks: I32


class Cluster(NamedTuple):
    """Memory of one sequential recombination; see `cluster_kernels`.

    Active pseudojets fill the first slots; jets and labels are the result. The fields of `BLOCK` slots lie
    together, each in a row of its own; indices and slots are whole numbers in float64.
    """

    slots: F64  # (blocks * FIELDS * BLOCK,)
    chain: I64  # by input: the next one, -1 at the end
    label: I64  # by input: number of its jet, -1 for none
    size: I64  # by jet: room for its number of inputs
    number: I64  # by jet: room for its number among those kept
    jet_px: F64
    jet_py: F64
    jet_pz: F64
    jet_energy: F64
    axes: F64  # (3, 3, 2): rapidity and phi of the k pseudojets left, [k - 1, 0..k-1]
    scales: F64  # (3,): dij of the merging k + 1 -> k, [k - 1]


class Lanes(NamedTuple):
    """Memory for one number for each lane of a column of towers."""

    density: U16  # of pile-up, tower steps
    cut: U16
    narrow: U16
    wide: I32
    floor: U16
    edge: I64
    start: I64
    peak: U16  # the largest tower


class Cells(NamedTuple):
    """Towers one by one, int32; vectors take some beyond the last, whose ET is 0."""

    lane: I32
    column: I32
    turn: I32  # azimuth as a fraction of 2^32
    et: I32
    place: I32  # in the list that these are of


class Workspace(NamedTuple):
    """Everything a crossing needs while it is reconstructed, and what the features read afterwards.

    What a crossing leaves in `charged`, `near` and `clean` the next one clears by the lists of filled cells, whose
    lengths are in `filled`.
    """

    towers: U16  # (CELLS,) as the detector sends them, then less charged energy
    hadronic: U16  # what of that is behind the electromagnetic calorimeter
    front: U16  # and what is in it
    charged: I32  # track pT steps of all tracks at the calorimeter face
    touched: I64  # the filled cells of `charged`
    near: I32  # track pT steps of primary-vertex tracks, summed over 7 x 7 towers
    wanted: U64  # (2 N_PHI,) a bit for each cell: 1 where `near` is above 0, and beyond the tracker
    flags: U64  # (2 N_PHI,)
    clean: I32  # tower steps after pile-up mitigation, charged at the vertex direction
    cell: I64  # the filled cells of `clean`: neutral ones, then those with tracks alone
    neutral: I64  # tower steps of the neutral ones
    share: F64  # by tower that is cleaned with tracks: the primary vertex' part of its excess
    around: F64  # and the track pT steps in the 7 x 7 towers around
    listed: Cells  # all of them
    seeds: Cells  # those that may seed a jet
    strips: I32  # sums of `clean` by strip: the last four columns, all of them, and the first four again
    wide_windows: I32  # (STRIPS * N_PHI + 1,) sums of nine columns of two strips
    filled: I64  # (3,): touched cells, vertex tracks, all cells of `clean`
    ring: I32  # (WIDE,) sums of `towers` over phi, then their means
    total: I32  # (WIDE,) sums of `towers` less charged energy
    behind: I32  # (WIDE,) sums of `hadronic` over phi, then their means
    lanes: Lanes
    found: I64  # (2 CELLS,)
    column: I64  # (N_PHI,) sums over the rings of `clean`
    fat_column: I64  # (N_PHI,) and over those that large-R jets take inputs from, and where tracks are
    tower_grow: F64  # (N_ETA,) exp(eta) of the ring's centre
    tower_cos: F64  # (N_PHI,)
    tower_sin: F64  # (N_PHI,)
    vertex: I32  # (VERTEX_BINS,) track pT steps by z
    windows: I32  # (VERTEX_BINS,)
    # Tracks of an overlay: z0 steps, place in the pool, collision of the plan. Behind them those of blocks that are
    # near the vertex: place in the blocks, block of the plan.
    track_z: I32
    track_place: I32
    track_of: I32
    close: I64  # numbers of those near the vertex
    chosen: Tracks  # primary-vertex tracks
    face: I64  # their cells in `charged`, -1 for none
    columns: F64  # (3, N_PHI)
    counts: I64  # (4,): primary-vertex tracks, inputs, track jets, large-R jets
    # The inputs of large-R jets: primary-vertex tracks, then neutral towers, then ghosts of track jets.
    px: F64
    py: F64
    pz: F64
    energy: F64
    pt: F64
    phi: F64  # 0 to 2 pi
    eta: F64  # by primary-vertex track
    d0: F64  # by primary-vertex track, mm
    cosh_eta: F64  # by primary-vertex track
    # Track jets, the hardest first.
    track_jet: F64  # (MAX_TRACK_JETS, 4): px, py, pz, E
    track_jet_tracks: I64  # (MAX_TRACK_JETS,)
    track_jet_fat: I64  # (MAX_TRACK_JETS,): slot of the large-R jet that holds its ghost, -1 for none
    track_label: I64  # by primary-vertex track: its track jet, -1 for none
    # Large-R jets, the hardest first.
    fat: F64  # (slots, 4): px, py, pz, E
    fat_start: I64  # (slots + 1,)
    constituent: I64  # inputs of the large-R jets, those of slot j in fat_start[j]:fat_start[j + 1]
    cluster: Cluster
    # For the substructure of one jet.
    sub: F64  # (8, inputs)
    pairs: F64  # distances of a jet's constituents
    order: I64  # (inputs,)


def cluster_memory(size: int) -> Cluster:
    """Return memory for clustering up to `size` inputs."""
    size = max(size, 1)

    def floats() -> F64:
        return np.zeros(size)

    def ints() -> I64:
        return np.zeros(size, dtype=np.int64)

    return Cluster(
        slots=aligned(-(-size // BLOCK) * FIELDS * BLOCK, np.float64),
        chain=ints(),
        label=ints(),
        size=ints(),
        number=ints(),
        jet_px=floats(),
        jet_py=floats(),
        jet_pz=floats(),
        jet_energy=floats(),
        axes=np.zeros((3, 3, 2)),
        scales=np.zeros(3),
    )


def aligned(size: int, kind: type[Any]) -> NDArray[Any]:
    """Return zeros that start on a line of the cache: vectors across its border cost twice the time."""
    width = np.dtype(kind).itemsize
    memory = np.zeros(size * width + CACHE_LINE, dtype=np.uint8)
    first = -memory.ctypes.data % CACHE_LINE
    return memory[first : first + size * width].view(kind)


def _lanes() -> Lanes:
    return Lanes(
        density=aligned(WIDE, np.uint16),
        cut=aligned(WIDE, np.uint16),
        narrow=aligned(WIDE, np.uint16),
        wide=aligned(WIDE, np.int32),
        floor=aligned(WIDE, np.uint16),
        edge=aligned(WIDE, np.int64),
        start=aligned(WIDE, np.int64),
        peak=aligned(WIDE, np.uint16),
    )


def _cells() -> Cells:
    return Cells(*(aligned(CELLS + LANES, np.int32) for _ in Cells._fields))


def workspace(max_tracks: int) -> Workspace:
    """Return a workspace for crossings of at most `max_tracks` tracks (one for each thread)."""
    inputs = max_tracks + N_ETA * N_PHI + MAX_TRACK_JETS
    slots = SLOTS["FATJET"]

    def ints(size: int) -> I64:
        return np.zeros(size, dtype=np.int64)

    phi = [(column + 0.5) * TOWER_PHI for column in range(N_PHI)]
    return Workspace(
        towers=aligned(CELLS, np.uint16),
        hadronic=aligned(CELLS, np.uint16),
        front=aligned(CELLS, np.uint16),
        charged=aligned(CELLS, np.int32),
        touched=ints(CELLS),
        near=aligned(CELLS, np.int32),
        wanted=aligned(2 * N_PHI, np.uint64),
        flags=aligned(2 * N_PHI, np.uint64),
        clean=aligned(CELLS, np.int32),
        cell=ints(CELLS),
        neutral=ints(CELLS),
        share=aligned(CELLS, np.float64),
        around=aligned(CELLS, np.float64),
        listed=_cells(),
        seeds=_cells(),
        strips=aligned(STRIPS * 2 * N_PHI, np.int32),
        wide_windows=aligned(STRIPS * N_PHI + 1, np.int32),
        filled=ints(3),
        ring=aligned(WIDE, np.int32),
        total=aligned(WIDE, np.int32),
        behind=aligned(WIDE, np.int32),
        lanes=_lanes(),
        found=ints(2 * CELLS),
        column=ints(N_PHI),
        fat_column=ints(N_PHI),
        tower_grow=np.exp((np.arange(N_ETA) - (N_ETA - 1) / 2) * TOWER_ETA),
        tower_cos=np.array([math.cos(angle) for angle in phi]),
        tower_sin=np.array([math.sin(angle) for angle in phi]),
        vertex=aligned(VERTEX_BINS, np.int32),
        windows=aligned(VERTEX_BINS, np.int32),
        track_z=np.zeros(max_tracks, np.int32),
        track_place=np.zeros(max_tracks, np.int32),
        track_of=np.zeros(max_tracks, np.int32),
        close=ints(max_tracks + 1),
        chosen=Tracks(*(np.zeros(max_tracks, dtype=np.int32) for _ in Tracks._fields)),
        face=ints(max_tracks),
        columns=np.zeros((3, N_PHI)),
        counts=ints(4),
        px=np.zeros(inputs),
        py=np.zeros(inputs),
        pz=np.zeros(inputs),
        energy=np.zeros(inputs),
        pt=np.zeros(inputs),
        phi=np.zeros(inputs),
        eta=np.zeros(max_tracks),
        d0=np.zeros(max_tracks),
        cosh_eta=np.zeros(max_tracks),
        track_jet=np.zeros((MAX_TRACK_JETS, 4)),
        track_jet_tracks=ints(MAX_TRACK_JETS),
        track_jet_fat=ints(MAX_TRACK_JETS),
        track_label=ints(max_tracks),
        fat=np.zeros((slots, 4)),
        fat_start=ints(slots + 1),
        constituent=ints(inputs),
        cluster=cluster_memory(inputs),
        sub=np.zeros((8, inputs)),
        pairs=np.zeros(MAX_PAIRS),
        order=ints(inputs),
    )


def outputs(n: int) -> Outputs:
    """Return zeroed outputs for n crossings; row i of every array belongs to crossing i."""
    fields = {}
    for name in Outputs._fields:
        collection = name.partition("_")[0].upper()
        fields[name] = np.zeros((n, SLOTS[collection]), dtype=np.int32)
    return Outputs(**fields)


def trigger_objects(out: Outputs) -> TriggerObjects:
    """Return filled outputs as the menu reads them (views, no copy; no external signals)."""
    collections = {
        name: Collection({field: getattr(out, f"{name.lower()}_{field}") for field in fields})
        for name, fields in SCALES.items()
    }
    return TriggerObjects(collections, np.zeros((len(out.ht_pt), 4), dtype=np.uint64))
