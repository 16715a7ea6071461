"""Where tasks are answered: threads and processes here, or the workers of a Dask scheduler.

Every schedule yields answers in the order of the tasks and asks for a bounded number ahead, so that a run counts
the same, whoever works. A task whose worker died is given to another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.base.processes import die_with_parent
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.recipe import Recipe, answer
from trigsim.stream.run import Schedule
from trigsim.stream.site import Site, open_cluster
from trigsim.stream.task import Answer, Task, Worker

if TYPE_CHECKING:
    from distributed import Client

THREADS, PROCESSES = "threads", "processes"
#: Workers that a task may kill before the run gives it up.
RETRIES = 5
#: Tasks asked for ahead of the one that is counted next, for each thread that works.
AHEAD = 3
#: Seconds to wait for a Dask scheduler.
PATIENCE = 20


@contextmanager
def open_schedule(scheduler: str, recipe: Recipe, worker: Worker, workers: int = 0) -> Iterator[Schedule]:
    """Open what `--scheduler` names.

    Parameters
    ----------
    scheduler : str
        "threads", "processes", the address of a Dask scheduler ("tcp://host:port"), or a site file (YAML).
    recipe : Recipe
        What workers elsewhere open.
    worker : Worker
        The same, opened here.
    workers : int
        Threads, processes or jobs; 0 is one per core, or what the site file says.

    Raises
    ------
    InputError
        If there is no such scheduler, or it cannot be reached.
    """
    if scheduler == THREADS:
        yield partial(in_order, worker.answer, threads=cores(workers))
    elif scheduler == PROCESSES:
        with _processes(recipe, cores(workers)) as schedule:
            yield schedule
    elif "://" in scheduler:
        with _client(scheduler) as client:
            yield dask(client, recipe)
    elif Path(scheduler).suffix in (".yaml", ".yml"):
        site = load(scheduler, Site)
        with open_cluster(site) as cluster, _client(cluster) as client:
            cluster.scale(jobs=workers or site.jobs)  # type: ignore[no-untyped-call]
            yield dask(client, recipe)
    else:
        raise InputError(f"no scheduler '{scheduler}'; give threads, processes, tcp://HOST:PORT or a site YAML")


def dask(client: Client, recipe: Recipe) -> Schedule:
    """Return the schedule of a Dask client; its workers see the recipe's files at the same paths.

    A message to a worker is the recipe, its fingerprint and four numbers; one back is an `Answer`.
    """
    from distributed import KilledWorker  # noqa: PLC0415

    text, fingerprint = recipe.model_dump_json(), recipe.fingerprint

    def schedule(tasks: Iterable[Task]) -> Iterator[Answer]:
        waiting: deque[Any] = deque()
        rest, ahead, asked = iter(tasks), 0, 0
        while True:
            if asked % 64 == 0:  # workers come and go
                ahead = AHEAD * max(2, sum(client.nthreads().values()))  # type: ignore[no-untyped-call]
            asked += 1
            while len(waiting) < ahead and (task := next(rest, None)) is not None:
                waiting.append(client.submit(answer, text, fingerprint, tuple(task), pure=False, retries=RETRIES))
            if not waiting:
                return
            try:
                yield waiting.popleft().result()
            except KilledWorker:
                raise InputError("a task killed every worker that had it; give workers more memory") from None

    return schedule


@contextmanager
def _client(address: Any) -> Iterator[Client]:
    try:
        from distributed import Client  # noqa: PLC0415
    except ImportError:
        raise InputError("Dask schedulers need distributed; `pip install trigsim[scale]`") from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError):
        raise InputError(f"no Dask scheduler answers at {address}; check the address") from None
    with client:
        yield client


@contextmanager
def _processes(recipe: Recipe, workers: int) -> Iterator[Schedule]:
    text, fingerprint = recipe.model_dump_json(), recipe.fingerprint
    with ExitStack() as opened:

        def fresh() -> Callable[[Task], Future[Answer]]:
            pool = ProcessPoolExecutor(workers, get_context("spawn"), die_with_parent)
            opened.callback(pool.shutdown, wait=True, cancel_futures=True)
            return lambda task: pool.submit(answer, text, fingerprint, task)

        submit = fresh()

        def schedule(tasks: Iterable[Task]) -> Iterator[Answer]:
            nonlocal submit
            rest, deaths = iter(tasks), 0
            waiting: deque[tuple[Task, Future[Answer] | None]] = deque()
            while True:
                while len(waiting) < AHEAD * workers and (task := next(rest, None)) is not None:
                    waiting.append((task, None))
                if not waiting:
                    return
                try:
                    for place, (task, future) in enumerate(waiting):
                        waiting[place] = (task, future or submit(task))
                    first = waiting[0][1]
                    assert first is not None
                    found = first.result()
                except BrokenProcessPool:
                    # One worker's death breaks the pool: all that is not answered is asked anew of another.
                    deaths += 1
                    if deaths > RETRIES:
                        raise InputError(f"workers died {deaths} times; give them more memory") from None
                    waiting = deque((task, future if _answered(future) else None) for task, future in waiting)
                    submit = fresh()
                    continue
                waiting.popleft()
                deaths = 0
                yield found

        yield schedule


def _answered(future: Future[Answer] | None) -> bool:
    return future is not None and future.done() and not future.cancelled() and future.exception() is None
