"""Choose the reader by what the file is."""

from __future__ import annotations

from pathlib import Path

from trigsim.base.errors import InputError
from trigsim.menu.readers.model import Recorded
from trigsim.menu.readers.vectors import read_vectors


def read(path: str | Path, tree: str | None = None) -> Recorded:
    """Read trigger objects and recorded decisions from any known file.

    Parameters
    ----------
    path : path
        uGT vector (.txt, .txt.gz), NanoAOD or L1Ntuple (.root).
    tree : str, optional
        For ROOT files: which objects to take, e.g. "L1Emul" of NanoAOD or "emulator" of an L1Ntuple.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such file; check the path", path)
    with path.open("rb") as stream:
        magic = stream.read(4)
    if magic == b"root" or path.suffix == ".root":
        from trigsim.menu.readers.root import read_root  # noqa: PLC0415 - uproot is slow to import

        return read_root(path, tree)
    return read_vectors(path)
