"""What came with each decision word: collisions of each class, so that any sum of words knows its companions.

A quantity that is known only afterwards (a pure rate, a rate after prescale) is a sum over decision words. How much
more often it comes with collisions of one class is then the same sum over a table of words by classes. It is
bounded: where crossings are of too many different words, only a share 1/2, 1/4, … of the crossings is kept, chosen
by their number. What is kept depends on the crossings alone: not on their order, nor on who counted them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.stream.key_kernels import level_keys
from trigsim.stream.word_counts import columns, distinct, sums

#: Bytes of a key before its decision word: stratum, big-endian, and level of the crossings.
_PLACE = np.dtype([("stratum", ">u2"), ("level", "u1")])
#: Entries that are kept, at most: 53 MB where there are a hundred classes, four times as much while merged.
MOST = 1 << 16
#: Entries that wait, at least, until they are merged into the others.
WAITING = 1 << 13


class Together(NamedTuple):
    """Crossings, one entry for all of a stratum, a level and a decision word, and what they hold.

    Attributes
    ----------
    key : uint8, shape (n, 3 + bytes)
        Stratum (2 bytes, big-endian), level, and decision word as in `word_counts.Words`; the word of what passes
        nothing too.
    times : int64 or int32, shape (n,)
        Crossings.
    companions : int64 or int32, shape (n, p)
        Companions of each class in them; see `companions.Classes`.
    level : int
        Crossings of a lower level are left out: 2 ** -level of all are in. The level of a crossing is how often
        its number among those of its stratum can be halved: half of them are of level 0.
    """

    key: NDArray[np.uint8]
    times: NDArray[np.integer]
    companions: NDArray[np.integer]
    level: int = 0

    @property
    def stratum(self) -> NDArray[np.int64]:
        """Stratum of each, shape (n,)."""
        places = np.ascontiguousarray(self.key[:, : _PLACE.itemsize]).view(_PLACE)[:, 0]
        return np.asarray(places["stratum"], dtype=np.int64)

    @property
    def packed(self) -> NDArray[np.uint8]:
        """Decision words, shape (n, bytes)."""
        return np.ascontiguousarray(self.key[:, _PLACE.itemsize :])

    def above(self, level: int) -> Together:
        """Return the entries of this level or a higher one."""
        if level == self.level:
            return self
        some = self.key[:, _PLACE.itemsize - 1] >= level
        return Together(self.key[some], self.times[some], self.companions[some], level)


@dataclass(slots=True)
class CompanyCounts:
    """Crossings of each stratum and decision word, and their companions by class, in bounded memory.

    Attributes
    ----------
    algorithms, classes : int
        Bits of a word, and classes.
    """

    algorithms: int
    classes: int
    _merged: Together
    _waiting: list[Together] = field(default_factory=list)

    @classmethod
    def empty(cls, algorithms: int, classes: int) -> CompanyCounts:
        """Return counts of no crossings."""
        width = _PLACE.itemsize + -(-algorithms // 8)
        nothing = Together(np.zeros((0, width), np.uint8), np.zeros(0, np.int64), np.zeros((0, classes), np.int64))
        return cls(algorithms, classes, nothing)

    def fill(
        self, stratum: int, number: NDArray[np.int64], bits: NDArray[np.bool_], companions: NDArray[np.int32]
    ) -> None:
        """Count n crossings of one stratum.

        Parameters
        ----------
        stratum : int
            Stratum of the crossings.
        number : int64, shape (n,)
            Number of each among the crossings of its stratum.
        bits : bool, shape (n, algorithms)
            What passed.
        companions : int32, shape (n, p)
            Collisions of each class beside the hardest.
        """
        if bits.shape != (len(number), self.algorithms) or companions.shape != (len(number), self.classes):
            raise ValueError(
                f"{len(number)} crossings need bits of {self.algorithms} algorithms and companions of "
                f"{self.classes} classes; got {bits.shape} and {companions.shape}"
            )
        key = np.empty((len(number), self._merged.key.shape[1]), np.uint8)
        level_keys(columns(bits), stratum, number, key)
        self.add(Together(key, np.ones(len(key), np.int64), companions))

    def add(self, some: Together) -> None:
        """Add counted crossings of the same algorithms and classes."""
        if some.key.shape[1] != self._merged.key.shape[1] or some.companions.shape[1] != self.classes:
            raise ValueError("only counts of the same algorithms and classes can be added")
        self._waiting.append(some)
        if sum(len(w.times) for w in self._waiting) >= max(WAITING, len(self._merged.times)):
            self.together()

    def together(self) -> Together:
        """Return all that is kept, sorted by key: the same for any order in which it was added."""
        if self._waiting:
            parts = [self._merged, *self._waiting]
            # What was left out of one is left out of all.
            level = max(part.level for part in parts)
            found = _merged([part.above(level) for part in parts])
            while len(found.times) > MOST:
                found = found.above(found.level + 1)
            self._merged, self._waiting = found, []
        return self._merged

    def piece(self) -> Together:
        """Return what a worker sends of one task."""
        found = self.together()
        return found._replace(times=found.times.astype(np.int32), companions=found.companions.astype(np.int32))


def _merged(parts: Sequence[Together]) -> Together:
    """Join parts of one level."""
    key = np.concatenate([part.key for part in parts])
    first, number = distinct(key)
    times, companions = (sums(some, number, len(first)) for some in (
        [part.times[:, None] for part in parts], [part.companions for part in parts]
    ))  # fmt: skip
    return Together(key[first], times[:, 0], companions, parts[0].level)
