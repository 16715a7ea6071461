"""Where crossings come from: a library under a beam, one side of its split, drawn chunk by chunk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.events.library import Library
from trigsim.events.model import Collisions
from trigsim.numeric.random import stream_rng
from trigsim.stream.beam import Beam
from trigsim.stream.blocks import draw_blocks
from trigsim.stream.plan import Blocks, Plan, Pool, draw_plan, pool
from trigsim.stream.strata import Strata, strata_of

#: Crossings built at once by one thread.
CHUNK = 2048
#: Sides of the split: what a tagger may be trained on, and what it is judged by.
TRAIN, TEST = "train", "test"


@dataclass(frozen=True, slots=True)
class Source:
    """A library under a beam.

    Attributes
    ----------
    beam : Beam
        Conditions.
    strata : Strata
        Of the inelastic collisions, softest first.
    pool : Pool
        All read-outs of all collisions: strata first, then signals.
    members : tuple of int64 arrays
        For each stratum, the pool numbers that may be drawn, rising.
    signals : dict of str to int64 array
        For each signal, the same in the order in which they are taken: the first read-out of every collision, then
        the second of every one.
    resonance, quarks : float32, shape (size, 2) and (size, 2, 2)
        Eta and phi of each collision's resonance and of its two quarks as generated; NaN where there is none.
    pt_hat, resonance_pt : float32, shape (size,)
        Scale of the hard process and pT of the resonance, GeV; 0 where there is none.
    collision : int64, shape (size,)
        Number of the generated collision that each of the pool is a read-out of, rising: what is independent. All
        read-outs of one are in the pool, one after the other, and together in `members` and `signals`.
    parent : int64, shape (K,)
        Stratum of the library that each of `strata` is, or is a part of; see `stream.hardness`.
    blocks : Blocks or None
        What soft collisions come in; None draws each on its own.
    """

    beam: Beam
    strata: Strata
    pool: Pool
    members: tuple[NDArray[np.int64], ...]
    signals: dict[str, NDArray[np.int64]]
    resonance: NDArray[np.float32]
    quarks: NDArray[np.float32]
    pt_hat: NDArray[np.float32]
    resonance_pt: NDArray[np.float32]
    collision: NDArray[np.int64]
    parent: NDArray[np.int64]
    blocks: Blocks | None = None

    @classmethod
    def open(cls, library: Library, beam: Beam, side: str, *, exact: bool = False, seed: int = 0) -> Source:
        """Read a library for one side of the split.

        Parameters
        ----------
        library : Library
        beam : Beam
        side : str
            `TRAIN` or `TEST`.
        exact : bool
            Whether every soft collision is drawn on its own, not in blocks that are used again.
        seed : int
            Of the choice of blocks.

        The softest stratum, which only makes pile-up, is shared by both sides; of the others the even collisions
        train and the odd ones test.

        Raises
        ------
        InputError
            If a file of the library is damaged, or has too few collisions to split.
        """
        strata = strata_of(library, beam)
        names = [*strata.names, *(s.name for s in library.signals)]
        loaded = [library.load(name) for name in names]
        events = [library[name].events for name in names]
        readouts = [library[name].readouts for name in names]
        collision = np.repeat(np.arange(sum(events)), np.repeat(readouts, events))
        first = np.cumsum([0, *map(len, loaded)])
        numbers = [np.arange(*first[k : k + 2]).reshape(-1, readouts[k]) for k in range(len(names))]
        parity = 0 if side == TRAIN else 1
        for k in range(1, len(names)):
            numbers[k] = numbers[k][parity::2]
        for name, some in zip(names, numbers, strict=True):
            if len(some) == 0:
                raise InputError(f"stratum '{name}' has too few collisions; generate more", library.folder)
        soft = float(strata.share @ strata.means[:, 0])
        inelastic = len(strata.names)
        return cls(
            beam=beam,
            strata=strata,
            pool=pool(loaded),
            members=tuple(some.ravel() for some in numbers[:inelastic]),
            signals={
                name: some.T.ravel() for name, some in zip(names[inelastic:], numbers[inelastic:], strict=True)
            },
            resonance=_stacked(loaded, "resonance"),
            quarks=_stacked(loaded, "quark"),
            pt_hat=np.concatenate([c.pt_hat for c in loaded]),
            resonance_pt=np.concatenate([c.resonance_pt for c in loaded]),
            collision=collision,
            parent=np.arange(len(strata.names)),
            blocks=None if exact else draw_blocks(soft, numbers[0].ravel(), beam.vertex_sigma_z_mm, seed),
        )

    def require_signals(self, names: Sequence[str]) -> None:
        """Raise `InputError` unless the library has every signal of `names`."""
        for name in names:
            if name not in self.signals:
                known = ", ".join(self.signals) or "none"
                raise InputError(f"the library has no signal '{name}'; it has {known}")

    def rate_plan(self, stratum: int, n: int, seed: int, phase: str, chunk: int) -> Plan:
        """Draw n crossings whose hardest collision is of `stratum` (K for empty crossings).

        Each `phase` ("pilot", "rate", …) has randomness of its own.
        """
        rng = stream_rng(seed, f"stream/{phase}/{stratum}", chunk)
        return self.plan(self.strata.draw_counts(stratum, n, rng), rng)

    def signal_plan(self, signal: str, first: int, n: int, seed: int, phase: str = "signal") -> Plan:
        """Draw n crossings that hold a collision of `signal`: members first, first + 1, … in turn.

        The first `signal_collisions` of them are of different collisions.
        """
        rng = stream_rng(seed, f"stream/{phase}/{signal}", first)
        members = self.signals[signal]
        event = members[np.arange(first, first + n) % len(members)]
        return self.plan(self.strata.draw_all(n, rng), rng, event)

    def plan(
        self, counts: NDArray[np.int64], rng: np.random.Generator, signal: NDArray[np.int64] | None = None
    ) -> Plan:
        """Draw what crossings of given numbers of collisions hold; see `stream.plan.draw_plan`."""
        return draw_plan(counts, self.members, self.beam.vertex_sigma_z_mm, rng, signal, self.blocks)

    def local(self, stratum: int, event: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of collisions within their stratum's members (0 for empty crossings).

        All read-outs of a collision have its number.
        """
        if stratum == len(self.members):
            return np.zeros(len(event), np.int64)
        members = self.members[stratum]
        return np.searchsorted(members, event) // readouts(self.collision, members)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Collisions of each stratum that may be drawn."""
        return tuple(len(some) // readouts(self.collision, some) for some in self.members)

    def signal_collisions(self, signal: str) -> int:
        """Return how many different collisions of `signal` there are."""
        members = self.signals[signal]
        return len(members) // readouts(self.collision, members)


def readouts(collision: NDArray[np.int64], members: NDArray[np.int64]) -> int:
    """Return how many read-outs there are of each collision of one stratum.

    Parameters
    ----------
    collision : int64, shape (size,)
        See `Source`.
    members : int64 array
        Pool numbers, at least one.
    """
    first, last = np.searchsorted(collision, collision[members[0]] + np.arange(2))
    return int(last - first)


def by_collision(collision: NDArray[np.int64], members: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return rising pool numbers of one stratum as one row a collision, shape (collisions, read-outs)."""
    return members.reshape(-1, readouts(collision, members))


def _stacked(loaded: Sequence[Collisions], what: str) -> NDArray[np.float32]:
    pt = np.concatenate([getattr(c, f"{what}_pt") for c in loaded])
    place = np.stack(
        [np.concatenate([getattr(c, f"{what}_{axis}") for c in loaded]) for axis in ("eta", "phi")], axis=-1
    ).astype(np.float32)
    place[pt <= 0] = np.nan
    return place
