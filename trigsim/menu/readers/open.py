"""Choose the reader by what the file is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trigsim.base.errors import InputError
from trigsim.menu.readers.model import Recorded
from trigsim.menu.readers.vectors import read_vectors


def read(path: str | Path, prefix: str | None = None) -> Iterator[Recorded]:
    """Read trigger objects and recorded decisions from any known file, in chunks.

    Parameters
    ----------
    path : path
        uGT vector (.txt, .txt.gz), NanoAOD or L1Ntuple (.root).
    prefix : str, optional
        For ROOT files: which objects to take, "L1" (unpacked, the default) or "L1Emul" (re-emulated).
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such file; check the path", path)
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"root" or path.suffix == ".root":
        from trigsim.menu.readers.root import read_root  # noqa: PLC0415 - uproot is slow to import

        yield from read_root(path, prefix)
    else:
        yield read_vectors(path)
