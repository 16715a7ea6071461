"""What the object reconstruction can be told, and the flat numbers its kernels take."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from trigsim.base.config import Config
from trigsim.events.model import N_ETA, TOWER_ET, TOWER_ETA, TRACK_PHI, TRACK_PT, TRACK_Z0
from trigsim.objects.layout import TOWER_MAX, WIDE

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class ObjectSettings(Config):
    """Algorithm settings; every default that names no source is assumed.

    Attributes
    ----------
    field_tesla, calorimeter_radius_mm, calorimeter_half_length_mm : float
        Solenoid field and the calorimeter face that tracks are extrapolated to (CMS: 3.8 T, 1290 mm and
        3154 mm, JINST 3 S08004).
    tracker_abs_eta : float
        Towers within it are cleaned with tracks; H_T and track jets live there.
    vertex_track_pt_cap : float
        GeV; one track counts no more than this in the vertex histogram.
    window_mm, window_forward_mm : float
        Track-vertex association: abs(z0 - z) < window + forward * (cosh(eta) - 1), in mm.
    noise_sigmas, forward_noise_sigmas : float
        A tower counts when it exceeds its ring's pile-up density by this many mean absolute deviations.
    hadron_smearing : float
        Square root of GeV; a neutral excess must also exceed this times the root of the charged energy there.
    neutral_min : float
        GeV; smallest neutral energy kept in a tower.
    jet_seed, jet_min, eg_min : float
        GeV; smallest seed tower of a jet, smallest jet and e/gamma.
    ht_jet_min : float
        GeV; jets that enter H_T and missing H_T.
    fat_min, fat_input_abs_eta : float
        GeV; smallest large-R jet; and where its inputs may be.
    track_jet_min, track_jet_min_tracks : float, int
        GeV; smallest track jet and its fewest tracks.
    vr_rho, vr_min, vr_max : float
        GeV; variable radius R = rho / pT within [min, max] (ATL-PHYS-PUB-2017-010 and the poster).
    """

    field_tesla: Positive = 3.8
    calorimeter_radius_mm: Positive = 1290.0
    calorimeter_half_length_mm: Positive = 3154.0
    tracker_abs_eta: Positive = 2.4
    vertex_track_pt_cap: Positive = 50.0
    window_mm: Positive = 2.0
    window_forward_mm: NonNegative = 1.5
    noise_sigmas: NonNegative = 3.0
    forward_noise_sigmas: NonNegative = 6.0
    hadron_smearing: NonNegative = 1.0
    neutral_min: NonNegative = 1.0
    jet_seed: Positive = 4.0
    jet_min: Positive = 15.0
    eg_min: Positive = 10.0
    ht_jet_min: Positive = 30.0
    fat_min: Positive = 150.0
    fat_input_abs_eta: Positive = 2.4
    track_jet_min: Positive = 5.0
    track_jet_min_tracks: Annotated[int, Field(ge=1)] = 2
    vr_rho: Positive = 30.0
    vr_min: Positive = 0.02
    vr_max: Positive = 0.4


class Parameters(NamedTuple):
    """`ObjectSettings` on the scales of the records; rings are counted in abs(eta) from 0."""

    track_cap: int
    window: NDArray[np.int64]  # (58,) z0 steps
    widest: int  # the largest of them in the tracker, 0 without one
    bend: NDArray[np.float64]  # (58,) azimuth steps x track pT steps
    tracker_rings: int
    fat_rings: int
    sigmas: NDArray[np.float64]  # (WIDE,) by lane of a column of towers
    beyond: NDArray[np.uint16]  # (WIDE,) TOWER_MAX in lanes that are no ring, else 0
    forward: NDArray[np.uint64]  # (2,) a bit for each lane: 1 beyond the tracker
    hadron_smearing: float  # on tower steps
    neutral_min: int  # tower steps, as the next three
    jet_seed: int
    jet_min: int
    eg_min: int
    ht_jet_min: int
    fat_min: float  # GeV
    track_jet_min: float  # GeV
    track_jet_min_tracks: int
    vr_rho2: float
    vr_min2: float
    vr_max2: float


@lru_cache(maxsize=8)
def parameters(settings: ObjectSettings) -> Parameters:
    """Return what the kernels take; its arrays are shared by all who ask with the same settings."""
    eta = (np.arange(N_ETA // 2) + 0.5) * TOWER_ETA
    window = settings.window_mm + settings.window_forward_mm * (np.cosh(eta) - 1)
    window_hw = np.floor(window / TRACK_Z0.lsb).astype(np.int64)
    # Sagitta: a track that reaches the transverse radius r has turned by r / (2 * radius of curvature).
    reach = np.minimum(settings.calorimeter_radius_mm, settings.calorimeter_half_length_mm / np.sinh(eta))
    turn = 0.5 * 0.299792458e-3 * settings.field_tesla * reach
    tracker_rings = _rings(settings.tracker_abs_eta)
    lane = np.arange(WIDE) - WIDE // 2
    ring = np.where(lane >= 0, lane, -1 - lane)
    return Parameters(
        track_cap=round(settings.vertex_track_pt_cap / TRACK_PT.lsb),
        window=window_hw,
        widest=int(window_hw[:tracker_rings].max(initial=0)),
        bend=turn / TRACK_PT.lsb / TRACK_PHI.lsb,
        tracker_rings=tracker_rings,
        fat_rings=_rings(settings.fat_input_abs_eta),
        sigmas=np.where(ring < tracker_rings, settings.noise_sigmas, settings.forward_noise_sigmas),
        beyond=np.where(ring < N_ETA // 2, 0, TOWER_MAX).astype(np.uint16),
        forward=np.packbits(ring >= tracker_rings, bitorder="little").view(np.uint64),
        hadron_smearing=settings.hadron_smearing / math.sqrt(TOWER_ET.lsb),
        neutral_min=_steps(settings.neutral_min),
        jet_seed=_steps(settings.jet_seed),
        jet_min=_steps(settings.jet_min),
        eg_min=_steps(settings.eg_min),
        ht_jet_min=_steps(settings.ht_jet_min),
        fat_min=settings.fat_min,
        track_jet_min=settings.track_jet_min,
        track_jet_min_tracks=settings.track_jet_min_tracks,
        vr_rho2=settings.vr_rho**2,
        vr_min2=settings.vr_min**2,
        vr_max2=settings.vr_max**2,
    )


def _steps(energy: float) -> int:
    return max(1, round(energy / TOWER_ET.lsb))


def _rings(abs_eta: float) -> int:
    return min(N_ETA // 2, math.floor(abs_eta / TOWER_ETA + 0.5))
