"""A menu as a table for people."""

from __future__ import annotations

from trigsim.menu.grammar import (
    Algorithm,
    Condition,
    Cuts,
    ExternalCondition,
    Leg,
    NetworkCondition,
    ObjectCondition,
    Window,
)
from trigsim.menu.legs import THRESHOLDS
from trigsim.menu.menu import Menu

_PAIRS = {
    "deta": "Δη",
    "dphi_rad": "Δφ",
    "dr": "ΔR",
    "mass_gev": "m",
    "mass_upt_gev": "m(upt)",
    "mass_t_gev": "mT",
    "mass_over_dr_gev": "m/ΔR",
    "pair_pt_gev": "pT(pair)",
}
_WINDOWS = {"eta": "η", "phi_rad": "φ", "upt_gev": "upt", "mass_gev": "m", "index": "index"}
_LISTS = {"iso": "iso", "quality": "quality", "ip": "ip", "displaced": "displaced"}
#: Limits of at least this are no limits to a reader.
LARGE = 1e4


def rows(menu: Menu) -> list[dict[str, str]]:
    """Return one row an algorithm: index, name, condition, groups, prescale, label."""
    return [
        {
            "index": str(index),
            "name": algorithm.name,
            "condition": _algorithm(algorithm),
            "groups": ", ".join(algorithm.groups),
            "prescale": f"{algorithm.prescale:g}" + (" veto" if algorithm.veto else ""),
            "label": algorithm.label,
        }
        for index, algorithm in sorted(zip(menu.indices, menu.algorithms, strict=True), key=lambda pair: pair[0])
    ]


def condition_rows(menu: Menu) -> list[dict[str, str]]:
    """Return one row a named condition."""
    return [{"name": name, "condition": describe(c)} for name, c in menu.config.conditions.items()]


def _algorithm(algorithm: Algorithm) -> str:
    if algorithm.when is None:
        return f"unsupported: {algorithm.unsupported}"
    return describe(algorithm.when)


def describe(condition: Condition) -> str:
    """Return a condition in a line."""
    if isinstance(condition, str):
        return condition
    if isinstance(condition, ExternalCondition):
        return f"external {condition.external}{_bx(condition.bx)}"
    if isinstance(condition, NetworkCondition):
        return f"{condition.network} ≥ {condition.score_min}{_bx(condition.bx)}"
    if isinstance(condition, Leg):
        return _leg(condition)
    assert isinstance(condition, ObjectCondition)
    parts = [" + ".join(_leg(leg) for leg in condition.objects)]
    parts += [_range(symbol, getattr(condition, key)) for key, symbol in _PAIRS.items() if getattr(condition, key)]
    if condition.charges:
        parts.append(f"{condition.charges} charge")
    if condition.remove_overlap is not None:
        overlap = condition.remove_overlap
        ranges = [_range(_PAIRS[k], getattr(overlap, k)) for k in ("deta", "dphi_rad", "dr") if getattr(overlap, k)]
        parts.append(f"none with {' or '.join(ranges)} of a {_leg(overlap.reference)}")
    return ", ".join(parts)


def _bx(bx: int) -> str:
    return f" at BX {bx:+d}" if bx else ""


def _leg(leg: Leg) -> str:
    value = next((getattr(leg, key) for key in THRESHOLDS if getattr(leg, key) is not None), None)
    sign = "≥" if leg.compare == "ge" else "="
    head = f"{leg.times}× {leg.object}" if leg.times > 1 else leg.object
    threshold = "" if value is None else f" {sign} {value:g}"
    if leg.offline_gev is not None:
        threshold = f" {sign} {leg.offline_gev:g} offline"
    cuts = [*_cuts(leg), *leg.cuts]
    return head + threshold + (f" [{', '.join(cuts)}]" if cuts else "") + _bx(leg.bx)


def _cuts(cuts: Cuts) -> list[str]:
    found = [] if cuts.abs_eta_max is None else [f"|η| ≤ {cuts.abs_eta_max:g}"]
    for key, symbol in _WINDOWS.items():
        windows = getattr(cuts, key)
        if windows is not None:
            found.append(" or ".join(_range(symbol, window) for window in windows))
    for key, symbol in _LISTS.items():
        numbers = getattr(cuts, key)
        if numbers is not None:
            found.append(f"{symbol} in {'/'.join(str(number) for number in numbers)}")
    if cuts.charge is not None:
        found.append(f"{cuts.charge} charge")
    if cuts.n_track_jets_min is not None:
        found.append(f"track jets ≥ {cuts.n_track_jets_min}")
    if cuts.score is not None:
        score = cuts.score
        cut = score.working_point or (f"≥ {score.hw} (hw)" if score.hw is not None else f"≥ {score.value:g}")
        found.append(f"{score.model} {cut}")
    return found


def _range(symbol: str, window: Window | tuple[int, int]) -> str:
    low, high = window
    if low == -high:
        return f"|{symbol}| ≤ {high:g}"
    if high >= LARGE:
        return f"{symbol} ≥ {low:g}"
    return f"{symbol} ≤ {high:g}" if low == 0 else f"{symbol} {low:g}..{high:g}"
