"""The interpreter of compiled menus; see `layout.Tables` for its arrays."""

import numpy as np
from numba import njit

from trigsim.menu.layout import (
    ANY,
    CHARGES,
    COMB,
    CUTS,
    DETA,
    DPHI,
    DR,
    DR_DOWN,
    DR_UP,
    ETA1,
    ETA1_ADD,
    ETA1_MUL,
    ETA2,
    ETA2_ADD,
    ETA2_MUL,
    EXTERNAL,
    KIND,
    LEG0,
    LIMITS,
    MASS,
    MASS_OVER_DR,
    MASS_T,
    MASS_UPT,
    MAX_LEGS,
    N_LEGS,
    NO_CHARGES,
    OP_AND,
    OP_NOT,
    OP_OR,
    OVERLAP0,
    PAIR,
    PAIR0,
    PAIR_PT,
    PHI1,
    PHI1_ADD,
    PHI1_MUL,
    PHI2,
    PHI2_ADD,
    PHI2_MUL,
    PHI_BINS,
    PT1,
    PT2,
    REFERENCE,
    SAME,
    SIGNAL,
    SIGNAL_BX,
    T_COS,
    T_COS_PHI,
    T_COSH,
    T_DETA,
    T_DPHI,
    T_PT1,
    T_PT2,
    T_SIN_PHI,
    T_UPT1,
    T_UPT2,
    UNIT,
    UPT1,
    UPT2,
    WORD,
)

# Bit number of a power of two below 2**63, by its residue: 2 generates the residues of 67.
BIT_NUMBER = np.full(67, -1, dtype=np.int64)
for _bit in range(63):
    BIT_NUMBER[(1 << _bit) % 67] = _bit

EVERY_SLOT = (1 << 62) - 1


@njit(cache=True, nogil=True)
def pack(source, rows, packed, column, low, high):
    """Copy rows of one field into `packed` (row -1 is empty); return the first row out of low..high, or -1."""
    slots = source.shape[1]
    bad = -1
    for i in range(len(rows)):
        row = rows[i]
        if row < 0:
            for s in range(slots):
                packed[i, column + s] = 0
            continue
        for s in range(slots):
            value = source[row, s]
            packed[i, column + s] = value
            if (value < low or value > high) and bad < 0:
                bad = row
    return bad


@njit(cache=True, nogil=True)
def at_least(mask, count):
    """Whether `mask` has at least `count` bits set."""
    for _ in range(count - 1):
        mask &= mask - 1
    return mask != 0


@njit(cache=True, nogil=True)
def distinct(masks, views, legs, first, n, unions):
    """Whether the n legs can be met by different objects (Hall's condition, for each view)."""
    for i in range(n):
        if masks[i] == 0:
            return False
    if n == 1:
        return True
    for i in range(n):
        view = views[legs[first + i]]
        seen = False
        for j in range(i):
            if views[legs[first + j]] == view:
                seen = True
        if seen:
            continue
        # Legs of this view; mostly their masks are the same or nested, and counting settles it.
        members = 0
        common = masks[i]
        union = 0
        for j in range(i, n):
            if views[legs[first + j]] == view:
                common &= masks[j]
                union |= masks[j]
                members += 1
        if at_least(common, members):
            continue
        if not at_least(union, members):
            return False
        if members == 2:
            continue
        unions[0] = 0
        size = 1
        for j in range(i, n):
            if views[legs[first + j]] != view:
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
def delta_phi(t, columns, packed, p, row1, row2, s1, s2):
    """Bins between the phi of a pair, the short way round."""
    pairs = t.pairs
    phi1 = packed[row1, columns[pairs[p, PHI1]] + s1] * pairs[p, PHI1_MUL] + pairs[p, PHI1_ADD]
    phi2 = packed[row2, columns[pairs[p, PHI2]] + s2] * pairs[p, PHI2_MUL] + pairs[p, PHI2_ADD]
    bins = pairs[p, PHI_BINS]
    difference = abs(phi1 - phi2)
    if 2 * difference >= bins:
        difference = bins - difference
    return difference


@njit(cache=True, nogil=True)
def delta_eta(t, columns, packed, p, row1, row2, s1, s2):
    """Bins between the eta of a pair."""
    pairs = t.pairs
    eta1 = packed[row1, columns[pairs[p, ETA1]] + s1] * pairs[p, ETA1_MUL] + pairs[p, ETA1_ADD]
    eta2 = packed[row2, columns[pairs[p, ETA2]] + s2] * pairs[p, ETA2_MUL] + pairs[p, ETA2_ADD]
    return abs(eta1 - eta2)


@njit(cache=True, nogil=True)
def half_mass(t, columns, packed, p, row1, row2, s1, s2, cut, deta, dphi):
    """Half the squared mass of a pair in units of its tables: invariant, transverse, or with unconstrained pt."""
    pairs, tables = t.pairs, t.tables
    if cut == MASS_UPT:
        pt1 = tables[pairs[p, T_UPT1] + packed[row1, columns[pairs[p, UPT1]] + s1]]
        pt2 = tables[pairs[p, T_UPT2] + packed[row2, columns[pairs[p, UPT2]] + s2]]
    else:
        pt1 = tables[pairs[p, T_PT1] + packed[row1, columns[pairs[p, PT1]] + s1]]
        pt2 = tables[pairs[p, T_PT2] + packed[row2, columns[pairs[p, PT2]] + s2]]
    rise = pairs[p, UNIT] if cut == MASS_T else tables[pairs[p, T_COSH] + deta]
    return pt1 * pt2 * (rise - tables[pairs[p, T_COS] + dphi])


@njit(cache=True, nogil=True)
def squared_pair_pt(t, columns, packed, p, row1, row2, s1, s2):
    """Squared pt of a pair in units of its tables."""
    pairs, tables = t.pairs, t.tables
    phi1 = packed[row1, columns[pairs[p, PHI1]] + s1] * pairs[p, PHI1_MUL] + pairs[p, PHI1_ADD]
    phi2 = packed[row2, columns[pairs[p, PHI2]] + s2] * pairs[p, PHI2_MUL] + pairs[p, PHI2_ADD]
    pt1 = tables[pairs[p, T_PT1] + packed[row1, columns[pairs[p, PT1]] + s1]]
    pt2 = tables[pairs[p, T_PT2] + packed[row2, columns[pairs[p, PT2]] + s2]]
    cosines = tables[pairs[p, T_COS_PHI] + phi1] * tables[pairs[p, T_COS_PHI] + phi2]
    sines = tables[pairs[p, T_SIN_PHI] + phi1] * tables[pairs[p, T_SIN_PHI] + phi2]
    return (pt1 * pt1 + pt2 * pt2) * pairs[p, UNIT] * pairs[p, UNIT] + 2 * pt1 * pt2 * (cosines + sines)


@njit(cache=True, nogil=True)
def within(pairs, p, cut, value):
    """Whether the value lies in the limits of the cut."""
    return pairs[p, LIMITS + 2 * cut] <= value <= pairs[p, LIMITS + 2 * cut + 1]


@njit(cache=True, nogil=True)
def pair_passes(t, columns, packed, p, row1, row2, s1, s2, wanted):
    """Whether a pair meets all its cuts (`wanted` 1) or any of them (`wanted` 0, overlap removal)."""
    pairs, tables = t.pairs, t.tables
    cuts = pairs[p, CUTS]
    deta = 0
    dphi = 0
    if pairs[p, ETA1] >= 0:
        deta = delta_eta(t, columns, packed, p, row1, row2, s1, s2)
    if pairs[p, PHI1] >= 0:
        dphi = delta_phi(t, columns, packed, p, row1, row2, s1, s2)
    dr2 = 0
    if cuts & (1 << DETA):
        if within(pairs, p, DETA, tables[pairs[p, T_DETA] + deta]) != wanted:
            return not wanted
    if cuts & (1 << DPHI):
        if within(pairs, p, DPHI, tables[pairs[p, T_DPHI] + dphi]) != wanted:
            return not wanted
    if cuts & ((1 << DR) | (1 << MASS_OVER_DR)):
        x = tables[pairs[p, T_DETA] + deta]
        y = tables[pairs[p, T_DPHI] + dphi]
        dr2 = x * x + y * y
    if cuts & (1 << DR):
        if within(pairs, p, DR, dr2) != wanted:
            return not wanted
    for cut in (MASS, MASS_UPT, MASS_T):
        if cuts & (1 << cut):
            mass = half_mass(t, columns, packed, p, row1, row2, s1, s2, cut, deta, dphi)
            if within(pairs, p, cut, mass) != wanted:
                return not wanted
    if cuts & (1 << MASS_OVER_DR):
        mass = half_mass(t, columns, packed, p, row1, row2, s1, s2, MASS, deta, dphi)
        low = pairs[p, LIMITS + 2 * MASS_OVER_DR] * dr2 * pairs[p, DR_UP]
        high = pairs[p, LIMITS + 2 * MASS_OVER_DR + 1] * dr2 * pairs[p, DR_UP]
        down = pairs[p, DR_DOWN]
        # mass * down >= low and mass * down <= high, without the product that may not fit.
        if (mass >= -((-low) // down) and mass <= high // down) != wanted:
            return not wanted
    if cuts & (1 << PAIR_PT):
        if within(pairs, p, PAIR_PT, squared_pair_pt(t, columns, packed, p, row1, row2, s1, s2)) != wanted:
            return not wanted
    return wanted


@njit(cache=True, nogil=True)
def pair_exists(t, columns, packed, c, rows, masks, charged):
    """Whether two different objects meet the legs and all cuts of a pair condition."""
    conditions = t.conditions
    first = conditions[c, LEG0]
    leg1, leg2 = t.legs[first], t.legs[first + 1]
    view1, view2 = t.leg_view[leg1], t.leg_view[leg2]
    charges = conditions[c, CHARGES]
    same_view = view1 == view2
    # Every cut is symmetric: with equal legs each pair is looked at once.
    symmetric = same_view and masks[0] == masks[1]
    p = conditions[c, PAIR0]
    rest1 = masks[0]
    while rest1:
        low1 = rest1 & -rest1
        rest1 ^= low1
        rest2 = masks[1]
        if symmetric:
            rest2 = rest1
        elif same_view:
            rest2 &= ~low1
        while rest2:
            low2 = rest2 & -rest2
            rest2 ^= low2
            if charges != NO_CHARGES and not charges_pass(
                charges,
                (charged[0, 0] & low1) != 0 and (charged[0, 1] & low2) != 0,
                (charged[1, 0] & low1) != 0 and (charged[1, 1] & low2) != 0,
                ((charged[0, 0] | charged[1, 0]) & low1) != 0 and ((charged[0, 1] | charged[1, 1]) & low2) != 0,
            ):
                continue
            s1, s2 = BIT_NUMBER[low1 % 67], BIT_NUMBER[low2 % 67]
            if pair_passes(t, columns, packed, p, rows[view1], rows[view2], s1, s2, True):
                return True
    return False


@njit(cache=True, nogil=True)
def charges_pass(charges, all_positive, all_negative, all_valid):
    """Whether a choice of muons has the charges asked for."""
    equal = all_positive or all_negative
    return equal if charges == SAME else all_valid and not equal


@njit(cache=True, nogil=True)
def triple_exists(t, columns, packed, c, rows, masks, charged):
    """Whether three different objects have a mass within the limits."""
    conditions = t.conditions
    first = conditions[c, LEG0]
    leg = t.legs
    v0, v1, v2 = t.leg_view[leg[first]], t.leg_view[leg[first + 1]], t.leg_view[leg[first + 2]]
    charges = conditions[c, CHARGES]
    p = conditions[c, PAIR0]
    rest0 = masks[0]
    while rest0:
        low0 = rest0 & -rest0
        rest0 ^= low0
        s0 = BIT_NUMBER[low0 % 67]
        rest1 = masks[1] & ~low0 if v1 == v0 else masks[1]
        while rest1:
            low1 = rest1 & -rest1
            rest1 ^= low1
            s1 = BIT_NUMBER[low1 % 67]
            mass01 = pair_mass(t, columns, packed, p, rows[v0], rows[v1], s0, s1)
            rest2 = masks[2]
            if v2 == v0:
                rest2 &= ~low0
            if v2 == v1:
                rest2 &= ~low1
            while rest2:
                low2 = rest2 & -rest2
                rest2 ^= low2
                if charges != NO_CHARGES:
                    positive = (
                        (charged[0, 0] & low0) != 0
                        and (charged[0, 1] & low1) != 0
                        and (charged[0, 2] & low2) != 0
                    )
                    negative = (
                        (charged[1, 0] & low0) != 0
                        and (charged[1, 1] & low1) != 0
                        and (charged[1, 2] & low2) != 0
                    )
                    valid = (
                        ((charged[0, 0] | charged[1, 0]) & low0) != 0
                        and ((charged[0, 1] | charged[1, 1]) & low1) != 0
                        and ((charged[0, 2] | charged[1, 2]) & low2) != 0
                    )
                    if not charges_pass(charges, positive, negative, valid):
                        continue
                s2 = BIT_NUMBER[low2 % 67]
                mass = mass01 + pair_mass(t, columns, packed, p + 1, rows[v0], rows[v2], s0, s2)
                mass += pair_mass(t, columns, packed, p + 2, rows[v1], rows[v2], s1, s2)
                if within(t.pairs, p, MASS, mass):
                    return True
    return False


@njit(cache=True, nogil=True)
def pair_mass(t, columns, packed, p, row1, row2, s1, s2):
    """Half the squared invariant mass of a pair."""
    deta = delta_eta(t, columns, packed, p, row1, row2, s1, s2)
    dphi = delta_phi(t, columns, packed, p, row1, row2, s1, s2)
    return half_mass(t, columns, packed, p, row1, row2, s1, s2, MASS, deta, dphi)


@njit(cache=True, nogil=True)
def comb_exists(t, c, masks, charged, work, unions):
    """Whether different objects meet the legs, with the charges asked for."""
    first, n, charges = t.conditions[c, LEG0], t.conditions[c, N_LEGS], t.conditions[c, CHARGES]
    if charges == NO_CHARGES:
        return distinct(masks, t.leg_view, t.legs, first, n, unions)
    if charges == SAME:
        for sign in range(2):
            for i in range(n):
                work[i] = masks[i] & charged[sign, i]
            if distinct(work, t.leg_view, t.legs, first, n, unions):
                return True
        return False
    # Not all equal: some leg is met by a positive and another by a negative muon.
    for a in range(n):
        for b in range(n):
            if a == b or t.view_positive[t.leg_view[t.legs[first + a]]] < 0:
                continue
            if t.view_positive[t.leg_view[t.legs[first + b]]] < 0:
                continue
            for i in range(n):
                work[i] = masks[i] & (charged[0, i] | charged[1, i])
            work[a] = masks[a] & charged[0, a]
            work[b] = masks[b] & charged[1, b]
            if distinct(work, t.leg_view, t.legs, first, n, unions):
                return True
    return False


@njit(cache=True, nogil=True)
def objects_exist(t, columns, packed, c, rows, masks, charged, work, unions):
    """Whether the condition holds for the slots in `masks`."""
    kind = t.conditions[c, KIND]
    if kind == PAIR:
        return pair_exists(t, columns, packed, c, rows, masks, charged)
    if kind == COMB:
        return comb_exists(t, c, masks, charged, work, unions)
    return triple_exists(t, columns, packed, c, rows, masks, charged)


@njit(cache=True, nogil=True)
def without_overlap(t, columns, packed, c, rows, leg_masks, masks, charged, kept, work, unions):
    """Whether the condition holds among objects that do not overlap with one reference object."""
    conditions = t.conditions
    first, n = conditions[c, LEG0], conditions[c, N_LEGS]
    reference = conditions[c, REFERENCE]
    ref_view = t.leg_view[reference]
    rest_r = leg_masks[reference]
    while rest_r:
        low_r = rest_r & -rest_r
        rest_r ^= low_r
        r = BIT_NUMBER[low_r % 67]
        for i in range(n):
            view = t.leg_view[t.legs[first + i]]
            p = conditions[c, OVERLAP0] + i
            rest = masks[i] & ~low_r if view == ref_view else masks[i]
            kept[i] = 0
            while rest:
                low = rest & -rest
                rest ^= low
                s = BIT_NUMBER[low % 67]
                if not pair_passes(t, columns, packed, p, rows[view], rows[ref_view], s, r, False):
                    kept[i] |= low
        if objects_exist(t, columns, packed, c, rows, kept, charged, work, unions):
            return True
    return False


@njit(cache=True, nogil=True)
def fill_masks(t, columns, slots, packed, rows, leg_masks, any_slot, position):
    """Find, for every leg, the slots that meet it (`leg_masks`) or whether any does (`any_slot`)."""
    for v in range(len(t.view_object)):
        row = rows[v]
        field0, field1 = t.view_field0[v], t.view_field0[v + 1]
        words, word0 = t.view_words[v], t.view_word0[v]
        for s in range(slots[t.view_object[v]]):
            alive = True
            for f in range(field0, field1):
                value = packed[row, columns[t.cut_field[f]] + s]
                if t.cut_lut[f] >= 0:
                    rank = t.lut[t.cut_lut[f] + value - t.cut_lowest[f]]
                else:
                    rank = 0
                    size = t.cut_bounds[f]
                    while size > 0:
                        half = (size + 1) // 2
                        if t.bounds[t.cut_bound0[f] + rank + half - 1] <= value:
                            rank += half
                            size -= half
                        else:
                            size = half - 1
                position[f - field0] = t.cut_bits[f] + rank * words
                if f == field0:
                    # The threshold comes first: most objects are below all of them.
                    alive = False
                    for w in range(words):
                        if t.bits[position[0] + w] != 0:
                            alive = True
                    if not alive:
                        break
            if not alive:
                continue
            for w in range(words):
                passed = t.bits[position[0] + w]
                for k in range(1, field1 - field0):
                    passed &= t.bits[position[k] + w]
                any_slot[word0 + w] |= passed
                passed &= t.need[word0 + w]
                while passed:
                    low = passed & -passed
                    passed ^= low
                    leg_masks[(word0 + w) * WORD + BIT_NUMBER[low % 67]] |= 1 << s


@njit(cache=True, nogil=True)
def decide(t, columns, slots, packed, externals, first_row, independent, out):
    """Decide all algorithms of consecutive crossings.

    Row i of `out` is crossing ``first_row + i`` of `packed`, whose last row is empty; crossings at an offset
    are that row where crossings are `independent`.
    """
    n_conditions = len(t.conditions)
    n_algorithms = len(t.program0) - 1
    empty = packed.shape[0] - 1
    leg_masks = np.zeros(len(t.leg_view), dtype=np.int64)
    any_slot = np.zeros(len(t.need), dtype=np.int64)
    rows = np.zeros(len(t.view_object), dtype=np.int64)
    position = np.zeros(64, dtype=np.int64)
    masks = np.zeros(MAX_LEGS, dtype=np.int64)
    kept = np.zeros(MAX_LEGS, dtype=np.int64)
    work = np.zeros(MAX_LEGS, dtype=np.int64)
    charged = np.zeros((2, MAX_LEGS), dtype=np.int64)
    unions = np.zeros(1 << MAX_LEGS, dtype=np.int64)
    result = np.zeros(n_conditions, dtype=np.bool_)
    stack = np.zeros(len(t.program) + 1, dtype=np.bool_)
    for i in range(out.shape[0]):
        row = first_row + i
        leg_masks[:] = 0
        any_slot[:] = 0
        for v in range(len(rows)):
            rows[v] = empty if independent and t.view_bx[v] != 0 else row + t.view_bx[v]
        fill_masks(t, columns, slots, packed, rows, leg_masks, any_slot, position)
        for c in range(n_conditions):
            kind = t.conditions[c, KIND]
            leg0 = t.conditions[c, LEG0]
            if kind == ANY:
                leg = t.legs[leg0]
                result[c] = (any_slot[leg // WORD] >> (leg % WORD)) & 1
                continue
            if kind == EXTERNAL:
                bx, signal = t.conditions[c, SIGNAL_BX], t.conditions[c, SIGNAL]
                at = empty if independent and bx != 0 else row + bx
                result[c] = (externals[at, signal // 64] >> (signal % 64)) & 1
                continue
            n = t.conditions[c, N_LEGS]
            possible = True
            for k in range(n):
                masks[k] = leg_masks[t.legs[leg0 + k]]
                if masks[k] == 0:
                    possible = False
                    break
            if not possible:
                result[c] = False
                continue
            if t.conditions[c, CHARGES] != NO_CHARGES:
                for k in range(n):
                    view = t.leg_view[t.legs[leg0 + k]]
                    if t.view_positive[view] >= 0:
                        charged[0, k] = leg_masks[t.view_positive[view]]
                        charged[1, k] = leg_masks[t.view_negative[view]]
                    else:
                        charged[0, k] = EVERY_SLOT
                        charged[1, k] = EVERY_SLOT
            if t.conditions[c, REFERENCE] >= 0:
                result[c] = without_overlap(
                    t, columns, packed, c, rows, leg_masks, masks, charged, kept, work, unions
                )
            else:
                result[c] = objects_exist(t, columns, packed, c, rows, masks, charged, work, unions)
        for a in range(n_algorithms):
            top = 0
            for k in range(t.program0[a], t.program0[a + 1]):
                op = t.program[k]
                if op >= 0:
                    stack[top] = result[op]
                    top += 1
                elif op == OP_NOT:
                    stack[top - 1] = not stack[top - 1]
                else:
                    top -= 1
                    if op == OP_AND:
                        stack[top - 1] = stack[top - 1] and stack[top]
                    elif op == OP_OR:
                        stack[top - 1] = stack[top - 1] or stack[top]
                    else:
                        stack[top - 1] = stack[top - 1] != stack[top]
            out[i, a] = stack[0]
