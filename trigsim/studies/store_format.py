"""The manifest of stored crossings; what the files hold is written down in `docs/studies.md`."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from trigsim.base.config import Config
from trigsim.stream.beam import Beam

FORMAT: Final = "trigsim-crossings"
VERSION = 2
MANIFEST = "store.json"
MENU = "menu.yaml"
#: Name of the sample of beam crossings; the others are called as their signals.
BEAM = "beam"
#: What a signal collision is known by, one number each; missing ones are 0.
TRUTH = (
    "pt_hat", "resonance_pt", "resonance_eta", "resonance_phi",
    "quark0_pt", "quark0_eta", "quark0_phi", "quark1_pt", "quark1_eta", "quark1_phi",
)  # fmt: skip


class StoredFormat(Config):
    """The step of a score."""

    lsb: float


class StoredTagger(Config):
    """A tagger whose scores are stored; it is all that compiling a menu needs of one."""

    name: str
    model: Annotated[str, Field(description="Digest of the trained model.")]
    inputs: int
    working_points: Annotated[dict[str, int], Field(description="Name → smallest raw score that passes.")]
    score_format: StoredFormat


class StoredField(Config):
    """One field: bits of its integer, and the step where it has one."""

    bits: int
    signed: bool
    lsb: float | None


class StoredCollection(Config):
    """One kind of object."""

    slots: int
    fields: dict[str, StoredField]


class StoredClasses(Config):
    """Classes of the library's collisions; see `stream.companions`.

    Attributes
    ----------
    stratum, size : tuple of int
        Stratum of the library of each class, and its collisions that may be drawn.
    parent, members, expected : tuples, or None
        See `stream.companions.Parts`; None where the strata of crossings are those of the library.
    """

    stratum: tuple[int, ...]
    size: tuple[int, ...]
    parent: tuple[int, ...] | None = None
    members: tuple[tuple[int, ...], ...] | None = None
    expected: tuple[tuple[float, ...], ...] | None = None


class PartRecord(Config):
    """One Parquet file: whole chunks of one sample."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+\.parquet$")]
    sample: str
    stratum: Annotated[int | None, Field(description="Stratum of beam crossings; None for signals.")]
    crossings: int
    sha256: str


class StoreManifest(Config):
    """What `store.json` holds.

    Attributes
    ----------
    probability : tuple of float
        Of each stratum of crossings, the empty crossing last.
    drawn : tuple of int
        Crossings stored of each.
    collisions : tuple of int
        Collisions that may be the hardest in each; column `event` counts them.
    """

    format: Literal["trigsim-crossings"]
    version: int
    beam: Beam
    strata: tuple[str, ...]
    probability: tuple[float, ...]
    drawn: tuple[int, ...]
    collisions: tuple[int, ...]
    classes: StoredClasses
    signals: dict[str, int]
    menu: str
    algorithms: tuple[str, ...]
    taggers: dict[str, StoredTagger]
    objects: dict[str, StoredCollection]
    parts: tuple[PartRecord, ...]
    provenance: dict[str, Any]
