"""The one document that says what a folder of ours holds."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from trigsim.base.config import Config
from trigsim.base.errors import InputError

Document = TypeVar("Document", bound=Config)


def read_manifest(path: Path, model: type[Document], version: int, missing: str, again: str) -> Document:
    """Read and check a manifest.

    Parameters
    ----------
    path : Path
        JSON file.
    model : type
        What it holds; `version` is one of its fields.
    version : int
        The one that is read.
    missing, again : str
        What to do if there is none, or if it is damaged.

    Raises
    ------
    InputError
        If there is none, it does not fit, or it is of another version.
    """
    if not path.is_file():
        raise InputError(f"no {path.name} here; {missing}", path.parent)
    try:
        manifest = model.model_validate_json(path.read_bytes())
    except ValidationError as failure:
        raise InputError(f"{first_fault(failure)}; {again}", path) from None
    found = manifest.model_dump(include={"version"})["version"]
    if found != version:
        raise InputError(f"format version {found}; this trigsim reads version {version}", path)
    return manifest


def first_fault(failure: ValidationError) -> str:
    """Return where a document is wrong first, and how."""
    first = failure.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc']) or 'the document'}: {first['msg']}"
