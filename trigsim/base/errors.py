"""The two ways a command can end badly, as exceptions."""

from __future__ import annotations

from pathlib import Path


class InputError(ValueError):
    """The input is wrong (exit code 2).

    Parameters
    ----------
    problem : str
        What is wrong and, after a semicolon, what would be right. One line.
    file : path, optional
        Where it is wrong.
    line, column : int, optional
        Position in `file`, counted from 1.
    """

    def __init__(
        self,
        problem: str,
        file: str | Path | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.problem = " ".join(problem.split())
        self.file = None if file is None else Path(file)
        self.line = line
        self.column = column
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return `FILE:LINE:COLUMN: problem`, as far as the place is known."""
        place = [str(p) for p in (self.file, self.line, self.column) if p is not None]
        return f"{':'.join(place)}: {self.problem}" if place else self.problem


class CheckFailed(RuntimeError):  # noqa: N818 - it is an outcome, not a defect
    """The check that was asked for was made, and failed (exit code 1)."""
