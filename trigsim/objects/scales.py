"""The integer scale of every field of every trigger object that trigsim builds itself."""

from __future__ import annotations

from collections.abc import Mapping

from trigsim.events.model import FINE, TOWER_ETA, TOWER_PHI
from trigsim.numeric.scales import Scale

PT = Scale(0.25, 16, unit="GeV")
MASS = Scale(0.25, 14, unit="GeV")
#: Half a tower in eta and phi: calorimeter objects.
ETA = Scale(TOWER_ETA / 2, 8, signed=True)
PHI = Scale(TOWER_PHI / 2, 8, unit="rad")
#: An eighth of a tower: muons and track jets.
FINE_ETA = Scale(TOWER_ETA / 8, 10, signed=True)
FINE_PHI = Scale(TOWER_PHI / 8, 10, unit="rad")
COUNT = Scale(1.0, 8)
SMALL_COUNT = Scale(1.0, 4)
BIT = Scale(1.0, 1)
#: All muons have the quality of a tight one in CMS menus; the detector model knows no other.
MUON_QUALITY = 12
VERTEX_Z = Scale(1 / 16, 16, signed=True, unit="mm")

#: Turns of 2 pi in `PHI` and `FINE_PHI` steps, and the fine steps of one of theirs.
PHI_TURN = 144
FINE_PHI_TURN = 576
FINE_PER_STEP = FINE // 2
FINE_PER_FINE_STEP = FINE // 8

#: Slots a crossing and the scale of each field, by collection.
SLOTS: Mapping[str, int] = {
    "JET": 12, "FATJET": 6, "TRKJET": 12, "MU": 8, "EG": 12,
    "HT": 1, "MHT": 1, "ET": 1, "ETM": 1, "VTX": 1,
}  # fmt: skip
SCALES: Mapping[str, Mapping[str, Scale]] = {
    "JET": {"pt": PT, "eta": ETA, "phi": PHI},
    "FATJET": {"pt": PT, "eta": ETA, "phi": PHI, "mass": MASS, "n_track_jets": SMALL_COUNT},
    "TRKJET": {
        "pt": PT, "eta": FINE_ETA, "phi": FINE_PHI, "mass": MASS, "n_tracks": COUNT, "fatjet": SMALL_COUNT,
    },
    "MU": {
        "pt": PT, "eta": FINE_ETA, "phi": FINE_PHI, "quality": Scale(1.0, 4),
        "charge": BIT, "charge_valid": BIT,
    },
    "EG": {"pt": PT, "eta": ETA, "phi": PHI, "iso": BIT},
    "HT": {"pt": PT},
    "MHT": {"pt": PT, "phi": PHI},
    "ET": {"pt": PT},
    "ETM": {"pt": PT, "phi": PHI},
    "VTX": {"z": VERTEX_Z, "sum_pt": PT, "n_tracks": COUNT},
}  # fmt: skip
