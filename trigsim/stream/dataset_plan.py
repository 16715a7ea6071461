"""From the configuration of a data set to a plan that can be carried out: all it names is read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trigsim
from trigsim.base.config import Document, load, read
from trigsim.events.library import Library
from trigsim.stream.beam import Beam
from trigsim.stream.dataset_config import DatasetConfig


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked configuration with all it refers to.

    Attributes
    ----------
    file : Path
        The configuration.
    config : DatasetConfig
        Its contents, `seed` as finally chosen.
    library : Library
        Opened.
    beams : tuple of Beam
        Read.
    """

    file: Path
    config: DatasetConfig
    library: Library
    beams: tuple[Beam, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """All that the candidates depend on, the wanted numbers and formats aside."""
        return {
            "trigsim": trigsim.__version__,
            "config": self.config.model_dump(mode="json", exclude={"candidates", "formats", "library", "beams"}),
            "beams": [beam.model_dump(mode="json") for beam in self.beams],
            "library": {s.name: [s.content, s.sigma_mb] for s in self.library.strata},
        }

    @property
    def inputs(self) -> dict[str, Path]:
        """Role → file of what goes in."""
        beams = {f"beam {b.average_pileup:g}": self.file.parent / f for b, f in self._beam_files}
        return {"dataset": self.file, "library": self.library.folder / "manifest.json", **beams}

    @property
    def _beam_files(self) -> list[tuple[Beam, str]]:
        return list(zip(self.beams, self.config.beams, strict=True))


def load_plan(path: str | Path, library: str | Path | None = None, seed: int | None = None) -> Plan:
    """Read and check a configuration, the manifest of its library and its beams.

    Parameters
    ----------
    path : path
        YAML as in `DatasetConfig`.
    library, seed : optional
        Replace the configuration's.

    Raises
    ------
    InputError
        At the line and column of what is wrong.
    """
    file = Path(path)
    document = read(file)
    config = document.validate(DatasetConfig)
    if seed is not None:
        config = config.model_copy(update={"seed": seed})
    opened = Library.open(file.parent / config.library if library is None else library)
    _check_strata(document, "signals", config.signals, [s.name for s in opened.signals])
    _check_strata(document, "background", config.background, [s.name for s in opened.inelastic][1:])
    beams = tuple(load(file.parent / name, Beam) for name in config.beams)
    pile_ups = [beam.average_pileup for beam in beams]
    for i, pile_up in enumerate(pile_ups):
        if pile_up in pile_ups[:i]:
            raise document.error(("beams", i), f"a second beam of pile-up {pile_up:g}; give each its own")
    return Plan(file, config, opened, beams)


def _check_strata(document: Document, what: str, names: Sequence[str], known: Sequence[str]) -> None:
    for i, name in enumerate(names):
        if name not in known:
            there = ", ".join(known) or "none"
            raise document.error((what, i), f"the library has no such stratum '{name}' for {what}; it has {there}")
