"""A recipe: all that a worker elsewhere needs to answer tasks, as text that names files."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np

import trigsim
from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.base.files import existing, sha256
from trigsim.events.library import MANIFEST, Library
from trigsim.menu import load as load_menu
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.demand import demanded
from trigsim.stream.hardness import JETS, parted
from trigsim.stream.setup import builder
from trigsim.stream.source import Source
from trigsim.stream.task import Answer, Task, Worker
from trigsim.stream.variant import Variant
from trigsim.tagger.tagger import load_tagger


class VariantRecipe(Config):
    """One variant: a menu with its taggers.

    Attributes
    ----------
    name : str
        What results call it.
    menu : str
        Menu YAML.
    taggers : dict of str to str
        Name in the menu → folder.
    algorithm : str or None
        Algorithm whose leg's best score is recorded.
    """

    name: str
    menu: str
    taggers: dict[str, str]
    algorithm: str | None = None


class Recipe(Config):
    """What a run is made of; paths are absolute, for a worker may stand elsewhere.

    Attributes
    ----------
    library : str
        Event library (folder).
    beam : Beam
        Conditions.
    side : str
        Side of the library's split.
    objects : ObjectSettings
        Object reconstruction.
    variants : tuple of VariantRecipe
        Menus with their taggers.
    signals : tuple of str
        Signals that tasks number.
    seed : int
        Of all randomness.
    exact_overlay : bool
        Whether every soft collision is drawn on its own; see `stream.blocks`.
    sorted_by : str
        Collection that sorts the collisions of a stratum into parts; see `stream.hardness`.
    """

    library: str
    beam: Beam
    side: str
    objects: ObjectSettings
    variants: tuple[VariantRecipe, ...]
    signals: tuple[str, ...]
    seed: int
    exact_overlay: bool = False
    sorted_by: str = JETS

    @classmethod
    def make(
        cls,
        library: str | Path,
        beam: Beam,
        side: str,
        menu: str | Path,
        taggers: Mapping[str, str | Path],
        signals: Sequence[str],
        seed: int,
        exact_overlay: bool = False,
        sorted_by: str = JETS,
    ) -> Recipe:
        """Return the recipe of one menu, with paths made absolute."""
        folders = {name: str(Path(folder).resolve()) for name, folder in taggers.items()}
        variant = VariantRecipe(name=Path(menu).stem, menu=str(Path(menu).resolve()), taggers=folders)
        return cls(
            library=str(Path(library).resolve()),
            beam=beam,
            side=side,
            objects=ObjectSettings(),
            variants=(variant,),
            signals=tuple(signals),
            seed=seed,
            exact_overlay=exact_overlay,
            sorted_by=sorted_by,
        )

    def open(self) -> Worker:
        """Read all files; return the worker.

        Raises
        ------
        InputError
            If a file is missing or does not fit.
        """
        variants, columns, menus = [], [], []
        for one in self.variants:
            menus.append(load_menu(one.menu))
            taggers = {name: load_tagger(folder) for name, folder in one.taggers.items()}
            columns += [tagger.columns for tagger in taggers.values()]
            variants.append(Variant.bind(one.name, menus[-1], taggers, one.algorithm))
        source = Source.open(
            Library.open(self.library), self.beam, self.side, exact=self.exact_overlay, seed=self.seed
        )
        source.require_signals(self.signals)
        build = builder(self.library, source, self.objects, wanted_features(columns))
        source, build = parted(source, build, self.sorted_by), replace(build, demand=demanded(menus))
        return Worker.of(source, build, variants, self.signals, self.seed)

    def identity(self) -> dict[str, str]:
        """Return name → value or hash of all that answers depend on; where files lie does not count."""
        found = {
            "trigsim": trigsim.__version__,
            "numpy": np.__version__,
            "numba": numba.__version__,
            "library": sha256(existing(Path(self.library) / MANIFEST, "event library")),
            "beam": _hash(self.beam.model_dump_json()),
            "side": self.side,
            "objects": _hash(self.objects.model_dump_json()),
            "signals": " ".join(self.signals),
            "seed": str(self.seed),
            "exact overlay": str(self.exact_overlay),
            "sorted by": self.sorted_by,
        }
        for number, one in enumerate(self.variants):
            found[f"menu {number}"] = sha256(existing(one.menu, "menu"))
            found[f"algorithm {number}"] = str(one.algorithm)
            for name, folder in one.taggers.items():
                files = sorted(p for p in existing(folder, "tagger").iterdir() if p.is_file())
                found[f"tagger {name} {number}"] = _hash("".join(p.name + sha256(p) for p in files))
        return found

    @property
    def fingerprint(self) -> str:
        """One hash of the identity."""
        return _hash(repr(sorted(self.identity().items())))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


#: The worker of this process, by fingerprint: a library is read once, whichever thread comes first.
_open: dict[str, Worker] = {}
_opening = threading.Lock()


def answer(recipe: str, fingerprint: str, task: tuple[str, int, int, int]) -> Answer:
    """Answer a task in this process.

    Parameters
    ----------
    recipe : str
        A `Recipe` as JSON.
    fingerprint : str
        What its fingerprint is where the run was started.
    task : tuple
        The numbers of a `Task`.

    Raises
    ------
    InputError
        If the files, seen from here, are others.
    """
    with _opening:
        if fingerprint not in _open:
            read = Recipe.model_validate_json(recipe)
            if read.fingerprint != fingerprint:
                raise InputError("a worker sees other files or another trigsim than the run; give it the same")
            _open.clear()
            _open[fingerprint] = read.open()
        worker = _open[fingerprint]
    return worker.answer(Task(*task))
