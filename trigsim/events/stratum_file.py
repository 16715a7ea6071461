"""One stratum on disk: a ROOT file with one tree `Events` in the naming of NanoAOD.

Jagged `Tower_*`, `Track_*`, `Muon_*` with their counters `nTower`, `nTrack`, `nMuon`, and one entry a collision of
the truth columns of `Collisions`. Where collisions are read out more than once, each read-out is an entry and the
branch `readout` numbers those of one collision from 0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path
from trigsim.events.arrays import offsets_of
from trigsim.events.model import FINE, N_ETA, N_PHI, Collisions

TREE = "Events"

#: Jagged branches: group → (prefix in `Collisions`, members).
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Tower": ("tower", ("ieta", "iphi", "et", "hadronic")),
    "Track": ("track", ("pt", "eta", "phi", "z0", "d0", "charge")),
    "Muon": ("muon", ("pt", "eta", "phi", "charge")),
}
#: One value, or one pair, a collision.
SCALARS = ("pt_hat", "weight", "resonance_pt", "resonance_eta", "resonance_phi")
PAIRS = ("quark_pt", "quark_eta", "quark_phi")
#: Number of the read-out of its collision, where there are several.
READOUT = "readout"
DTYPES = {
    "tower_ieta": "u1", "tower_iphi": "u1", "tower_et": "u2", "tower_hadronic": "u2",
    "track_pt": "u2", "track_eta": "i2", "track_phi": "u2", "track_z0": "i2", "track_d0": "i2",
    "track_charge": "i1",
    "muon_pt": "u2", "muon_eta": "i2", "muon_phi": "u2", "muon_charge": "i1",
}  # fmt: skip
_BELOW = {"tower_ieta": N_ETA, "tower_iphi": N_PHI, "track_phi": N_PHI * FINE, "muon_phi": N_PHI * FINE}


def write_stratum(
    path: str | Path,
    parts: Iterable[Collisions],
    compression: Literal["zstd", "lzma"] = "zstd",
    readouts: int = 1,
) -> tuple[int, str]:
    """Write collisions to one ROOT file.

    Parameters
    ----------
    path : path
        The file, replaced whole.
    parts : iterable of Collisions
        One basket of each branch a part; read-outs of one collision are in one part.
    compression : str
        "zstd" (level 5) or "lzma" (level 6).
    readouts : int
        Consecutive entries that are read-outs of one collision.

    Returns
    -------
    entries : int
        Entries written.
    content : str
        SHA-256 of the arrays.
    """
    entries = 0
    hashes = {f.name: hashlib.sha256() for f in fields(Collisions)}
    if readouts > 1:
        hashes[READOUT] = hashlib.sha256()
    method = uproot.LZMA(6) if compression == "lzma" else uproot.ZSTD(5)
    with atomic_path(path) as temporary, uproot.recreate(temporary, compression=method) as file:
        tree = None
        for part in parts:
            branches = _branches(part, readouts)
            if tree is None:
                tree = file.mktree(TREE, {k: _branch_type(v) for k, v in branches.items()}, title="pp collisions")
            tree.extend(branches)
            entries += len(part)
            for name, digest in hashes.items():
                array = branches[READOUT] if name == READOUT else getattr(part, name)
                digest.update((np.diff(array) if name.endswith("offsets") else array).tobytes())
    content = hashlib.sha256("".join(digest.hexdigest() for digest in hashes.values()).encode()).hexdigest()
    return entries, content


def _branches(part: Collisions, readouts: int) -> dict[str, Any]:
    branches: dict[str, Any] = {}
    for group, (prefix, members) in GROUPS.items():
        counts = np.diff(getattr(part, f"{prefix}_offsets"))
        columns = {m: ak.unflatten(getattr(part, f"{prefix}_{m}"), counts) for m in members}
        branches[group] = ak.zip(columns)
    for name in (*SCALARS, *PAIRS):
        branches[name] = getattr(part, name)
    if readouts > 1:
        if len(part) % readouts:
            raise ValueError(f"{len(part)} entries are no whole collisions of {readouts} read-outs; join parts")
        branches[READOUT] = np.tile(np.arange(readouts, dtype=np.uint8), len(part) // readouts)
    return branches


def _branch_type(array: Any) -> Any:
    if isinstance(array, np.ndarray):
        return np.dtype((array.dtype, array.shape[1:])) if array.ndim > 1 else array.dtype
    return ak.type(array).content


def read_stratum(path: str | Path, readouts: int = 1) -> Collisions:
    """Read a file that `write_stratum` wrote; no hash is checked, ranges and shapes are.

    Parameters
    ----------
    path : path
    readouts : int
        As when it was written.

    Raises
    ------
    InputError
        If it is not a whole ROOT file of this format, or of another number of read-outs.
    """
    path = Path(path)
    try:
        with uproot.open(path) as file:
            tree = file[TREE]
            columns: dict[str, NDArray[Any]] = {}
            for group, (prefix, members) in GROUPS.items():
                for member in members:
                    jagged = tree[f"{group}_{member}"].array()
                    columns[f"{prefix}_{member}"] = ak.to_numpy(ak.flatten(jagged))
                columns[f"{prefix}_offsets"] = offsets_of(ak.to_numpy(ak.num(jagged)))
            for name in (*SCALARS, *PAIRS):
                columns[name] = tree[name].array(library="np")
            several = tree[READOUT].array(library="np") if READOUT in tree.keys() else None  # noqa: SIM118 - a tree
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        uproot.exceptions.KeyInFileError,
        uproot.DeserializationError,
    ) as failure:
        raise InputError(f"not a whole event file ({type(failure).__name__}); make it again", path) from None
    found = _checked(columns, path)
    _check_readouts(found, several, readouts, path)
    return found


def _check_readouts(found: Collisions, numbers: NDArray[Any] | None, readouts: int, path: Path) -> None:
    """Refuse entries that are not `readouts` of each collision in turn, of one truth."""
    there = 1 if numbers is None else int(numbers.max(initial=0)) + 1
    if there != readouts:
        raise InputError(f"has {there} read-outs a collision, not {readouts}; restore file and manifest", path)
    if numbers is None:
        return
    whole = len(found) // readouts
    if not np.array_equal(numbers, np.tile(np.arange(readouts), whole)):
        raise InputError(f"read-outs are not numbered 0 to {readouts - 1} in turn; make the file again", path)
    for name in (*SCALARS, *PAIRS):
        column = getattr(found, name).reshape(whole, readouts, -1)
        if (column != column[:, :1]).any():
            raise InputError(f"read-outs of one collision differ in {name}; make the file again", path)


def _checked(columns: dict[str, NDArray[Any]], path: Path) -> Collisions:
    n = len(columns["pt_hat"])
    for name, dtype in DTYPES.items():
        array = columns[name]
        if array.dtype != np.dtype(dtype):
            if len(array):
                raise InputError(f"branch of {name} holds {array.dtype}; it must hold {np.dtype(dtype)}", path)
            columns[name] = array.astype(dtype)
        if name in _BELOW and len(array) and array.max() >= _BELOW[name]:
            raise InputError(f"{name} reaches {array.max()}; it must stay below {_BELOW[name]}", path)
    for prefix, members in GROUPS.values():
        offsets = columns[f"{prefix}_offsets"]
        if len(offsets) != n + 1 or any(len(columns[f"{prefix}_{m}"]) != offsets[-1] for m in members):
            raise InputError(f"branches of {prefix} differ in length; make the file again", path)
    for name in SCALARS:
        columns[name] = np.ascontiguousarray(columns[name], dtype=np.float32)
    for name in PAIRS:
        columns[name] = np.ascontiguousarray(columns[name], dtype=np.float32).reshape(n, 2)
    return Collisions(**columns)
