"""Fit and judge the closed-form estimate of `trigsim.firmware.hls_estimate` with rule4ml's predictions.

Run: python benchmarks/hls_estimate.py PYTHON [--networks 600] [--keep FILE], PYTHON being that of an environment
with rule4ml. Networks are drawn: 2 to 4 layers, 4 to 48 inputs, 4 to 64 nodes, 1 to 5 outputs, 4 to 16 bits, on
XCVU13P, for both Vivado versions. Two thirds are fitted, errors are those of the others. The last lines set rule4ml
beside published designs of the 16-64-32-32-5 network, whose figures are quoted from memory.
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path

import numpy as np

from trigsim.firmware.hls_estimate import QUANTITIES, REUSE, terms
from trigsim.firmware.rule4ml import BOARDS, HLS4ML, VIVADO, ask

#: C. Coelho et al., Nature Mach. Intell. 3 (2021) 675, after Vivado's logic synthesis at 5 ns, XCVU9P; from memory.
#: Name → bits, share of non-zero weights, LUT, FF, DSP, clocks.
PUBLISHED = {"BF": (16, 1.0, 48321, 20132, 1826, 9), "Q6": (6, 1.0, 39782, 8128, 124, 11)}


def draw(n: int, seed: int) -> list[dict[str, object]]:
    """Return the questions about n networks, each for both versions of Vivado."""
    rng = np.random.default_rng(seed)
    found: list[dict[str, object]] = []
    for _ in range(n):
        depth = int(rng.integers(2, 5))
        inputs = int(rng.integers(4, 49))
        hidden = [int(2 ** rng.uniform(2, 6.01)) for _ in range(depth - 1)]
        widths = [inputs, *hidden, int(rng.choice([1, 1, 1, 3, 5]))]
        bits = int(rng.integers(4, 17))
        strategy = "Resource" if rng.random() < 0.5 else "Latency"
        reuse = int(rng.choice(REUSE[strategy])) if strategy == "Resource" else 1
        for vivado in VIVADO.values():
            asked = {"widths": widths, "bits": bits, "strategy": strategy.lower(), "reuse_factor": reuse}
            found.append({**asked, "board": BOARDS["XCVU13P"], "hls4ml": HLS4ML, "vivado": vivado})
    return found


def row_of(asked: dict[str, object]) -> list[float]:
    widths = asked["widths"]
    assert isinstance(widths, list)
    products = sum(a * b for a, b in itertools.pairwise(widths))
    return terms(products, sum(widths[1:]), len(widths) - 1, int(asked["bits"]), int(asked["reuse_factor"]))  # type: ignore[call-overload]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("python")
    parser.add_argument("--networks", type=int, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="Questions and answers; read again where it is there.")
    told = parser.parse_args()
    if told.keep and told.keep.exists():
        version, questions, answers = json.loads(told.keep.read_text())
    else:
        questions = draw(told.networks, told.seed)
        version, answers = ask(told.python, questions)
        if told.keep:
            told.keep.write_text(json.dumps([version, questions, answers]))
    print(f"rule4ml {version}, {len(questions)} networks")
    for strategy in REUSE:
        mine = [i for i, q in enumerate(questions) if q["strategy"] == strategy.lower()]
        x = np.array([row_of(questions[i]) for i in mine])
        cut = 2 * len(mine) // 3
        for name in QUANTITIES:
            y = np.log(np.maximum([answers[i][name] for i in mine], 1.0))
            found, *_ = np.linalg.lstsq(x[:cut], y[:cut], rcond=None)
            off = np.abs(x[cut:] @ found - y[cut:])
            factors = np.exp(np.quantile(off, [0.5, 0.68, 0.95]))
            print(strategy, name, [round(float(c), 3) for c in found], "factors 50, 68, 95 %", factors.round(2))
        bram = max(answers[i]["bram"] for i in mine)
        print(strategy, f"bram at most {bram:.2f} blocks of 18 kbit; products {np.exp(x[:, 1]).min():.0f} to "
              f"{np.exp(x[:, 1]).max():.0f}")  # fmt: skip
    for name, (bits, kept, *figures) in PUBLISHED.items():
        asked = {
            "widths": [16, 64, 32, 32, 5],
            "bits": bits,
            "strategy": "latency",
            "reuse_factor": 1,
            "board": "alveo-u200",
            "hls4ml": HLS4ML,
            "vivado": VIVADO["Vivado"],
        }
        _, (theirs,) = ask(told.python, [asked])
        print(name, "published LUT, FF, DSP, clocks", figures, "kept", kept, "rule4ml", theirs)


if __name__ == "__main__":
    main()
