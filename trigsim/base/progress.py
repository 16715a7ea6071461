"""A progress bar on a terminal, silence in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text


class _Rate(TextColumn):
    """Units a second, since that is what people compare."""

    def __init__(self, unit: str) -> None:
        super().__init__("{task.speed:,.0f} " + unit + "/s")

    def render(self, task: Task) -> Text:
        """Return the speed, nothing before there is one."""
        return super().render(task) if task.speed else Text()


@contextmanager
def progress(title: str, total: int, unit: str = "events") -> Iterator[Callable[[int], None]]:
    """Show progress on stderr while the block runs.

    Parameters
    ----------
    title : str
        What is going on.
    total : int
        How many units make it complete.
    unit : str
        Name of the unit, plural.

    Yields
    ------
    callable
        `advance(n)`: n more units are done.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(unit),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )
    with bar:
        task = bar.add_task(title, total=total)
        yield lambda n: bar.advance(task, n)
