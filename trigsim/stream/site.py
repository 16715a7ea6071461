"""Site files: where batch jobs run, and what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.base.errors import InputError

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster


class Site(Config):
    """A batch system, and what one job of it is.

    Attributes
    ----------
    system : str
        "htcondor" or "slurm".
    jobs : int
        Jobs to submit; each is one worker process that loads the library once.
    cores : int
        Threads of a worker.
    memory_gib : float
        Memory of a job, GiB.
    disk_gib : float or None
        Scratch space of a job, GiB; HTCondor asks for it.
    minutes : int or None
        Wall time of a job; Slurm asks for it.
    queue, account : str or None
        Slurm's partition and account.
    directives : dict of str to str
        More lines of HTCondor's submit file, ``name: value``.
    options : tuple of str
        More options of sbatch, each with its value.
    prologue : tuple of str
        Shell lines before the worker, as ``source /path/to/venv/bin/activate``.
    python : str
        Interpreter on the worker nodes, with trigsim in it.
    log_folder : str or None
        Where the jobs' output goes, seen from the submitting machine.
    interface : str or None
        Network interface through which workers reach this machine.
    """

    system: Literal["htcondor", "slurm"]
    jobs: Annotated[int, Field(ge=1, le=100_000)]
    cores: Annotated[int, Field(ge=1, le=1024)]
    memory_gib: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    disk_gib: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    minutes: Annotated[int, Field(ge=1)] | None = None
    queue: str | None = None
    account: str | None = None
    directives: dict[str, str] = Field(default_factory=dict)
    options: tuple[str, ...] = ()
    prologue: tuple[str, ...] = ()
    python: str = "python3"
    log_folder: str | None = None
    interface: str | None = None

    @model_validator(mode="after")
    def _system_knows_them(self) -> Self:
        foreign: dict[str, dict[str, object]] = {
            "htcondor": {"minutes": self.minutes, "queue": self.queue, "account": self.account},
            "slurm": {"disk_gib": self.disk_gib, "directives": self.directives},
        }
        for name, value in foreign[self.system].items():
            if value:
                raise ValueError(f"{self.system} has no '{name}'; remove it")
        if self.system == "htcondor":
            if self.disk_gib is None:
                raise ValueError("htcondor needs 'disk_gib'; add it")
            if self.options:
                raise ValueError("htcondor has no 'options'; write 'directives'")
        return self

    def settings(self) -> dict[str, Any]:
        """Return the arguments of dask-jobqueue's cluster."""
        common: dict[str, Any] = {
            "cores": self.cores,
            "processes": 1,
            "memory": f"{self.memory_gib}GiB",
            "python": self.python,
            "job_script_prologue": list(self.prologue),
            "log_directory": self.log_folder,
            "interface": self.interface,
            "scheduler_options": {"dashboard_address": None},
        }
        if self.system == "htcondor":
            return {**common, "disk": f"{self.disk_gib}GiB", "job_extra_directives": self.directives}
        hours, minutes = divmod(self.minutes or 60, 60)
        return {
            **common,
            "walltime": f"{hours:02d}:{minutes:02d}:00",
            "queue": self.queue,
            "account": self.account,
            "job_extra_directives": list(self.options),
        }


@contextmanager
def open_cluster(site: Site) -> Iterator[JobQueueCluster]:
    """Open a Dask scheduler here whose workers are jobs of the site; none is submitted yet.

    Raises
    ------
    InputError
        If dask-jobqueue is not installed.
    """
    try:
        from dask_jobqueue.htcondor import HTCondorCluster  # noqa: PLC0415
        from dask_jobqueue.slurm import SLURMCluster  # noqa: PLC0415
    except ImportError:
        raise InputError("batch systems need dask-jobqueue; `pip install trigsim[scale]`") from None
    kind = {"htcondor": HTCondorCluster, "slurm": SLURMCluster}[site.system]
    with kind(**site.settings()) as cluster:
        yield cluster
