"""Objects and features of one crossing at pile-up 200."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from trigsim.base.config import load
from trigsim.base.shipped import shipped
from trigsim.events.library import Library
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, TEST, Source
from trigsim.studies.bench.model import Row, best_cpu_seconds
from trigsim.studies.setup import builder
from trigsim.tagger.features import FEATURES


def crossing(library: str | Path) -> list[Row]:
    """Time overlay and objects, and all 39 features by what they add, for beam and signal crossings.

    Parameters
    ----------
    library : path
        Event library.

    Returns
    -------
    list of Row
        Microseconds of a core's processor time. Beam crossings have their hardest collision in the most frequent
        stratum, or in one as hard as jets of triggers; signal crossings hold a collision of the first signal.
    """
    beam = load(shipped("beams") / "pileup200.yaml", Beam)
    source = Source.open(Library.open(library), beam, TEST)
    full = builder(library, source, ObjectSettings(), np.ones(len(FEATURES), np.bool_))
    none = replace(full, wanted=np.zeros_like(full.wanted))
    rows: list[Row] = []
    for what, plan in _plans(source).items():
        taken = best_cpu_seconds({
            "objects": lambda p=plan: none.build(p),  # type: ignore[misc]
            "both": lambda p=plan: full.build(p),  # type: ignore[misc]
        })  # fmt: skip
        jets = len(full.build(plan).crossing) / CHUNK
        case = f"{beam.name}: {what}"
        unit = "us/crossing"
        rows += [
            Row(f"{case}, overlay and objects", "trigsim", unit, taken["objects"] / CHUNK * 1e6),
            Row(f"{case}, 39 features", "trigsim", unit, (taken["both"] - taken["objects"]) / CHUNK * 1e6),
            Row(f"{case}, large-R jets", "trigsim", "jets/crossing", jets),
        ]
    return rows


def _plans(source: Source) -> dict[str, Plan]:
    frequent = int(np.argmax(source.strata.probability))
    plans = {}
    for k in sorted({frequent, len(source.members) // 2 + 1}):
        plans[f"hardest {source.strata.names[k]}"] = source.rate_plan(k, CHUNK, 1, "bench", 0)
    for signal in list(source.signals)[:1]:
        plans[signal] = source.signal_plan(signal, 0, CHUNK, 1)
    return plans
