"""Fits thresholds and working points of a menu to a budget, from stored crossings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist import Hist

from trigsim.base.errors import CheckFailed, InputError
from trigsim.menu import loads
from trigsim.menu.menu import Menu
from trigsim.menu.scales import TOLERANCE
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.studies.decided import decided
from trigsim.studies.fit_search import At, Budget, Found, Goal, search, starts
from trigsim.studies.fit_space import Space, Steps, Words, space, words_of
from trigsim.studies.ladder import Free, every_free, free, offline_range, users
from trigsim.studies.menu_edit import edited
from trigsim.studies.rate_table import Prescaling, RateTable, rate_table
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM
from trigsim.studies.tabular import Cells, Tabular

#: Steps of a number in one round, each looking closer around the best of the one before, by how many numbers an
#: algorithm depends on: it is decided in all combinations.
SHARED_STEPS = {1: 17, 2: 13, 3: 7}
LEAST_STEPS = 5
ROUNDS = 4
#: Kicks in the first round; see `fit_search.search`.
KICKS = 30

#: Rate, efficiency, and the values that give them.
Point = tuple[float, float, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Range:
    """A free number and where it may move.

    Attributes
    ----------
    free : Free
        Which.
    low, high : float
        Both included.
    step : float
        The finest that is asked for.
    """

    free: Free
    low: float
    high: float
    step: float


@dataclass(frozen=True, slots=True)
class FitResult(Tabular):
    """A fitted menu.

    Attributes
    ----------
    moved : mapping of str to (before, after)
        Free number → values; scores are raw.
    before, after : RateTable
        Rates of the menu as it was and as it is fitted.
    efficiencies : mapping of str to (Estimate, Estimate)
        Signal → efficiency of the menu before and after.
    pareto : tuple of Point
        What other budgets would buy, by rate; rates count prescales by drawing.
    budget : Budget
        As asked for.
    within : bool
        Whether the menu is within its budget.
    rate : float
        Total rate by the count of the fit, kHz.
    menu : str
        YAML of the fitted menu.
    comments : bool
        Whether its comments and layout are those of the menu.
    """

    moved: Mapping[str, tuple[float, float]]
    before: RateTable
    after: RateTable
    efficiencies: Mapping[str, tuple[Estimate, Estimate]]
    pareto: tuple[Point, ...]
    budget: Budget
    within: bool
    rate: float
    menu: str
    comments: bool

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{'Within' if self.within else 'Not within'} {self.budget.total:g} kHz: {self.rate:.4g} kHz"

    def cells(self) -> Cells:
        """Return what moved."""
        moved = ((name, f"{before:g}", f"{after:g}") for name, (before, after) in self.moved.items())
        return ("number", "before", "after"), tuple(moved)

    def histograms(self) -> dict[str, Hist]:
        """Return the rates of both menus."""
        return {
            f"{when}_{name}": one
            for when, table in (("before", self.before), ("after", self.after))
            for name, one in table.histograms().items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        budget = {"total": self.budget.total, "groups": dict(self.budget.groups), "pure": dict(self.budget.pure)}
        return {
            "budget_khz": budget,
            "within_budget": self.within,
            "rate_khz": self.rate,
            "moved": {name: {"before": b, "after": a} for name, (b, a) in self.moved.items()},
            "efficiencies": {
                s: {"before": b.as_dict(), "after": a.as_dict()} for s, (b, a) in self.efficiencies.items()
            },
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "pareto": [{"rate_khz": r, "efficiency": e, "values": dict(v)} for r, e, v in self.pareto],
            "comments_kept": self.comments,
        }


def parse_free(menu: Menu, store: Store, texts: Sequence[str]) -> tuple[Range, ...]:
    """Return ranges from texts ``NAME:KEY`` or ``NAME:LEG:KEY``, with ``=LOW..HIGH`` if need be, or ``all``.

    Without a range a threshold moves from half to twice its value in whole steps of 1 (GeV), an offline one not
    beyond its scaling, and a score over all scores that signals have.
    """
    wanted = [f.name for f in every_free(menu)] if list(texts) == ["all"] else list(texts)
    if not wanted:
        names = ", ".join(f.name for f in every_free(menu))
        raise InputError(f"nothing is free; name numbers with --free, or 'all': {names}", menu.document.file)
    found = []
    for text in wanted:
        name, equals, limits = text.partition("=")
        one = free(menu, name)
        if equals:
            low, dots, high = limits.partition("..")
            try:
                bounds = float(low), float(high)
            except ValueError:
                bounds = 1.0, 0.0
            if not dots or bounds[0] > bounds[1]:
                raise InputError(f"'{text}' gives no range; write {name}=LOW..HIGH")
        elif one.key == "score":
            bounds = _scores(store, menu, one)
        else:
            bounds = max(np.floor(one.value / 2), 1.0), np.ceil(one.value * 2)
            if one.key == "offline_gev":
                least, most = offline_range(menu, one)
                bounds = max(bounds[0], np.ceil(least)), min(bounds[1], np.floor(most))
        found.append(Range(one, bounds[0], bounds[1], 1.0))
    if len({r.free.where for r in found}) < len(found):
        raise InputError("a number is freed twice; name each once")
    return tuple(found)


def _scores(store: Store, menu: Menu, one: Free) -> tuple[float, float]:
    """Return the lowest and highest score in signal crossings."""
    field = f"score_{one.value['model']}"
    kind = next(o for o, s in menu.scales.objects.items() if s.tagger_scores)
    if kind not in store.manifest.objects or field not in store.manifest.objects[kind].fields:
        raise InputError(f"no scores of tagger '{one.value['model']}' are stored", store.folder)
    seen = [
        store.objects(part, [(kind, field)]).collections[kind].fields[field]
        for signal in store.manifest.signals
        for part in store.parts(signal)
    ]
    there = [score[score > np.iinfo(np.int32).min] for score in seen]
    scores = np.concatenate([*there, np.zeros(1, np.int32)])
    return float(np.floor(np.quantile(scores, 0.01))), float(scores.max())


def fit(
    store: Store,
    menu: Menu,
    ranges: Sequence[Range],
    budget: Budget,
    signals: Mapping[str, float],
    *,
    restarts: int = 3,
    seed: int = 1,
) -> FitResult:
    """Fit free numbers of a menu for the most signal within a budget.

    The fitted menu is decided again from its YAML by the engine; its counts must be those of the fit.

    Parameters
    ----------
    store : Store
        Beam and signal crossings.
    menu : Menu
        To start from.
    ranges : sequence of Range
        What may move.
    budget : Budget
        kHz.
    signals : mapping of str to float
        Signal → weight of its efficiency.
    restarts : int
        Further random starts of the search in the first round.
    seed : int
        Of restarts, and of what prescales keep.

    Raises
    ------
    InputError
        If a signal, group or algorithm is unknown, or there is too much to combine.
    CheckFailed
        If the engine counts differently.
    """
    groups = _checked(store, menu, budget, signals)
    steps = [Steps(r.free, _values(r, r.low, r.high, n, value_now(store, r.free))) for r, n in _sized(menu, ranges)]
    at: At = tuple(_nearest(s.values, value_now(store, s.free)) for s in steps)
    pareto: list[Point] = []
    for number in range(ROUNDS):
        goal = Goal(space(store, menu, steps, (BEAM, *signals), seed), budget, groups, signals)
        if number:
            found = search(goal, [at], 0, seed)
        else:
            found = search(goal, starts(goal.space, at, restarts, seed), KICKS, seed)
        names = [s.free.name for s in steps]
        pareto += [
            (rate, gain, dict(zip(names, (s.values[i] for s, i in zip(steps, where, strict=True)), strict=True)))
            for rate, gain, where in found.pareto
        ]
        closer = [_closer(r, s, i) for r, s, i in zip(ranges, steps, found.best, strict=True)]
        if number == ROUNDS - 1 or closer == steps or found.efficiency < 0:
            break
        best = [s.values[i] for s, i in zip(steps, found.best, strict=True)]
        at = tuple(_nearest(s.values, value) for s, value in zip(closer, best, strict=True))
        steps = closer
    return _result(store, menu, goal, found, _undominated(pareto), seed)


def value_now(store: Store, one: Free) -> float:
    """Return what a free number is in the menu; a score in hardware integers, that of a working point too."""
    if one.key != "score":
        return float(one.value)
    tagger = store.manifest.taggers.get(one.value["model"])
    if tagger is None:
        raise InputError(f"no scores of tagger '{one.value['model']}' are stored", store.folder)
    if "working_point" in one.value:
        return float(tagger.working_points[one.value["working_point"]])
    return float(one.value.get("hw", np.ceil(one.value.get("value", 0.0) / tagger.score_format.lsb - TOLERANCE)))


def _sized(menu: Menu, ranges: Sequence[Range]) -> list[tuple[Range, int]]:
    """Return how many steps each number takes: fewer where an algorithm depends on several."""
    uses = [set(users(menu, r.free.where)) for r in ranges]
    shared = [max((sum(name in other for other in uses) for name in names), default=1) for names in uses]
    return [(r, SHARED_STEPS.get(n, LEAST_STEPS)) for r, n in zip(ranges, shared, strict=True)]


def _values(limits: Range, low: float, high: float, number: int, keep: float) -> tuple[float, ...]:
    """Return about `number` values from `low` to `high` on the range's steps, `keep` among them if it is within."""
    steps = np.rint(np.linspace(low, high, number) / limits.step) * limits.step
    inside = {float(np.clip(v, limits.low, limits.high)) for v in steps}
    return tuple(sorted(inside | ({keep} if limits.low <= keep <= limits.high else set())))


def _nearest(values: Sequence[float], value: float) -> int:
    return int(np.argmin(np.abs(np.array(values) - value)))


def _closer(limits: Range, steps: Steps, best: int) -> Steps:
    """Return steps between the neighbours of the best one."""
    values = steps.values
    low, high = values[max(best - 1, 0)], values[min(best + 1, len(values) - 1)]
    return Steps(steps.free, _values(limits, low, high, len(values), values[best]))


def _undominated(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the points that no other beats in both rate and efficiency, by rate."""
    found: list[Point] = []
    for point in sorted(points, key=lambda p: (p[0], -p[1])):
        if not found or point[1] > found[-1][1]:
            found.append(point)
    return tuple(found)


def _result(store: Store, menu: Menu, goal: Goal, found: Found, pareto: tuple[Point, ...], seed: int) -> FitResult:
    made = goal.space
    text, comments = edited(menu, made.setting(found.best))
    fitted = loads(text, menu.document.file)
    tables, passed = [], []
    for one in (menu, fitted):
        beam = decided(store, BEAM, one)
        tables.append(rate_table(beam, Prescaling.of(one, beam.names), store.manifest.beam.crossing_rate_khz))
        gains = {}
        for sample in made.samples:
            again = beam if sample == BEAM else decided(store, sample, one)
            words = words_of(store, one, sample, again.packed, again.names, seed)
            if one is fitted:
                _check(made, found.best, sample, words)
            if sample != BEAM:
                union = words.union(range(len(again.names)))
                gains[sample] = efficiency(int(np.bitwise_count(union).sum()), len(again))
        passed.append(gains)
    moved = {
        s.free.name: (value_now(store, s.free), s.values[i]) for s, i in zip(made.steps, found.best, strict=True)
    }
    return FitResult(
        moved=moved,
        before=tables[0],
        after=tables[1],
        efficiencies={s: (passed[0][s], passed[1][s]) for s in goal.signals},
        pareto=pareto,
        budget=goal.budget,
        within=found.efficiency >= 0,
        rate=goal.rate(found.best),
        menu=text,
        comments=comments,
    )


def _check(made: Space, at: At, sample: str, again: Words) -> None:
    """Raise unless the engine, given the fitted menu, counts in every stratum what the fit counted."""
    for place, name in enumerate(made.algorithms):
        ours = made.samples[sample].counts(made.column(place, at))
        theirs = again.counts(place)
        if ours.tolist() != theirs.tolist():
            raise CheckFailed(f"{name} passes {theirs.sum()} crossings of {sample}, but {ours.sum()} in the fit")


def _checked(store: Store, menu: Menu, budget: Budget, signals: Mapping[str, float]) -> dict[str, tuple[int, ...]]:
    for signal in signals:
        store.parts(signal)
    if not signals or min(signals.values()) <= 0:
        raise InputError("no signal to fit for; name one with --signal, with a weight above zero")
    place = {name: i for i, name in enumerate(menu.programs())}
    for name in budget.pure:
        if name not in place:
            raise InputError(f"no algorithm '{name}' to bound; there are {', '.join(place)}", menu.document.file)
    for group in budget.groups:
        if group not in menu.groups:
            known = ", ".join(menu.groups) or "none"
            raise InputError(f"no group '{group}' to bound; there are {known}", menu.document.file)
    return {g: tuple(place[a] for a in names if a in place) for g, names in menu.groups.items()}
