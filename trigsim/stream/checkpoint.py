"""Checkpoints: the state of a run in one file, replaced whole, that only the same run takes up again."""

from __future__ import annotations

import json
import struct
import time
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path

FORMAT = "trigsim-checkpoint 4"
FILE = "checkpoint.npz"
#: What reading a damaged file may raise.
_DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    NotImplementedError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(slots=True)
class Checkpoint:
    """Where a run leaves its state now and then.

    Attributes
    ----------
    folder : Path
        Holds `checkpoint.npz`.
    identity : mapping of str to str
        All that the run's result depends on, by name; hashes of files. A checkpoint of another run is refused.
    resume : bool
        Take up what is there; otherwise it is replaced.
    seconds : float
        Least time between two checkpoints, for each second or part of one that writing takes.
    """

    folder: Path
    identity: Mapping[str, str]
    resume: bool
    seconds: float = 20.0
    _last: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    @property
    def file(self) -> Path:
        """The checkpoint."""
        return self.folder / FILE

    def load(self) -> dict[str, NDArray[Any]] | None:
        """Return the arrays that were saved, None if there are none or they are not wanted.

        Raises
        ------
        InputError
            If the file is damaged or of another run.
        """
        # A run that was killed while it wrote leaves its unfinished file.
        for left in self.folder.glob(f".{Path(FILE).stem}.*{Path(FILE).suffix}"):
            left.unlink(missing_ok=True)
        if not self.resume or not self.file.exists():
            return None
        try:
            # Opened here: NumPy leaves a damaged file open.
            with self.file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                found = {name: archive[name] for name in archive.files}
            header = json.loads(found.pop("header").tobytes())
        except _DAMAGED:
            raise InputError("damaged; run without --resume to start anew", self.file) from None
        self._require_same(header)
        return found

    def _require_same(self, header: Any) -> None:
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise InputError("no checkpoint of this version; run without --resume to start anew", self.file)
        of = header["identity"]
        for name in sorted({*of, *self.identity}):
            if of.get(name) != self.identity.get(name):
                raise InputError(f"of another run ({name} differs); run without --resume to start anew", self.file)

    def due(self) -> bool:
        """Tell whether it is time for another."""
        return time.monotonic() - self._last >= self.seconds * max(1.0, self._took)

    def save(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace the checkpoint; on any failure the old one stays.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        begun = time.monotonic()
        text = json.dumps({"format": FORMAT, "identity": dict(self.identity)}, sort_keys=True)
        header = np.frombuffer(text.encode(), np.uint8)
        try:
            with atomic_path(self.file) as path, path.open("wb") as stream:
                np.savez_compressed(stream, allow_pickle=False, header=header, **arrays)
        except OSError as failure:
            problem = f"cannot be written: {failure.strerror}; what was saved before is kept, go on with --resume"
            raise InputError(problem, self.file) from None
        self._last = time.monotonic()
        self._took = self._last - begun
