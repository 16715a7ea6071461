"""Where NanoAOD and L1Ntuple files keep which field of which Level-1 object."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError


@dataclass(frozen=True, slots=True)
class Column:
    """A field's branch, and how to get hardware integers back where only the physical value is stored.

    Attributes
    ----------
    hardware : str
        Branch of the integers; "{p}" stands for the prefix.
    physical : str
        Branch of the physical value, "" for none.
    step : float
        ``value = step * (number - zero)``.
    zero : int
        Number at value 0.
    turn : int
        Numbers of a full turn of an angle, 0 for none.
    mask, shift : int
        The field is ``(number >> shift) & mask``; mask 0 takes all of it.
    """

    hardware: str
    physical: str = ""
    step: float = 1.0
    zero: int = 0
    turn: int = 0
    mask: int = 0
    shift: int = 0

    def find(self, prefix: str, have: Container[str]) -> tuple[str, Column] | None:
        """Return the branch to use and how, None if there is none."""
        name = self.hardware.format(p=prefix)
        if name in have:
            return name, Column(name, mask=self.mask, shift=self.shift)
        name = self.physical.format(p=prefix)
        return (name, self) if name and name in have else None

    def numbers(self, values: NDArray[np.generic], name: str) -> NDArray[np.int32]:
        """Return hardware integers of the values of branch `name`."""
        if name == self.hardware:
            found = values.astype(np.int64)
            if self.mask:
                found = (found >> self.shift) & self.mask
            return found.astype(np.int32)
        value = values.astype(np.float64)
        if not np.isfinite(value).all():
            raise InputError(f"branch {name} holds NaN or infinities; check the file")
        if self.turn:
            value = np.mod(value, 2 * math.pi)
        found = np.rint(value / self.step).astype(np.int64) + self.zero
        return (found % self.turn if self.turn else found).astype(np.int32)


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of file: object → field → column; "{p}" in names stands for the prefix."""

    names: Mapping[str, str]
    bx_name: str
    type_name: str
    objects: Mapping[str, Mapping[str, Column]]
    sums: Mapping[str, Column]

    def bx(self, prefix: str, kind: str) -> str:
        """Return the branch with the BX of objects of a kind."""
        return self.bx_name.format(p=prefix, o=self.names.get(kind, "?"))

    def sum_type(self, prefix: str) -> str:
        """Return the branch with the type of sums."""
        return self.type_name.format(p=prefix)

    def branches(self, prefix: str, have: Container[str]) -> list[str]:
        """Return the branches to read, those that are there."""
        wanted = [self.bx(prefix, kind) for kind in self.names] + [self.sum_type(prefix)]
        wanted += [branch for branch in (*SHOWERS.values(), "muonChg") if not prefix]
        for columns in (*self.objects.values(), self.sums):
            wanted += [found[0] for column in columns.values() if (found := column.find(prefix, have))]
        return list(dict.fromkeys(name for name in wanted if name in have))


#: Steps of the physical values that CMS writes. Calorimeter phi is written in steps of 0.0435, not 2 pi/144;
#: rounding gives the same number for both.
CALO_STEP = 0.0435
MUON_ETA = 0.010875
MUON_PHI = 2 * math.pi / 576


def _nano_calorimeter(name: str) -> dict[str, Column]:
    return {
        "pt": Column(f"{{p}}{name}_hwPt", f"{{p}}{name}_pt", 0.5),
        "eta": Column(f"{{p}}{name}_hwEta", f"{{p}}{name}_eta", CALO_STEP),
        "phi": Column(f"{{p}}{name}_hwPhi", f"{{p}}{name}_phi", CALO_STEP, turn=144),
    }


NANOAOD = Format(
    names={"MU": "Mu", "EG": "EG", "TAU": "Tau", "JET": "Jet", "sums": "EtSum"},
    bx_name="{p}{o}_bx",
    type_name="{p}EtSum_etSumType",
    objects={
        "MU": {
            "pt": Column("{p}Mu_hwPt", "{p}Mu_pt", 0.5, zero=1),
            "eta": Column("{p}Mu_hwEtaAtVtx", "{p}Mu_etaAtVtx", MUON_ETA),
            "phi": Column("{p}Mu_hwPhiAtVtx", "{p}Mu_phiAtVtx", MUON_PHI, turn=576),
            "phi_out": Column("{p}Mu_hwPhi", "{p}Mu_phi", MUON_PHI, turn=576),
            "quality": Column("{p}Mu_hwQual"),
            "iso": Column("{p}Mu_hwIso"),
            "charge": Column("{p}Mu_hwCharge"),
            "charge_valid": Column("{p}Mu_hwChargeValid"),
            "index": Column("{p}Mu_tfMuonIndex"),
            "upt": Column("{p}Mu_hwPtUnconstrained", "{p}Mu_ptUnconstrained", 1.0, zero=1),
            "ip": Column("{p}Mu_hwDXY"),
        },
        "EG": {**_nano_calorimeter("EG"), "iso": Column("{p}EG_hwIso")},
        "TAU": {**_nano_calorimeter("Tau"), "iso": Column("{p}Tau_hwIso")},
        "JET": {
            **_nano_calorimeter("Jet"),
            # The three flags of the packed word in one number, the long-lived tag lowest.
            "displaced": Column("{p}Jet_hwQual", mask=1),
            "quality": Column("{p}Jet_hwQual", mask=3, shift=1),
        },
    },
    sums={
        "pt": Column("{p}EtSum_hwPt", "{p}EtSum_pt", 0.5),
        "phi": Column("{p}EtSum_hwPhi", "{p}EtSum_phi", CALO_STEP, turn=144),
    },
)


def _ntuple_calorimeter(name: str) -> dict[str, Column]:
    return {"pt": Column(f"{name}IEt"), "eta": Column(f"{name}IEta"), "phi": Column(f"{name}IPhi")}


L1NTUPLE = Format(
    names={"MU": "muon", "EG": "eg", "TAU": "tau", "JET": "jet", "sums": "sum", "showers": "muonShower"},
    bx_name="{o}Bx",
    type_name="sumType",
    objects={
        "MU": {
            "pt": Column("muonIEt"),
            "eta": Column("muonIEtaAtVtx"),
            "phi": Column("muonIPhiAtVtx"),
            "phi_out": Column("muonIPhi"),
            "quality": Column("muonQual"),
            "iso": Column("muonIso"),
            # Made from muonChg, which is the charge, 0 where it is not valid.
            "charge": Column("muonChg<0"),
            "charge_valid": Column("muonChg!=0"),
            "index": Column("muonTfMuonIdx"),
            "upt": Column("muonIEtUnconstrained"),
            "ip": Column("muonDxy"),
        },
        "EG": {**_ntuple_calorimeter("eg"), "iso": Column("egIso")},
        "TAU": {**_ntuple_calorimeter("tau"), "iso": Column("tauIso")},
        "JET": {
            **_ntuple_calorimeter("jet"),
            "displaced": Column("jetHwQual", mask=1),
            "quality": Column("jetHwQual", mask=3, shift=1),
        },
    },
    sums={"pt": Column("sumIEt"), "phi": Column("sumIPhi")},
)

#: Sum → its number in CMS's enumeration, our field, whether it has a phi.
SUM_TYPES = {
    "ETT": (0, "pt", False),
    "HTT": (1, "pt", False),
    "ETM": (2, "pt", True),
    "HTM": (3, "pt", True),
    "ETMHF": (8, "pt", True),
    "MBT0HFP": (11, "count", False),
    "MBT0HFM": (12, "count", False),
    "MBT1HFP": (13, "count", False),
    "MBT1HFM": (14, "count", False),
    "ETTEM": (16, "pt", False),
    "HTMHF": (20, "pt", True),
    "TOWERCOUNT": (21, "count", False),
    "ASYMET": (22, "count", False),
    "ASYMHT": (23, "count", False),
    "ASYMETHF": (24, "count", False),
    "ASYMHTHF": (25, "count", False),
}
#: Muon shower → branch of L1Ntuple.
SHOWERS = {
    "MUS0": "muonShowerOneNominal",
    "MUS1": "muonShowerOneTight",
    "MUS2": "muonShowerTwoLooseDiffSectors",
}
