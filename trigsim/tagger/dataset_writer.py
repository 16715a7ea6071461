"""Writing a data set: each split table by table, in constant memory, in all formats at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from trigsim.base.files import atomic_path, sha256
from trigsim.tagger.dataset import TREE
from trigsim.tagger.dataset_folder import FeatureRecord, FileFormat, FileRecord, SplitRecord

Table = Mapping[str, NDArray[Any]]


class SplitWriter:
    """Writes one split, table by table, in all formats at once; a context manager.

    Parameters
    ----------
    folder : path
    split : str
        One of `SPLITS`.
    features : sequence of FeatureRecord
        Written with the files.
    formats : sequence of str
        "parquet", "root".

    Attributes
    ----------
    record : SplitRecord or None
        After the block, what was written; None if no table was, and then there are no files.
    """

    def __init__(
        self, folder: str | Path, split: str, features: Sequence[FeatureRecord], formats: Sequence[FileFormat]
    ) -> None:
        self.paths: dict[FileFormat, Path] = {f: Path(folder) / f"{split}.{f}" for f in formats}
        self.scales = {f.name: f.model_dump(mode="json") for f in features}
        self.record: SplitRecord | None = None
        self._open = ExitStack()
        self._sinks: list[Any] = []
        self._hashes: dict[str, Any] = {}
        self._candidates = self._signal = 0

    def __enter__(self) -> Self:
        """Return itself; files are opened with the first table."""
        return self

    def extend(self, table: Table) -> None:
        """Write candidates: name → column, the same names and types each time."""
        if not self._hashes:
            self._hashes = {name: hashlib.sha256() for name in table}
            for kind, path in self.paths.items():
                temporary = self._open.enter_context(atomic_path(path))
                self._sinks.append({"parquet": self._parquet, "root": self._root}[kind](temporary, table))
        for write in self._sinks:
            write(table)
        for name, digest in self._hashes.items():
            digest.update(np.ascontiguousarray(table[name]).tobytes())
        self._candidates += len(table["label"])
        self._signal += int(table["label"].sum())

    def _parquet(self, path: Path, table: Table) -> Any:
        import pyarrow as pa  # noqa: PLC0415 - only where that format is used
        import pyarrow.parquet as pq  # noqa: PLC0415

        schema = pa.schema(
            [pa.field(n, pa.from_numpy_dtype(c.dtype), False, self._told(n)) for n, c in table.items()]
        )
        writer = self._open.enter_context(pq.ParquetWriter(path, schema, compression="zstd"))
        return lambda t: writer.write_table(pa.table(dict(t), schema=schema))

    def _told(self, name: str) -> dict[str, str] | None:
        return {k: str(v) for k, v in self.scales[name].items()} if name in self.scales else None

    def _root(self, path: Path, table: Table) -> Any:
        import uproot  # noqa: PLC0415 - only where that format is used

        file = self._open.enter_context(uproot.recreate(path, compression=uproot.ZSTD(5)))
        file["features"] = json.dumps(list(self.scales.values()))
        tree = file.mktree(TREE, {n: c.dtype for n, c in table.items()}, title="large-R jet candidates")
        return lambda t: tree.extend(dict(t))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the files in place, unless the block failed."""
        self._open.__exit__(kind, error, trace)
        if error is None and self._hashes:
            joined = "".join(f"{name}:{digest.hexdigest()};" for name, digest in self._hashes.items())
            self.record = SplitRecord(
                candidates=self._candidates,
                signal=self._signal,
                content=hashlib.sha256(joined.encode()).hexdigest(),
                files={
                    kind: FileRecord(file=path.name, sha256=sha256(path), bytes=path.stat().st_size)
                    for kind, path in self.paths.items()
                },
            )
