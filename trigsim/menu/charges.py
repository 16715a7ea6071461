"""Conditions on charges as conditions without: each choice of signs is a condition of its own."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from trigsim.menu.conditions import ResolvedCondition
from trigsim.menu.legs import ResolvedLeg
from trigsim.menu.scales import ScaleSet

POSITIVE, NEGATIVE = 0, 1


def without_charges(condition: ResolvedCondition, scales: ScaleSet) -> tuple[ResolvedCondition, ...]:
    """Return conditions without `charges` of which one holds exactly where `condition` does.

    Every muon has a valid charge. "same": all are positive, or all negative. "opposite", not all the same: some
    leg is met by a positive and another by a negative muon.
    """
    if condition.charges is None:
        return (_in_order(condition, scales),)
    legs = condition.legs
    muons = [i for i, leg in enumerate(legs) if "charge" in scales.objects[leg.object].fields]
    choices: list[dict[int, int | None]]
    if condition.charges == "same":
        choices = [dict.fromkeys(muons, sign) for sign in (POSITIVE, NEGATIVE)]
    else:
        choices = [
            {**dict.fromkeys(muons), plus: POSITIVE, minus: NEGATIVE} for plus, minus in permutations(muons, 2)
        ]
    found: dict[ResolvedCondition, None] = {}
    for choice in choices:
        signed = [_signed(leg, choice[i]) if i in choice else leg for i, leg in enumerate(legs)]
        possible = tuple(leg for leg in signed if leg is not None)
        if len(possible) == len(legs):
            found[_in_order(replace(condition, legs=possible, charges=None), scales)] = None
    return tuple(found)


def _signed(leg: ResolvedLeg, sign: int | None) -> ResolvedLeg | None:
    """Return the leg with a valid charge, of the sign if given; None if it asks for the other."""
    passes = dict(leg.passes)
    passes["charge_valid"] = ((1, 1),)
    if sign is not None and passes.setdefault("charge", ((sign, sign),)) != ((sign, sign),):
        return None
    return ResolvedLeg(leg.object, leg.bx, tuple(sorted(passes.items())))


def _in_order(condition: ResolvedCondition, scales: ScaleSet) -> ResolvedCondition:
    """Return the condition with legs in a fixed order: those of one kind, and of a pair a sum before other objects.

    So cuts on pairs of a kind are the same, and the objects beside a sum are compared side by side.
    """
    legs = list(condition.legs)
    for kind in {leg.object for leg in legs}:
        places = [i for i, leg in enumerate(legs) if leg.object == kind]
        ordered = sorted((legs[i] for i in places), key=lambda leg: (leg.bx, leg.passes))
        for place, leg in zip(places, ordered, strict=True):
            legs[place] = leg
    if len(condition.pairs) == 1 and condition.reference is None:
        legs.sort(key=lambda leg: "eta" in scales.objects[leg.object].fields)
    return replace(condition, legs=tuple(legs))
