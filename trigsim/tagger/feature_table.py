"""Names, formulas and integer scales of the 39 features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trigsim.numeric.scales import Scale


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of a candidate.

    Attributes
    ----------
    name : str
        Unique identifier.
    group : str
        What is computed together: "jet", "correlators", "kt", "track_jet_1", "track_jet_2", "pair".
    unit : str
        "GeV" or "" for pure numbers.
    formula : str
        As in docs/features.md.
    scale : Scale
        Of the hardware integer.
    description : str
        In words.
    """

    name: str
    group: str
    unit: str
    formula: str
    scale: Scale
    description: str


def _jet() -> list[Feature]:
    pt, mass, split = Scale(0.25, 16, unit="GeV"), Scale(0.25, 14, unit="GeV"), Scale(0.25, 12, unit="GeV")
    ratio, c2, d2 = Scale(2**-10, 11), Scale(2**-12, 12), Scale(2**-8, 13)
    return [
        Feature("fat_pt", "jet", "GeV", "pT", pt, "transverse momentum"),
        Feature("fat_eta", "jet", "", "asinh(pz / pT)", Scale(2**-7, 10, signed=True), "pseudorapidity"),
        Feature("fat_mass", "jet", "GeV", "sqrt(max(0, E^2 - p^2))", mass, "mass"),
        Feature("fat_c2", "correlators", "", "e3 / e2^2", c2, "energy correlation ratio C2, beta = 1"),
        Feature("fat_d2", "correlators", "", "e3 / e2^3", d2, "energy correlation ratio D2, beta = 1"),
        Feature("fat_tau21", "kt", "", "tau_2 / tau_1", ratio, "two-prongness, exclusive kT axes"),
        Feature("fat_tau32", "kt", "", "tau_3 / tau_2", ratio, "three-prongness, exclusive kT axes"),
        Feature("fat_sqrt_d12", "kt", "GeV", "sqrt(d12)", split, "kT scale of the last merging"),
        Feature("fat_sqrt_d23", "kt", "GeV", "sqrt(d23)", split, "kT scale of the last but one merging"),
        Feature("fat_n", "jet", "", "n", Scale(1.0, 9), "constituents"),
        Feature("fat_width", "jet", "", "sum z_i dR(i, jet)", Scale(2**-10, 11), "pT-weighted radius"),
    ]


def _track_jet(which: int) -> list[Feature]:
    group, rank = f"track_jet_{which}", ("leading", "second")[which - 1]
    significance = Scale(2**-3, 10, signed=True)

    def feature(name: str, unit: str, formula: str, scale: Scale, what: str) -> Feature:
        return Feature(f"tj{which}_{name}", group, unit, formula, scale, f"{rank} track jet: {what}")

    return [
        feature("pt", "GeV", "pT", Scale(0.25, 14, unit="GeV"), "transverse momentum"),
        feature("eta", "", "asinh(pz / pT)", Scale(2**-7, 10, signed=True), "pseudorapidity"),
        feature("dr", "", "dR(track jet, jet)", Scale(2**-8, 9), "distance to the large-R jet"),
        feature("mass", "GeV", "sqrt(max(0, E^2 - p^2))", Scale(2**-4, 12, unit="GeV"), "mass, pions"),
        feature("n_tracks", "", "n", Scale(1.0, 7), "tracks"),
        feature("n_displaced", "", "#(S > 2)", Scale(1.0, 6), "displaced tracks"),
        *(
            feature(f"sd0_{k}", "", f"S_({k})", significance, f"largest signed d0 significance no. {k}")
            for k in (1, 2, 3)
        ),
        feature("sd0_sum", "", "sum S", Scale(2**-3, 13, signed=True), "sum of all signed d0 significances"),
        feature("sv_mass", "GeV", "m(S > 2)", Scale(2**-5, 10, unit="GeV"), "mass of the displaced tracks"),
        feature("sv_fraction", "", "E(S > 2) / E", Scale(2**-8, 9), "energy share of the displaced tracks"),
        feature("lxy_sig", "", "Lxy / sigma(Lxy)", Scale(2**-3, 12, signed=True), "transverse flight length"),
    ]


def _pair() -> list[Feature]:
    mass = Scale(0.25, 14, unit="GeV")
    return [
        Feature("pair_dr", "pair", "", "dR(1, 2)", Scale(2**-8, 10), "distance of the two track jets"),
        Feature("pair_mass", "pair", "GeV", "m(1 + 2)", mass, "mass of the two track jets"),
    ]


#: In the order of the columns.
FEATURES: tuple[Feature, ...] = (*_jet(), *_track_jet(1), *_track_jet(2), *_pair())
NAMES: tuple[str, ...] = tuple(f.name for f in FEATURES)
#: The scales as arrays, for kernels.
LSB = np.array([f.scale.lsb for f in FEATURES])
MINIMUM = np.array([f.scale.minimum for f in FEATURES], dtype=np.int64)
MAXIMUM = np.array([f.scale.maximum for f in FEATURES], dtype=np.int64)
