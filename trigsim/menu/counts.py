"""How many objects must meet each leg: often that settles a condition, and always it rules many out."""

from __future__ import annotations

from dataclasses import dataclass

from trigsim.menu.conditions import ResolvedCondition
from trigsim.menu.legs import Intervals, ResolvedLeg

#: So many sets of legs at most are counted in; conditions with more are decided object by object.
MOST_SETS = 64

#: At least so many objects meet one of the legs.
Term = tuple[tuple[ResolvedLeg, ...], int]


@dataclass(frozen=True, slots=True)
class Counts:
    """Least numbers of objects.

    Attributes
    ----------
    terms : tuple of (legs, count)
        Necessary: at least `count` objects meet one of `legs`.
    suffice : bool
        Whether they are also sufficient.
    """

    terms: tuple[Term, ...]
    suffice: bool


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
    if len(one.pairs) != len(other.pairs):
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


def _together(legs: list[ResolvedLeg]) -> tuple[list[Term], bool]:
    """Return what legs of one kind need to be met by different objects, and whether it is enough.

    Hall's condition: for every set of legs, as many objects as it has legs meet one of them. Sets that lack a leg
    which implies one of theirs need not be asked: with it, no more objects count, and one more is needed.
    """
    distinct = list(dict.fromkeys(legs))
    implied_by = {leg: frozenset(other for other in distinct if implies(other, leg)) for leg in distinct}
    sets: dict[frozenset[ResolvedLeg], None] = {}
    for leg in sorted(distinct, key=lambda leg: len(implied_by[leg])):
        sets |= dict.fromkeys([implied_by[leg], *(one | implied_by[leg] for one in sets)])
        if len(sets) > MOST_SETS:
            sets = dict.fromkeys(implied_by.values())
            return [_term(one, legs) for one in sets], False
    return [_term(one, legs) for one in sets], True


def _term(chosen: frozenset[ResolvedLeg], legs: list[ResolvedLeg]) -> Term:
    ordered = sorted(chosen, key=repr)
    loosest = [
        leg for i, leg in enumerate(ordered) if not any(_beside(leg, i, o, j) for j, o in enumerate(ordered))
    ]
    return tuple(loosest), sum(leg in chosen for leg in legs)


def _beside(leg: ResolvedLeg, i: int, other: ResolvedLeg, j: int) -> bool:
    """Whether leg i is not needed beside leg j; of two that imply each other the first stays."""
    return i != j and implies(leg, other) and (j < i or not implies(other, leg))


def counts(condition: ResolvedCondition) -> Counts:
    """Return the counts that a condition without charges needs."""
    kinds: dict[tuple[str, int], list[ResolvedLeg]] = {}
    for leg in condition.legs:
        kinds.setdefault((leg.object, leg.bx), []).append(leg)
    terms: dict[tuple[ResolvedLeg, ...], int] = {}
    suffice = not condition.pairs and condition.reference is None
    for legs in kinds.values():
        needed, enough = _together(legs)
        suffice &= enough
        for union, count in needed:
            terms[union] = max(terms.get(union, 0), count)
    if condition.reference is not None:
        terms.setdefault((condition.reference,), 1)
    return Counts(tuple(terms.items()), suffice)


def loosest_first(conditions: list[ResolvedCondition]) -> list[ResolvedCondition]:
    """Return the conditions so that those a condition entails come before it."""
    entailed = {
        c: sum(entails(c, other) for other in conditions) if c.pairs or c.reference else 0 for c in conditions
    }
    return sorted(conditions, key=lambda c: entailed[c])
