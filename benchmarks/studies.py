"""Rate table with overlaps of 400 algorithms on 10^6 crossings, and a fit of 20 thresholds, on made-up decisions.

    python benchmarks/studies.py [--crossings 1000000] [--algorithms 400]

Prints JSON: seconds of wall clock and of all threads together.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace

import numpy as np

from trigsim.stream.companions import Classes
from trigsim.studies.company import Company
from trigsim.studies.decided import in_order
from trigsim.studies.fit_search import Budget, Goal, search, starts
from trigsim.studies.fit_space import Space, Steps, Words
from trigsim.studies.overlap import overlap
from trigsim.studies.rate_table import Prescaling, rate_table
from trigsim.studies.store_format import BEAM

#: Like a run of the shipped library: most crossings in the softer strata, collisions used many times.
SHARE = np.array([0.05, 0.35, 0.30, 0.12, 0.08, 0.06, 0.04])
COLLISIONS = np.array([10_000, 1250, 1250, 1500, 1500, 750, 200])


def made_up(n: int, algorithms: int, seed: int = 1):
    """Nested thresholds: each algorithm of a family passes where the crossing's hardness is above its own."""
    rng = np.random.default_rng(seed)
    stratum = np.sort(rng.choice(len(SHARE), n, p=SHARE))
    event = rng.integers(0, COLLISIONS[stratum])
    packed = np.zeros((n, -(-algorithms // 8)), np.uint8)
    families = max(1, algorithms // 20)
    for first in range(0, n, 50_000):
        some = stratum[first : first + 50_000]
        hardness = rng.normal(some[:, None], 1.0, (len(some), families))
        threshold = np.linspace(2.0, 7.0, 20)
        bits = (hardness[:, :, None] > threshold).reshape(len(some), -1)[:, :algorithms]
        packed[first : first + len(some)] = np.packbits(bits, axis=1, bitorder="little")
    names = tuple(f"a{i}" for i in range(algorithms))
    # As many classes as the shipped library has at pile-up 200, of which four make most of the companions.
    of = np.repeat(np.arange(len(SHARE)), (40, 1, 1, 1, 1, 1, 1))
    mean = np.r_[np.full(4, 42.0), np.geomspace(0.02, 16.0, 36), 0.1 ** np.arange(1, 7)]
    count = rng.poisson(mean, (n, len(of))).astype(np.uint16)
    kind = (40 + stratum - 1).clip(0).astype(np.int16)
    classes = Classes(np.zeros(0, np.int16), of, np.bincount(kind, minlength=len(of)) + 1)
    return names, packed, stratum, event, Company.of(classes, kind, count, stratum, len(SHARE) + 1)


def free_space(n: int, numbers: int, seed: int = 3):
    """Return a fit's goal: `numbers` thresholds of 17 steps and as many fixed algorithms on n crossings."""
    rng = np.random.default_rng(seed)
    steps = tuple(Steps(None, tuple(map(float, range(17)))) for _ in range(numbers))
    samples = {}
    for name, some in ((BEAM, n), ("signal", n // 50)):
        stratum = np.sort(rng.choice(len(SHARE), some, p=SHARE)) if name == BEAM else rng.choice([2, 3, 4], some)
        segments = np.cumsum([0, *(-(-np.bincount(stratum, minlength=len(SHARE)) // 64))])
        places = np.concatenate([segments[k] * 64 + np.arange((stratum == k).sum()) for k in range(len(SHARE))])
        words = np.zeros((18 * numbers, segments[-1]), np.uint64)
        for i in range(numbers):
            hard = rng.normal(stratum, 1.0)
            bits = np.zeros((18, 64 * segments[-1]), bool)
            bits[:17, places] = hard > np.linspace(3.0, 8.0, 17)[:, None]
            bits[17, places] = rng.normal(stratum, 1.0) > 8.0
            packed = np.packbits(bits, axis=1, bitorder="little").view(np.uint64)
            words[17 * i : 17 * i + 17], words[17 * numbers + i] = packed[:17], packed[17]
        weight = 1e4 * 0.1 ** np.arange(len(SHARE)) / some if name == BEAM else np.full(len(SHARE), 1 / some)
        samples[name] = Words(words, segments, weight)
    depends = (*((i,) for i in range(numbers)), *(() for _ in range(numbers)))
    first = (*(17 * i for i in range(numbers)), *(17 * numbers + i for i in range(numbers)))
    space = Space(steps, tuple(f"a{i}" for i in range(2 * numbers)), depends, first, samples)
    return Goal(space, Budget(20.0, {"g": 10.0}), {"g": tuple(range(0, numbers, 2))}, {"signal": 1.0})


def timed(work):
    """Return the result with wall-clock and processor seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--crossings", type=int, default=1_000_000)
    parser.add_argument("--algorithms", type=int, default=400)
    parser.add_argument("--free", type=int, default=20)
    given = parser.parse_args()
    names, packed, stratum, event, company = made_up(given.crossings, given.algorithms)
    weight = np.append(1e4 * 0.1 ** np.arange(len(SHARE)), 0.0) / given.crossings
    rng = np.random.default_rng(2)
    prescale = rng.choice([1.0, 1.0, 1.0, 2.0, 50.0, 0.0], len(names))
    keep = np.divide(1.0, prescale, out=np.zeros(len(names)), where=prescale > 0)
    groups = {f"g{g}": tuple(range(g, len(names), 12)) for g in range(12)}
    after = Prescaling(names, keep, tuple(prescale), np.zeros(len(names), bool), groups)

    def work(n: int):
        beside = replace(company, kind=company.kind[:n], count=company.count[:n])
        sample = in_order(names, packed[:n], stratum[:n], event[:n], weight, beside)
        table, one = timed(lambda: rate_table(sample, after, 3e4))
        pairs, two = timed(lambda: overlap(sample))
        return table, pairs, one, two

    work(1000)  # compiles
    (table, pairs, one, two), both = timed(lambda: work(len(packed)))
    search(free_space(10_000, 2), [(8, 8)], 0, 1)  # compiles
    goal = free_space(given.crossings, given.free)
    found, fitted = timed(lambda: search(goal, starts(goal.space, (8,) * given.free, 3, 1), 30, 1))
    document = {
        "crossings": len(packed),
        "algorithms": len(names),
        "mean_passing": float(np.bitwise_count(packed).sum() / len(packed)),
        "total_khz": table["total"].before.rate.value,
        "first_pair_khz": float(pairs.rate[0, 1]),
        "rate_table": one,
        "overlaps": two,
        "together": both,
        "free_numbers": given.free,
        "fit_search": fitted,
        "fit_khz": found.rate,
        "fit_efficiency": found.efficiency,
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
