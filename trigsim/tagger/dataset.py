"""Candidates to train and measure on: features, label, and which collision each came from."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, existing

TREE = "candidates"
#: Columns that are no features: name → type.
COLUMNS: Mapping[str, Any] = {
    "label": np.uint8,
    "collision": np.int64,
    "pile_up": np.float32,
    "weight": np.float32,
}
#: Columns that say more of a candidate, in files only: name → type; see docs/dataset.md.
DETAILS: Mapping[str, Any] = {
    "readout": np.uint8,
    "stratum": np.uint8,
    "crossing": np.int64,
    "reuse": np.int32,
    "n_collisions": np.int16,
    "pt_hat": np.float32,
    "resonance_pt": np.float32,
}
#: Sides of a split, and their numbers in `Candidates.fold`.
SPLITS = ("train", "validation", "test")
SUFFIXES = (".root", ".parquet", ".npz")


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """n large-R jets with their features.

    Attributes
    ----------
    names : tuple of str
        Of the features.
    features_hw : int32 array, shape (n, len(names))
        Hardware integers.
    label : uint8 array, shape (n,)
        1 signal, 0 background.
    collision : int64 array, shape (n,)
        Which library collision made it: candidates of one collision stay on one side of a split.
    pile_up : float32 array, shape (n,)
        Mean pile-up it was made with.
    weight : float32 array, shape (n,)
        Positive.
    fold : uint8 array, shape (n,), optional
        Where the split is made: 0 to train, 1 to choose by, 2 to measure; see `SPLITS`. Not in single files.
    """

    names: tuple[str, ...]
    features_hw: NDArray[np.int32]
    label: NDArray[np.uint8]
    collision: NDArray[np.int64]
    pile_up: NDArray[np.float32]
    weight: NDArray[np.float32]
    fold: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        n = len(self.label)
        if self.features_hw.shape != (n, len(self.names)):
            raise InputError(f"features of shape {self.features_hw.shape}; {n} labels and {len(self.names)} names")
        for name in COLUMNS:
            if getattr(self, name).shape != (n,):
                raise InputError(
                    f"{name} has shape {getattr(self, name).shape}; give one number a candidate, ({n},)"
                )
        if self.fold is not None and self.fold.shape != (n,):
            raise InputError(f"fold has shape {self.fold.shape}; give one number a candidate, ({n},)")

    def __len__(self) -> int:
        return len(self.label)

    def rows(self, index: NDArray[Any]) -> Candidates:
        """Return only those candidates: a mask or numbers."""
        columns = {name: getattr(self, name)[index] for name in ("features_hw", *COLUMNS)}
        return Candidates(self.names, **columns, fold=None if self.fold is None else self.fold[index])

    def save(self, path: str | Path) -> None:
        """Write as ROOT (tree "candidates"), Parquet or npz, by suffix; one column a feature."""
        table: dict[str, NDArray[Any]] = {name: self.features_hw[:, i] for i, name in enumerate(self.names)}
        table |= {name: getattr(self, name) for name in COLUMNS}
        suffix = _suffix(Path(path))
        with atomic_path(path) as temporary:
            if suffix == ".npz":
                np.savez_compressed(temporary, **table)  # type: ignore[arg-type]
            elif suffix == ".parquet":
                import pyarrow as pa  # noqa: PLC0415 - only where that format is used
                import pyarrow.parquet as pq  # noqa: PLC0415

                pq.write_table(pa.table(table), temporary)
            else:
                import uproot  # noqa: PLC0415

                with uproot.recreate(temporary) as file:
                    file.mktree(TREE, {name: column.dtype for name, column in table.items()})
                    file[TREE].extend(table)


def read(path: str | Path) -> Candidates:
    """Read candidates; every column that is not one of `COLUMNS` or `DETAILS` is a feature, in file order.

    Parameters
    ----------
    path : path
        ``.root`` with a tree "candidates", ``.parquet`` or ``.npz``. `pile_up` and `weight` may be missing
        (0 and 1), `collision` too (each candidate its own).

    Raises
    ------
    InputError
        If it is missing, unreadable, has no label or no feature, or holds what is no hardware integer.
    """
    file = existing(path, "candidates file")
    suffix = _suffix(file)
    try:
        table = {".root": _root, ".parquet": _parquet, ".npz": _npz}[suffix](file)
    except InputError as failure:
        raise InputError(failure.problem, file) from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as failure:
        raise InputError(f"not a readable {suffix} file ({failure}); write it again", file) from None
    if "label" not in table:
        raise InputError("no column 'label'; give 1 for signal and 0 for background", file)
    table = {name: column for name, column in table.items() if name not in DETAILS}
    n = len(table["label"])
    names = tuple(name for name in table if name not in COLUMNS)
    if not names or n == 0:
        raise InputError(f"{len(names)} features of {n} candidates; give at least one of each", file)
    missing = {"collision": np.arange(n), "pile_up": np.zeros(n), "weight": np.ones(n)}
    columns = {k: _integers(table[k], k, file) if k not in ("pile_up", "weight") else table[k] for k in table}
    found = {k: np.asarray(columns.get(k, missing.get(k))).astype(dtype) for k, dtype in COLUMNS.items()}
    features = np.stack([columns[name].astype(np.int32) for name in names], axis=1)
    return Candidates(names, features, **found)


def _integers(column: NDArray[Any], name: str, file: Path) -> NDArray[Any]:
    if column.ndim != 1 or column.dtype.kind not in "iufb":
        raise InputError(
            f"column '{name}' is {column.dtype} of {column.ndim} dimensions; give one integer a row", file
        )
    if column.dtype.kind == "f":
        if not np.isfinite(column).all():
            row = int(np.flatnonzero(~np.isfinite(column))[0])
            raise InputError(f"column '{name}' has NaN or infinity in row {row}; give hardware integers", file)
        if (column != np.floor(column)).any():
            raise InputError(f"column '{name}' is not whole; give hardware integers", file)
    if name not in COLUMNS and len(column) and not -(2**31) <= column.min() <= column.max() < 2**31:
        raise InputError(f"column '{name}' leaves 32 bits; give int32", file)
    return column


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(f"'{suffix}' is no format of candidates; use {', '.join(SUFFIXES)}", path)
    return suffix


def _npz(file: Path) -> dict[str, NDArray[Any]]:
    with np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _parquet(file: Path) -> dict[str, NDArray[Any]]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only where that format is used

    table = pq.read_table(file)
    return {name: table[name].to_numpy() for name in table.column_names}


def _root(file: Path) -> dict[str, NDArray[Any]]:
    import uproot  # noqa: PLC0415 - only where that format is used

    with uproot.open(file) as opened:
        if TREE not in opened:
            raise InputError(f"no tree '{TREE}'; found {', '.join(opened.keys()) or 'nothing'}")
        arrays = opened[TREE].arrays(library="np")
    return {name: np.asarray(array) for name, array in arrays.items()}
