"""Search over the steps of a space: most weighted signal efficiency within budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.random import stream_rng
from trigsim.studies.fit_space import Space
from trigsim.studies.store_format import BEAM

At = tuple[int, ...]
#: Prices of rate that are tried, in efficiency per budget: cheap ones fill it, dear ones start the Pareto curve.
PRICES = np.geomspace(30.0, 0.003, 24)
#: Steps that one number goes either way while another is scanned.
REACH = 2
#: Numbers that a kick draws anew.
KICKED = 3
SMALL = 1e-12


@dataclass(frozen=True, slots=True)
class Budget:
    """What a menu may cost, kHz.

    Attributes
    ----------
    total : float
        The whole menu.
    groups : mapping of str to float
        Group → rate of any algorithm of it.
    pure : mapping of str to float
        Algorithm → rate that nothing else takes.
    """

    total: float
    groups: Mapping[str, float] = field(default_factory=dict)
    pure: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Goal:
    """Budgets and signals over a space.

    Attributes
    ----------
    space : Space
        What may be chosen.
    budget : Budget
        Limits.
    groups : mapping of str to tuple of int
        Group → its algorithms.
    signals : mapping of str to float
        Signal → its weight in what is maximised; they are normalised.
    """

    space: Space
    budget: Budget
    groups: Mapping[str, tuple[int, ...]]
    signals: Mapping[str, float]
    _fixed: dict[tuple[str, tuple[int, ...]], NDArray[np.uint64]] = field(default_factory=dict, repr=False)

    @cached_property
    def everything(self) -> tuple[int, ...]:
        """All algorithms."""
        return tuple(range(len(self.space.algorithms)))

    @cached_property
    def limits(self) -> tuple[tuple[tuple[int, ...], tuple[int, ...], float], ...]:
        """Algorithms whose union, less the union of others, may not exceed a rate: groups and pure rates."""
        found: list[tuple[tuple[int, ...], tuple[int, ...], float]] = [
            (self.groups[g], (), rate) for g, rate in self.budget.groups.items()
        ]
        for name, rate in self.budget.pure.items():
            place = self.space.algorithms.index(name)
            found.append((self.everything, tuple(a for a in self.everything if a != place), rate))
        return tuple(found)

    @cached_property
    def movers(self) -> tuple[frozenset[int], ...]:
        """For each free number, the algorithms that depend on it."""
        return tuple(
            frozenset(a for a, numbers in enumerate(self.space.depends) if i in numbers)
            for i in range(len(self.space.steps))
        )

    def rate(self, at: At) -> float:
        """Return the total rate, kHz."""
        return self._weigh(BEAM, self.everything, at)

    def efficiency(self, at: At) -> float:
        """Return the weighted efficiency."""
        whole = sum(self.signals.values())
        return sum(w / whole * self._weigh(s, self.everything, at) for s, w in self.signals.items())

    def within(self, at: At) -> bool:
        """Whether groups and pure rates are within their budgets."""
        return all(
            self._weigh(BEAM, some, at) - self._weigh(BEAM, others, at) <= rate * (1 + SMALL)
            for some, others, rate in self.limits
        )

    def _weigh(self, sample: str, algorithms: tuple[int, ...], at: At) -> float:
        return self.space.samples[sample].weigh(self._union(sample, algorithms, at))

    def _union(
        self, sample: str, algorithms: tuple[int, ...], at: At, without: frozenset[int] = frozenset()
    ) -> NDArray[np.uint64]:
        """Return the union of algorithms but for those `without`; what depends on nothing is joined once."""
        words, depends = self.space.samples[sample], self.space.depends
        key = (sample, algorithms)
        if key not in self._fixed:
            self._fixed[key] = words.union([self.space.first[a] for a in algorithms if not depends[a]])
        moving = [self.space.column(a, at) for a in algorithms if depends[a] and a not in without]
        return words.union(moving) | self._fixed[key]

    def scan(self, at: At, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return rate, efficiency and whether the limits hold, for each step of one free number."""
        trials = [(*at[:number], v, *at[number + 1 :]) for v in range(len(self.space.steps[number].values))]

        def weights(sample: str, algorithms: tuple[int, ...]) -> NDArray[np.float64]:
            if not algorithms:
                return np.zeros(len(trials))
            moving = [a for a in algorithms if a in self.movers[number]]
            base = self._union(sample, algorithms, at, self.movers[number])
            columns = np.array([[self.space.column(a, t) for a in moving] for t in trials], np.int64)
            return self.space.samples[sample].scan(base, columns.reshape(len(trials), -1))

        whole = sum(self.signals.values())
        efficiency = np.sum([w / whole * weights(s, self.everything) for s, w in self.signals.items()], axis=0)
        holds = np.ones(len(trials), np.bool_)
        for some, others, rate in self.limits:
            holds &= weights(BEAM, some) - weights(BEAM, others) <= rate * (1 + SMALL)
        return weights(BEAM, self.everything), efficiency, holds


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes
    ----------
    best : tuple of int
        Steps of the best point within the budget.
    rate, efficiency : float
        There; efficiency is -1 if nothing is within the budget.
    pareto : list of (rate, efficiency, steps)
        Points that no other beats in both, by rate.
    """

    best: At
    rate: float = np.inf
    efficiency: float = -1.0
    pareto: list[tuple[float, float, At]] = field(default_factory=list)

    def offer(self, rate: float, efficiency: float, at: At, budget: float) -> None:
        """Take a point that is within all limits but perhaps the total."""
        if rate <= budget * (1 + SMALL) and (efficiency, -rate) > (self.efficiency, -self.rate):
            self.best, self.rate, self.efficiency = at, rate, efficiency
        if not any(r <= rate and e >= efficiency for r, e, _ in self.pareto):
            self.pareto = [p for p in self.pareto if not (rate <= p[0] and efficiency >= p[1])]
            self.pareto.append((rate, efficiency, at))
            self.pareto.sort()


def search(goal: Goal, starts: Sequence[At], kicks: int, seed: int) -> Found:
    """Search by coordinate ascent at many prices of rate from several starts, then by pairs at the budget.

    It is no proof of the optimum: tests hold it against all combinations of small spaces.

    Parameters
    ----------
    goal : Goal
        What to reach.
    starts : sequence of tuples of int
        Steps to start from.
    kicks : int
        Times that some numbers of the best point are drawn anew, to leave a local optimum.
    seed : int
        Of those.
    """
    steps = goal.space.steps
    tight = tuple(len(s.values) - 1 for s in steps)
    rng = stream_rng(seed, "studies/fit/kicks")
    found = Found(tight)
    for at in starts:
        # Without a start within the limits, no single step may lead there.
        point = at if goal.within(at) else tight
        for price in PRICES:
            point = _ascend(goal, found, point, price)
    if found.efficiency < 0:
        return found
    for _ in range(kicks):
        kicked = list(found.best)
        for number in rng.choice(len(steps), min(KICKED, len(steps)), replace=False):
            kicked[number] = int(rng.integers(len(steps[number].values)))
        _ascend(goal, found, tuple(kicked), float(rng.choice(PRICES)))
    _in_pairs(goal, found)
    return found


def starts(space: Space, now: At, restarts: int, seed: int) -> list[At]:
    """Return where to start: the menu as it is, all at their tightest, and `restarts` random points."""
    rng = stream_rng(seed, "studies/fit")
    sizes = [len(s.values) for s in space.steps]
    drawn = [tuple(int(rng.integers(n)) for n in sizes) for _ in range(restarts)]
    return [now, tuple(n - 1 for n in sizes), *drawn]


def _ascend(goal: Goal, found: Found, at: At, price: float) -> At:
    """Move one number at a time to where efficiency less the price of the rate is highest, until none moves."""
    budget = goal.budget.total
    for _ in range(50):
        before = at
        for number in range(len(goal.space.steps)):
            rate, efficiency, holds = goal.scan(at, number)
            if not holds.any():
                continue
            _offer_best(found, at, number, rate, efficiency, holds, budget)
            worth = np.where(holds, efficiency - price * rate / budget, -np.inf)
            # Of equals the tightest.
            best = len(worth) - 1 - int(np.argmax(worth[::-1]))
            at = (*at[:number], best, *at[number + 1 :])
            found.offer(float(rate[best]), float(efficiency[best]), at, budget)
        if at == before:
            break
    return at


def _offer_best(
    found: Found,
    at: At,
    number: int,
    rate: NDArray[np.float64],
    efficiency: NDArray[np.float64],
    holds: NDArray[np.bool_],
    budget: float,
) -> None:
    allowed = np.where(holds & (rate <= budget * (1 + SMALL)), efficiency, -1.0)
    best = int(np.lexsort((-rate, allowed))[-1])
    if allowed[best] >= 0:
        here = (*at[:number], best, *at[number + 1 :])
        found.offer(float(rate[best]), float(efficiency[best]), here, budget)


def _in_pairs(goal: Goal, found: Found) -> None:
    """Loosen one number while another pays for it, until no pair gains."""
    steps = goal.space.steps
    for _ in range(20):
        best = found.best
        for number in range(len(steps)):
            for shift in range(-REACH, REACH + 1):
                moved = best[number] + shift
                if not 0 <= moved < len(steps[number].values):
                    continue
                at = (*best[:number], moved, *best[number + 1 :])
                for other in range(len(steps)):
                    if other != number:
                        _offer_best(found, at, other, *goal.scan(at, other), goal.budget.total)
        if found.best == best:
            break
