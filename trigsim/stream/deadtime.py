"""Dead time: trigger rules, simple dead time, leaky buckets and read-out buffers.

A rule lets at most n accepted triggers into any window of m crossings. A bucket of size n that leaks one trigger
each r crossings holds what was accepted; full, it blocks. That is the complex dead time of ATLAS, and it is also a
buffer (derandomiser) of depth n that is read out one trigger after another in r crossings each: one formula for
both. Simple dead time of d crossings is the rule of one in d + 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.stream.beam import SLOTS
from trigsim.stream.deadtime_kernels import veto

#: Long before any run.
_NEVER = -(1 << 50)
Count = Annotated[int, Field(ge=1, le=1024)]
Crossings = Annotated[int, Field(ge=1, le=1_000_000)]


class Rule(Config):
    """At most `accepts` accepted triggers in any `window_bx` consecutive crossings."""

    accepts: Count
    window_bx: Crossings


class Bucket(Config):
    """Complex dead time: room for `size` triggers, of which one leaks out each `leak_bx` crossings."""

    name: str
    size: Count
    leak_bx: Crossings
    source: str


class Buffer(Config):
    """A read-out buffer of `depth` triggers, each read out in `service_bx` crossings, one after another."""

    name: str
    depth: Count
    service_bx: Crossings
    source: str


class DeadTimeConfig(Config):
    """What blocks triggers; `source` says where the rules come from, or "assumed"."""

    source: str
    simple_bx: Annotated[int, Field(ge=0, le=100_000)] = 0
    rules: tuple[Rule, ...] = ()
    buckets: tuple[Bucket, ...] = ()
    buffers: tuple[Buffer, ...] = ()


@dataclass(frozen=True, slots=True)
class DeadTimeState:
    """What the past leaves behind, in slots since the start.

    Attributes
    ----------
    recent : int64 array
        The last accepted triggers, the latest first.
    level : int64, shape (buckets,)
        Slots that each bucket needed to run dry just after the latest accepted trigger.
    until : int64, shape (causes,)
        First slot in which each cause blocks no longer.
    """

    recent: NDArray[np.int64]
    level: NDArray[np.int64]
    until: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Vetoed:
    """What dead time did to n triggers.

    Attributes
    ----------
    kept : bool, shape (n,)
        Whether each is read out.
    blocked, alone : int64, shape (causes,)
        Triggers that each cause blocked, and those that nothing else blocked.
    dead : int64, shape (causes + 1,)
        Watched slots in which each cause blocks; in the last place, in which any does.
    occupancy : int64, shape (buckets, largest size + 1)
        Triggers, read out or not, that found so many in each bucket.
    state : DeadTimeState
        For the triggers that follow.
    """

    kept: NDArray[np.bool_]
    blocked: NDArray[np.int64]
    alone: NDArray[np.int64]
    dead: NDArray[np.int64]
    occupancy: NDArray[np.int64]
    state: DeadTimeState


@dataclass(frozen=True, slots=True)
class DeadTime:
    """Causes of dead time as the loop runs them.

    Attributes
    ----------
    causes : tuple of str
        Rules first, then buckets and buffers.
    accepts, window : int64, shape (rules,)
        See `Rule`.
    size, leak : int64, shape (buckets,)
        See `Bucket` and `Buffer`.
    """

    causes: tuple[str, ...]
    accepts: NDArray[np.int64]
    window: NDArray[np.int64]
    size: NDArray[np.int64]
    leak: NDArray[np.int64]

    @classmethod
    def of(cls, config: DeadTimeConfig) -> DeadTime:
        """Return the causes that a configuration names.

        Raises
        ------
        InputError
            If two causes have one name.
        """
        rules = [(f"{r.accepts} in {r.window_bx} BX", r.accepts, r.window_bx) for r in config.rules]
        if config.simple_bx:
            rules.insert(0, (f"simple {config.simple_bx} BX", 1, config.simple_bx + 1))
        buckets = [(f"bucket {b.name}", b.size, b.leak_bx) for b in config.buckets]
        buckets += [(f"buffer {b.name}", b.depth, b.service_bx) for b in config.buffers]
        names = tuple(name for name, *_ in (*rules, *buckets))
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"dead time has '{name}' twice; keep one")
        limits = np.array([numbers for _, *numbers in rules], np.int64).reshape(-1, 2)
        rooms = np.array([numbers for _, *numbers in buckets], np.int64).reshape(-1, 2)
        return cls(names, *limits.T.copy(), *rooms.T.copy())

    @property
    def buckets(self) -> tuple[str, ...]:
        """Names of the buckets and buffers."""
        return self.causes[len(self.accepts) :]

    @property
    def occupancy_shape(self) -> tuple[int, int]:
        """Shape of `Vetoed.occupancy`."""
        return len(self.size), int(self.size.max(initial=0)) + 1

    def start(self) -> DeadTimeState:
        """Return the state of the start: nothing accepted yet, all buckets empty."""
        return DeadTimeState(
            np.full(max(1, int(self.accepts.max(initial=1))), _NEVER, np.int64),
            np.zeros(len(self.size), np.int64),
            np.full(len(self.causes), _NEVER, np.int64),
        )

    def apply(
        self, times: NDArray[np.int64], state: DeadTimeState, watched: NDArray[np.bool_], stop: int
    ) -> Vetoed:
        """Let triggers pass or not.

        Parameters
        ----------
        times : int64, shape (n,)
            Slots of the triggers since the start, strictly rising, after those of earlier calls.
        state : DeadTimeState
            From `start`, or from the call before.
        watched : bool, shape (3564,)
            Slots of an orbit whose dead time is counted.
        stop : int
            Slot at which the run ends: dead time beyond it is not counted.

        Raises
        ------
        InputError
            If times do not rise or shapes do not fit.
        """
        latest = max(state.recent[0], -1)
        if times.ndim != 1 or times.dtype != np.int64 or (np.diff(times, prepend=latest) <= 0).any():
            raise InputError("times of triggers must be int64 and strictly rising; sort them, one a crossing")
        if watched.shape != (SLOTS,) or watched.dtype != np.bool_:
            raise InputError(f"watched slots must be bool of shape ({SLOTS},); got {watched.shape}")
        moved = DeadTimeState(state.recent.copy(), state.level.copy(), state.until.copy())
        causes = len(self.causes)
        kept = np.empty(len(times), np.bool_)
        blocked, alone = np.zeros(causes, np.int64), np.zeros(causes, np.int64)
        dead = np.zeros(causes + 1, np.int64)
        occupancy = np.zeros(self.occupancy_shape, np.int64)
        prefix = np.concatenate([[0], np.cumsum(watched)]).astype(np.int64)
        veto(
            times, stop, self.accepts, self.window, self.size, self.leak, prefix,
            moved.recent, moved.level, moved.until, kept, blocked, alone, dead, occupancy,
        )  # fmt: skip
        return Vetoed(kept, blocked, alone, dead, occupancy, moved)
