"""Folders of projects: made anew, and never what is not ours."""

from __future__ import annotations

import shutil
from pathlib import Path

from trigsim.base.errors import InputError

#: What describes a project of ours; its "format" says of which kind.
DESCRIPTION = "project.json"


def make_room(folder: Path, kind: str, form: str) -> None:
    """Remove an earlier project of ours.

    Parameters
    ----------
    folder : Path
        New, empty, or a project.
    kind : str
        "HLS project", …, for the error.
    form : str
        The format that its description names.

    Raises
    ------
    InputError
        If there is anything else in it.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    described = folder / DESCRIPTION
    if not described.is_file() or form not in described.read_text(encoding="utf-8"):
        raise InputError(f"is not empty and no {kind} of trigsim; give a new folder", folder)
    shutil.rmtree(folder)
