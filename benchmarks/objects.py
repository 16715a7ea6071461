"""Time of one crossing in the object reconstruction, and of the features.

    python benchmarks/objects.py LIBRARY [-n 400]

Microseconds of one thread's CPU time a crossing, the best of five passes; overlay is not part of it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from crossings import crossings
from numba import njit

from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import outputs, workspace
from trigsim.objects.reconstruct import most_tracks
from trigsim.objects.settings import ObjectSettings, parameters
from trigsim.tagger.feature_kernels import candidate_features
from trigsim.tagger.features import FEATURES, d0_table


@njit(cache=True)
def everything(par, towers, hadronic, tracks, ends, muons, muon_ends, work, out, wanted, a, b, row):
    """Reconstruct all crossings and compute the wanted features of their large-R jets."""
    for i in range(len(towers)):
        found = reconstruct_crossing(
            par,
            towers[i],
            hadronic[i],
            tracks,
            ends[i],
            ends[i + 1],
            muons,
            muon_ends[i],
            muon_ends[i + 1],
            work,
            out,
            i,
        )
        for jet in range(found):
            candidate_features(work, jet, wanted, a, b, row)


def timed(call: Callable[[], object], n: int) -> float:
    """Return the best of five, in microseconds."""
    call()
    best = np.inf
    for _ in range(5):
        start = time.thread_time()
        call()
        best = min(best, time.thread_time() - start)
    return best / n * 1e6


def column(library: Path, pile_up: int, what: str, n: int) -> dict[str, float]:
    """Return the times for one kind of crossing."""
    towers, hadronic, tracks, ends, muons, muon_ends = crossings(library, pile_up, what, n)
    par, work, out = parameters(ObjectSettings()), workspace(most_tracks(ends)), outputs(n)
    a, b = d0_table([1.2, 2.4], [0.1, 0.12], [1.0, 1.4])
    row = np.zeros(len(FEATURES), np.int32)
    times = {}
    groups = {"none": [], "C2, D2": ["correlators"], "kT": ["kt"], "tracks": ["track_jet_1", "track_jet_2", "pair"]}
    groups["all"] = sorted({f.group for f in FEATURES})
    whole = {}
    for name, chosen in groups.items():
        wanted = np.array([f.group in chosen for f in FEATURES])
        given = (par, towers, hadronic, tracks, ends, muons, muon_ends, work, out, wanted, a, b, row)
        whole[name] = timed(lambda given=given: everything(*given), n)
    times["all objects"] = whole["none"]
    times |= {f"features: {k}": v - whole["none"] for k, v in whole.items() if k != "none"}
    times["large-R jets found"] = float((out.fatjet_pt > 0).sum()) / n
    return times


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("-n", type=int, default=400, help="crossings of each kind")
    given = parser.parse_args()
    kinds = ((60, "beam"), (200, "beam"), (200, "vh_bb"))
    columns = [column(given.library, *kind, given.n) for kind in kinds]
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(f"{c[name]:.1f}" for c in columns) + " |")


if __name__ == "__main__":
    main()
