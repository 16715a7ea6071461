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
from numba import njit

from trigsim.base.config import load
from trigsim.events.library import Library
from trigsim.events.model import N_ETA, N_PHI
from trigsim.objects.cluster_kernels import cluster
from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.objects.layout import Muons, Tracks, cluster_memory, outputs, workspace
from trigsim.objects.settings import ObjectSettings, parameters
from trigsim.stream.beam import Beam
from trigsim.stream.overlay_kernels import overlay_crossing
from trigsim.stream.source import Source

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "objects"))
import clustering as toys  # noqa: E402
import fastjet_oracle  # noqa: E402

MAX_TRACKS, MAX_MUONS = 20_000, 2_000
VR = (30.0, 0.02, 0.4)


def crossing_inputs(library: Library, pile_up: int, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (tracks, all inputs with ghosts) of n crossings, half of them with the first signal."""
    beam = load(ROOT / "configs" / "beams" / "pileup200.yaml", Beam).model_copy(
        update={"mean_pileup": float(max(pile_up, 1))}
    )
    source = Source.open(library, beam, "test")
    signal = next(iter(source.signals))
    hard = len(source.members) - 2
    half = n // 2
    plans = [source.signal_plan(signal, 0, half, 1), source.rate_plan(hard, n - half, 1, "bench", 0)]
    par, work, out = parameters(ObjectSettings()), workspace(MAX_TRACKS), outputs(1)
    towers = np.zeros((N_ETA, N_PHI), np.int32)
    tracks = Tracks(*(np.zeros(MAX_TRACKS, np.int32) for _ in Tracks._fields))
    muons = Muons(*(np.zeros(MAX_MUONS, np.int32) for _ in Muons._fields))
    for plan in plans:
        for i in range(len(plan)):
            # Without pile-up only the first, hardest collision is left.
            ends = np.array([plan.offsets[i], plan.offsets[i + 1] if pile_up else plan.offsets[i] + 1])
            filled = overlay_crossing(
                source.pool, ends, plan.event, plan.rotation, plan.mirror, plan.z0, 0, towers, tracks, muons
            )
            reconstruct_crossing(par, towers, tracks, 0, filled[0], muons, 0, filled[1], work, out, 0)
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


@njit(cache=True)
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


def timings(n: int) -> list[float]:
    """Return microseconds for n inputs: ours, ours above 150 GeV, FastJet; variable radius: ours, FastJet."""
    library = fastjet_oracle.library()
    p = np.ascontiguousarray(toys.soft_and_hard(n, np.random.default_rng(n)))
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
        events = crossing_inputs(Library.open(given.library), pile_up, given.crossings)
        same &= agreement(f"pile-up {pile_up}", events)
    print("inputs: anti-kT R=1 ours, ours above 150 GeV, FastJet best; variable radius ours, FastJet's plugin (us)")
    for n in (15, 30, 60, 100, 200):
        print(f"{n}:", " ".join(f"{t:.1f}" for t in timings(n)))
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
