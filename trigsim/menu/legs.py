"""One required object as intervals of hardware numbers: the meeting place of YAML cuts and scales."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from trigsim.base.errors import InputError
from trigsim.menu.grammar import Cuts, Leg, ScoreCut
from trigsim.menu.scales import TOLERANCE, FieldScale, ObjectScales

Interval = tuple[int, int]
Intervals = tuple[Interval, ...]

#: Tagger scores are raw network outputs, as wide as `TriggerObjects` can hold.
SCORE = FieldScale(bits=32, signed=True)

#: Cut → field it looks at, for windows in physical units, windows of integers, and accepted numbers.
_WINDOWS = {"eta": "eta", "phi_rad": "phi", "upt_gev": "upt", "mass_gev": "mass"}
_LISTS = {"iso": "iso", "quality": "quality", "ip": "ip", "displaced": "displaced"}
#: Threshold key → field.
THRESHOLDS = {"pt_gev": "pt", "count": "count", "score_min": "score"}
JOINED = frozenset({"eta", "phi_rad", "upt_gev", "mass_gev", "index"})


class ScoreFormat(Protocol):
    """The step of a score."""

    @property
    def lsb(self) -> float:
        """Real score of a raw score of 1."""


class TaggerScores(Protocol):
    """What the menu must know of a tagger (`tagger.Tagger` has it)."""

    @property
    def working_points(self) -> Mapping[str, int]:
        """Name → smallest raw score that passes."""

    @property
    def score_format(self) -> ScoreFormat:
        """Format of the raw score."""


@dataclass(frozen=True, slots=True)
class ResolvedLeg:
    """A leg in hardware numbers; equal legs compare equal.

    Attributes
    ----------
    object : str
        Kind of object.
    bx : int
        Crossing, relative to the one decided on.
    passes : tuple of (field, intervals)
        The object passes if every named field lies in one of its intervals, ends included; sorted by name.
    """

    object: str
    bx: int
    passes: tuple[tuple[str, Intervals], ...]


def join(base: Cuts | None, others: Iterable[Cuts]) -> Cuts:
    """Join cuts of one object: windows of one kind become alternatives.

    Raises
    ------
    InputError
        If two give the same cut and it is not a window.
    """
    merged: dict[str, object] = {}
    for part in ([] if base is None else [base]) + list(others):
        for name in Cuts.model_fields:
            value = getattr(part, name)
            if value is None:
                continue
            if name not in merged or merged[name] == value:
                merged[name] = value
            elif name in JOINED:
                merged[name] = (*merged[name], *value)  # type: ignore[misc]
            else:
                raise InputError(f"cut '{name}' is given twice with different values; keep one")
    return Cuts.model_construct(**merged)  # type: ignore[arg-type]


def threshold(scale: FieldScale, value: float, compare: str) -> Intervals:
    """Return the numbers at or above the bin that starts at `value` (or that bin alone, for "eq").

    A value inside a bin means the next bin: no object below the threshold passes. Numbers above the last bin
    are overflow and pass every threshold.
    """
    first, edges = scale.bin_edges()
    lower = edges[:-1]
    index = int(np.searchsorted(lower, value - TOLERANCE))
    if value < edges[0] - TOLERANCE:
        raise InputError(f"threshold {value:g} is below the scale, which starts at {edges[0]:g}; raise it")
    if index == len(lower):
        raise InputError(f"threshold {value:g} is above the scale, which ends at {edges[-1]:g}; lower it")
    if compare == "eq":
        if abs(lower[index] - value) > TOLERANCE:
            raise InputError(f"no bin starts at {value:g}; the next does at {lower[index]:g}")
        return ((first + index, first + index),)
    return ((first + index, scale.numbers[1]),)


def window(scale: FieldScale, low: float, high: float) -> Intervals:
    """Return the numbers of the bins whose centre lies in the window; an angle's may wrap around.

    Windows of the CMS grammar end on bin edges, where this is the same as whole bins inside. They may reach beyond
    the last bin, but beyond the scale of an angle by no more than a bin.
    """
    first, edges = scale.bin_edges()
    bin_width = float(edges[1] - edges[0])
    is_angle = scale.signed or scale.bins is not None
    if min(low, high) < edges[0] - bin_width or (is_angle and max(low, high) > edges[-1] + bin_width):
        raise InputError(
            f"window [{low:g}, {high:g}] reaches beyond the scale, {edges[0]:g} to {edges[-1]:g}; keep it inside"
        )
    centres = (edges[:-1] + edges[1:]) / 2
    if low > high:
        if not scale.bins:
            raise InputError(f"window [{low:g}, {high:g}] is empty; give minimum <= maximum")
        inside = (centres >= low) | (centres <= high)
    else:
        inside = (centres >= low) & (centres <= high)
    found = _intervals(np.flatnonzero(inside) + first)
    if not found:
        raise InputError(
            f"window [{low:g}, {high:g}] holds no bin; widen it (a bin is {bin_width:.4g} wide, and the scale "
            f"goes from {edges[0]:g} to {edges[-1]:g})"
        )
    return found


def _intervals(numbers: Iterable[int]) -> Intervals:
    found: list[Interval] = []
    for number in sorted({int(n) for n in numbers}):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def _union(parts: Iterable[Intervals]) -> Intervals:
    found: list[Interval] = []
    for low, high in sorted(interval for part in parts for interval in part):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def _whole(scale: FieldScale, windows: Iterable[Interval], what: str) -> Intervals:
    low, high = scale.numbers
    for first, last in windows:
        if not low <= first <= last <= high:
            raise InputError(f"{what} {[first, last]} is no range of numbers within {low}..{high}; correct it")
    return _union((window,) for window in windows)


def score_cut(cut: ScoreCut, models: Mapping[str, TaggerScores] | None) -> Intervals:
    """Return the passing raw scores; with no `models` at hand, every score."""
    if cut.hw is not None:
        return _whole(SCORE, [(cut.hw, SCORE.numbers[1])], "score")
    if models is None:
        return (SCORE.numbers,)
    if cut.model not in models:
        raise InputError(f"tagger '{cut.model}' is not given; give its model file")
    model = models[cut.model]
    if cut.working_point is not None:
        if cut.working_point not in model.working_points:
            known = ", ".join(sorted(model.working_points)) or "none"
            raise InputError(f"tagger '{cut.model}' has no working point '{cut.working_point}'; it has {known}")
        low = int(model.working_points[cut.working_point])
    else:
        assert cut.value is not None
        raw = cut.value / model.score_format.lsb - TOLERANCE
        low = math.ceil(min(max(raw, -float(1 << 40)), float(1 << 40)))
    return _whole(SCORE, [(low, SCORE.numbers[1])], "score")


def resolve(
    leg: Leg,
    scales: Mapping[str, ObjectScales],
    shared: Mapping[str, Cuts],
    defaults: Mapping[str, Cuts],
    models: Mapping[str, TaggerScores] | None,
) -> ResolvedLeg:
    """Return a leg in hardware numbers.

    Parameters
    ----------
    leg : Leg
        As written.
    scales : mapping
        Object → scales.
    shared, defaults : mapping
        Named cuts, and cuts by object that hold unless the leg gives its own.
    models : mapping or None
        Taggers by name; None checks everything but their working points.

    Raises
    ------
    InputError
        Unknown object, field or cut name; a threshold or window that nothing can meet.
    """
    if leg.object not in scales:
        raise InputError(f"unknown object '{leg.object}'; the scale set has {', '.join(scales)}")
    kind = scales[leg.object]
    missing = [name for name in leg.cuts if name not in shared]
    if missing:
        raise InputError(f"no cuts named '{missing[0]}'; define them under 'cuts'")
    cuts = join(leg, (shared[name] for name in leg.cuts))
    for name, value in defaults.get(leg.object, Cuts()):
        if value is not None and getattr(cuts, name) is None and not (name.endswith("eta_max") and cuts.eta):
            cuts = cuts.model_copy(update={name: value})
    passes: dict[str, Intervals] = {}

    def require(field: str, cut: str, intervals: Callable[[FieldScale], Intervals]) -> None:
        if field not in kind.fields:
            raise InputError(
                f"{leg.object} has no field '{field}', so no cut '{cut}'; it has {', '.join(kind.fields)}"
            )
        passes[field] = intervals(kind.fields[field])

    _require_threshold(leg, kind, require)
    for cut, field in _WINDOWS.items():
        windows = getattr(cuts, cut)
        if windows is not None:
            require(field, cut, lambda s, w=windows: _union(window(s, *one) for one in w))  # type: ignore[misc]
    if cuts.abs_eta_max is not None:
        limit = cuts.abs_eta_max
        require("eta", "abs_eta_max", lambda s: window(s, -limit, limit))
    if cuts.index is not None:
        windows = cuts.index
        require("index", "index", lambda s: _whole(s, windows, "index window"))
    for cut, field in _LISTS.items():
        numbers = getattr(cuts, cut)
        if numbers is not None:
            require(field, cut, lambda s, n=numbers, c=cut: _whole(s, [(x, x) for x in n], c))  # type: ignore[misc]
    if cuts.charge is not None:
        sign = int(cuts.charge == "negative")
        require("charge", "charge", lambda _: ((sign, sign),))
        require("charge_valid", "charge", lambda _: ((1, 1),))
    if cuts.n_track_jets_min is not None:
        least = cuts.n_track_jets_min
        require(
            "n_track_jets", "n_track_jets_min", lambda s: _whole(s, [(least, s.numbers[1])], "n_track_jets_min")
        )
    if cuts.score is not None:
        if not kind.tagger_scores:
            raise InputError(f"{leg.object} carries no tagger scores; cut on an object that does")
        passes[f"score_{cuts.score.model}"] = score_cut(cuts.score, models)
    return ResolvedLeg(leg.object, leg.bx, tuple(sorted(passes.items())))


def _require_threshold(
    leg: Leg, kind: ObjectScales, require: Callable[[str, str, Callable[[FieldScale], Intervals]], None]
) -> None:
    given = [key for key in THRESHOLDS if getattr(leg, key) is not None]
    fitting = [key for key, field in THRESHOLDS.items() if field in kind.fields]
    if "flag" in kind.fields:
        if given:
            raise InputError(f"{leg.object} is a flag; drop '{given[0]}'")
        require("flag", "flag", lambda _: ((1, 1),))
        return
    if not fitting:
        raise InputError(f"{leg.object} has no {', '.join(THRESHOLDS.values())} or flag; correct the scale set")
    if given != fitting[:1]:
        raise InputError(f"{leg.object} takes one threshold, '{fitting[0]}'; got {', '.join(given) or 'none'}")
    value = getattr(leg, given[0])
    require(THRESHOLDS[given[0]], given[0], lambda s: threshold(s, value, leg.compare))


def field_scale(kind: ObjectScales, field: str) -> FieldScale:
    """Return the scale of a field, tagger scores included."""
    return kind.fields.get(field, SCORE)
