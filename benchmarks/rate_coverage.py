"""How often intervals of rates hold the truth: raw, prescaled, pure, shared, cumulative, and of pairs.

    python -m benchmarks.rate_coverage [toys]

Each toy has a new library of 380 collisions, of which 1200 crossings are made; the truth is that of crossings whose
collisions are all new. They are the toys of `tests/studies/test_rates.py`, whole and with strata in parts.
"""

import sys

import numpy as np

from tests.studies.test_rates import THREE, pattern_fractions, toy_quantities, true_quantities


def main(toys: int) -> None:
    """Measure and print."""
    true = {name: t for name, t in true_quantities(pattern_fractions()).items() if t > 0}
    for parts in (False, True):
        rng, inside = np.random.default_rng(11), dict.fromkeys(true, 0)
        for _ in range(toys):
            found = toy_quantities(rng, parts)
            for name, t in true.items():
                inside[name] += found[name].low <= t <= found[name].high
        sys.stdout.write(f"{'strata in parts' if parts else 'whole strata'}, {toys} toys\n")
        for name, times in inside.items():
            share = times / toys
            where = " and ".join(THREE[i] for i in name if isinstance(i, int))
            what = " ".join(part for part in name if isinstance(part, str))
            sys.stdout.write(
                f"  {what:20s} {where:12s} truth {true[name]:.4f}: {100 * share:.1f} "
                f"± {100 * np.sqrt(share * (1 - share) / toys):.1f} %\n"
            )
        shares = np.array(list(inside.values())) / toys
        sys.stdout.write(
            f"  all: {100 * shares.min():.1f} to {100 * shares.max():.1f} %, mean {100 * shares.mean():.1f} %\n"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
