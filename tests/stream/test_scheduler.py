"""The same bytes from processes and from a Dask cluster, though workers are killed; what batch jobs ask for."""

import multiprocessing
import os
import pickle
import random
import signal
import threading
import time
from contextlib import suppress

import pytest

from tests.stream.runs import BEAM, ROOT, recipe, run
from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.stream import schedulers
from trigsim.stream.beam import Beam
from trigsim.stream.pileup import PileupByBunch, PileupHistogram
from trigsim.stream.recipe import Recipe, answer
from trigsim.stream.schedulers import open_schedule
from trigsim.stream.site import Site, open_cluster
from trigsim.stream.task import RATE, Task

pytestmark = pytest.mark.jit


class Killer:
    """Kills a process of those that a function lists, with SIGKILL, once after each delay."""

    def __init__(self, victims, delays):
        self.killed = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, args=(victims, delays))

    def _go(self, victims, delays):
        for delay in delays:
            while not (alive := victims()):
                if self._stop.wait(0.02):
                    return
            if self._stop.wait(delay):
                return
            with suppress(ProcessLookupError):
                os.kill(random.choice(alive), signal.SIGKILL)
                self.killed += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def counted(schedule, tasks_seen):
    """Tell how many answers have come."""

    def wrapped(tasks):
        for found in schedule(tasks):
            tasks_seen.append(found.task)
            yield found

    return wrapped


def test_processes_of_which_one_is_killed(small):
    seen = []

    def victims():
        return [p.pid for p in multiprocessing.active_children() if p.is_alive()] if len(seen) > 3 else []

    with open_schedule("processes", small.recipe, small.worker, 2) as schedule, Killer(victims, [0.0]) as killer:
        assert run(small.worker, counted(schedule, seen)) == small.unbroken
    assert killer.killed == 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_dask_cluster_of_which_workers_are_killed(small):
    from distributed import LocalCluster

    options = {"processes": True, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(n_workers=2, threads_per_worker=1, **options) as cluster:
        seen = []

        def victims():
            found = [nanny.pid for nanny in cluster.workers.values() if getattr(nanny, "pid", None)]
            return found if len(seen) > 3 else []

        address = cluster.scheduler_address
        with (
            open_schedule(address, small.recipe, small.worker) as schedule,
            Killer(victims, [0.0, random.uniform(0, 1)]) as killer,
        ):
            assert run(small.worker, counted(schedule, seen)) == small.unbroken
        assert killer.killed >= 1


def test_messages_are_small(small):
    """Four numbers and a recipe there, sparse counts back; no library travels."""
    task = Task(RATE, 1, 0, 1024)
    there = (small.recipe.model_dump_json(), small.recipe.fingerprint, tuple(task))
    assert [type(part) for part in there] == [str, str, tuple]
    assert len(pickle.dumps(there)) < 3000
    assert len(pickle.dumps(small.worker.answer(task))) < 40_000


def test_a_recipe_travels_as_text(small):
    for mean_pileup in (
        3.5,
        PileupHistogram(edges=(1.0, 2.5), contents=(1.0,)),
        PileupByBunch(by_bunch=(0.1, 7.0)),
    ):
        beam = Beam(**{**BEAM, "mean_pileup": mean_pileup, "colliding_bunches": 2})
        made = small.recipe.model_copy(update={"beam": beam})
        assert Recipe.model_validate_json(made.model_dump_json()) == made


def test_a_worker_that_sees_other_files_refuses(small, tmp_path):
    other = recipe(tmp_path, seed=99)
    with pytest.raises(InputError, match="a worker sees other files or another trigsim than the run"):
        answer(small.recipe.model_dump_json(), other.fingerprint, ("rate", 1, 0, 256))


def test_an_error_of_a_worker_travels():
    there = pickle.loads(pickle.dumps(InputError("wrong; right", "file", 3, 4)))
    assert (type(there), str(there)) == (InputError, "file:3:4: wrong; right")


def test_unknown_and_unreachable(small, tmp_path, monkeypatch):
    with pytest.raises(
        InputError, match="no scheduler 'cloud'; give threads, processes, tcp://HOST:PORT or a site"
    ):
        open_schedule("cloud", small.recipe, small.worker).__enter__()
    monkeypatch.setattr(schedulers, "PATIENCE", 0.2)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9; check the address"):
        open_schedule("tcp://127.0.0.1:9", small.recipe, small.worker).__enter__()
    with pytest.raises(InputError, match="no such file"):
        open_schedule(str(tmp_path / "site.yaml"), small.recipe, small.worker).__enter__()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("site", "lines"),
    [
        (
            "htcondor",
            [
                "MY.DaskWorkerCores = 4",
                f"MY.DaskWorkerMemory = {4 * 2**30}",
                f"MY.DaskWorkerDisk = {2 * 2**30}",
                "+MaxRuntime = 14400",
                "/shared/trigsim/.venv/bin/python -m distributed.cli.dask_worker tcp://",
                "--nthreads 4 --memory-limit 4.00GiB",
            ],
        ),
        (
            "slurm",
            [
                "#SBATCH -p short",
                "#SBATCH --cpus-per-task=4",
                "#SBATCH --mem=4G",
                "#SBATCH -t 04:00:00",
                "source /shared/trigsim/.venv/bin/activate\n",
                "python3 -m distributed.cli.dask_worker tcp://",
            ],
        ),
    ],
)
def test_jobs_of_the_shipped_sites(site, lines, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open_cluster(load(ROOT / "configs" / "sites" / f"{site}.yaml", Site)) as cluster:
        script = cluster.job_script()
    for line in lines:
        assert line in script


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{system: pbs, jobs: 1, cores: 1, memory_gib: 1}", "input should be 'htcondor' or 'slurm'"),
        ("{system: slurm, jobs: 0, cores: 1, memory_gib: 1}", "jobs: input should be greater than or equal to 1"),
        ("{system: slurm, jobs: 1, cores: 1, memory_gib: 1, disk_gib: 2}", "slurm has no 'disk_gib'; remove it"),
        ("{system: htcondor, jobs: 1, cores: 1, memory_gib: 1}", "htcondor needs 'disk_gib'; add it"),
        (
            "{system: htcondor, jobs: 1, cores: 1, memory_gib: 1, disk_gib: 2, queue: q}",
            "htcondor has no 'queue'; remove it",
        ),
        ("{system: slurm, job: 1, cores: 1, memory_gib: 1}", "unknown key 'job'; did you mean 'jobs'?"),
    ],
)
def test_wrong_sites(text, says, tmp_path):
    (tmp_path / "site.yaml").write_text(text)
    with pytest.raises(InputError) as refused:
        load(tmp_path / "site.yaml", Site)
    assert says in str(refused.value)
    assert str(refused.value).startswith(f"{tmp_path}/site.yaml:1:")


def test_killer_waits_no_longer_than_the_run():
    begun = time.perf_counter()
    with Killer(list, [10.0]) as killer:
        pass
    assert killer.killed == 0
    assert time.perf_counter() - begun < 5
