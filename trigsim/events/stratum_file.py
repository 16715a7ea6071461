"""One stratum on disk: a ROOT file with one tree `Events` in the naming of NanoAOD.

Jagged `Tower_*`, `Track_*`, `Muon_*` with their counters `nTower`, `nTrack`, `nMuon`, and one entry a collision of
the truth columns of `Collisions`.
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
DTYPES = {
    "tower_ieta": "u1", "tower_iphi": "u1", "tower_et": "u2", "tower_hadronic": "u2",
    "track_pt": "u2", "track_eta": "i2", "track_phi": "u2", "track_z0": "i2", "track_d0": "i2",
    "track_charge": "i1",
    "muon_pt": "u2", "muon_eta": "i2", "muon_phi": "u2", "muon_charge": "i1",
}  # fmt: skip
_BELOW = {"tower_ieta": N_ETA, "tower_iphi": N_PHI, "track_phi": N_PHI * FINE, "muon_phi": N_PHI * FINE}


def write_stratum(
    path: str | Path, parts: Iterable[Collisions], compression: Literal["zstd", "lzma"] = "zstd"
) -> tuple[int, str]:
    """Write collisions to one ROOT file.

    Parameters
    ----------
    path : path
        The file, replaced whole.
    parts : iterable of Collisions
        One basket of each branch a part.
    compression : str
        "zstd" (level 5) or "lzma" (level 6).

    Returns
    -------
    events : int
        Collisions written.
    content : str
        SHA-256 of the arrays.
    """
    events = 0
    hashes = {f.name: hashlib.sha256() for f in fields(Collisions)}
    method = uproot.LZMA(6) if compression == "lzma" else uproot.ZSTD(5)
    with atomic_path(path) as temporary, uproot.recreate(temporary, compression=method) as file:
        tree = None
        for part in parts:
            branches = _branches(part)
            if tree is None:
                tree = file.mktree(TREE, {k: _branch_type(v) for k, v in branches.items()}, title="pp collisions")
            tree.extend(branches)
            events += len(part)
            for name, digest in hashes.items():
                array = getattr(part, name)
                digest.update((np.diff(array) if name.endswith("offsets") else array).tobytes())
    content = hashlib.sha256("".join(digest.hexdigest() for digest in hashes.values()).encode()).hexdigest()
    return events, content


def _branches(part: Collisions) -> dict[str, Any]:
    branches: dict[str, Any] = {}
    for group, (prefix, members) in GROUPS.items():
        counts = np.diff(getattr(part, f"{prefix}_offsets"))
        columns = {m: ak.unflatten(getattr(part, f"{prefix}_{m}"), counts) for m in members}
        branches[group] = ak.zip(columns)
    for name in (*SCALARS, *PAIRS):
        branches[name] = getattr(part, name)
    return branches


def _branch_type(array: Any) -> Any:
    if isinstance(array, np.ndarray):
        return np.dtype((array.dtype, array.shape[1:])) if array.ndim > 1 else array.dtype
    return ak.type(array).content


def read_stratum(path: str | Path) -> Collisions:
    """Read a file that `write_stratum` wrote; no hash is checked, ranges and shapes are.

    Raises
    ------
    InputError
        If it is not a whole ROOT file of this format.
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
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        uproot.exceptions.KeyInFileError,
        uproot.DeserializationError,
    ) as failure:
        raise InputError(f"not a whole event file ({type(failure).__name__}); make it again", path) from None
    return _checked(columns, path)


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
