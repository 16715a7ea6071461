"""How much of each algorithm's rate every other one takes too."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist import Hist
from numpy.typing import NDArray
from scipy import stats

from trigsim.numeric.intervals import ONE_SIGMA, Estimate, weighted_poisson
from trigsim.stream.parallel import cores
from trigsim.studies import word_kernels as kernels
from trigsim.studies.decided import Decided
from trigsim.studies.histograms import matrix
from trigsim.studies.pair_rates import pair_ends
from trigsim.studies.tabular import Cells, Tabular
from trigsim.studies.word_sums import Told

WORD = 64


@dataclass(frozen=True, slots=True)
class Overlap(Tabular):
    """Rates of pairs of algorithms.

    Attributes
    ----------
    names : tuple of str
        Algorithms.
    rate, low, high : float64, shape (A, A)
        Rate of crossings that pass both, and its interval, kHz; the diagonal is each algorithm's own rate.
    fraction, fraction_low, fraction_high : float64, shape (A, A)
        Of the rate of the row, the share that the column passes too; 0 in [0, 1] where the row has no rate.
    """

    names: tuple[str, ...]
    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    fraction: NDArray[np.float64]
    fraction_low: NDArray[np.float64]
    fraction_high: NDArray[np.float64]

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return "Share of the row's rate that the column passes too"

    def cells(self, *, fractions: bool = True) -> Cells:
        """Return the matrix: of the rate of each row, the share that each column takes too; or rates in kHz."""
        of = self.share if fractions else self.pair
        header = ("share of" if fractions else "kHz", *self.names)
        return header, tuple((one, *(of(one, other).numbers for other in self.names)) for one in self.names)

    def pair(self, one: str, other: str) -> Estimate:
        """Return the rate that passes both, kHz."""
        at = self.names.index(one), self.names.index(other)
        return Estimate(float(self.rate[at]), float(self.low[at]), float(self.high[at]), "kHz")

    def share(self, of: str, also: str) -> Estimate:
        """Return the share of the rate of `of` that `also` passes too."""
        at = self.names.index(of), self.names.index(also)
        return Estimate(float(self.fraction[at]), float(self.fraction_low[at]), float(self.fraction_high[at]))

    def histograms(self) -> dict[str, Hist]:
        """Return rates of pairs, kHz, and shares of the row's rate."""
        return {
            "pair_khz": matrix(
                self.rate, ((self.high - self.low) / 2) ** 2, self.names, label="rate of both [kHz]"
            ),
            "share": matrix(
                self.fraction, ((self.fraction_high - self.fraction_low) / 2) ** 2, self.names,
                label="share of the row's rate",
            ),
        }  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping; matrices are lists of rows in the order of `algorithms`."""
        matrices = ("rate", "low", "high", "fraction", "fraction_low", "fraction_high")
        return {"algorithms": list(self.names), **{name: getattr(self, name).tolist() for name in matrices}}


def overlap(sample: Decided, threads: int = 0, told: Told | None = None) -> Overlap:
    """Return the overlaps of all pairs of algorithms.

    The interval of a pair's rate is that of rates (`studies.rates.rates`). Of more than `pair_rates.MOST`
    algorithms, and where the company is not known, it knows the re-use of the hardest collision alone. The interval
    of a share is Clopper and Pearson's with the effective numbers of the weighted counts.

    Parameters
    ----------
    sample : Decided
        Beam crossings.
    threads : int
        0 is one per core.
    told : Told, optional
        What tells the company where the sample does not.
    """
    words, *groups = _laid_out(sample)
    n = len(sample.names)
    sums, squares = np.zeros((n, n)), np.zeros((n, n))

    def work(first: int) -> None:
        kernels.overlaps(words, *groups, first, min(first + 8, n), sums, squares)

    with ThreadPoolExecutor(cores(threads)) as pool:
        for _ in pool.map(work, range(0, n, 8)):
            pass
    sums += np.triu(sums, 1).T
    squares += np.triu(squares, 1).T
    low, high = weighted_poisson(sums, squares, sample.stratum_weight[:-1].max(initial=0.0))
    known = pair_ends(sample, told, threads)
    if known is not None:
        low, high = np.minimum(known[0], sums), np.maximum(known[1], sums)
    return Overlap(sample.names, sums, low, high, *_shares(sums, squares))


def _laid_out(sample: Decided) -> tuple[NDArray[Any], ...]:
    """Return packed words by algorithm in which every collision starts a word, and groups of collisions.

    Crossings that pass nothing are left out. Collisions of one weight and number of words are a group: the first
    words of all of them, then the second ones. Of each group: first word, collisions, words of each, and weight.
    """
    some: NDArray[np.bool_] = np.asarray(sample.packed.any(axis=1))[sample.order]
    running = np.concatenate([[0], np.cumsum(some)])
    count = np.diff(running[sample.starts])
    there = np.flatnonzero(count)
    length = -(-count[there] // WORD)
    order = np.lexsort((length, sample.weight[there]))
    there, length = there[order], length[order]
    weight = sample.weight[there]
    first = np.flatnonzero((np.diff(weight, prepend=-1.0) != 0) | (np.diff(length, prepend=-1) != 0))
    size = np.diff(np.append(first, len(there)))
    start = np.concatenate([[0], np.cumsum(size * length[first])])
    # Of each collision, its first word, and how far its next ones are.
    group = np.repeat(np.arange(len(first)), size)
    word, stride = np.full((2, len(count)), -1)
    word[there], stride[there] = start[group] + np.arange(len(there)) - first[group], size[group]
    event = np.repeat(np.arange(len(count)), np.diff(sample.starts))
    # Number of a crossing among those of its collision that pass something.
    rank = running[:-1] - running[sample.starts[:-1]][event]
    places = np.empty(len(sample), np.int64)
    places[sample.order] = np.where(some, (word[event] + rank // WORD * stride[event]) * WORD + rank % WORD, -1)
    words = np.zeros((len(sample.names), int(start[-1])), np.uint64)
    kernels.turn(sample.packed, places, words)
    return words, start[:-1], size, length[first], weight[first]


def _shares(sums: NDArray[np.float64], squares: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    whole, whole2 = np.diag(sums)[:, None], np.diag(squares)[:, None]
    fraction = np.divide(sums, whole, out=np.zeros_like(sums), where=whole > 0)
    # A row has the weight of this many equal crossings.
    count = np.divide(whole**2, whole2, out=np.zeros_like(whole), where=whole2 > 0)
    passed = np.minimum(fraction, 1.0) * count
    tail = (1 - ONE_SIGMA) / 2
    low = np.where(passed > 0, stats.beta.ppf(tail, np.maximum(passed, 1e-12), count - passed + 1), 0.0)
    high = np.where(count - passed > 1e-9, stats.beta.isf(tail, passed + 1, np.maximum(count - passed, 1e-12)), 1.0)
    return np.minimum(fraction, 1.0), np.minimum(low, fraction), np.maximum(high, np.minimum(fraction, 1.0))
