"""Parts of a data set: the candidates of some crossings of one stratum, on disk when made."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.files import atomic_path
from trigsim.numeric.random import stream_rng
from trigsim.stream.block import Builder
from trigsim.stream.candidates import is_resonance
from trigsim.stream.matching import pt_bin
from trigsim.stream.source import Source

#: Crossing number i of stream s is s << SHIFT | i.
SHIFT = 40
#: Crossings drawn at once, each so many with randomness of its own: part of what a data set is.
STEP = 256


@dataclass(frozen=True, slots=True)
class Stream:
    """Candidates of one kind, from which as many are taken as wanted.

    Attributes
    ----------
    number : int
        Its own in the data set.
    pile_up : float
        Mean pile-up.
    split : str
        "pilot", "train", "validation", "test".
    stratum : str
        Of the library.
    signal : bool
        Whether it is one.
    wanted : int
        Candidates.
    """

    number: int
    pile_up: float
    split: str
    stratum: str
    signal: bool
    wanted: int

    @property
    def label(self) -> str:
        """Unique name."""
        return f"pu{self.pile_up:g}-{self.split}-{self.stratum}"


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes parts.

    Attributes
    ----------
    folder : Path
        Where parts are kept.
    sources : mapping
        (pile-up, split) → source; the pilot uses those of "train".
    builder : Builder
        Of all of them.
    ratio : mapping
        (pile-up, stratum) → acceptance ratio in each pT bin; strata that are not there are accepted whole.
    chunk, seed : int
        As in `DatasetConfig`.
    """

    folder: Path
    sources: Mapping[tuple[float, str], Source]
    builder: Builder
    ratio: Mapping[tuple[float, str], NDArray[np.float64]]
    chunk: int
    seed: int

    def path(self, stream: Stream, part: int) -> Path:
        """Return the file of a part."""
        return self.folder / f"{stream.label}-{part:06d}.npz"

    def candidates(self, stream: Stream, part: int) -> int:
        """Make a part unless it is there; return how many candidates it has."""
        path = self.path(stream, part)
        try:
            return len(self.load(stream, part, "weight")["weight"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            table = self._made(stream, part)
            with atomic_path(path) as temporary:
                np.savez(temporary, **table)  # type: ignore[arg-type]
            return len(table["weight"])

    def load(self, stream: Stream, part: int, *names: str) -> dict[str, NDArray[Any]]:
        """Read columns (all if none is named) of a part that is there."""
        # Opened here: NumPy leaves a damaged file open.
        with self.path(stream, part).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {name: archive[name] for name in names or archive.files}

    def _made(self, stream: Stream, part: int) -> dict[str, NDArray[Any]]:
        key = (stream.pile_up, "train" if stream.split == "pilot" else stream.split)
        source = self.sources[key]
        phase = f"dataset/{stream.pile_up:g}/{stream.split}"
        tables = []
        for first in range(part * self.chunk, (part + 1) * self.chunk, STEP):
            n = min(STEP, (part + 1) * self.chunk - first)
            if stream.signal:
                plan = source.signal_plan(stream.stratum, first, n, self.seed, phase)
            else:
                plan = source.rate_plan(source.strata.names.index(stream.stratum), n, self.seed, phase, first)
            block = self.builder.build(plan)
            kept = is_resonance(source, plan, block) if stream.signal else np.ones(len(block.crossing), np.bool_)
            crossing = block.crossing[kept]
            hardest = plan.hardest[crossing]
            collision = source.collision[hardest]
            tables.append(
                {
                    "features_hw": block.features_hw[kept],
                    "collision": collision,
                    "readout": (hardest - np.searchsorted(source.collision, collision)).astype(np.uint8),
                    "crossing": (stream.number << SHIFT) + first + crossing,
                    "n_collisions": plan.collisions[crossing].astype(np.int16),
                }
            )
        table = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
        table["bin"] = pt_bin(table["features_hw"])
        wanted = np.ones(len(table["bin"]))
        ratio = self.ratio.get((stream.pile_up, stream.stratum))
        if ratio is not None and stream.split != "pilot":
            wanted = np.where(table["bin"] < 0, 0.0, ratio[table["bin"]])
        accepted = stream_rng(self.seed, f"{phase}/{stream.stratum}/accept", part).random(len(wanted)) < wanted
        accepted &= table["bin"] >= 0
        table["weight"] = np.maximum(wanted, 1.0).astype(np.float32)
        return {name: column[accepted] for name, column in table.items()}
