"""Rate and efficiency of an algorithm as one of its numbers moves, and what a tagger buys at equal rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist import Hist

from trigsim.base.errors import InputError
from trigsim.menu.menu import Menu
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.studies.decided import sampled
from trigsim.studies.histograms import at_points, labelled
from trigsim.studies.ladder import Free, Setting, decide_ladders, free, users
from trigsim.studies.rate_table import bit_rates
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM
from trigsim.studies.tabular import Cells, Tabular


@dataclass(frozen=True, slots=True)
class Curve(Tabular):
    """An algorithm against one of its numbers.

    Attributes
    ----------
    algorithm, number : str
        What moves.
    values : tuple of float
        Thresholds, or raw scores.
    rates : tuple of Estimate
        Rate at each, kHz, before prescale.
    efficiencies : mapping of str to tuple of Estimate
        Signal → efficiency at each.
    """

    algorithm: str
    number: str
    values: tuple[float, ...]
    rates: tuple[Estimate, ...]
    efficiencies: dict[str, tuple[Estimate, ...]]

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.algorithm} against {self.number}"

    def cells(self) -> Cells:
        """Return one row a value of the number."""
        header = (self.number, "rate [kHz]", *(f"efficiency {s}" for s in self.efficiencies))
        return header, tuple(
            (f"{v:g}", self.rates[i].numbers, *(e[i].numbers for e in self.efficiencies.values()))
            for i, v in enumerate(self.values)
        )

    def histograms(self) -> dict[str, Hist]:
        """Return rate and efficiencies; each value of the number is the lower edge of a bin."""
        found = {f"rate_{self.algorithm}": (self.rates, "rate [kHz]")}
        found |= {f"efficiency_{self.algorithm}_{s}": (e, f"efficiency {s}") for s, e in self.efficiencies.items()}
        order = np.argsort(self.values, kind="stable")
        points = [self.values[i] for i in order]
        return {
            name: at_points([some[i] for i in order], points, over=self.number, label=label)
            for name, (some, label) in found.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "algorithm": self.algorithm,
            "number": self.number,
            "values": list(self.values),
            "rates": [e.as_dict() for e in self.rates],
            "efficiencies": {s: [e.as_dict() for e in some] for s, some in self.efficiencies.items()},
        }


@dataclass(frozen=True, slots=True)
class Offer:
    """The lowest threshold within a rate, with one tagger or with none.

    Attributes
    ----------
    tagger : str
        Name of the tagger in the store, "" for none.
    inputs : int
        Features that it reads.
    working_point : str
        Name of the cut, "" for none.
    threshold : float or None
        Lowest threshold whose rate is allowed; None if none of those tried is.
    low, high : float or None
        The same for the lower and the upper end of the rates' intervals.
    rate : Estimate or None
        At the threshold, kHz.
    efficiencies : mapping of str to Estimate
        Signal → efficiency there.
    """

    tagger: str
    inputs: int
    working_point: str
    threshold: float | None
    low: float | None
    high: float | None
    rate: Estimate | None
    efficiencies: Mapping[str, Estimate]

    @property
    def label(self) -> str:
        """Its name as rows are called."""
        return self.tagger or "none"

    @property
    def numbers(self) -> str:
        """The threshold and what the rates' intervals make of it."""
        low, value, high = ("above all" if v is None else f"{v:g}" for v in (self.low, self.threshold, self.high))
        return value if low == value == high else f"{value} [{low}, {high}]"

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "tagger": self.tagger or None,
            "inputs": self.inputs,
            "working_point": self.working_point or None,
            "threshold": self.threshold,
            "threshold_low": self.low,
            "threshold_high": self.high,
            "rate": None if self.rate is None else self.rate.as_dict(),
            "efficiencies": {s: e.as_dict() for s, e in self.efficiencies.items()},
        }


@dataclass(frozen=True, slots=True)
class Bought(Tabular):
    """What taggers buy: a threshold at equal rate, without a tagger and with each.

    Attributes
    ----------
    condition, algorithm : str
        What the threshold is of, and what the rate is of.
    rate_khz : float
        What the algorithm may cost.
    signals : tuple of str
        Whose efficiency is told.
    offers : tuple of Offer
        Without a tagger, then by number of inputs.
    """

    condition: str
    algorithm: str
    rate_khz: float
    signals: tuple[str, ...]
    offers: tuple[Offer, ...]

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.condition}: lowest threshold at {self.rate_khz:g} kHz of {self.algorithm}"

    def cells(self) -> Cells:
        """Return one row a tagger, the first without one."""
        header = ("tagger", "inputs", "working point", "threshold [GeV]", "rate [kHz]")
        return (*header, *(f"efficiency {s}" for s in self.signals)), tuple(
            (
                one.label,
                str(one.inputs),
                one.working_point or "–",
                one.numbers,
                "–" if one.rate is None else one.rate.numbers,
                *(one.efficiencies[s].numbers if s in one.efficiencies else "–" for s in self.signals),
            )
            for one in self.offers
        )

    def histograms(self) -> dict[str, Hist]:
        """Return threshold, rate and efficiencies, one bin a tagger; those with nothing allowed are left out."""
        some = [one for one in self.offers if one.threshold is not None and one.rate is not None]
        names = [one.label for one in some]
        ends = [(o.threshold, o.low, o.threshold if o.high is None else o.high) for o in some]
        found = {
            "threshold": ([Estimate(*map(float, e)) for e in ends], "threshold [GeV]"),  # type: ignore[arg-type]
            "rate": ([one.rate for one in some if one.rate is not None], "rate [kHz]"),
        }
        found |= {f"efficiency_{s}": ([o.efficiencies[s] for o in some], f"efficiency {s}") for s in self.signals}
        if not some:
            return {}
        return {name: labelled(of, names, over="tagger", label=label) for name, (of, label) in found.items()}

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "condition": self.condition,
            "algorithm": self.algorithm,
            "rate_khz": self.rate_khz,
            "rows": [one.as_dict() for one in self.offers],
        }


def against(
    store: Store, menu: Menu, number: Free, values: Sequence[float], signals: Sequence[str] = ()
) -> tuple[Curve, ...]:
    """Return every algorithm that a number belongs to, as the number takes each of `values`.

    Parameters
    ----------
    store : Store
        Of the crossings.
    menu : Menu
        The menu.
    number : Free
        See `ladder.free`.
    values : sequence of float
        In the unit of the number; raw scores.
    signals : sequence of str
        Signals whose efficiency is wanted.
    """
    settings = [{number.where: number.set_to(v)} for v in values]
    algorithms = users(menu, number.where)
    if not algorithms:
        raise InputError(f"no algorithm uses '{number.name}'; choose another number", menu.document.file)
    rates, efficiencies = _ladder(store, menu, [(a, settings) for a in algorithms], signals)
    n = len(values)
    return tuple(
        Curve(
            algorithm,
            number.name,
            tuple(map(float, values)),
            tuple(rates[i * n : (i + 1) * n]),
            {s: tuple(e[i * n : (i + 1) * n]) for s, e in efficiencies.items()},
        )
        for i, algorithm in enumerate(algorithms)
    )


def bought(
    store: Store,
    menu: Menu,
    condition: str,
    rate_khz: float,
    thresholds: Sequence[float],
    signals: Sequence[str] = (),
    working_point: str | None = None,
) -> Bought:
    """Return what each stored tagger buys: the lowest threshold of a tagged condition at an equal rate.

    Parameters
    ----------
    store : Store
        With the scores of one tagger for each feature budget.
    menu : Menu
        The menu.
    condition : str
        Algorithm or named condition with a threshold and a score, one object.
    rate_khz : float
        What the first algorithm that uses it may cost.
    thresholds : sequence of float
        To try.
    signals : sequence of str
        Signals whose efficiency is wanted.
    working_point : str, optional
        Of every tagger; by default the condition's own.

    Raises
    ------
    InputError
        If the condition has no such numbers or no named working point, or no threshold is to be tried.
    """
    threshold, score = free(menu, f"{condition}:pt_gev"), free(menu, f"{condition}:score")
    point = working_point or score.value.get("working_point")
    if point is None:
        raise InputError(f"'{condition}' cuts on a number, not on a working point; name one", menu.document.file)
    taggers = sorted(store.manifest.taggers.items(), key=lambda item: (item[1].inputs, item[0]))
    taggers = [(name, t) for name, t in taggers if point in t.working_points]
    values = sorted(map(float, thresholds))
    if not values:
        raise InputError("no thresholds to try; give some")
    cuts: list[tuple[str, int, dict[str, Any] | None]] = [("", 0, None)]
    cuts += [(name, t.inputs, {"model": name, "hw": t.working_points[point]}) for name, t in taggers]
    settings: list[Setting] = [
        {threshold.where: threshold.set_to(v), score.where: cut} for _, _, cut in cuts for v in values
    ]
    algorithm = users(menu, threshold.where)[0]
    rates, efficiencies = _ladder(store, menu, [(algorithm, settings)], signals)
    offers = []
    for i, (name, inputs, cut) in enumerate(cuts):
        mine = slice(i * len(values), (i + 1) * len(values))
        gains = [{s: e[j] for s, e in efficiencies.items()} for j in range(mine.start, mine.stop)]
        offers.append(_offer(name, inputs, point if cut else "", values, rates[mine], gains, rate_khz))
    return Bought(condition, algorithm, rate_khz, tuple(signals), tuple(offers))


def _offer(
    tagger: str,
    inputs: int,
    point: str,
    values: Sequence[float],
    rates: Sequence[Estimate],
    gains: Sequence[Mapping[str, Estimate]],
    rate_khz: float,
) -> Offer:
    """Return the lowest of rising `values` whose rate is allowed."""

    def first(of: Callable[[Estimate], float]) -> int | None:
        return next((i for i, rate in enumerate(rates) if of(rate) <= rate_khz), None)

    at, *ends = first(lambda e: e.value), first(lambda e: e.low), first(lambda e: e.high)
    low, high = (None if i is None else values[i] for i in ends)
    if at is None:
        return Offer(tagger, inputs, point, None, low, high, None, {})
    return Offer(tagger, inputs, point, values[at], low, high, rates[at], gains[at])


def _ladder(
    store: Store, menu: Menu, wanted: Sequence[tuple[str, Sequence[Setting]]], signals: Sequence[str]
) -> tuple[list[Estimate], dict[str, list[Estimate]]]:
    """Return rates and efficiencies of all settings."""
    packed = decide_ladders(store, menu, wanted, (BEAM, *signals))
    names = tuple(f"A{i}" for i in range(sum(len(settings) for _, settings in wanted)))
    rates = bit_rates(sampled(store, BEAM, names, packed[BEAM]), store.manifest.beam.crossing_rate_khz)
    efficiencies = {}
    for signal in signals:
        bits = np.unpackbits(packed[signal], axis=1, count=len(names), bitorder="little")
        efficiencies[signal] = [efficiency(int(n), len(bits)) for n in bits.sum(axis=0, dtype=np.int64)]
    return rates, efficiencies
