"""`trigsim bench stream`: crossings a second of the event loop, by stage, beside what the machine can add."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from trigsim.base.files import existing
from trigsim.events.library import Library
from trigsim.events.model import N_ETA, N_PHI
from trigsim.menu import load as load_menu
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import Builder, wanted_features
from trigsim.stream.parallel import in_order
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, TEST, Source
from trigsim.stream.variant import Variant
from trigsim.studies.bench.model import Bench, Row, best_seconds
from trigsim.studies.setup import builder
from trigsim.tagger.tagger import load_tagger

PILE_UP = (60.0, 200.0)


def bench_stream(library: str | Path, menu: str | Path, tagger: str | Path) -> Bench:
    """Time the loop on crossings as rate mode draws them for the most frequent stratum.

    Parameters
    ----------
    library, menu, tagger : path
        Event library, menu that names one tagger, and that tagger's folder.
    """
    opened = Library.open(existing(library, "event library"))
    rows: list[Row] = [_add_limit()]
    for pile_up in PILE_UP:
        beam = Beam(
            name=f"pile-up {pile_up:g}",
            mean_pileup=pile_up,
            colliding_bunches=2760,
            vertex_sigma_z_mm=45.0,
            vertex_source="assumed",
        )
        source = Source.open(opened, beam, TEST)
        checked = load_menu(menu)
        variant = Variant.bind(checked.name, checked, {name: load_tagger(tagger) for name in checked.models})
        wanted = wanted_features(t.columns for t in variant.taggers.values())
        rows += _stages(source, builder(library, source, ObjectSettings(), wanted), variant)
    return Bench(tuple(rows))


def _stages(source: Source, build: Builder, variant: Variant) -> list[Row]:
    stratum = int(np.argmax(source.strata.probability))
    plan = source.rate_plan(stratum, CHUNK, 1, "bench", 0)
    block = build.build(plan)
    stages: dict[str, Callable[[], object]] = {
        "plan (draw collisions)": lambda: source.rate_plan(stratum, CHUNK, 1, "bench", 0),
        "build (overlay, objects, features)": lambda: build.build(plan),
        "tagger and menu": lambda: variant.decide(block),
    }
    name = source.beam.name
    rows = [
        Row(f"{name}: {stage}", "trigsim", "crossings/s", CHUNK / best_seconds(work))
        for stage, work in stages.items()
    ]
    for threads in (1, 2):
        seconds = best_seconds(lambda n=threads: _whole(source, build, variant, stratum, n), repeats=3)  # type: ignore[misc]
        rows.append(Row(f"{name}: whole loop, threads {threads}", "trigsim", "crossings/s", 8 * CHUNK / seconds))
    return rows


def _whole(source: Source, build: Builder, variant: Variant, stratum: int, threads: int) -> None:
    def work(chunk: int) -> Plan:
        plan = source.rate_plan(stratum, CHUNK, 1, "bench", chunk)
        variant.decide(build.build(plan))
        return plan

    for _ in in_order(work, range(8), threads):
        pass


def _add_limit() -> Row:
    """Return how many whole tower grids a core adds up a second: no overlay of dense grids can be faster."""
    total, one = np.zeros((N_ETA, N_PHI), np.int32), np.ones((N_ETA, N_PHI), np.int32)

    def add() -> None:
        for _ in range(1000):
            np.add(total, one, out=total)

    return Row("dense tower grids added, one core", "numpy add", "grids/s", 1000 / best_seconds(add))
