"""Decision words of crossings, counted: integers only, so that merging is exact and the order cannot matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trigsim.stream.key_kernels import add_rows, event_keys, number_keys

#: Bytes of a key before its decision word: stratum and number of the hardest collision, big-endian.
_PLACE = np.dtype([("stratum", ">u2"), ("event", ">u4")])
#: Entries that wait, at least, until they are merged into the others.
WAITING = 1 << 14


class Words(NamedTuple):
    """Crossings that pass something, one entry for all that are alike, and how often they came.

    Attributes
    ----------
    key : uint8, shape (n, 6 + bytes)
        Stratum (2 bytes) and number of the hardest collision within it (4 bytes), big-endian, so that keys sort as
        bytes; then the decision word: bit i, lowest first, is algorithm i.
    times : int64 or int32, shape (n,)
        Crossings.
    """

    key: NDArray[np.uint8]
    times: NDArray[np.integer]

    @property
    def stratum(self) -> NDArray[np.int64]:
        """Stratum of each, shape (n,)."""
        return self._place["stratum"].astype(np.int64)

    @property
    def event(self) -> NDArray[np.int64]:
        """Number of the hardest collision within its stratum, shape (n,)."""
        return self._place["event"].astype(np.int64)

    @property
    def packed(self) -> NDArray[np.uint8]:
        """Decision words, shape (n, bytes)."""
        return np.ascontiguousarray(self.key[:, _PLACE.itemsize :])

    @property
    def _place(self) -> NDArray[np.void]:
        return np.ascontiguousarray(self.key[:, : _PLACE.itemsize]).view(_PLACE)[:, 0]


@dataclass(slots=True)
class WordCounts:
    """How often each decision word came with each hardest collision; crossings that pass nothing are left out.

    Each different pair of collision and word takes 14 bytes and one for each eight algorithms: so much for a
    crossing that passes something, at most. While entries are merged it is up to four times as much.

    Attributes
    ----------
    algorithms : int
        Bits of a word.
    """

    algorithms: int
    _merged: Words
    _waiting: list[Words] = field(default_factory=list)

    @classmethod
    def empty(cls, algorithms: int) -> WordCounts:
        """Return counts of no crossings."""
        width = _PLACE.itemsize + -(-algorithms // 8)
        return cls(algorithms, Words(np.zeros((0, width), np.uint8), np.zeros(0, np.int64)))

    def fill(self, stratum: int, event: NDArray[np.int64], bits: NDArray[np.bool_]) -> None:
        """Count n crossings of one stratum.

        Parameters
        ----------
        stratum : int
            Stratum of the crossings.
        event : int64, shape (n,)
            Number of each one's hardest collision within the stratum.
        bits : bool, shape (n, algorithms)
            What passed.
        """
        if bits.shape != (len(event), self.algorithms):
            raise ValueError(f"{len(event)} crossings need bits of {self.algorithms} algorithms; got {bits.shape}")
        key = np.empty((len(event), self._merged.key.shape[1]), np.uint8)
        key = key[: event_keys(columns(bits), stratum, event, key)]
        self.add(Words(key, np.ones(len(key), np.int64)))

    def add(self, words: Words) -> None:
        """Add counted words of the same algorithms."""
        if words.key.shape[1] != self._merged.key.shape[1]:
            raise ValueError("only words of the same algorithms can be added")
        self._waiting.append(words)
        # Merged when there are as many new ones as old: each entry is sorted a few times in all.
        if sum(len(w.times) for w in self._waiting) >= max(WAITING, len(self._merged.times)):
            self.words()

    def words(self) -> Words:
        """Return all that was counted, sorted by key: the same for any order in which it was added."""
        if self._waiting:
            self._merged, self._waiting = _merged([self._merged, *self._waiting]), []
        return self._merged

    def piece(self) -> Words:
        """Return what a worker sends of one task."""
        key, times = self.words()
        return Words(key, times.astype(np.int32))


def _merged(parts: Sequence[Words]) -> Words:
    key = np.concatenate([p.key for p in parts])
    first, number = distinct(key)
    return Words(key[first], sums([p.times[:, None] for p in parts], number, len(first))[:, 0])


def columns(bits: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return bits of shape (n, algorithms) as uint8 of shape (algorithms, n), which is how a menu leaves them."""
    return np.ascontiguousarray(bits.T).view(np.uint8)


def distinct(key: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return what keys there are.

    Parameters
    ----------
    key : uint8, shape (n, bytes)

    Returns
    -------
    first : int64, shape (m,)
        Where each different key stands first, in the order of the keys.
    number : int64, shape (n,)
        Number of each key among those.
    """
    number, first = np.empty(len(key), np.int64), np.empty(len(key), np.int64)
    table = np.full(2 << len(key).bit_length(), -1, np.int64)
    first = first[: number_keys(key, table, number, first)]
    # As text of one length, bytes are compared at once.
    order = np.argsort(np.ascontiguousarray(key[first]).view(f"S{key.shape[1]}")[:, 0], kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[number]


def sums(parts: Sequence[NDArray[np.integer]], number: NDArray[np.int64], m: int) -> NDArray[np.int64]:
    """Return the sums of rows that have each of m numbers, shape (m, p).

    Parameters
    ----------
    parts : sequence of integer arrays, shapes (n, p)
        Rows, at least one array of them.
    number : int64 array
        Of each row of all parts, 0 to m - 1.
    m : int
    """
    found = np.zeros((m, parts[0].shape[1]), np.int64)
    done = 0
    for part in parts:
        add_rows(part, number[done : done + len(part)], found)
        done += len(part)
    return found
