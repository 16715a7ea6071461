"""Crossings stratified by their hardest collision: exact rates with bounded weights.

A crossing holds ``n_k ~ Poisson(lambda_k)`` collisions of hardness stratum k. The strata of *crossings* are "the
hardest collision is of stratum k" and, for k = -1, "no collision at all". Drawing each of them on its own and
weighting by its probability over the number drawn is exact, and the rare hard tail gets the most of the work.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.events.library import Library
from trigsim.numeric.random import stream_rng


@dataclass(frozen=True, slots=True)
class Strata:
    """Hardness strata of a library under a mean pile-up, softest first.

    Attributes
    ----------
    names : tuple of str
        One per stratum.
    mean : float64, shape (K,)
        Mean number of collisions of each stratum in a crossing.
    """

    names: tuple[str, ...]
    mean: NDArray[np.float64]

    @property
    def probability(self) -> NDArray[np.float64]:
        """Probability that stratum k is the hardest, shape (K + 1,); the last entry is the empty crossing."""
        harder = np.concatenate([np.cumsum(self.mean[::-1])[::-1][1:], [0.0]])
        hardest = np.exp(-harder) * -np.expm1(-self.mean)
        return np.append(hardest, np.exp(-self.mean.sum()))

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
        counts = np.zeros((n, len(self.mean)), dtype=np.int64)
        if hardest == len(self.mean):
            return counts
        counts[:, :hardest] = rng.poisson(self.mean[:hardest], size=(n, hardest))
        counts[:, hardest] = zero_truncated_poisson(self.mean[hardest], n, rng)
        return counts

    def draw_all(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw the numbers of collisions of n unconditioned crossings, shape (n, K)."""
        return np.asarray(rng.poisson(self.mean, size=(n, len(self.mean))), dtype=np.int64)


def zero_truncated_poisson(mean: float, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw n Poisson numbers given that they are not zero.

    The first arrival of a Poisson process on [0, mean], given that there is one, is at
    ``t = -log(1 - u (1 - exp(-mean)))``; what comes after it is Poisson(mean - t). Exact for any mean.
    """
    first = -np.log1p(rng.random(n) * np.expm1(-mean))
    return np.asarray(1 + rng.poisson(np.maximum(mean - first, 0.0)), dtype=np.int64)


def strata_of(library: Library, mean_pileup: float) -> Strata:
    """Return the strata of an event library under `mean_pileup`.

    Raises
    ------
    InputError
        If the library has no inelastic stratum.
    """
    inelastic = library.inelastic
    if not inelastic:
        raise InputError("no inelastic strata; generate one with `trigsim generate`", library.folder)
    sigma = np.array([stratum.sigma_mb for stratum in inelastic])
    return Strata(tuple(s.name for s in inelastic), mean_pileup * sigma / sigma.sum())


def allot(
    probability: NDArray[np.float64],
    passed: NDArray[np.int64],
    tried: NDArray[np.int64],
    total: int,
    floor: int,
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
    floor : int
        Crossings that every stratum gets at least (the empty one gets one: all empty crossings are equal).

    Returns
    -------
    int64, shape (K + 1,)
        Crossings for each stratum.
    """
    # Half a pass and half a failure more than seen: a stratum where the pilot saw none still earns some.
    fraction = (passed + 0.5) / (tried + 1)
    score = probability * np.sqrt(fraction * (1 - fraction))
    score[-1] = 0.0
    share: NDArray[np.int64] = np.floor(total * score / score.sum()).astype(np.int64)
    share[:-1] += floor
    share[-1] = 1
    return share


def hardest_rng(seed: int, what: str, stratum: int, chunk: int) -> np.random.Generator:
    """Return the generator of one chunk of one stratum of crossings."""
    return stream_rng(seed, f"{what}/{stratum}", chunk)
