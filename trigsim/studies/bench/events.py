"""`trigsim bench events`: generation against bare Pythia, objects and features, clustering; on one core."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from trigsim.base.files import existing
from trigsim.base.shipped import shipped
from trigsim.detector.readout import load_detector, read_out
from trigsim.events.pythia import Generator
from trigsim.events.sample import Sample, StratumConfig
from trigsim.events.stratum_file import write_stratum
from trigsim.studies.bench.clustering import clustering
from trigsim.studies.bench.crossing import crossing
from trigsim.studies.bench.model import Bench, Row, against

#: What lives on beyond the tracker does not decay there, as in the shipped samples.
LIMIT: dict[str, Any] = {
    "ParticleDecays:limitCylinder": True,
    "ParticleDecays:xyMax": 1290.0,
    "ParticleDecays:zMax": 3154.0,
}
#: Case → events at full size, range of pt-hat in GeV, process.
CASES: dict[str, tuple[int, tuple[float, float | None], dict[str, Any]]] = {
    "inelastic": (1000, (0.0, None), {"SoftQCD:inelastic": True}),
    "HardQCD 100-200": (400, (100.0, 200.0), {"HardQCD:all": True}),
    "VH, H to bb, 200": (
        400,
        (200.0, None),
        {"HiggsSM:ffbar2HW": True, "25:onMode": "off", "25:onIfMatch": "5 -5"},
    ),
}


def bench_events(library: str | Path, share: float = 1.0) -> Bench:
    """Time generation, detector and file against `next` of Pythia alone, then crossings and clustering.

    Parameters
    ----------
    library : path
        Event library whose crossings are timed.
    share : float
        Of the work of a full-size run.

    All times are processor time.
    """
    opened = existing(library, "event library")
    rows = [*crossing(opened), *clustering(share), *_generation(share)]
    return Bench(tuple(rows))


def _generation(share: float) -> list[Row]:
    detector = load_detector(shipped("detectors") / "outer_tracker.yaml")
    rows: list[Row] = []
    for case, (full, pt_hat, process) in CASES.items():
        events = max(20, round(share * full))
        stratum = StratumConfig(name="s", kind="signal", events=events, pt_hat=pt_hat, process=process)
        generator = Generator(Sample(name="b", detector="x", seed=1, settings=LIMIT, strata=(stratum,)), stratum)
        read_out(generator.chunk(1, 10)[0], detector, np.random.default_rng(1))  # compiles the kernels
        generator.pythia.rndm.init(2)
        start = time.process_time()
        for _ in range(events):
            generator.pythia.next()
        bare = time.process_time() - start
        start = time.process_time()
        truth, _ = generator.chunk(2, events)
        collisions = read_out(truth, detector, np.random.default_rng(1))
        with tempfile.TemporaryDirectory() as folder:
            write_stratum(Path(folder) / "x.root", [collisions])
        ours = time.process_time() - start
        rows += against(
            case,
            "events/s per core",
            ("trigsim: generate, detector, file", events / ours),
            {"Pythia next": events / bare},
        )
    return rows
