"""Histograms as files: UHI JSON and ROOT."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uhi.io.json
import uproot
from hist import Hist

from trigsim.base.files import atomic_path, write_text


def to_uhi(found: Mapping[str, Hist]) -> dict[str, Any]:
    """Return histograms as their JSON document, by name; see the schema of the package `uhi`."""
    return dict(json.loads(_text(found)))


def write_histograms(found: Mapping[str, Hist], stem: str | Path) -> None:
    """Write ``STEM.uhi.json`` and ``STEM.root``, each with all histograms by name; nothing where there are none.

    Parameters
    ----------
    found : mapping of str to Hist
        Name → histogram with ``Weight`` storage.
    stem : path
        Of both files.
    """
    if not found:
        return
    stem = Path(stem)
    write_text(stem.with_name(f"{stem.name}.uhi.json"), _text(found) + "\n")
    with atomic_path(stem.with_name(f"{stem.name}.root")) as temporary, uproot.recreate(temporary) as file:
        for name, one in _named(found).items():
            file[name] = one


def _text(found: Mapping[str, Hist]) -> str:
    return json.dumps(_named(found), default=uhi.io.json.default, allow_nan=False)


def _named(found: Mapping[str, Hist]) -> dict[str, Hist]:
    # In a ROOT file a slash would make a folder and a semicolon a version.
    return {"".join(c if c.isalnum() or c in "-.=" else "_" for c in name): one for name, one in found.items()}
