# mypy: ignore-errors
"""Conditions that look at the objects of one crossing after another: combinations, triples, overlap removal."""

import numpy as np
from numba import njit

from trigsim.menu.bit_kernels import bit_number
from trigsim.menu.layout import (
    COMB,
    KIND,
    LEG0,
    LIMITS,
    MASS,
    N_LEGS,
    OVERLAP0,
    PAIR,
    PAIR0,
    REFERENCE,
)
from trigsim.menu.pair_kernels import beside, decide_pairs, half_mass


@njit(cache=True, nogil=True)
def at_least(mask, count):
    """Whether `mask` has at least `count` bits set."""
    for _ in range(count - 1):
        mask &= mask - 1
    return mask != 0


@njit(cache=True, nogil=True)
def distinct(masks, views, n, unions):
    """Whether n legs can be met by different objects (Hall's condition, view by view)."""
    for i in range(n):
        if masks[i] == 0:
            return False
    if n == 1:
        return True
    if n == 2:
        return views[0] != views[1] or at_least(masks[0] | masks[1], 2)
    for i in range(n):
        view = views[i]
        seen = False
        for j in range(i):
            if views[j] == view:
                seen = True
        if seen:
            continue
        unions[0] = 0
        size = 1
        for j in range(i, n):
            if views[j] != view:
                continue
            for subset in range(size):
                joint = unions[subset] | masks[j]
                unions[size + subset] = joint
                count = 1
                rest = subset
                while rest:
                    rest &= rest - 1
                    count += 1
                if not at_least(joint, count):
                    return False
            size *= 2
    return True


@njit(cache=True, nogil=True)
def triple_exists(pairs, p, tables, at, rows, views, masks):
    """Whether three different objects have a mass within the limits."""
    low_limit, high_limit = pairs[p, LIMITS + 2 * MASS], pairs[p, LIMITS + 2 * MASS + 1]
    rest0 = masks[0]
    while rest0:
        low0 = rest0 & -rest0
        rest0 ^= low0
        j0 = rows[0] + bit_number(low0)
        rest1 = masks[1] & ~low0 if views[1] == views[0] else masks[1]
        while rest1:
            low1 = rest1 & -rest1
            rest1 ^= low1
            rest2 = masks[2]
            if views[2] == views[0]:
                rest2 &= ~low0
            if views[2] == views[1]:
                rest2 &= ~low1
            if rest2 == 0:
                continue
            j1 = rows[1] + bit_number(low1)
            mass01 = half_mass(pairs[p], tables, at, j0, j1)
            while rest2:
                j2 = rows[2] + bit_number(rest2)
                rest2 &= rest2 - 1
                mass = mass01 + half_mass(pairs[p + 1], tables, at, j0, j2)
                mass += half_mass(pairs[p + 2], tables, at, j1, j2)
                if low_limit <= mass <= high_limit:
                    return True
    return False


@njit(cache=True, nogil=True)
def decide_objects(
    t, c, at, lane_slots, masks, rows, views, kept, kept_masks, unions, one, chosen, count, passing,
):  # fmt: skip
    """Set `passing` for those of the chosen crossings that meet condition c, which is no plain pair.

    `views` holds the kind and offset of each leg and of the reference after them; the other arrays are room to
    work in.
    """
    kind, leg0, n_legs = t.conditions[c, KIND], t.conditions[c, LEG0], t.conditions[c, N_LEGS]
    p, overlap0 = t.conditions[c, PAIR0], t.conditions[c, OVERLAP0]
    removes = t.conditions[c, REFERENCE] != 0
    for k in range(count):
        i = chosen[k]
        for j in range(n_legs):
            rows[j] = i * lane_slots[t.leg_lane[leg0 + j]]
            kept[j] = masks[t.legs[leg0 + j], i]
        if not removes:
            if kind == COMB:
                passing[i] = distinct(kept, views, n_legs, unions)
            else:
                passing[i] = triple_exists(t.pairs, p, t.tables, at, rows, views, kept)
            continue
        holds = False
        reference = n_legs
        first = i * lane_slots[t.leg_lane[leg0 + reference]]
        rest = np.int64(masks[t.legs[leg0 + reference], i])
        while rest and not holds:
            low = rest & -rest
            rest ^= low
            enough, whole = True, True
            for j in range(n_legs):
                if j > 0 and t.legs[leg0 + j] == t.legs[leg0 + j - 1]:
                    kept[j] = kept[j - 1]
                    continue
                every = np.int64(masks[t.legs[leg0 + j], i])
                mask = every & ~low if views[j] == views[reference] else every
                kept[j] = beside(
                    t.pairs[overlap0 + j], t.tables, at, rows[j], lane_slots[t.leg_lane[leg0 + j]], mask,
                    first + bit_number(low),
                )  # fmt: skip
                whole &= kept[j] == every
                if kept[j] == 0:
                    enough = False
                    break
            if not enough:
                continue
            if whole:
                # The condition is looked at only where it holds but for the removal.
                holds = True
            elif kind == COMB:
                holds = distinct(kept, views, n_legs, unions)
            elif kind == PAIR:
                kept_masks[0, 0], kept_masks[1, 0] = kept[0], kept[1]
                one[0] = 0
                decide_pairs(
                    t.pairs[p], t.tables, at, rows[0], rows[1], lane_slots[t.leg_lane[leg0]],
                    lane_slots[t.leg_lane[leg0 + 1]], views[0] == views[1], kept_masks[0], kept_masks[1],
                    kept_masks[0], one, 1, one,
                )  # fmt: skip
                holds = one[0] != 0
            else:
                holds = triple_exists(t.pairs, p, t.tables, at, rows, views, kept)
        passing[i] = holds
