"""A data set on disk: a folder with one file a split and format, and a manifest that says what they are.

`manifest.json` gives the scale of each feature (value = lsb · integer), what each split holds, the SHA-256 of each
file, and `content`, a hash of the columns alone: the same each time the data set is made again (a ROOT file holds
its date).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.base.files import existing, sha256
from trigsim.base.manifest import read_manifest as checked_manifest
from trigsim.numeric.scales import Scale
from trigsim.tagger.dataset import COLUMNS, SPLITS, TREE, Candidates, read

FORMAT: Final = "trigsim-dataset"
VERSION = 1
MANIFEST = "manifest.json"

FileFormat = Literal["parquet", "root"]


class FeatureRecord(Config):
    """A feature and the scale of its integers."""

    name: str = Field(min_length=1)
    unit: str = ""
    lsb: float = Field(gt=0, allow_inf_nan=False)
    bits: int = Field(ge=1, le=32)
    signed: bool = False

    @property
    def scale(self) -> Scale:
        """The same as a `Scale`."""
        return Scale(self.lsb, self.bits, self.signed, self.unit)


class FileRecord(Config):
    """A file of a split."""

    file: str = Field(pattern=r"^[a-z]+\.[a-z]+$")
    sha256: str
    bytes: int


class SplitRecord(Config):
    """What a split holds."""

    candidates: int = Field(ge=1)
    signal: int = Field(ge=0)
    content: str
    files: dict[FileFormat, FileRecord]


class Manifest(Config):
    """What `manifest.json` holds.

    Attributes
    ----------
    name : str
    features : tuple of FeatureRecord
        In the order of the columns.
    splits : mapping
        "train", "validation", "test" → what it holds; an empty one is absent.
    made : mapping
        How: configuration and counts, as its maker reports them.
    provenance : mapping
        Versions, hashes of inputs, seed.
    """

    format: Literal["trigsim-dataset"] = FORMAT
    version: int = VERSION
    name: str
    features: tuple[FeatureRecord, ...]
    splits: dict[Literal["train", "validation", "test"], SplitRecord]
    made: dict[str, Any]
    provenance: dict[str, Any]


def read_manifest(folder: str | Path) -> Manifest:
    """Read and check `manifest.json` of a data set.

    Raises
    ------
    InputError
        If there is none or it does not fit.
    """
    return checked_manifest(
        Path(folder) / MANIFEST,
        Manifest,
        VERSION,
        "make a data set with `trigsim dataset CONFIG -o DIR`",
        "make the data set again",
    )


def read_candidates(path: str | Path, pile_up: float | None = None) -> Candidates:
    """Read a data set (folder), or a file of candidates.

    Parameters
    ----------
    path : path
        A folder with a manifest, or what `dataset.read` reads.
    pile_up : float, optional
        Only candidates of this mean pile-up.

    Returns
    -------
    Candidates
        Of a folder, with `fold`.

    Raises
    ------
    InputError
        If a file is missing, damaged or not that of the manifest, or nothing has that pile-up.
    """
    path = existing(path, "candidates")
    found = _folder(path, pile_up) if path.is_dir() else read(path)
    if pile_up is not None:
        rows = found.pile_up == np.float32(pile_up)
        if not rows.any():
            raise InputError(f"no candidates at pile-up {pile_up:g}; give one that is there", path)
        if not rows.all():
            found = found.rows(rows)
    return found


def hashed_file(path: str | Path) -> Path:
    """Return the file that stands for candidates in provenance: of a data set the manifest, with its hashes."""
    return Path(path) / MANIFEST if Path(path).is_dir() else Path(path)


def _folder(folder: Path, pile_up: float | None) -> Candidates:
    manifest = read_manifest(folder)
    names = tuple(f.name for f in manifest.features)
    parts: list[Candidates] = []
    for fold, split in enumerate(SPLITS):
        record = manifest.splits.get(split)  # type: ignore[call-overload]
        if record is None:
            continue
        kind: FileFormat = "parquet" if "parquet" in record.files else "root"
        file = existing(folder / record.files[kind].file, "file of the data set")
        if sha256(file) != record.files[kind].sha256:
            raise InputError("not the file of the manifest (its SHA-256 differs); restore it", file)
        table = _columns(file, kind, (*names, *COLUMNS), pile_up)
        n = len(table["label"])
        features = np.empty((n, len(names)), np.int32)
        for i, name in enumerate(names):
            features[:, i] = table.pop(name)
        parts.append(Candidates(names, features, **table, fold=np.full(n, fold, np.uint8)))
    if not parts:
        raise InputError("the data set is empty; make it again", folder)
    return _joined(parts)


def _columns(file: Path, kind: FileFormat, names: Sequence[str], pile_up: float | None) -> dict[str, NDArray[Any]]:
    """Return those columns; of Parquet files only the rows of that pile-up."""
    if kind == "root":
        import uproot  # noqa: PLC0415 - only where that format is used

        with uproot.open(file) as opened:
            return dict(opened[TREE].arrays(list(names), library="np"))
    import pyarrow.parquet as pq  # noqa: PLC0415 - only where that format is used

    wanted = None if pile_up is None else [("pile_up", "=", float(np.float32(pile_up)))]
    table = pq.read_table(file, columns=list(names), filters=wanted)
    return {name: table[name].to_numpy() for name in names}


def _joined(parts: Sequence[Candidates]) -> Candidates:
    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Candidates(parts[0].names, column("features_hw"), fold=column("fold"), **{n: column(n) for n in COLUMNS})
