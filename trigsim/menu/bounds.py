"""What a lower limit on a mass asks of the pt of its objects: most crossings lack it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from trigsim.menu.conditions import Limits, ResolvedCondition
from trigsim.menu.legs import Intervals, ResolvedLeg
from trigsim.menu.luts import Table, common_unit, cosh_table, delta_table, pt_table
from trigsim.menu.scales import ScaleSet


def delta_bins(delta: Table, limits: Limits) -> Limits:
    """Return limits on the place in a rising table instead of on what stands there."""
    low, high = limits
    return int(np.searchsorted(delta, low, side="left")), last_bin(delta, high)


def last_bin(rising: Table, high: int) -> int:
    """Return the last place whose number is at most `high`."""
    return int(np.searchsorted(rising, high, side="right")) - 1


def least_product(limits: Mapping[str, Limits], cosh: Table | None, unit: int) -> int:
    """Return the smallest product of both pt with which a pair can meet the lower limits on its masses.

    Parameters
    ----------
    limits : mapping
        Quantity → limits; those of "deta" in bins.
    cosh : int64 array or None
        Table over delta eta, of which a mass needs one.
    unit : int
        One, in its unit.
    """
    least = 0
    if "mass" in limits and cosh is not None:
        widest = min(limits["deta"][1], len(cosh) - 1) if "deta" in limits else len(cosh) - 1
        least = -(-limits["mass"][0] // (int(cosh[: max(widest, 0) + 1].max()) + unit))
    if "mass_t" in limits:
        least = max(least, -(-limits["mass_t"][0] // (2 * unit)))
    return max(least, 0)


def hard_legs(condition: ResolvedCondition, scales: ScaleSet) -> tuple[ResolvedLeg, ...]:
    """Return legs of which any pair of a mass meets one; none where nothing is known but its own legs.

    The harder of two objects of one kind has a squared pt of at least what the product must be.
    """
    if len(condition.pairs) != 1 or len({(leg.object, leg.bx) for leg in condition.legs}) != 1:
        return ()
    (pair,), fields = condition.pairs, scales.objects[condition.legs[0].object].fields
    limits = {quantity: limit for quantity, limit in pair.limits if quantity in ("mass", "mass_t")}
    if not limits:
        return ()
    unit, cosh = 10**pair.precision.math, None
    if "mass" in limits:
        eta = common_unit(fields["eta"], fields["eta"], "eta")
        cosh = cosh_table(eta.step, eta.size, pair.precision.math)
        deta = dict(pair.limits).get("deta")
        if deta is not None:
            limits["deta"] = delta_bins(delta_table(eta.step, eta.size, pair.precision.delta), deta)
    least = least_product(limits, cosh, unit)
    pt = pt_table(fields["pt"], pair.precision.mass_pt)
    number = int(np.searchsorted(pt, math.isqrt(max(least - 1, 0)) + (least > 0)))
    legs = [_at_least(leg, number) for leg in condition.legs]
    found = tuple(dict.fromkeys(leg for leg in legs if leg is not None))
    return () if not found or set(found) & set(condition.legs) else found


def _at_least(leg: ResolvedLeg, number: int) -> ResolvedLeg | None:
    """Return the leg with pt of at least a hardware number; None if it has less."""
    passes: dict[str, Intervals] = dict(leg.passes)
    passes["pt"] = tuple((max(low, number), high) for low, high in passes["pt"] if high >= number)
    return ResolvedLeg(leg.object, leg.bx, tuple(sorted(passes.items()))) if passes["pt"] else None
