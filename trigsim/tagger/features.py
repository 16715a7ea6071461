"""The 39 features of a large-R jet candidate: one definition, for training and in the loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.events.model import N_ETA, TOWER_ETA
from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import Muons, Tracks, outputs, trigger_objects, workspace
from trigsim.objects.model import TriggerObjects
from trigsim.objects.reconstruct import check_crossings, most_tracks
from trigsim.objects.settings import ObjectSettings, parameters
from trigsim.tagger.feature_kernels import candidate_features
from trigsim.tagger.feature_table import FEATURES, NAMES, Feature

__all__ = ["FEATURES", "NAMES", "Candidates", "Feature", "compute", "d0_table", "wanted_mask"]


N_RINGS = N_ETA // 2


@dataclass(frozen=True, slots=True)
class Candidates:
    """The large-R jets of n crossings with their features.

    Attributes
    ----------
    crossing : int64 array, shape (m,)
        Crossing of each candidate.
    slot : int64 array, shape (m,)
        Its slot in the collection FATJET.
    hw : int32 array, shape (m, 39)
        Features on the scales of `FEATURES`; 0 where they were not wanted.
    objects : TriggerObjects
        Of all n crossings.
    """

    crossing: NDArray[np.int64]
    slot: NDArray[np.int64]
    hw: NDArray[np.int32]
    objects: TriggerObjects

    def __len__(self) -> int:
        return len(self.crossing)


def wanted_mask(names: Sequence[str] | None) -> NDArray[np.bool_]:
    """Return which of `FEATURES` are named (all for None).

    Raises
    ------
    InputError
        If a name is none of `NAMES`.
    """
    unknown = [n for n in names or () if n not in NAMES]
    if unknown:
        raise InputError(f"no feature is called '{unknown[0]}'; the features are {', '.join(NAMES)}")
    return np.array([names is None or n in names for n in NAMES])


def d0_table(edges: Sequence[float], constant: Sequence[float], scattering: Sequence[float]) -> NDArray[np.float64]:
    """Return a d0 resolution by ring from that of regions in abs(eta).

    Parameters
    ----------
    edges : sequence of float
        Upper abs(eta) of each region; the last region also covers what is beyond.
    constant, scattering : sequence of float
        a in mm and b in mm GeV of each region; sigma(d0)^2 = a^2 + (b / (pT sqrt(sin theta)))^2.

    Returns
    -------
    float64 array, shape (2, 58)
    """
    if not len(edges) == len(constant) == len(scattering) > 0:
        raise InputError("edges, constant and scattering differ in length; give one of each for a region")
    region = np.searchsorted(np.asarray(edges[:-1]), (np.arange(N_RINGS) + 0.5) * TOWER_ETA, side="right")
    return np.stack([np.asarray(constant, float)[region], np.asarray(scattering, float)[region]])


def compute(
    towers: NDArray[np.int32] | NDArray[np.uint16],
    hadronic: NDArray[np.int32] | NDArray[np.uint16],
    tracks: Tracks,
    track_offsets: NDArray[np.int64],
    muons: Muons,
    muon_offsets: NDArray[np.int64],
    d0_resolution: NDArray[np.float64],
    names: Sequence[str] | None = None,
    settings: ObjectSettings | None = None,
) -> Candidates:
    """Return the features of all large-R jets of n crossings.

    Parameters
    ----------
    towers, hadronic, tracks, track_offsets, muons, muon_offsets
        As for `objects.reconstruct`.
    d0_resolution : float64 array, shape (2, 58)
        a in mm and b in mm GeV of sigma(d0)^2 = a^2 + (b / (pT sqrt(sin theta)))^2, by ring
        in abs(eta); see `d0_table`.
    names : sequence of str, optional
        Features to compute; all of them if not given.
    settings : ObjectSettings, optional
        Of the objects.

    Returns
    -------
    Candidates

    Raises
    ------
    InputError
        If an input does not fit, or a feature is not known.
    """
    check_crossings(towers, hadronic, tracks, track_offsets, muons, muon_offsets)
    if d0_resolution.shape != (2, N_RINGS) or d0_resolution.dtype != np.float64:
        raise InputError(f"the d0 resolution is {d0_resolution.shape}; give float64 of shape (2, {N_RINGS})")
    if not ((d0_resolution[0] > 0) & (d0_resolution[1] >= 0)).all():
        raise InputError("the d0 resolution needs a > 0 mm and b >= 0 mm GeV everywhere")
    a, b = d0_resolution
    wanted = wanted_mask(names)
    par = parameters(settings or ObjectSettings())
    out, work = outputs(len(towers)), workspace(most_tracks(track_offsets))
    crossing: list[int] = []
    slot: list[int] = []
    rows: list[NDArray[np.int32]] = []
    for i in range(len(towers)):
        bounds = (track_offsets[i], track_offsets[i + 1]), (muon_offsets[i], muon_offsets[i + 1])
        n = reconstruct_crossing(par, towers[i], hadronic[i], tracks, *bounds[0], muons, *bounds[1], work, out, i)
        for jet in range(n):
            row = np.zeros(len(FEATURES), dtype=np.int32)
            candidate_features(work, jet, wanted, a, b, row)
            crossing.append(i)
            slot.append(jet)
            rows.append(row)
    hw = np.array(rows, dtype=np.int32).reshape(-1, len(FEATURES))
    return Candidates(np.array(crossing, dtype=np.int64), np.array(slot, dtype=np.int64), hw, trigger_objects(out))
