"""The event library: a folder with one ROOT file a stratum and a manifest that says what they are.

A file holds one tree `Events` in the naming of NanoAOD: jagged `Tower_*`, `Track_*`, `Muon_*` with their
counters `nTower`, `nTrack`, `nMuon`, and one entry a collision of the truth columns of `Collisions`.
`manifest.json` gives for each stratum its kind, range of hardness and cross section, the SHA-256 of the file, and
`content`, a hash of the arrays alone, which is the same each time the library is made again (a ROOT file holds
its date).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, sha256, write_json
from trigsim.events.arrays import offsets_of
from trigsim.events.model import FINE, N_ETA, N_PHI, Collisions

FORMAT: Final = "trigsim-library"
VERSION = 1
MANIFEST = "manifest.json"
TREE = "Events"

#: Jagged branches: group → (prefix in `Collisions`, members).
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "Tower": ("tower", ("ieta", "iphi", "et")),
    "Track": ("track", ("pt", "eta", "phi", "z0", "d0", "charge")),
    "Muon": ("muon", ("pt", "eta", "phi", "charge")),
}
#: One value, or one pair, a collision.
SCALARS = ("pt_hat", "weight", "resonance_pt", "resonance_eta", "resonance_phi")
PAIRS = ("quark_pt", "quark_eta", "quark_phi")
DTYPES = {
    "tower_ieta": "u1", "tower_iphi": "u1", "tower_et": "u2",
    "track_pt": "u2", "track_eta": "i2", "track_phi": "u2", "track_z0": "i2", "track_d0": "i2",
    "track_charge": "i1",
    "muon_pt": "u2", "muon_eta": "i2", "muon_phi": "u2", "muon_charge": "i1",
}  # fmt: skip
_BELOW = {"tower_ieta": N_ETA, "tower_iphi": N_PHI, "track_phi": N_PHI * FINE, "muon_phi": N_PHI * FINE}


class StratumRecord(Config):
    """One stratum of the manifest."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["inelastic", "signal"]
    file: str = Field(pattern=r"^[a-z0-9_]+\.root$")
    events: int = Field(ge=0)
    pt_hat_min: float = Field(ge=0)
    pt_hat_max: float | None
    sigma_mb: float = Field(gt=0)
    sigma_error_mb: float = Field(ge=0)
    sha256: str
    content: str


class Manifest(Config):
    """What `manifest.json` holds."""

    format: Literal["trigsim-library"]
    version: int
    name: str
    seed: int
    energy: float
    strata: tuple[StratumRecord, ...]
    sample: dict[str, Any]
    detector: dict[str, Any]
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stratum:
    """One class of collisions.

    Attributes
    ----------
    name : str
        Unique in its library.
    kind : str
        "inelastic" or "signal".
    pt_hat_min, pt_hat_max : float
        Range of the hard process, GeV; infinity if open.
    sigma_mb, sigma_error_mb : float
        Cross section within that range and its statistical error, mb.
    events : int
        Collisions in the file.
    file : Path
        The ROOT file.
    sha256, content : str
        Hashes of the file and of its arrays.
    """

    name: str
    kind: str
    pt_hat_min: float
    pt_hat_max: float
    sigma_mb: float
    sigma_error_mb: float
    events: int
    file: Path
    sha256: str
    content: str


@dataclass(frozen=True, slots=True)
class Library:
    """An event library on disk; `open` makes one, `load` reads a stratum.

    Attributes
    ----------
    folder : Path
        Where it is.
    manifest : Manifest
        All that is known of how it was made.
    strata : tuple of Stratum
        Inelastic ones first, from soft to hard, then the signals as listed.
    """

    folder: Path
    manifest: Manifest
    strata: tuple[Stratum, ...]

    @classmethod
    def open(cls, folder: str | Path) -> Library:
        """Read the manifest of the library in `folder`; the files are read by `load`.

        Raises
        ------
        InputError
            If there is no manifest, it does not fit, or a stratum's file is missing.
        """
        folder = Path(folder)
        path = folder / MANIFEST
        if not path.is_file():
            raise InputError(f"no {MANIFEST} here; make a library with `trigsim generate CONFIG -o DIR`", folder)
        try:
            manifest = Manifest.model_validate_json(path.read_bytes())
        except ValidationError as failure:
            first = failure.errors()[0]
            where = ".".join(str(p) for p in first["loc"]) or "the document"
            raise InputError(f"{where}: {first['msg']}; make the library again", path) from None
        if manifest.version != VERSION:
            raise InputError(f"format version {manifest.version}; this trigsim reads version {VERSION}", path)
        strata = [
            Stratum(
                **{
                    **record.model_dump(),
                    "pt_hat_max": math.inf if record.pt_hat_max is None else record.pt_hat_max,
                    "file": folder / record.file,
                }
            )
            for record in manifest.strata
        ]
        names = [s.name for s in strata]
        if len(set(names)) != len(names):
            raise InputError("two strata have one name; make the library again", path)
        for stratum in strata:
            if not stratum.file.is_file():
                raise InputError(
                    f"file of stratum '{stratum.name}' is missing; make the library again", stratum.file
                )
        inelastic = sorted((s for s in strata if s.kind == "inelastic"), key=lambda s: s.pt_hat_min)
        for softer, harder in pairwise(inelastic):
            if softer.pt_hat_max != harder.pt_hat_min:
                problem = f"strata '{softer.name}' and '{harder.name}' leave a gap or overlap in pt_hat"
                raise InputError(f"{problem}; make the library again", path)
        return cls(folder, manifest, (*inelastic, *(s for s in strata if s.kind == "signal")))

    @property
    def inelastic(self) -> tuple[Stratum, ...]:
        """The inelastic strata, from soft to hard."""
        return tuple(s for s in self.strata if s.kind == "inelastic")

    @property
    def signals(self) -> tuple[Stratum, ...]:
        """The signal strata."""
        return tuple(s for s in self.strata if s.kind == "signal")

    @property
    def sigma_inelastic_mb(self) -> float:
        """The summed cross section of the inelastic strata, mb."""
        return math.fsum(s.sigma_mb for s in self.inelastic)

    def __getitem__(self, name: str) -> Stratum:
        """Return the stratum called `name`; an `InputError` lists the names there are."""
        for stratum in self.strata:
            if stratum.name == name:
                return stratum
        known = ", ".join(s.name for s in self.strata)
        raise InputError(f"no stratum '{name}'; there are {known}", self.folder / MANIFEST)

    def load(self, name: str) -> Collisions:
        """Read all collisions of the stratum called `name`.

        Raises
        ------
        InputError
            If there is no such stratum, or its file is damaged or not the one of the manifest.
        """
        stratum = self[name]
        if not stratum.file.is_file():
            raise InputError(f"file of stratum '{name}' is missing; make the library again", stratum.file)
        if sha256(stratum.file) != stratum.sha256:
            raise InputError("not the file of the manifest (its SHA-256 differs); restore it", stratum.file)
        collisions = read_stratum(stratum.file)
        if len(collisions) != stratum.events:
            raise InputError(
                f"{len(collisions)} collisions where the manifest says {stratum.events}; make it again",
                stratum.file,
            )
        return collisions


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


def write_manifest(folder: str | Path, manifest: Manifest) -> None:
    """Write `manifest.json` of the library in `folder`."""
    write_json(Path(folder) / MANIFEST, json.loads(manifest.model_dump_json()))
