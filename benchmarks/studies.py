"""Rate table with overlaps of 400 algorithms on 10^6 crossings, and a fit of 20 thresholds, on made-up decisions.

    python benchmarks/studies.py [--crossings 1000000] [--algorithms 400]

Prints JSON: seconds of wall clock and of all threads together.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

from trigsim.studies.decided import in_order
from trigsim.studies.overlap import overlap
from trigsim.studies.rate_table import Prescaling, rate_table

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
    return names, packed, stratum, event


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
    given = parser.parse_args()
    names, packed, stratum, event = made_up(given.crossings, given.algorithms)
    weight = np.append(1e4 * 0.1 ** np.arange(len(SHARE)), 0.0) / given.crossings
    rng = np.random.default_rng(2)
    prescale = rng.choice([1.0, 1.0, 1.0, 2.0, 50.0, 0.0], len(names))
    keep = np.divide(1.0, prescale, out=np.zeros(len(names)), where=prescale > 0)
    groups = {f"g{g}": tuple(range(g, len(names), 12)) for g in range(12)}
    after = Prescaling(names, keep, tuple(prescale), np.zeros(len(names), bool), groups)

    def work(n: int):
        sample = in_order(names, packed[:n], stratum[:n], event[:n], weight)
        table, one = timed(lambda: rate_table(sample, after, 3e4))
        pairs, two = timed(lambda: overlap(sample))
        return table, pairs, one, two

    work(1000)  # compiles
    (table, pairs, one, two), both = timed(lambda: work(len(packed)))
    document = {
        "crossings": len(packed),
        "algorithms": len(names),
        "mean_passing": float(np.bitwise_count(packed).sum() / len(packed)),
        "total_khz": table["total"].before.rate.value,
        "first_pair_khz": float(pairs.rate[0, 1]),
        "rate_table": one,
        "overlaps": two,
        "together": both,
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
