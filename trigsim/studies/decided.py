"""Decisions on a stored sample, in the order that counting needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu
from trigsim.studies.company import Company
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM


@dataclass(frozen=True, slots=True)
class Decided:
    """Packed decisions of n crossings, and their collisions.

    Attributes
    ----------
    names : tuple of str
        Algorithms.
    packed : uint8, shape (n, bytes)
        Bit i, lowest first, is algorithm i.
    order : int64, shape (n,)
        Crossings by their hardest collision.
    starts : int64, shape (E + 1,)
        Collision e is the hardest of crossings ``order[starts[e]:starts[e + 1]]``.
    weight : float64, shape (E,)
        What each of its crossings stands for: kHz of the beam's, a share of all for a signal's.
    stratum_weight : float64, shape (K + 1,)
        Weight of each stratum's crossings, the empty crossing last; see `rates.estimates`.
    stratum : int64, shape (E,)
        Stratum of each collision.
    company : Company or None
        What else is in the crossings, where it is known: intervals of rates then hold the re-use of companions.
    """

    names: tuple[str, ...]
    packed: NDArray[np.uint8]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    weight: NDArray[np.float64]
    stratum_weight: NDArray[np.float64]
    stratum: NDArray[np.int64]
    company: Company | None = None

    def __post_init__(self) -> None:
        if self.packed.ndim != 2 or self.packed.dtype != np.uint8 or 8 * self.packed.shape[1] < len(self.names):
            raise ValueError(f"{len(self.names)} algorithms need uint8 (n, bytes); got {self.packed.shape}")
        if len(self.order) != len(self.packed) or len(self.weight) != len(self.starts) - 1:
            raise ValueError("order, starts and weight must fit the crossings")

    def __len__(self) -> int:
        return len(self.packed)

    def passes(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Return which crossings pass any algorithm of `names`, shape (n,)."""
        mask = np.zeros(self.packed.shape[1], np.uint8)
        for name in names:
            place = self.names.index(name)
            mask[place // 8] |= np.uint8(1 << place % 8)
        used = np.flatnonzero(mask)
        return np.asarray((self.packed[:, used] & mask[used]).any(axis=1))


def in_order(
    names: tuple[str, ...],
    packed: NDArray[np.uint8],
    stratum: NDArray[np.integer],
    event: NDArray[np.integer],
    stratum_weight: NDArray[np.float64],
    company: Company | None = None,
) -> Decided:
    """Return decisions with their crossings sorted by hardest collision.

    Parameters
    ----------
    names : tuple of str
        Algorithms.
    packed : uint8, shape (n, bytes)
        See `Decided`.
    stratum, event : integer arrays, shape (n,)
        Stratum of each crossing, and number of its hardest collision there.
    stratum_weight : float64, shape (K + 1,)
        See `Decided`.
    company : Company, optional
        Of the same crossings.
    """
    key = stratum.astype(np.int64) << 32 | event
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.diff(key[order], prepend=-1))
    starts = np.append(first, len(key))
    of = key[order[first]] >> 32
    return Decided(names, packed, order, starts, stratum_weight[of], stratum_weight, of, company)


def decided(
    store: Store, sample: str, menu: Menu | None = None, models: Mapping[str, TaggerScores] | None = None
) -> Decided:
    """Return the decisions of a sample: those that are stored, or a menu's by the engine.

    Parameters
    ----------
    store : Store
        Of the crossings.
    sample : str
        "beam" or a signal.
    menu : Menu, optional
        To decide with; by default the stored decisions are read.
    models : mapping, optional
        Taggers whose working points replace those of the store.
    """
    if menu is None:
        return sampled(store, sample, store.manifest.algorithms, store.bits(sample))
    compiled = store.compile(menu, models)
    return sampled(store, sample, compiled.names, store.decide(compiled, sample))


def sampled(store: Store, sample: str, names: tuple[str, ...], packed: NDArray[np.uint8]) -> Decided:
    """Return packed decisions of a sample of `store`, in order."""
    if sample == BEAM:
        who = store.crossings(BEAM)
        return in_order(names, packed, who.stratum, who.event, store.weight_khz, store.company(who))
    n = len(packed)
    return in_order(names, packed, np.zeros(n, np.int64), np.arange(n), np.array([1.0 / max(n, 1), 0.0]))
