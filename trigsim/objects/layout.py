"""What goes into and out of the per-crossing kernel: named tuples of arrays, allocated once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.events.model import N_ETA, N_PHI, TOWER_ETA, TOWER_PHI
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.objects.scales import SCALES, SLOTS

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F64 = NDArray[np.float64]

#: Slack of the clustering's memory: its loops run over whole vectors.
LANES = 32
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

    Active pseudojets fill the first entries of the arrays up to `count`; jets and labels are the result.
    """

    px: F64
    py: F64
    pz: F64
    energy: F64
    total: F64  # scalar sum of the inputs' pT
    rapidity: F64
    phi: F64
    factor: F64  # kT^(2p)
    near2: F64  # squared distance to the nearest, or the beam's
    dij: F64
    d2: F64  # squared distances from one slot
    near: I64  # slot of the nearest, -1 for the beam
    head: I64  # first and last input of the pseudojet's chain
    tail: I64
    chain: I64  # by input: the next one, -1 at the end
    label: I64  # by input: number of its jet, -1 for none
    jet_px: F64
    jet_py: F64
    jet_pz: F64
    jet_energy: F64
    axes: F64  # (3, 3, 2): rapidity and phi of the k pseudojets left, [k - 1, 0..k-1]
    scales: F64  # (3,): dij of the merging k + 1 -> k, [k - 1]


class Workspace(NamedTuple):
    """Everything a crossing needs while it is reconstructed, and what the features read afterwards."""

    charged: I32  # (N_ETA, N_PHI) track pT steps of all tracks at the calorimeter face
    near: I32  # the same of primary-vertex tracks, summed over 7 x 7 towers
    clean: I32  # tower steps after pile-up mitigation, charged at the vertex direction
    ring: I32  # (N_ETA,) mean tower of the ring, tower steps
    top: I32  # (N_ETA,) its highest tower
    cell: I64  # (N_ETA * N_PHI,) row * N_PHI + column of the filled cells of `clean`
    column: I64  # (N_PHI,) sums over the rings of `clean`
    tower_grow: F64  # (N_ETA,) exp(eta) of the ring's centre
    tower_cos: F64  # (N_PHI,)
    tower_sin: F64  # (N_PHI,)
    vertex: I64  # (VERTEX_BINS,)
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
    size += LANES

    def floats() -> F64:
        return np.zeros(size)

    def ints() -> I64:
        return np.zeros(size, dtype=np.int64)

    return Cluster(
        px=floats(),
        py=floats(),
        pz=floats(),
        energy=floats(),
        total=floats(),
        rapidity=floats(),
        phi=floats(),
        factor=floats(),
        near2=floats(),
        dij=floats(),
        d2=floats(),
        near=ints(),
        head=ints(),
        tail=ints(),
        chain=ints(),
        label=ints(),
        jet_px=floats(),
        jet_py=floats(),
        jet_pz=floats(),
        jet_energy=floats(),
        axes=np.zeros((3, 3, 2)),
        scales=np.zeros(3),
    )


def workspace(max_tracks: int) -> Workspace:
    """Return a workspace for crossings of at most `max_tracks` tracks (one for each thread)."""
    inputs = max_tracks + N_ETA * N_PHI + MAX_TRACK_JETS
    slots = SLOTS["FATJET"]

    def ints(size: int) -> I64:
        return np.zeros(size, dtype=np.int64)

    return Workspace(
        charged=np.zeros((N_ETA, N_PHI), dtype=np.int32),
        near=np.zeros((N_ETA, N_PHI), dtype=np.int32),
        clean=np.zeros((N_ETA, N_PHI), dtype=np.int32),
        ring=np.zeros(N_ETA, dtype=np.int32),
        top=np.zeros(N_ETA, dtype=np.int32),
        cell=ints(N_ETA * N_PHI),
        column=ints(N_PHI),
        tower_grow=np.exp((np.arange(N_ETA) - (N_ETA - 1) / 2) * TOWER_ETA),
        tower_cos=np.cos((np.arange(N_PHI) + 0.5) * TOWER_PHI),
        tower_sin=np.sin((np.arange(N_PHI) + 0.5) * TOWER_PHI),
        vertex=ints(VERTEX_BINS),
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
