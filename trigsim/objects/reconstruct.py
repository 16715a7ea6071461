"""Trigger objects of given crossings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.events.model import FINE, N_ETA, N_PHI
from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import Muons, Tracks, outputs, trigger_objects, workspace
from trigsim.objects.model import TriggerObjects
from trigsim.objects.settings import ObjectSettings, parameters

#: Sums over a ring of towers stay within int32.
MAX_TOWER = 1 << 24


def reconstruct(
    towers: NDArray[np.int32] | NDArray[np.uint16],
    hadronic: NDArray[np.int32] | NDArray[np.uint16],
    tracks: Tracks,
    track_offsets: NDArray[np.int64],
    muons: Muons,
    muon_offsets: NDArray[np.int64],
    settings: ObjectSettings | None = None,
) -> TriggerObjects:
    """Return the trigger objects of n crossings.

    Parameters
    ----------
    towers : int32 or uint16 array, shape (n, 116, 72)
        Transverse energy of each crossing's towers in `events.model.TOWER_ET` steps, not negative.
    hadronic : as towers
        What of it is behind the electromagnetic calorimeter: at most the tower's.
    tracks : Tracks
        int32 arrays of all crossings' tracks, on the scales of `events.model`; z0 includes the vertex's z.
    track_offsets : int64 array, shape (n + 1,)
        Crossing i owns tracks ``track_offsets[i]:track_offsets[i + 1]``.
    muons : Muons
        int32 arrays of all crossings' muons.
    muon_offsets : int64 array, shape (n + 1,)
        The same for muons.
    settings : ObjectSettings, optional
        Defaults if not given.

    Returns
    -------
    TriggerObjects
        Collections and fields of `scales.SCALES`; absent objects are 0 in every field.

    Raises
    ------
    InputError
        If a shape, type, offset or coordinate does not fit.
    """
    check_crossings(towers, hadronic, tracks, track_offsets, muons, muon_offsets)
    par = parameters(settings or ObjectSettings())
    n = len(towers)
    out = outputs(n)
    work = workspace(most_tracks(track_offsets))
    for i in range(n):
        reconstruct_crossing(
            par,
            towers[i],
            hadronic[i],
            tracks,
            track_offsets[i],
            track_offsets[i + 1],
            muons,
            muon_offsets[i],
            muon_offsets[i + 1],
            work,
            out,
            i,
        )
    return trigger_objects(out)


def most_tracks(offsets: NDArray[np.int64]) -> int:
    """Return the largest number of tracks of a crossing, at least 1."""
    return max(1, int(np.diff(offsets).max(initial=0)))


def check_crossings(
    towers: NDArray[np.int32] | NDArray[np.uint16],
    hadronic: NDArray[np.int32] | NDArray[np.uint16],
    tracks: Tracks,
    track_offsets: NDArray[np.int64],
    muons: Muons,
    muon_offsets: NDArray[np.int64],
) -> None:
    """Raise `InputError` unless the arrays are what `reconstruct` takes."""
    for name, grid in (("towers", towers), ("hadronic", hadronic)):
        if grid.ndim != 3 or grid.shape[1:] != (N_ETA, N_PHI) or grid.dtype not in (np.int32, np.uint16):
            raise InputError(
                f"{name} are {grid.dtype} {grid.shape}; give int32 or uint16 of shape (n, {N_ETA}, {N_PHI})"
            )
    if len(hadronic) != len(towers):
        raise InputError(f"hadronic holds {len(hadronic)} crossings where towers hold {len(towers)}")
    if hadronic.size and (hadronic.min() < 0 or (hadronic > towers).any()):
        raise InputError("the hadronic part of a tower is out of range; give 0 to the tower's own energy")
    if towers.size and (towers.min() < 0 or towers.max() >= MAX_TOWER):
        raise InputError(f"a tower is out of range; give transverse energies of 0 to {MAX_TOWER - 1} steps")
    for name, record, offsets in (("tracks", tracks, track_offsets), ("muons", muons, muon_offsets)):
        _check_record(name, record, offsets, len(towers))


def _check_record(name: str, record: Tracks | Muons, offsets: NDArray[np.int64], n: int) -> None:
    size = len(record.pt)
    for field, array in zip(record._fields, record, strict=True):
        if array.dtype != np.int32 or array.shape != (size,):
            raise InputError(f"{name}.{field} is {array.dtype} {array.shape}; give int32 of shape ({size},)")
    if offsets.shape != (n + 1,) or offsets.dtype != np.int64:
        raise InputError(f"{name} offsets are {offsets.dtype} {offsets.shape}; give int64 of shape ({n + 1},)")
    if offsets[0] < 0 or offsets[-1] > size or (np.diff(offsets) < 0).any():
        raise InputError(f"{name} offsets must rise from 0 or more to at most {size}")
    limit = N_ETA // 2 * FINE
    if size and (record.pt.min() <= 0 or record.eta.min() < -limit or record.eta.max() >= limit):
        raise InputError(f"a value in {name} is out of range; pt must be above 0 and eta in [{-limit}, {limit})")
    if size and (record.phi.min() < 0 or record.phi.max() >= N_PHI * FINE):
        raise InputError(f"a phi in {name} is out of range; give 0 to {N_PHI * FINE - 1}")
    if size and not np.isin(record.charge, (-1, 1)).all():
        raise InputError(f"a charge in {name} is not +1 or -1")
