"""The event library: a folder with one ROOT file a stratum and a manifest that says what they are.

`manifest.json` gives for each stratum its kind, range of hardness and cross section, the SHA-256 of the file, and
`content`, a hash of the arrays alone, which is the same each time the library is made again (a ROOT file holds
its date). The files are those of `stratum_file`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.base.files import sha256, write_json
from trigsim.base.manifest import read_manifest
from trigsim.events.model import Collisions
from trigsim.events.sample import ReadOut
from trigsim.events.stratum_file import read_stratum

FORMAT: Final = "trigsim-library"
VERSION = 2
MANIFEST = "manifest.json"


class StratumRecord(ReadOut):
    """One stratum of the manifest; its file has `events` times `readouts` entries."""

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
        Collisions that were generated.
    file : Path
        The ROOT file.
    sha256, content : str
        Hashes of the file and of its arrays.
    readouts : int
        Times that each collision was read out: the file has them one after the other.
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
    readouts: int = 1

    @property
    def entries(self) -> int:
        """Entries of the file: all read-outs of all collisions."""
        return self.events * self.readouts


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
        manifest = read_manifest(
            path,
            Manifest,
            VERSION,
            "make a library with `trigsim generate CONFIG -o DIR`",
            "make the library again",
        )
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
        """Read all read-outs of the stratum called `name`: those of collision i start at entry i * `readouts`.

        Raises
        ------
        InputError
            If there is no such stratum, or its file is damaged or not the one of the manifest, the number of
            read-outs included.
        """
        stratum = self[name]
        if not stratum.file.is_file():
            raise InputError(f"file of stratum '{name}' is missing; make the library again", stratum.file)
        if sha256(stratum.file) != stratum.sha256:
            raise InputError("not the file of the manifest (its SHA-256 differs); restore it", stratum.file)
        collisions = read_stratum(stratum.file, stratum.readouts)
        if len(collisions) != stratum.entries:
            raise InputError(
                f"{len(collisions)} entries where the manifest says {stratum.entries}; make it again",
                stratum.file,
            )
        return collisions


def write_manifest(folder: str | Path, manifest: Manifest) -> None:
    """Write `manifest.json` of the library in `folder`."""
    write_json(Path(folder) / MANIFEST, json.loads(manifest.model_dump_json()))
