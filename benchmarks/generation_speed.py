"""Events a second of one core: trigsim's chunks, detector and file included, against Pythia's bare `next`.

CPU time is counted, so that a busy machine does not matter much: ``python benchmarks/generation_speed.py``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from trigsim.detector.readout import load_detector, read_out
from trigsim.events.pythia import Generator
from trigsim.events.sample import Sample, StratumConfig
from trigsim.events.stratum_file import write_stratum

DETECTOR = Path(__file__).parents[1] / "configs" / "detectors" / "outer_tracker.yaml"
LIMIT = {"ParticleDecays:limitCylinder": True, "ParticleDecays:xyMax": 1290.0, "ParticleDecays:zMax": 3154.0}
CASES = {
    "inelastic": (1000, (0.0, None), {"SoftQCD:inelastic": True}),
    "HardQCD 100-200": (400, (100.0, 200.0), {"HardQCD:all": True}),
    "VH, H->bb, 200": (400, (200.0, None), {"HiggsSM:ffbar2HW": True, "25:onMode": "off", "25:onIfMatch": "5 -5"}),
}


def main() -> None:
    detector = load_detector(DETECTOR)
    rows = []
    for case, (events, pt_hat, process) in CASES.items():
        stratum = StratumConfig(name="s", kind="signal", events=events, pt_hat=pt_hat, process=process)
        generator = Generator(Sample(name="b", detector="x", seed=1, settings=LIMIT, strata=(stratum,)), stratum)
        read_out(generator.chunk(1, 10)[0], detector, np.random.default_rng(1))  # compiles
        bare_pythia = generator.pythia
        bare_pythia.rndm.init(2)
        begin = time.process_time()
        for _ in range(events):
            bare_pythia.next()
        bare = time.process_time() - begin
        begin = time.process_time()
        truth, _ = generator.chunk(2, events)
        generated = time.process_time() - begin
        begin = time.process_time()
        collisions = read_out(truth, detector, np.random.default_rng(1))
        read = time.process_time() - begin
        begin = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            write_stratum(Path(folder) / "x.root", [collisions])
        written = time.process_time() - begin
        rows.append(
            {
                "case": case,
                "pythia_next_per_s": events / bare,
                "trigsim_per_s": events / (generated + read + written),
                "ratio": bare / (generated + read + written),
                "detector_us_per_event": 1e6 * read / events,
                "file_us_per_event": 1e6 * written / events,
            }
        )
    json.dump(rows, sys.stdout, indent=2)


if __name__ == "__main__":
    main()
