"""What re-use of the library's collisions and of blocks of them does to rates: the tables of docs/rates.md.

    python benchmarks/reuse.py LIBRARY BEAM [--share 1]

LIBRARY is an event library (`data/library`), BEAM a beam of pile-up 200. `--share` scales all numbers of crossings.
About three minutes of processor time.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from trigsim.base.config import load
from trigsim.events.library import Library
from trigsim.menu import loads
from trigsim.menu.menu import Menu
from trigsim.objects.model import TriggerObjects
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.blocks import draw_blocks
from trigsim.stream.companions import classes
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.run import stream
from trigsim.stream.source import CHUNK, TEST, Source
from trigsim.stream.variant import Variant
from trigsim.studies.rates import rates, variance, weights
from trigsim.studies.setup import builder

#: Row → collection, objects of it, and their threshold in GeV.
ROWS = {
    "one muon above 3 GeV": ("MU", 1, 3),
    "two muons above 3 GeV": ("MU", 2, 3),
    "one muon above 8 GeV": ("MU", 1, 8),
    "e/γ above 20 GeV": ("EG", 1, 20),
    "jet above 40 GeV": ("JET", 1, 40),
    "four jets above 30 GeV": ("JET", 4, 30),
    "H_T above 150 GeV": ("HT", 1, 150),
    "missing E_T above 80 GeV": ("ETM", 1, 80),
    "large-R jet above 100 GeV": ("FATJET", 1, 100),
    "jet above 180 GeV": ("JET", 1, 180),
}
QUARTERS, CHOICES = 4, 8
#: What is compared between crossings drawn exactly and in blocks: collection, field, threshold in GeV; None: mean.
QUANTITIES = {
    "`EG` ≥ 12 GeV": ("EG", "pt", 12),
    "`EG` ≥ 20 GeV": ("EG", "pt", 20),
    "`JET` ≥ 40 GeV": ("JET", "pt", 40),
    "H_T ≥ 150 GeV": ("HT", "pt", 150),
    "missing E_T ≥ 100 GeV": ("ETM", "pt", 100),
    "mean E_T [GeV]": ("ET", "pt", None),
    "mean vertex tracks": ("VTX", "n_tracks", None),
}
Open = Callable[[int, bool], Source]


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library")
    parser.add_argument("beam")
    parser.add_argument("--share", type=float, default=1.0)
    given = parser.parse_args()
    library, beam = Library.open(given.library), load(given.beam, Beam)

    def source(seed: int, exact: bool) -> Source:
        return Source.open(library, beam, TEST, exact=exact, seed=seed)

    told = whole(given.library, source(1, False), int(100_000 * given.share))
    quarters(given.library, source(1, False), int(40_000 * given.share), told)
    blocks(given.library, source, int(16_384 * given.share) // CHUNK)


def menu() -> Menu:
    """Return a menu of `ROWS`, numbered."""
    text = "name: reuse\nscales: phase2\nalgorithms:\n"
    for number, (kind, n, pt) in enumerate(ROWS.values()):
        legs = ", ".join([f"{{object: {kind}, pt_gev: {pt}}}"] * n)
        text += f"  - {{name: R{number}, when: {{objects: [{legs}]}}}}\n"
    return loads(text)


def run(library: str, source: Source, crossings: int) -> dict[str, tuple[float, float, float, float]]:
    """Return, by row, the rate and its variance by sampling, with the hardest collisions, with their companions."""
    build = builder(library, source, ObjectSettings(), wanted_features([]))
    (result,) = stream(
        source, build, [Variant.bind("v", menu(), {})], crossings=crossings, signals=(), signal_crossings=0,
        target="total", seed=1,
    )  # fmt: skip
    counts, probability = result.rates, source.strata.probability
    weight, known = weights(counts.drawn, probability, source.beam.crossing_rate_khz), classes(source)
    drawn = np.maximum(counts.drawn, 1)
    fraction = counts.passes.sum(axis=2) / drawn
    sampling = (fraction * (1 - fraction) * drawn) @ weight**2
    found = rates(counts, probability, source.beam.crossing_rate_khz, known)
    columns = [sampling, variance(counts, weight), variance(counts, weight, known)]
    names = [*ROWS, "total"]
    return {
        name: (found[row].value, *(float(c[i]) for c in columns))
        for i, (name, row) in enumerate(zip(names, counts.rows, strict=True))
    }


def whole(library: str, source: Source, crossings: int) -> dict[str, float]:
    """Print the parts of each row's error; return that of the companions, relative to the rate."""
    print(f"{crossings} crossings, whole strata\n")
    print("| row | rate [kHz] | sampling | and the hardest | and companions |\n|---|---:|---:|---:|---:|")
    told = {}
    for row, (rate, *squares) in run(library, source, crossings).items():
        print(f"| {row} | {rate:.4g} | " + " | ".join(f"{100 * np.sqrt(v) / rate:.2g} %" for v in squares) + " |")
        told[row] = float(np.sqrt(max(squares[2] - squares[1], 0.0)) / rate)
    return told


def quarters(library: str, source: Source, crossings: int, told: dict[str, float]) -> None:
    """Print how far the rates of quarters of the soft stratum lie apart, beside what companions' part says."""
    found = []
    for quarter in range(QUARTERS):
        soft = source.members[0][quarter::QUARTERS]
        mean = float(source.strata.share @ source.strata.means[:, 0])
        chosen = draw_blocks(mean, soft, source.beam.vertex_sigma_z_mm, quarter)
        part = replace(source, members=(soft, *source.members[1:]), blocks=chosen)
        found.append(run(library, part, crossings))
    print(f"\n{crossings} crossings a quarter\n\n| row | the four rates [kHz] | seen | told |\n|---|---|---:|---:|")
    for row, part_told in told.items():
        values, sampling = np.array([[some[row][0], some[row][1]] for some in found]).T
        seen = np.sqrt(max(values.var(ddof=1) - sampling.mean(), 0.0) / QUARTERS) / values.mean()
        numbers = ", ".join(f"{v:.3g}" if v < 1000 else f"{v:.0f}" for v in values)
        print(f"| {row} | {numbers} | {100 * seen:.2g} % | {100 * part_told:.2g} % |")


def blocks(library: str, source: Open, chunks: int) -> None:
    """Print what crossings drawn exactly give, and what choices of blocks do."""
    exact = measured(library, source(1, True), chunks, 1)
    chosen = np.array([measured(library, source(seed, False), chunks, 1 + seed) for seed in range(1, CHOICES + 1)])
    n, pulls = chunks * CHUNK, []
    print(f"\n{n} crossings, qcd20\n")
    print(f"| quantity | exact | blocks, mean of {CHOICES} | spread of the {CHOICES} | sampling alone |")
    print("|---|---:|---:|---:|---:|")
    for i, name in enumerate(QUANTITIES):
        (value, error), (values, errors) = exact[i], chosen[:, i].T
        spread = values.std(ddof=1)
        columns = (value, error), (values.mean(), spread / np.sqrt(CHOICES))
        cells = " | ".join(f"{v:.4f} ± {e:.4f}" for v, e in columns)
        print(f"| {name} | {cells} | {spread:.4f} | {errors.mean():.4f} |")
        pulls.append((values.mean() - value) / max(np.hypot(error, spread / np.sqrt(CHOICES)), 1e-12))
    print("\nmeans differ by " + ", ".join(f"{pull:+.1f}" for pull in pulls) + " standard deviations")


def measured(library: str, source: Source, chunks: int, seed: int) -> list[tuple[float, float]]:
    """Return each quantity and its error by sampling."""
    build = builder(library, source, ObjectSettings(), wanted_features([]))
    stratum = source.strata.names.index("qcd20")

    def work(chunk: int) -> TriggerObjects:
        return build.build(source.rate_plan(stratum, CHUNK, seed, "reuse", chunk)).objects

    parts = list(in_order(work, range(chunks), cores(0)))
    found = []
    for kind, name, cut in QUANTITIES.values():
        values = np.concatenate([objects.collections[kind].fields[name][:, 0] for objects in parts])
        values = values * (0.25 if name == "pt" else 1.0)
        values = values if cut is None else (values >= cut).astype(float)
        found.append((float(values.mean()), float(values.std() / np.sqrt(len(values)))))
    return found


if __name__ == "__main__":
    main()
