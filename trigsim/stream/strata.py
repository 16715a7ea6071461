"""Crossings stratified by their hardest collision: exact rates with bounded weights.

A crossing holds ``n_k ~ Poisson(lambda_k)`` collisions of hardness stratum k. The strata of *crossings* are "the
hardest collision is of stratum k" and, for k = -1, "no collision at all". Drawing each of them on its own and
weighting by its probability over the number drawn is exact, and the rare hard tail gets the most of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.events.library import Library
from trigsim.stream.beam import Beam

#: Strata whose numbers are drawn one by one: a library has about as many.
FEW = 8


@dataclass(frozen=True, slots=True)
class Strata:
    """Hardness strata of a library under a beam, softest first.

    The mean pile-up takes M values (one, if it is fixed). Given the value m, all numbers are those of a fixed
    pile-up; the formulas are averaged over m exactly, and m is drawn first, given the stratum, by Bayes' theorem.

    Attributes
    ----------
    names : tuple of str
        One per stratum.
    means : float64, shape (M, K)
        Mean number of collisions of each stratum in a crossing, at each mean pile-up; rows differ by a factor.
    share : float64, shape (M,)
        How often each mean pile-up occurs; sums to 1.
    """

    names: tuple[str, ...]
    means: NDArray[np.float64]
    share: NDArray[np.float64]

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Probability that stratum k is the hardest, at each mean pile-up, shape (M, K + 1); see `probability`."""
        harder = np.cumsum(self.means[:, ::-1], axis=1)[:, ::-1] - self.means
        hardest = np.exp(-harder) * -np.expm1(-self.means)
        return np.append(hardest, np.exp(-self.means.sum(axis=1, keepdims=True)), axis=1)

    @property
    def probability(self) -> NDArray[np.float64]:
        """Probability that stratum k is the hardest, shape (K + 1,); the last entry is the empty crossing."""
        return np.asarray(self.share @ self.probabilities, dtype=np.float64)

    @property
    def expected(self) -> NDArray[np.float64]:
        """Mean number of collisions of stratum k in crossings whose hardest is of stratum a, shape (K + 1, K)."""
        strata = self.means.shape[1]
        there = np.concatenate([np.tri(strata, k=-1), np.zeros((1, strata))])
        given = there * self.means[:, None]
        own = np.arange(strata)
        at_least_one = -np.expm1(-self.means)
        given[:, own, own] = np.divide(self.means, at_least_one, out=np.ones_like(self.means), where=self.means > 0)
        often = self.share[:, None] * self.probabilities
        total = np.maximum(often.sum(axis=0), np.finfo(np.float64).tiny)
        return np.asarray(np.einsum("ma,mak->ak", often / total, given), dtype=np.float64)

    def split(self, shares: Sequence[NDArray[np.float64]]) -> Strata:
        """Return finer strata: parts of each stratum, softest first, that hold these shares of its cross section.

        Parameters
        ----------
        shares : K float64 arrays
            Those of each stratum sum to 1.
        """
        names = [
            name if len(some) == 1 else f"{name}/{part}"
            for name, some in zip(self.names, shares, strict=True)
            for part in range(len(some))
        ]
        parts = np.repeat(self.means, [len(some) for some in shares], axis=1) * np.concatenate(shares)
        return Strata(tuple(names), parts, self.share)

    def draw_counts(self, hardest: int, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the numbers of collisions of n crossings whose hardest stratum is given.

        Parameters
        ----------
        hardest : int
            0 to K - 1; K for empty crossings.
        n : int
            Crossings.
        rng : numpy Generator
            Source of randomness.

        Returns
        -------
        int64, shape (n, K)
            Poisson below the hardest, zero-truncated Poisson in it, zero above.
        """
        counts = np.zeros((n, self.means.shape[1]), dtype=np.int64)
        if hardest == self.means.shape[1]:
            return counts
        pileup = self._draw_pileup(self.share * self.probabilities[:, hardest], n, rng)
        self._draw_below(hardest, pileup, counts, rng)
        counts[:, hardest] = zero_truncated_poisson(self.means[pileup, hardest], rng)
        return counts

    def draw_all(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the numbers of collisions of n unconditioned crossings, shape (n, K)."""
        strata = self.means.shape[1]
        counts = np.zeros((n, strata), dtype=np.int64)
        self._draw_below(strata, self._draw_pileup(self.share, n, rng), counts, rng)
        return counts

    def _draw_pileup(self, how_often: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Return which of the M mean pile-ups each of n crossings has, if they occur as often as said."""
        if len(self.share) == 1:
            return np.zeros(n, np.int64)
        # Where no mean pile-up makes such crossings they weigh nothing, and any will do.
        upto = np.cumsum(how_often if how_often.sum() > 0 else self.share)
        return np.asarray(np.searchsorted(upto, rng.random(n) * upto[-1], side="right"), dtype=np.int64)

    def _draw_below(
        self, top: int, pileup: NDArray[np.int64], counts: NDArray[np.int64], rng: np.random.Generator
    ) -> None:
        """Fill the numbers of collisions of the strata below `top`, Poisson each, of crossings at given pile-ups.

        Of dozens of strata, parts of a few, all but the softest are rare: their sum is drawn, then of which each
        is. A number for each of fifty took 0.6 us a crossing.
        """
        if top <= FEW:
            counts[:, :top] = rng.poisson(self.means[pileup, :top])
            return
        counts[:, 0] = rng.poisson(self.means[pileup, 0])
        upto = np.cumsum(self.means[:, 1:top], axis=1)
        if upto[:, -1].max() == 0:
            return
        crossing = np.repeat(np.arange(len(pileup)), rng.poisson(upto[pileup, -1]))
        # The strata share the collisions alike at every mean pile-up, which there may be none of.
        share = upto[upto[:, -1].argmax()]
        stratum = np.searchsorted(share / share[-1], rng.random(len(crossing)), side="right")
        np.add.at(counts, (crossing, 1 + stratum), 1)


def zero_truncated_poisson(mean: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a Poisson number, given that it is not zero, for each of n means, shape (n,).

    The first arrival of a Poisson process on [0, mean], given that there is one, is at
    ``t = -log(1 - u (1 - exp(-mean)))``; what comes after it is Poisson(mean - t). Exact for any mean.
    """
    first = -np.log1p(rng.random(len(mean)) * np.expm1(-mean))
    return np.asarray(1 + rng.poisson(np.maximum(mean - first, 0.0)), dtype=np.int64)


def strata_of(library: Library, beam: Beam) -> Strata:
    """Return the strata of an event library under a beam.

    Raises
    ------
    InputError
        If the library has no inelastic stratum.
    """
    inelastic = library.inelastic
    if not inelastic:
        raise InputError("no inelastic strata; generate one with `trigsim generate`", library.folder)
    sigma = np.array([stratum.sigma_mb for stratum in inelastic])
    pileup, share = beam.pileup_points()
    return Strata(tuple(s.name for s in inelastic), np.outer(pileup, sigma / sigma.sum()), share)


#: Share of the crossings that strata get at most, together, in which the pilot run saw nothing pass.
HEDGE = 0.25


def allot(
    probability: NDArray[np.float64],
    passed: NDArray[np.int64],
    tried: NDArray[np.int64],
    total: int,
    floor: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Share crossings among strata so that the variance of a rate is least (Neyman's allocation).

    Parameters
    ----------
    probability : float64, shape (K + 1,)
        Of each stratum of crossings, the empty one last.
    passed, tried : int64, shape (K + 1,)
        What a pilot run saw of the target.
    total : int
        Crossings to share, beyond the floor.
    floor : int64, shape (K,)
        Crossings that each stratum gets at least (the empty one gets one: all empty crossings are equal).

    Returns
    -------
    int64, shape (K + 1,)
        Crossings for each stratum.
    """
    # Half a pass and half a failure more than seen: a stratum where the pilot saw none still earns some.
    fraction = (passed + 0.5) / (tried + 1)
    score = probability * np.sqrt(fraction * (1 - fraction))
    score[-1] = 0.0
    # The softest are so probable that half a pass of theirs would outweigh all that was seen: with a cut that they
    # never pass, nine crossings of ten went there (1 kHz of jets), and the rate's error was thrice the best. Not so
    # the one below a stratum that passes, where the turn-on ends.
    quiet = passed == 0
    quiet[:-1] &= passed[1:] == 0
    hidden, seen = score[quiet].sum(), score[~quiet].sum()
    if hidden > HEDGE / (1 - HEDGE) * seen > 0:
        score[quiet] *= HEDGE / (1 - HEDGE) * seen / hidden
    share: NDArray[np.int64] = np.floor(total * score / score.sum()).astype(np.int64)
    share[:-1] += floor
    share[-1] = 1
    return share
