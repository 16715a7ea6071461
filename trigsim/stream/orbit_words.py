"""Orbits drawn from decided, weighted crossings: quick enough for rare dead time.

Each colliding crossing of an orbit is one of the stored ones, drawn with its weight. Crossings are independent of
each other, so that nothing but the decision word need be drawn; where conditions look at neighbours, emulate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.numeric.random import stream_rng
from trigsim.stream.beam import SLOTS
from trigsim.stream.filling import FillingScheme
from trigsim.stream.orbit import Triggers
from trigsim.stream.parallel import in_order

#: Orbits drawn at a time, at most, and decisions in them, about: what bounds the memory.
CHUNK, DECISIONS = 1024, 1 << 24


@dataclass(frozen=True, slots=True)
class Words:
    """Distinct decision words and how likely each is.

    Attributes
    ----------
    bits : bool, shape (W, algorithms)
        Distinct words in which something passed.
    word, cluster : int64, shape (n,)
        Word of each stored crossing that passed anything, and number of its hardest collision.
    chance : float64, shape (n,)
        Probability of a crossing that each of them stands for.
    """

    bits: NDArray[np.bool_]
    word: NDArray[np.int64]
    cluster: NDArray[np.int64]
    chance: NDArray[np.float64]

    @classmethod
    def of(cls, bits: NDArray[np.bool_], cluster: NDArray[np.int64], chance: NDArray[np.float64]) -> Words:
        """Return the words of n decided crossings.

        Parameters
        ----------
        bits : bool, shape (n, algorithms)
            Before masks and prescales.
        cluster : int64, shape (n,)
            Number of the hardest collision; crossings that share one are not independent.
        chance : float64, shape (n,)
            Probability that each stands for: of its stratum, over the number drawn. They sum to 1.
        """
        if not len(bits) == len(cluster) == len(chance) or bits.ndim != 2:
            raise InputError(f"{len(bits)} words, {len(cluster)} collisions, {len(chance)} weights; give one each")
        total = chance.sum()
        if (chance < 0).any() or abs(total - 1) > 1e-6:
            raise InputError(f"the weights of the crossings sum to {total:.9g}; probabilities sum to 1")
        passed = np.flatnonzero(bits.any(axis=1))
        packed = np.packbits(bits[passed], axis=1)
        _, first, word = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        return cls(bits[passed][first], word.ravel().astype(np.int64), cluster[passed], chance[passed])

    @property
    def probability(self) -> NDArray[np.float64]:
        """Probability of each word in a crossing, shape (W,)."""
        return np.bincount(self.word, self.chance, len(self.bits)).astype(np.float64)

    def replica(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return the probabilities that another library might have given, shape (W,).

        Each hardest collision counts Poisson(1) times (Poisson bootstrap): the variance is that of `studies.rates`.
        """
        who, place = np.unique(self.cluster, return_inverse=True)
        found = np.bincount(self.word, self.chance * rng.poisson(1.0, len(who))[place], len(self.bits))
        return np.asarray(found / max(1.0, found.sum()), dtype=np.float64)


def draw_triggers(
    words: Words,
    probability: NDArray[np.float64],
    slots: NDArray[np.int64],
    first: int,
    orbits: int,
    rng: np.random.Generator,
) -> Triggers:
    """Draw the triggers of consecutive orbits.

    Parameters
    ----------
    words : Words
        What may pass.
    probability : float64, shape (W,)
        Of each word in a crossing.
    slots : int64, shape (s,)
        Colliding slots of an orbit, rising.
    first, orbits : int
        Orbits from `first` on.
    rng : numpy Generator
        Source of randomness.
    """
    some, crossings = float(probability.sum()), orbits * len(slots)
    place = np.zeros(0, np.int64)
    if some > 0:
        # From one crossing that passes to the next: geometric, so that those in between cost nothing.
        block = int(crossings * some + 6 * np.sqrt(crossings * some)) + 16
        last, parts = -1, []
        while last < crossings:
            parts.append(last + np.cumsum(rng.geometric(min(some, 1.0), block)))
            last = int(parts[-1][-1])
        place = np.concatenate(parts)
        place = place[: np.searchsorted(place, crossings)]
    upto = np.cumsum(probability)
    word = np.searchsorted(upto, rng.random(len(place)) * some, side="right")
    times = (first + place // len(slots)) * SLOTS + slots[place % len(slots)]
    return Triggers(first, orbits, times, words.bits[np.minimum(word, max(len(words.bits) - 1, 0))])


@dataclass(frozen=True, slots=True)
class Sampling:
    """Orbits whose colliding crossings are drawn from decided ones.

    Attributes
    ----------
    words : Words
        What may pass.
    scheme : FillingScheme
        Bunches.
    """

    words: Words
    scheme: FillingScheme

    def triggers(self, orbits: int, seed: int, threads: int) -> Iterator[Triggers]:
        """Yield the triggers of all orbits, chunk by chunk; the result does not depend on `threads`."""
        # Enough chunks that batches of orbits can tell the error.
        return self._drawn(self.words.probability, orbits, max(1, orbits // 128), seed, threads, "orbit/words")

    def replicas(self, number: int, orbits: int, seed: int, threads: int) -> Iterator[Triggers]:
        """Yield the same with the probabilities of replica `number` of the library."""
        probability = self.words.replica(stream_rng(seed, "orbit/replica", number))
        return self._drawn(probability, orbits, orbits, seed, threads, f"orbit/words/{number}")

    def _drawn(
        self, probability: NDArray[np.float64], orbits: int, most: int, seed: int, threads: int, stream: str
    ) -> Iterator[Triggers]:
        slots = np.flatnonzero(self.scheme.colliding)
        per_orbit = float(probability.sum()) * len(slots) * self.words.bits.shape[1]
        size = max(1, min(CHUNK, most, int(DECISIONS / max(per_orbit, 1.0))))

        def work(first: int) -> Triggers:
            rng = stream_rng(seed, stream, first)
            return draw_triggers(self.words, probability, slots, first, min(size, orbits - first), rng)

        return in_order(work, range(0, orbits, size), threads)
