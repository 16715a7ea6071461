"""How many objects must meet each leg: often that settles a condition, and always it rules many out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from trigsim.menu.conditions import ResolvedCondition
from trigsim.menu.legs import Intervals, ResolvedLeg


@dataclass(frozen=True, slots=True)
class Counts:
    """Least numbers of objects.

    Attributes
    ----------
    terms : tuple of (leg, count)
        Necessary: at least `count` objects meet `leg`.
    suffice : bool
        Whether they are also sufficient.
    """

    terms: tuple[tuple[ResolvedLeg, int], ...]
    suffice: bool


def charge_leg(leg: ResolvedLeg, sign: int) -> ResolvedLeg:
    """Return the leg of all objects like it with this valid charge sign, 0 positive or 1 negative."""
    return ResolvedLeg(leg.object, leg.bx, (("charge", ((sign, sign),)), ("charge_valid", ((1, 1),))))


def _inside(inner: Intervals | None, outer: Intervals) -> bool:
    if inner is None:
        return False
    return all(any(low <= a and b <= high for low, high in outer) for a, b in inner)


def implies(one: ResolvedLeg, other: ResolvedLeg) -> bool:
    """Whether every object that meets `one` meets `other`."""
    passes = dict(one.passes)
    return (one.object, one.bx) == (other.object, other.bx) and all(
        _inside(passes.get(field), intervals) for field, intervals in other.passes
    )


def entails(one: ResolvedCondition, other: ResolvedCondition) -> bool:
    """Whether every crossing that meets `one` meets `other`; False where it is not plain to see.

    So with the same or wider limits on the same or looser legs: then `one` is looked at only where `other` holds.
    """
    if len(one.legs) != len(other.legs) or one.network or other.network or one.external or other.external:
        return False
    if other.charges not in (None, one.charges) or len(one.pairs) != len(other.pairs):
        return False
    if other.reference is not None and (
        one.reference is None or not implies(one.reference, other.reference) or one.overlaps != other.overlaps
    ):
        return False
    if not all(implies(a, b) for a, b in zip(one.legs, other.legs, strict=True)):
        return False
    for mine, theirs in zip(one.pairs, other.pairs, strict=True):
        limits = dict(mine.limits)
        for quantity, (low, high) in theirs.limits:
            if quantity not in limits or not low <= limits[quantity][0] <= limits[quantity][1] <= high:
                return False
    return True


def _chain(legs: list[ResolvedLeg]) -> list[ResolvedLeg] | None:
    """Return the legs, each implying the next, or None if they do not nest."""
    ordered = sorted(legs, key=lambda leg: sum(implies(other, leg) for other in legs))
    nested = all(implies(a, b) for a, b in pairwise(ordered))
    return ordered if nested else None


def counts(condition: ResolvedCondition) -> Counts:
    """Return the counts that a condition needs.

    Legs L1, L2, …, Lk of one kind, each implying the next, can be met by different objects exactly if at
    least j objects meet Lj, for every j.
    """
    groups: dict[tuple[str, int], list[ResolvedLeg]] = {}
    for leg in condition.legs:
        groups.setdefault((leg.object, leg.bx), []).append(leg)
    terms: dict[ResolvedLeg, int] = {}
    nested = True
    for legs in groups.values():
        chain = _chain(legs)
        if chain is None:
            nested = False
            terms |= {leg: legs.count(leg) for leg in legs}
        else:
            terms |= {leg: j for j, leg in enumerate(chain, start=1)}
    suffice = nested and not condition.charges and not condition.pairs and condition.reference is None
    if condition.reference is not None:
        terms[condition.reference] = max(terms.get(condition.reference, 1), 1)
    return Counts(tuple(terms.items()), suffice)


def loosest_first(conditions: list[ResolvedCondition]) -> list[ResolvedCondition]:
    """Return the conditions so that those a condition entails come before it."""
    entailed = {
        c: sum(entails(c, other) for other in conditions) if c.pairs or c.charges else 0 for c in conditions
    }
    return sorted(conditions, key=lambda c: entailed[c])
