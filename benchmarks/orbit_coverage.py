"""How often intervals of drawn orbits hold the truth: toy libraries of 200 collisions, one rule, a full machine.

    python benchmarks/orbit_coverage.py [toys]

The truth is the closed form of one trigger in 12 crossings, for triggers of probability 0.04 on average; each toy's
collisions pass with probabilities of their own, and each is used in 20 crossings.
"""

import sys

import numpy as np

from trigsim.menu import loads
from trigsim.menu.prescale import FinalDecision
from trigsim.stream.deadtime import DeadTime, DeadTimeConfig, Rule
from trigsim.stream.filling import FillingScheme
from trigsim.stream.orbit_config import TrainConfig
from trigsim.stream.orbit_run import Readout
from trigsim.stream.orbit_words import Sampling, Words
from trigsim.studies.orbit_summary import summary

COLLISIONS, USES, ORBITS, REPLICAS = 200, 20, 60, 24
P, WINDOW = 0.04, 12
MENU = "name: toy\nscales: phase2\nalgorithms:\n  - {name: A, when: {object: JET, pt_gev: 40}}\n"


def main(toys: int) -> None:
    menu = loads(MENU)
    config = TrainConfig(
        name="toy",
        scheme="full",
        dead_time=DeadTimeConfig(source="toy", rules=(Rule(accepts=1, window_bx=WINDOW),)),
    )
    every = np.ones(3564, np.bool_)
    scheme = FillingScheme("full", every, every)
    final = FinalDecision.of(menu, ("A",))
    readout = Readout(("A",), {}, final, DeadTime.of(config.dead_time), scheme)
    truth = {"rate": P * 3564 * 11.2455, "lost": 1 - 1 / (1 + P * (WINDOW - 1))}
    held = dict.fromkeys(truth, 0)
    for toy in range(toys):
        rng = np.random.default_rng(toy)
        chance = np.repeat(rng.beta(0.4, 0.4 * (1 - P) / P, COLLISIONS), USES)
        n = len(chance)
        words = Words.of((rng.random(n) < chance)[:, None], np.arange(n) // USES, np.full(n, 1 / n))
        drawn = Sampling(words, scheme)
        counts = readout.run(drawn.triggers(ORBITS, toy, 1), ORBITS)
        replicas = [readout.run(drawn.replicas(i, ORBITS, toy, 1), ORBITS) for i in range(REPLICAS)]
        total = summary(menu, config, readout, counts, "toy", replicas).rows["total"]
        for name, estimate in (("rate", total.fired), ("lost", total.share)):
            held[name] += estimate.low <= truth[name] <= estimate.high
    for name, times in held.items():
        share = times / toys
        print(f"{name}: {share:.3f} ± {np.sqrt(share * (1 - share) / toys):.3f} of {toys} intervals hold the truth")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
