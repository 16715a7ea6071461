"""`trigsim bench stream`: crossings a second of the event loop, by stage, beside what the machine can do."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trigsim.base.files import existing
from trigsim.events.library import Library
from trigsim.events.model import N_ETA, N_PHI
from trigsim.menu import load as load_menu
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import Builder, wanted_features
from trigsim.stream.demand import NEVER, demanded
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, TEST, Source
from trigsim.stream.task import RATE, Task, Worker
from trigsim.stream.variant import Variant
from trigsim.studies.bench.limits import limits
from trigsim.studies.bench.memory import memory
from trigsim.studies.bench.model import ROUNDS, Bench, Row, best_cpu_seconds
from trigsim.studies.bench.precision import precision
from trigsim.studies.setup import builder
from trigsim.tagger.tagger import load_tagger

PILE_UP = (60.0, 200.0)
#: Processor seconds of the whole loop in each round of a full-size run.
LOOP_SECONDS = 3.0
#: Chunks of a task: a run of two million crossings has such.
CHUNKS = 2


@dataclass(frozen=True, slots=True)
class Loop:
    """The event loop for crossings of one stratum.

    Attributes
    ----------
    source : Source
    build : Builder
    variant : Variant
        The menu and its tagger.
    worker : Worker
        What answers with them in a run.
    stratum : int
        The most frequent one.
    """

    source: Source
    build: Builder
    variant: Variant
    worker: Worker
    stratum: int

    @classmethod
    def open(cls, library: str | Path, menu: str | Path, tagger: str | Path, pile_up: float) -> Loop:
        """Open the library under an assumed beam, and a menu that names one tagger."""
        beam = Beam(
            name=f"pile-up {pile_up:g}",
            mean_pileup=pile_up,
            colliding_bunches=2760,
            vertex_sigma_z_mm=45.0,
            vertex_source="assumed",
        )
        source = Source.open(Library.open(existing(library, "event library")), beam, TEST)
        checked = load_menu(menu)
        variant = Variant.bind(checked.name, checked, {name: load_tagger(tagger) for name in checked.models})
        wanted = wanted_features(t.columns for t in variant.taggers.values())
        build = replace(builder(library, source, ObjectSettings(), wanted), demand=demanded([checked]))
        worker = Worker.of(source, build, (variant,), (), seed=1)
        return cls(source, build, variant, worker, int(np.argmax(source.strata.probability)))

    def plan(self, chunk: int) -> Plan:
        """Draw a chunk of crossings."""
        return self.source.rate_plan(self.stratum, CHUNK, 1, "bench", chunk)

    def run(self, task: int) -> None:
        """Draw, build, decide and count the crossings of a task, as a run does."""
        self.worker.answer(Task(RATE, self.stratum, CHUNKS * task, CHUNKS * CHUNK))


def bench_stream(library: str | Path, menu: str | Path, tagger: str | Path, share: float = 1.0) -> Bench:
    """Time the loop on crossings of the most frequent stratum, and whole runs aimed at rare rates.

    Parameters
    ----------
    library, menu, tagger : path
        Event library, menu that names one tagger, and that tagger's folder.
    share : float
        Of the work of a full-size run.
    """
    rows: list[Row] = [*limits(share)]
    adds = rows[-1].value * 1e9
    for pile_up in PILE_UP:
        loop = Loop.open(library, menu, tagger, pile_up)
        rows += _stages(loop, adds)
        rows += _whole(loop, max(1.0, share * LOOP_SECONDS * 1e6 / _microseconds(loop)))
    rows += precision(loop.source, loop.build, loop.variant, share)
    rows += memory(library, menu, dict.fromkeys(loop.variant.taggers, tagger), share)
    return Bench(tuple(rows))


def _microseconds(loop: Loop) -> float:
    return best_cpu_seconds({"": lambda: loop.run(0)})[""] / (CHUNKS * CHUNK) * 1e6


def _stages(loop: Loop, adds: float) -> list[Row]:
    """Time the stages by what the calls of public functions differ in, microseconds of a core."""
    plan, variant, full = loop.plan(0), loop.variant, loop.build
    block = full.build(plan)
    objects = variant.scored(block)
    no_features = replace(full, wanted=np.zeros_like(full.wanted))
    no_large = replace(full.demand, large_jets=NEVER, scored=NEVER, track_jets=False)
    no_jets = replace(no_features, demand=no_large)
    only_jets = replace(no_features, demand=replace(no_large, electrons=NEVER))
    taken = best_cpu_seconds({
        "plan": lambda: loop.plan(0),
        "only jets": lambda: only_jets.build(plan),
        "no jets": lambda: no_jets.build(plan),
        "no features": lambda: no_features.build(plan),
        "build": lambda: full.build(plan),
        "tagger": lambda: [t.score_hw(block.features_hw[:, t.columns]) for t in variant.taggers.values()],
        "menu": lambda: variant.menu.decide(objects),
        "decide": lambda: variant.decide(block),
    })  # fmt: skip
    stages = {
        "plan": taken["plan"],
        "overlay, vertex, jets and sums": taken["only jets"],
        "electrons and photons": taken["no jets"] - taken["only jets"],
        "track jets, large-R jets": taken["no features"] - taken["no jets"],
        "features": taken["build"] - taken["no features"],
        "tagger": taken["tagger"],
        "menu": taken["menu"],
        "scores, tagger, menu, groups": taken["decide"],
    }
    case = loop.source.beam.name
    rows = [Row(f"{case}: {stage}", "trigsim", "us/crossing", s / CHUNK * 1e6) for stage, s in stages.items()]
    total = taken["plan"] + taken["build"] + taken["decide"]
    rows.append(Row(f"{case}: tagger and menu, share of the loop", "trigsim", "%", 100 * taken["decide"] / total))
    blocks = 0 if plan.stack is None else len(plan.stack.number)
    limit = blocks * N_ETA * N_PHI / adds / CHUNK * 1e6
    rows.append(Row(f"{case}: its blocks' towers added at the limit", "numba loop", "us/crossing", limit))
    return rows


def _whole(loop: Loop, crossings: float) -> list[Row]:
    """Time the whole loop on one thread and on all, the same tasks, in turn."""
    # As many for each thread, so that none waits for the last.
    tasks = range(-(-max(1, round(crossings / (CHUNKS * CHUNK))) // cores(0)) * cores(0))
    numbers = sorted({1, cores(0)})
    wall, cpu = dict.fromkeys(numbers, float("inf")), dict.fromkeys(numbers, float("inf"))
    for _ in range(ROUNDS):
        for threads in numbers:
            started, used = time.perf_counter(), time.process_time()
            for _ in in_order(loop.run, tasks, threads):
                pass
            wall[threads] = min(wall[threads], time.perf_counter() - started)
            cpu[threads] = min(cpu[threads], time.process_time() - used)
    n, case = len(tasks) * CHUNKS * CHUNK, f"{loop.source.beam.name}: whole loop"
    rows = []
    for threads in numbers:
        of = f"{case}, threads {threads}"
        rows.append(Row(of, "trigsim", "crossings/s", n / wall[threads]))
        rows.append(Row(of, "trigsim", "crossings/s per core, processor time", n / cpu[threads]))
    rows.append(Row(f"{case}, threads {numbers[-1]} against 1", "trigsim", "times", wall[1] / wall[numbers[-1]]))
    return rows
