"""Labels of our clustering against FastJet's, event by event, and the time of both.

    python benchmarks/clustering.py LIBRARY [--crossings 4000] [--toys 10000]

LIBRARY is an event library (`data/library`). For pile-up 0, 60 and 200 the inputs are those of the object
reconstruction: tracks, towers and ghosts of track jets of signal and beam crossings. Toys are random sprays and
tower grids full of equal distances. Needs g++ and FastJet. Exit code 1 if a label differs.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from crossings import crossings
from numba import njit

from trigsim.objects.cluster_kernels import cluster
from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import cluster_memory, outputs, workspace
from trigsim.objects.reconstruct import most_tracks
from trigsim.objects.settings import ObjectSettings, parameters

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "objects"))
import clustering as toys
import fastjet_oracle

VR = (30.0, 0.02, 0.4)


def crossing_inputs(library: Path, pile_up: int, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (tracks, all inputs with ghosts) of n crossings, half of them signal, half hard multijets."""
    par = parameters(ObjectSettings())
    for what in ("vh_bb", "qcd400"):
        # A few at a time, for the memory's sake.
        for seed in range(1, n // 2, 250):
            given = crossings(library, pile_up, what, min(250, n // 2 - seed + 1), seed)
            towers, hadronic, tracks, ends, muons, muon_ends = given
            work, out = workspace(most_tracks(ends)), outputs(1)
            for i in range(len(towers)):
                reconstruct_crossing(
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
                    0,
                )
                n_tracks, n_inputs, n_ghosts = work.counts[:3]
                p = np.stack([work.px, work.py, work.pz, work.energy])[:, : n_inputs + n_ghosts].copy()
                yield p[:, :n_tracks], p


def differing(p: np.ndarray, rho: float, r_min: float, r_max: float, min_pt: float) -> int:
    """Return how many labels differ from FastJet's."""
    if p.shape[1] == 0:
        return 0
    ours = toys.own_labels(p, rho, r_min, r_max, min_pt)
    if r_min == r_max:
        theirs = fastjet_oracle.antikt(p, r_min, min_pt)
    else:
        theirs = fastjet_oracle.variable_r(p, rho, r_min, r_max, min_pt)
    return int((toys.partition(ours) != toys.partition(theirs)).sum())


def agreement(what: str, events: Iterator[tuple[np.ndarray, np.ndarray]]) -> bool:
    """Print one line a kind of event; return whether all labels agree."""
    count, labels, wrong = 0, 0, [0, 0, 0]
    for tracks, p in events:
        count += 1
        labels += 2 * p.shape[1] + tracks.shape[1]
        wrong[0] += differing(p, 1.0, 1.0, 1.0, 0.0)
        wrong[1] += differing(p, 1.0, 1.0, 1.0, 150.0)
        wrong[2] += differing(tracks, *VR, 0.0)
    differ = f"anti-kT {wrong[0]}, above 150 GeV {wrong[1]}, VR {wrong[2]}"
    print(f"{what}: {count} events, {labels} labels; differing: {differ}", flush=True)
    return not any(wrong)


def toy_events(
    n: int, make: Callable[[int, np.random.Generator], np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield n toys of 2 to 200 inputs with ghosts."""
    rng = np.random.default_rng(8)
    for _ in range(n):
        p = make(int(rng.integers(2, 200)), rng)
        yield p, toys.with_ghosts(p, min(5, p.shape[1]), rng)


# Not cached: numba does not notice when a kernel that is called has changed.
@njit
def repeat(times, n, px, py, pz, energy, rho2, min2, max2, min_pt, s):
    """Cluster one event many times."""
    for _ in range(times):
        cluster(n, px, py, pz, energy, -1, rho2, min2, max2, min_pt, s)


def timed(call: Callable[[], object], times: int) -> float:
    """Return the best of five, in microseconds of this thread's time."""
    call()
    best = np.inf
    for _ in range(5):
        start = time.thread_time()
        call()
        best = min(best, time.thread_time() - start)
    return best / times * 1e6


def one_jet(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n pions within about a large-R jet."""
    return toys.four_momenta(1 + rng.exponential(5, n), rng.normal(0, 0.3, n), rng.normal(1, 0.3, n), 0.13957)


def timings(n: int, make: Callable[[int, np.random.Generator], np.ndarray]) -> list[float]:
    """Return microseconds for n inputs: ours, ours above 150 GeV, FastJet; variable radius: ours, FastJet."""
    library = fastjet_oracle.library()
    p = np.ascontiguousarray(make(n, np.random.default_rng(n)))
    times, s = 40_000 // n, cluster_memory(n)
    return [
        timed(lambda: repeat(times, n, *p, 1.0, 1.0, 1.0, 0.0, s), times),
        timed(lambda: repeat(times, n, *p, 1.0, 1.0, 1.0, 150.0, s), times),
        timed(lambda: library.repeat_antikt(n, p.ctypes.data, 1.0, fastjet_oracle.BEST, times), times),
        timed(lambda: repeat(times, n, *p, VR[0] ** 2, VR[1] ** 2, VR[2] ** 2, 0.0, s), times),
        timed(lambda: library.repeat_variable_r(n, p.ctypes.data, *VR, times), times),
    ]


def main() -> int:
    """Compare, then time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("--crossings", type=int, default=4000, help="for each pile-up")
    parser.add_argument("--toys", type=int, default=10_000, help="half sprays, half grids")
    given = parser.parse_args()
    same = agreement("sprays", toy_events(given.toys // 2, toys.soft_and_hard))
    same &= agreement("grids", toy_events(given.toys // 2, toys.grid))
    for pile_up in (0, 60, 200):
        events = crossing_inputs(given.library, pile_up, given.crossings)
        same &= agreement(f"pile-up {pile_up}", events)
    print("inputs: anti-kT R=1 ours, ours above 150 GeV, FastJet best; variable radius ours, FastJet's plugin (us)")
    for what, make in (("spray", toys.soft_and_hard), ("jet", one_jet)):
        for n in (10, 15, 20, 30, 45, 60, 100, 200):
            t = timings(n, make)
            ratios = f"ours over FastJet: anti-kT {t[0] / t[2]:.2f}, variable radius {t[3] / t[4]:.2f}"
            print(f"{what} {n}:", " ".join(f"{v:.2f}" for v in t), ratios)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
