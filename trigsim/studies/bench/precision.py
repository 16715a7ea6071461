"""Seconds to a stated precision on rare rates, and how many crossings drawn as they come would do."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import numpy as np

from trigsim.base.files import write_text
from trigsim.menu import load as load_menu
from trigsim.stream.accumulate import RateCounts
from trigsim.stream.block import Builder
from trigsim.stream.companions import classes
from trigsim.stream.hardness import parted
from trigsim.stream.parallel import cores
from trigsim.stream.run import stream
from trigsim.stream.source import Source
from trigsim.stream.variant import Variant
from trigsim.studies.bench.model import Row
from trigsim.studies.rates import library_error, weights

#: Rate aimed at in kHz, statistical precision in per cent.
GOALS = ((1.0, 1.0), (0.01, 2.0))
#: Thresholds among which rates are looked for, whole GeV in steps of 3 %.
LADDER = tuple(sorted({round(100 * 1.03**step) for step in range(84)}))
#: Crossings of a full-size run, to find the thresholds, and to find what the goal needs.
SEARCH, TRIED = 50_000, 20_000
#: Crossings of a run that aims at a goal, at most.
MOST = 2_000_000


def precision(source: Source, build: Builder, variant: Variant, share: float = 1.0) -> list[Row]:
    """Time runs with the whole menu that aim at single-jet rates.

    Parameters
    ----------
    source : Source
    build : Builder
    variant : Variant
        The menu, decided in every crossing.
    share : float
        Of the crossings of a full-size run.

    Returns
    -------
    list of Row
        For each goal the rate met, the wall time of a run that is about as long as the goal needs, the statistical
        error that it reached and what the library adds.
    """
    source = parted(source, build)
    run = partial(stream, source, build, signals=(), signal_crossings=0, threads=cores(0))
    ladder = _single_jets(LADDER)
    # Aimed at a row in the middle, so that hard strata are filled too.
    (found,) = run([ladder], crossings=round(share * SEARCH), target=_name(LADDER[len(LADDER) // 2]), seed=1)
    rate = rate_khz(found.rates, source)
    rows: list[Row] = []
    for khz, per_cent in GOALS:
        threshold = min(LADDER, key=lambda t: abs(np.log(max(rate[_name(t)], 1e-12) / khz)))
        aimed = partial(run, [_single_jets([threshold]), variant], target=_name(threshold))
        (tried, _) = aimed(crossings=round(share * TRIED), seed=2)
        needed = min(share * TRIED * (_error(source, tried.rates) / per_cent) ** 2, MOST)
        started = time.perf_counter()
        (result, _) = aimed(crossings=round(needed), seed=3)
        seconds = time.perf_counter() - started
        rows += _rows(f"{source.beam.name}: jet above {threshold} GeV", source, result.rates, seconds, per_cent)
    return rows


def _name(threshold: int) -> str:
    return f"SingleJet{threshold}"


def _single_jets(thresholds: Iterable[int]) -> Variant:
    lines = [f"  - {{name: {_name(t)}, when: {{object: JET, pt_gev: {t}}}}}" for t in thresholds]
    with tempfile.TemporaryDirectory(prefix="trigsim-bench-") as folder:
        file = Path(folder) / "menu.yaml"
        write_text(file, "\n".join(["name: single jets", "scales: phase2", "algorithms:", *lines, ""]))
        return Variant.bind("single jets", load_menu(file), {})


def rate_khz(counts: RateCounts, source: Source) -> dict[str, float]:
    """Return the rate of each row."""
    weight = weights(counts.drawn, source.strata.probability, source.beam.crossing_rate_khz)
    return dict(zip(counts.rows, map(float, counts.passes.sum(axis=2) @ weight), strict=True))


def sampling_khz(counts: RateCounts, source: Source) -> dict[str, float]:
    """Return the standard deviation of each row's rate that more crossings would lessen."""
    weight = weights(counts.drawn, source.strata.probability, source.beam.crossing_rate_khz)
    drawn = np.maximum(counts.drawn, 1)
    fraction = counts.passes.sum(axis=2) / drawn
    variance = (fraction * (1 - fraction) * drawn) @ weight**2
    return dict(zip(counts.rows, map(float, np.sqrt(variance)), strict=True))


def _error(source: Source, counts: RateCounts) -> float:
    """Return the statistical error of the first row in per cent; infinite where nothing passed."""
    rate = rate_khz(counts, source)[counts.rows[0]]
    return 100 * sampling_khz(counts, source)[counts.rows[0]] / rate if rate else float("inf")


def _rows(case: str, source: Source, counts: RateCounts, seconds: float, per_cent: float) -> list[Row]:
    row = counts.rows[0]
    rate, error, drawn = rate_khz(counts, source)[row], _error(source, counts), int(counts.drawn.sum())
    weight = weights(counts.drawn, source.strata.probability, source.beam.crossing_rate_khz)
    library = library_error(counts, weight, classes(source))[row]
    passing = rate / source.beam.crossing_rate_khz
    plain = (1 - passing) / passing / (error / 100) ** 2 if rate and error else float("inf")
    # Neyman's allotment by the fractions that passed, had they been known before.
    fraction = counts.passes.sum(axis=2)[0] / np.maximum(counts.drawn, 1)
    each = weight * counts.drawn * np.sqrt(fraction * (1 - fraction))
    best = (float(each.sum()) / (rate * error / 100)) ** 2 if rate and error else float("inf")
    goal = f"{case}, run that aims at {per_cent:g} %"
    return [
        Row(case, "trigsim", "kHz", rate),
        Row(goal, "trigsim, wall time", "s", seconds),
        Row(goal, "trigsim, statistical error reached", "%", error),
        Row(goal, "trigsim, error of the library", "%", 100 * library / rate if rate else float("inf")),
        Row(f"{case}, to the error reached", "trigsim, crossings", "crossings", drawn),
        Row(f"{case}, to the error reached", "trigsim, crossings allotted best", "crossings", best),
        Row(
            f"{case}, to the error reached",
            "crossings drawn as they come",
            "crossings",
            plain,
            "trigsim, crossings",
            plain / drawn,
        ),
    ]
