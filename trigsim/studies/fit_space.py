"""What a fit may choose from: steps of each free number, decided once on every stored crossing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.menu import Menu
from trigsim.menu.prescale import factor
from trigsim.numeric.random import stream_rng
from trigsim.studies import fit_kernels, word_kernels
from trigsim.studies.ladder import Free, Setting, decide_ladders, users
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM

WORD = 64


@dataclass(frozen=True, slots=True)
class Steps:
    """A free number and the values it may take.

    Attributes
    ----------
    free : Free
        Which number.
    values : tuple of float
        Ascending.
    """

    free: Free
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Packed decisions of one sample.

    Attributes
    ----------
    words : uint64, shape (columns, W)
        One row a column of the space.
    segments : int64, shape (S + 1,)
        Words of each stratum.
    weight : float64, shape (S,)
        What a bit of each stratum weighs: kHz, or a share of all signal crossings.
    """

    words: NDArray[np.uint64]
    segments: NDArray[np.int64]
    weight: NDArray[np.float64]

    def union(self, columns: Sequence[int]) -> NDArray[np.uint64]:
        """Return the union of columns, shape (W,)."""
        out = np.zeros(self.words.shape[1], np.uint64)
        fit_kernels.union(self.words, np.asarray(columns, np.int64), out)
        return out

    def counts(self, column: int) -> NDArray[np.int64]:
        """Return the crossings of each stratum that pass a column, shape (S,)."""
        running = np.concatenate([[0], np.cumsum(np.bitwise_count(self.words[column]), dtype=np.int64)])
        return np.diff(running[self.segments])

    def weigh(self, bits: NDArray[np.uint64]) -> float:
        """Return the weight of a union."""
        return float(fit_kernels.weigh(bits, self.segments, self.weight))

    def scan(self, base: NDArray[np.uint64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the weight of `base` joined with each row of `columns`, int64 (V, m), shape (V,)."""
        out = np.empty(len(columns))
        fit_kernels.scan(self.words, base, columns, self.segments, self.weight, out)
        return out


@dataclass(frozen=True, slots=True)
class Space:
    """Columns of decisions: every algorithm in every combination of the steps it depends on.

    Attributes
    ----------
    steps : tuple of Steps
        Free numbers.
    algorithms : tuple of str
        All of the menu.
    depends : tuple of tuple of int
        For each algorithm, the free numbers it depends on.
    first : tuple of int
        Its first column; the last number it depends on moves fastest.
    samples : mapping of str to Words
        Beam and signals.
    """

    steps: tuple[Steps, ...]
    algorithms: tuple[str, ...]
    depends: tuple[tuple[int, ...], ...]
    first: tuple[int, ...]
    samples: Mapping[str, Words]

    def column(self, algorithm: int, at: Sequence[int]) -> int:
        """Return the column of an algorithm where free number i takes its step ``at[i]``."""
        place = 0
        for i in self.depends[algorithm]:
            place = place * len(self.steps[i].values) + at[i]
        return self.first[algorithm] + place

    def setting(self, at: Sequence[int]) -> dict[tuple[int | str, ...], object]:
        """Return the setting of the menu at these steps."""
        return {s.free.where: s.free.set_to(s.values[i]) for s, i in zip(self.steps, at, strict=True)}


def space(store: Store, menu: Menu, steps: Sequence[Steps], samples: Sequence[str], seed: int) -> Space:
    """Decide every algorithm in all combinations of the steps it depends on.

    Parameters
    ----------
    store : Store
        Of the crossings.
    menu : Menu
        The menu.
    steps : sequence of Steps
        Free numbers and their values.
    samples : sequence of str
        The beam and signals.
    seed : int
        Of the prescales; see `words_of`.

    Raises
    ------
    InputError
        If there are too many combinations to decide.
    """
    supported = tuple(menu.programs())
    uses = [users(menu, s.free.where) for s in steps]
    depends = tuple(tuple(i for i, names in enumerate(uses) if name in names) for name in supported)
    wanted: list[tuple[str, list[Setting]]] = []
    for name, numbers in zip(supported, depends, strict=True):
        some = [steps[i] for i in numbers]
        combinations = product(*(s.values for s in some))
        wanted.append(
            (name, [{s.free.where: s.free.set_to(v) for s, v in zip(some, c, strict=True)} for c in combinations])
        )
    first = np.cumsum([0, *(len(settings) for _, settings in wanted)])
    if any(not names for names in uses):
        unused = steps[next(i for i, names in enumerate(uses) if not names)].free.name
        raise InputError(f"no algorithm uses '{unused}'; free another number", menu.document.file)
    packed = decide_ladders(store, menu, wanted, samples)
    owners = [name for name, settings in wanted for _ in settings]
    made = {sample: words_of(store, menu, sample, bits, owners, seed) for sample, bits in packed.items()}
    return Space(tuple(steps), supported, depends, tuple(map(int, first[:-1])), made)


def words_of(
    store: Store, menu: Menu, sample: str, packed: NDArray[np.uint8], owners: Sequence[str], seed: int
) -> Words:
    """Return packed decisions by column, after prescale.

    Parameters
    ----------
    store : Store
        Of the crossings.
    menu : Menu
        Where the prescales are.
    sample : str
        Whose decisions they are.
    packed : uint8, shape (n, bytes)
        Bit i, lowest first, is column i.
    owners : sequence of str
        Algorithm of each column.
    seed : int
        Of the prescales: an algorithm of prescale p passes a random 1/p of the crossings that its bit passes.
    """
    weight = store.weight_khz if sample == BEAM else np.array([1 / max(len(packed), 1)])
    places, segments = _places(packed, np.maximum(store.crossings(sample).stratum, 0), len(weight))
    words = _turned(packed, places, segments, len(owners))
    for name, algorithm in {a.name: a for a in menu.algorithms}.items():
        hundredths = factor(algorithm.prescale)
        columns = [i for i, owner in enumerate(owners) if owner == name]
        if hundredths == 100 or not columns:
            continue
        left = stream_rng(seed, f"prescale/{sample}/{name}").random(len(packed)) * hundredths < 100 * (
            hundredths > 0
        )
        words[columns] &= _turned(left.astype(np.uint8)[:, None], places, segments, 1)
    return Words(words, segments, weight)


def _places(
    bits: NDArray[np.uint8], stratum: NDArray[np.int16], strata: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the bit of each crossing, -1 where nothing passes, and the words of each stratum."""
    some = np.asarray(bits.any(axis=1))
    count = np.bincount(stratum[some], minlength=strata)
    segments = np.concatenate([[0], np.cumsum(-(-count // WORD))]).astype(np.int64)
    places = np.full(len(bits), -1, np.int64)
    for k in range(strata):
        inside = np.flatnonzero(some & (stratum == k))
        places[inside] = segments[k] * WORD + np.arange(len(inside))
    return places, segments


def _turned(
    bits: NDArray[np.uint8], places: NDArray[np.int64], segments: NDArray[np.int64], columns: int
) -> NDArray[np.uint64]:
    words = np.zeros((columns, int(segments[-1])), np.uint64)
    word_kernels.turn(bits, places, words)
    return words
