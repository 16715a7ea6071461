"""From a sample configuration to a plan that can be carried out: all it names is read and checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trigsim
from trigsim.base import config
from trigsim.base.files import existing, sha256
from trigsim.detector.model import Detector
from trigsim.detector.readout import load_detector
from trigsim.events.pythia_settings import check_settings, pythia_version
from trigsim.events.sample import Sample, Settings, StratumConfig, beside


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked sample with all it refers to; what a worker gets.

    Attributes
    ----------
    file : Path
        The sample's configuration.
    sample : Sample
        Its contents, `seed` as finally chosen.
    detector : Detector
        The preset it names.
    """

    file: Path
    sample: Sample
    detector: Detector

    def key(self, stratum: StratumConfig) -> str:
        """Return a hash of all that a chunk of `stratum` depends on, the number of chunks aside."""
        facts: dict[str, Any] = {
            "version": trigsim.__version__,
            "pythia": pythia_version() if stratum.hepmc is None else None,
            "seed": self.sample.seed,
            "energy": self.sample.energy,
            "settings": self.sample.settings,
            "stratum": stratum.model_dump(mode="json", exclude={"events"}),
            "detector": self.detector.model_dump(mode="json"),
        }
        foreign = stratum.lhe or stratum.hepmc
        if foreign is not None:
            facts["file"] = sha256(existing(beside(self.file, foreign), "event file"))
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def load_plan(path: str | Path, seed: int | None = None) -> Plan:
    """Read and check a sample configuration and the detector preset it names.

    Parameters
    ----------
    path : path
        YAML as in `Sample`.
    seed : int, optional
        Replaces the configuration's.

    Raises
    ------
    InputError
        At the line and column of what is wrong, Pythia's settings included.
    """
    file = Path(path)
    document = config.read(file)
    sample = document.validate(Sample)
    if seed is not None:
        sample = sample.model_copy(update={"seed": seed})
    preset = beside(file, sample.detector)
    if not preset.is_file():
        raise document.error(("detector",), f"no such detector preset: {preset}; check the path")
    places: list[tuple[tuple[str, ...], Settings]] = [(("settings",), sample.settings)]
    for i, stratum in enumerate(sample.strata):
        places.append((("strata", str(i), "process"), stratum.process or {}))
        foreign = stratum.lhe or stratum.hepmc
        if foreign is not None and not beside(file, foreign).is_file():
            raise document.error(("strata", i), f"no such event file: {beside(file, foreign)}; check the path")
    for place, settings in places:
        found = check_settings(settings) if settings else None
        if found:
            location = [int(p) if p.isdigit() else p for p in place]
            raise document.error((*location, found[0]), found[1])
    return Plan(file, sample, load_detector(preset))
