"""Menus in and out of files: YAML or L1Menu XML in, YAML out; decisions as ROOT or Parquet columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from trigsim.base.config import parse
from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path
from trigsim.menu.grammar import MenuFile
from trigsim.menu.menu import Menu, load, loads


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        """Write every value out: shared parts have names in a menu."""
        return True


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return the YAML text of a menu; a float is written so that it reads back as the same double."""
    return str(
        yaml.dump(
            dict(document), Dumper=_Dumper, default_flow_style=None, sort_keys=False, width=110, allow_unicode=True
        )
    )


def read_menu(path: str | Path) -> Menu:
    """Read a menu from our YAML, or from an L1Menu XML (`.xml`, `.xml.gz`)."""
    path = Path(path)
    if ".xml" in path.suffixes:
        from trigsim.menu.l1xml import import_l1menu  # noqa: PLC0415 - most menus are YAML

        return loads(to_yaml(import_l1menu(path)), path)
    return load(path)


def own_text(menu: Menu) -> str:
    """Return the text of a menu's YAML file as it is, or written anew if it leaves scalings to other files."""
    text = menu.document.file.read_text(encoding="utf-8")
    if parse(text, menu.document.file).data == menu.document.data:
        return text
    return to_yaml(menu.document.data)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a menu file, for editors."""
    found = MenuFile.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def write_decisions(
    path: str | Path,
    decisions: Mapping[str, NDArray[np.bool_]],
    run: NDArray[np.uint64],
    lumi: NDArray[np.uint64],
    event: NDArray[np.uint64],
) -> None:
    """Write decisions in NanoAOD naming: tree `Events` (.root) or a table (.parquet).

    Parameters
    ----------
    path : path
        Its suffix chooses the format.
    decisions : mapping
        Algorithm → bool array of shape (n,); "L1_" is put before names that lack it.
    run, lumi, event : uint64 arrays, shape (n,)
        Written as `run`, `luminosityBlock` (uint32) and `event`.
    """
    columns: dict[str, NDArray[Any]] = {
        "run": run.astype(np.uint32),
        "luminosityBlock": lumi.astype(np.uint32),
        "event": event.astype(np.uint64),
    }
    for name, bits in decisions.items():
        columns[name if name.startswith("L1_") else f"L1_{name}"] = np.ascontiguousarray(bits)
    path = Path(path)
    if path.suffix == ".root":
        import uproot  # noqa: PLC0415 - slow to import

        with atomic_path(path) as temporary, uproot.recreate(temporary) as file:
            file.mktree("Events", {name: array.dtype for name, array in columns.items()})
            file["Events"].extend(columns)
    elif path.suffix == ".parquet":
        import pyarrow  # noqa: PLC0415
        import pyarrow.parquet  # noqa: PLC0415

        with atomic_path(path) as temporary:
            pyarrow.parquet.write_table(pyarrow.table(columns), temporary)
    else:
        raise InputError(f"decisions go to .root or .parquet; got '{path.suffix}'", path)
