"""How the stream scales over threads, processes and a Dask cluster of processes, and what travels.

`python benchmarks/scaling.py [--tasks 24] [--chunks 4] [--workers 1 2]` prints the bytes of a task and its answer,
what it takes to count the answer, crossings a second of each scheduler once its workers have read the library, and
the largest memory of this process and of a worker.
"""

import argparse
import pickle
import resource
import time
from contextlib import ExitStack
from pathlib import Path

from distributed import LocalCluster

from trigsim.base.config import load
from trigsim.stream.beam import Beam
from trigsim.stream.recipe import Recipe
from trigsim.stream.schedulers import open_schedule
from trigsim.stream.source import CHUNK
from trigsim.stream.state import State
from trigsim.stream.task import RATE, Task

ROOT = Path(__file__).parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--beam", default="pileup200")
    parser.add_argument("--tasks", type=int, default=24)
    parser.add_argument("--chunks", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=5, help="the fastest counts")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    recipe = Recipe.make(
        ROOT / "data" / "library",
        load(ROOT / "configs" / "beams" / f"{options.beam}.yaml", Beam),
        "test",
        ROOT / "configs" / "menus" / "phase2.yaml",
        {"hbb": ROOT / "data" / "models" / "hbb-k8"},
        (),
        1,
    )
    worker = recipe.open()
    tasks = [Task(RATE, 1, n * options.chunks, options.chunks * CHUNK) for n in range(options.tasks)]
    there = (recipe.model_dump_json(), recipe.fingerprint, tuple(tasks[0]))
    for chunks in (1, options.chunks, 32 * options.chunks):
        answer = worker.answer(Task(RATE, 1, 0, chunks * CHUNK))
        state, begun = State.empty(worker), time.perf_counter()
        state.add(answer, (), 0)
        milliseconds = 1e3 * (time.perf_counter() - begun)
        sizes = f"task {len(pickle.dumps(there))} bytes, answer {len(pickle.dumps(answer))} bytes"
        print(f"{chunks:3d} chunks: {sizes}, counted in {milliseconds:.2f} ms")
    for scheduler in ("threads", "processes", "dask"):
        alone = 0.0
        for workers in options.workers:
            with ExitStack() as stack:
                address = scheduler
                if scheduler == "dask":
                    cluster = stack.enter_context(
                        LocalCluster(workers, threads_per_worker=1, dashboard_address=None, silence_logs=50)
                    )
                    address = cluster.scheduler_address
                schedule = stack.enter_context(open_schedule(address, recipe, worker, workers))
                list(schedule(tasks[: 3 * workers]))  # every worker reads its library and compiled kernels
                seconds = []
                for _ in range(options.rounds):
                    begun = time.perf_counter()
                    for _answer in schedule(tasks):
                        pass
                    seconds.append(time.perf_counter() - begun)
                rate = options.tasks * options.chunks * CHUNK / min(seconds)
            alone = alone or rate
            print(f"{scheduler:10s} workers {workers}: {rate:9.0f} crossings/s, {rate / alone:.2f} times the first")
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    here, elsewhere = (resource.getrusage(one).ru_maxrss / 2**20 for one in who)
    print(f"largest resident memory: here {here:.2f} GiB, a worker {elsewhere:.2f} GiB")


if __name__ == "__main__":
    main()
