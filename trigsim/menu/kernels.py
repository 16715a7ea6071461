# mypy: ignore-errors
"""The interpreter of compiled menus; see `layout.Tables` for its arrays.

Crossings are walked side by side in blocks: everything that is the same for all of them is read once a block,
and the loops over crossings are plain enough for the compiler to vectorise.
"""

import numpy as np
from numba import njit

from trigsim.menu.layout import (
    BLOCK,
    CHARGES,
    COMB,
    COUNT,
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
    PT_UNIT,
    REFERENCE,
    SAME,
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
    TRIPLE,
    UNIT,
    UPT1,
    UPT2,
)

# Bit number of a power of two below 2**63, by its residue: 2 generates the residues of 67.
BIT_NUMBER = np.full(67, -1, dtype=np.int64)
for _bit in range(63):
    BIT_NUMBER[(1 << _bit) % 67] = _bit

# The eight bits of a byte as eight bytes.
BYTES = (
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").view(np.uint64)[:, 0].copy()
)

EVERY_SLOT = (1 << 62) - 1


@njit(cache=True, nogil=True)
def pack(source, first, wrap, packed, column, at, low, high):
    """Copy rows of one field into rows of `packed`, one a slot; say whether any number is out of low..high.

    Entry i is row ``first + i`` of `source`; rows beyond its ends are empty, or come round again (`wrap`).
    """
    n, slots = source.shape
    bad = False
    for s in range(slots):
        into = packed[column + s]
        if first >= 0 and first + at <= n:
            part = source[first : first + at, s]
            for i in range(at):
                into[i] = part[i]
        else:
            for i in range(at):
                row = (first + i) % n if wrap else first + i
                into[i] = source[row, s] if 0 <= row < n else 0
        least, most = into[0], into[0]
        for i in range(at):
            least = min(least, into[i])
            most = max(most, into[i])
        bad |= least < low or most > high
        into[at:] = 0
    return bad


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
def comb_exists(charges, views, signed, n, masks, charged, work, unions):
    """Whether different objects meet the legs, with the charges asked for; `signed` legs have a charge."""
    if charges == NO_CHARGES:
        return distinct(masks, views, n, unions)
    if charges == SAME:
        for sign in range(2):
            for i in range(n):
                work[i] = masks[i] & charged[sign, i]
            if distinct(work, views, n, unions):
                return True
        return False
    # Not all equal: some leg is met by a positive and another by a negative muon.
    for a in range(n):
        for b in range(n):
            if a == b or not signed[a] or not signed[b]:
                continue
            for i in range(n):
                work[i] = masks[i] & (charged[0, i] | charged[1, i])
            work[a] = masks[a] & charged[0, a]
            work[b] = masks[b] & charged[1, b]
            if distinct(work, views, n, unions):
                return True
    return False


@njit(cache=True, nogil=True)
def short_way(phi1, phi2, bins):
    """Bins between two phi."""
    difference = abs(phi1 - phi2)
    return bins - difference if 2 * difference >= bins else difference


@njit(cache=True, nogil=True)
def pair_passes(pair, tables, columns, packed, at1, at2, s1, s2):
    """Whether a pair meets all its cuts."""
    cuts = pair[CUTS]
    deta, dphi = 0, 0
    if pair[ETA1] >= 0:
        eta1 = packed[columns[pair[ETA1]] + s1, at1] * pair[ETA1_MUL] + pair[ETA1_ADD]
        eta2 = packed[columns[pair[ETA2]] + s2, at2] * pair[ETA2_MUL] + pair[ETA2_ADD]
        deta = abs(eta1 - eta2)
        if cuts & (1 << DETA):
            value = tables[pair[T_DETA] + deta]
            if not pair[LIMITS + 2 * DETA] <= value <= pair[LIMITS + 2 * DETA + 1]:
                return False
    if pair[PHI1] < 0:
        return True
    phi1 = packed[columns[pair[PHI1]] + s1, at1] * pair[PHI1_MUL] + pair[PHI1_ADD]
    phi2 = packed[columns[pair[PHI2]] + s2, at2] * pair[PHI2_MUL] + pair[PHI2_ADD]
    dphi = short_way(phi1, phi2, pair[PHI_BINS])
    if cuts & (1 << DPHI):
        value = tables[pair[T_DPHI] + dphi]
        if not pair[LIMITS + 2 * DPHI] <= value <= pair[LIMITS + 2 * DPHI + 1]:
            return False
    dr2 = 0
    if cuts & ((1 << DR) | (1 << MASS_OVER_DR)):
        x = tables[pair[T_DETA] + deta]
        y = tables[pair[T_DPHI] + dphi]
        dr2 = x * x + y * y
        if cuts & (1 << DR):
            if not pair[LIMITS + 2 * DR] <= dr2 <= pair[LIMITS + 2 * DR + 1]:
                return False
    if pair[PT1] >= 0:
        pt1 = tables[pair[T_PT1] + packed[columns[pair[PT1]] + s1, at1]]
        pt2 = tables[pair[T_PT2] + packed[columns[pair[PT2]] + s2, at2]]
        cos = tables[pair[T_COS] + dphi]
        if cuts & (1 << MASS):
            value = pt1 * pt2 * (tables[pair[T_COSH] + deta] - cos)
            if not pair[LIMITS + 2 * MASS] <= value <= pair[LIMITS + 2 * MASS + 1]:
                return False
        if cuts & (1 << MASS_T):
            value = pt1 * pt2 * (pair[UNIT] - cos)
            if not pair[LIMITS + 2 * MASS_T] <= value <= pair[LIMITS + 2 * MASS_T + 1]:
                return False
        if cuts & (1 << MASS_OVER_DR):
            # mass * down against limit * dr2 * up, without the product that may not fit.
            value = pt1 * pt2 * (tables[pair[T_COSH] + deta] - cos)
            down = pair[DR_DOWN]
            low = pair[LIMITS + 2 * MASS_OVER_DR] * dr2 * pair[DR_UP]
            high = pair[LIMITS + 2 * MASS_OVER_DR + 1] * dr2 * pair[DR_UP]
            if not -((-low) // down) <= value <= high // down:
                return False
        if cuts & (1 << PAIR_PT):
            cosines = tables[pair[T_COS_PHI] + phi1] * tables[pair[T_COS_PHI] + phi2]
            sines = tables[pair[T_SIN_PHI] + phi1] * tables[pair[T_SIN_PHI] + phi2]
            value = (pt1 * pt1 + pt2 * pt2) * pair[PT_UNIT] * pair[PT_UNIT] + 2 * pt1 * pt2 * (cosines + sines)
            if not pair[LIMITS + 2 * PAIR_PT] <= value <= pair[LIMITS + 2 * PAIR_PT + 1]:
                return False
    if cuts & (1 << MASS_UPT):
        upt1 = tables[pair[T_UPT1] + packed[columns[pair[UPT1]] + s1, at1]]
        upt2 = tables[pair[T_UPT2] + packed[columns[pair[UPT2]] + s2, at2]]
        value = upt1 * upt2 * (tables[pair[T_COSH] + deta] - tables[pair[T_COS] + dphi])
        if not pair[LIMITS + 2 * MASS_UPT] <= value <= pair[LIMITS + 2 * MASS_UPT + 1]:
            return False
    return True


@njit(cache=True, nogil=True)
def charges_pass(charges, positive, negative, valid):
    """Whether muons have the charges asked for, given whether all are positive, negative, valid."""
    return positive or negative if charges == SAME else valid and not (positive or negative)


@njit(cache=True, nogil=True)
def partners(charges, low1, positive1, negative1, positive2, negative2):
    """Slots of the second leg whose charge goes with that of slot `low1` of the first."""
    plus, minus = (positive1 & low1) != 0, (negative1 & low1) != 0
    if charges == SAME:
        return (positive2 if plus else 0) | (negative2 if minus else 0)
    # Opposite charges are asked for of two muons only: both legs have a charge.
    return (negative2 if plus else 0) | (positive2 if minus else 0)


@njit(cache=True, nogil=True)
def pair_exists(pair, tables, columns, packed, at1, at2, same_view, charges, masks, charged):
    """Whether two different objects meet the legs and all cuts of a pair condition."""
    rest1 = masks[0]
    while rest1:
        low1 = rest1 & -rest1
        rest1 ^= low1
        rest2 = masks[1] & ~low1 if same_view else masks[1]
        if charges != NO_CHARGES:
            rest2 &= partners(charges, low1, charged[0, 0], charged[1, 0], charged[0, 1], charged[1, 1])
        while rest2:
            low2 = rest2 & -rest2
            rest2 ^= low2
            s1, s2 = BIT_NUMBER[low1 % 67], BIT_NUMBER[low2 % 67]
            if pair_passes(pair, tables, columns, packed, at1, at2, s1, s2):
                return True
    return False


@njit(cache=True, nogil=True)
def pair_mass(pair, tables, columns, packed, at1, at2, s1, s2):
    """Half the squared invariant mass of a pair."""
    eta1 = packed[columns[pair[ETA1]] + s1, at1] * pair[ETA1_MUL] + pair[ETA1_ADD]
    eta2 = packed[columns[pair[ETA2]] + s2, at2] * pair[ETA2_MUL] + pair[ETA2_ADD]
    phi1 = packed[columns[pair[PHI1]] + s1, at1] * pair[PHI1_MUL] + pair[PHI1_ADD]
    phi2 = packed[columns[pair[PHI2]] + s2, at2] * pair[PHI2_MUL] + pair[PHI2_ADD]
    pt1 = tables[pair[T_PT1] + packed[columns[pair[PT1]] + s1, at1]]
    pt2 = tables[pair[T_PT2] + packed[columns[pair[PT2]] + s2, at2]]
    dphi = short_way(phi1, phi2, pair[PHI_BINS])
    return pt1 * pt2 * (tables[pair[T_COSH] + abs(eta1 - eta2)] - tables[pair[T_COS] + dphi])


@njit(cache=True, nogil=True)
def triple_exists(pairs, p, tables, columns, packed, places, views, charges, masks, charged):
    """Whether three different objects have a mass within the limits."""
    low_limit, high_limit = pairs[p, LIMITS + 2 * MASS], pairs[p, LIMITS + 2 * MASS + 1]
    rest0 = masks[0]
    while rest0:
        low0 = rest0 & -rest0
        rest0 ^= low0
        s0 = BIT_NUMBER[low0 % 67]
        rest1 = masks[1] & ~low0 if views[1] == views[0] else masks[1]
        while rest1:
            low1 = rest1 & -rest1
            rest1 ^= low1
            s1 = BIT_NUMBER[low1 % 67]
            mass01 = pair_mass(pairs[p], tables, columns, packed, places[0], places[1], s0, s1)
            rest2 = masks[2]
            if views[2] == views[0]:
                rest2 &= ~low0
            if views[2] == views[1]:
                rest2 &= ~low1
            while rest2:
                low2 = rest2 & -rest2
                rest2 ^= low2
                if charges != NO_CHARGES:
                    plus = (
                        (charged[0, 0] & low0) != 0 and (charged[0, 1] & low1) != 0 and (charged[0, 2] & low2) != 0
                    )
                    minus = (
                        (charged[1, 0] & low0) != 0 and (charged[1, 1] & low1) != 0 and (charged[1, 2] & low2) != 0
                    )
                    valid = (
                        ((charged[0, 0] | charged[1, 0]) & low0) != 0
                        and ((charged[0, 1] | charged[1, 1]) & low1) != 0
                        and ((charged[0, 2] | charged[1, 2]) & low2) != 0
                    )
                    if not charges_pass(charges, plus, minus, valid):
                        continue
                s2 = BIT_NUMBER[low2 % 67]
                mass = mass01 + pair_mass(pairs[p + 1], tables, columns, packed, places[0], places[2], s0, s2)
                mass += pair_mass(pairs[p + 2], tables, columns, packed, places[1], places[2], s1, s2)
                if low_limit <= mass <= high_limit:
                    return True
    return False


@njit(cache=True, nogil=True)
def decide_pairs(
    pairs, p, tables, columns, packed, start1, start2, same_view, charges,
    masks, m1, m2, plus1, minus1, plus2, minus2, wanted,
):  # fmt: skip
    """Do what `pair_exists` does for the crossings in `wanted`, with the cuts read once; return those that pass.

    `m1` and `m2` are the rows of `masks` of the two legs; `plus1`, … those of the positive and negative muons
    among their objects, -1 for legs without charge.
    """
    pair = pairs[p]
    passing = 0
    cuts = pair[CUTS]
    has_eta, has_phi, has_pt = pair[ETA1] >= 0, pair[PHI1] >= 0, pair[PT1] >= 0
    cut_deta, cut_dphi, cut_dr = (cuts >> DETA) & 1 != 0, (cuts >> DPHI) & 1 != 0, (cuts >> DR) & 1 != 0
    cut_mass, cut_mass_t = (cuts >> MASS) & 1 != 0, (cuts >> MASS_T) & 1 != 0
    rare = cuts & ((1 << MASS_UPT) | (1 << MASS_OVER_DR) | (1 << PAIR_PT)) != 0
    eta1_row = columns[pair[ETA1]] if has_eta else 0
    eta2_row = columns[pair[ETA2]] if has_eta else 0
    phi1_row = columns[pair[PHI1]] if has_phi else 0
    phi2_row = columns[pair[PHI2]] if has_phi else 0
    pt1_row = columns[pair[PT1]] if has_pt else 0
    pt2_row = columns[pair[PT2]] if has_pt else 0
    eta1_mul, eta1_add, eta2_mul, eta2_add = pair[ETA1_MUL], pair[ETA1_ADD], pair[ETA2_MUL], pair[ETA2_ADD]
    phi1_mul, phi1_add, phi2_mul, phi2_add = pair[PHI1_MUL], pair[PHI1_ADD], pair[PHI2_MUL], pair[PHI2_ADD]
    bins, unit = pair[PHI_BINS], pair[UNIT]
    t_deta, t_dphi, t_cosh, t_cos = pair[T_DETA], pair[T_DPHI], pair[T_COSH], pair[T_COS]
    t_pt1, t_pt2 = pair[T_PT1], pair[T_PT2]
    deta_low, deta_high = pair[LIMITS + 2 * DETA], pair[LIMITS + 2 * DETA + 1]
    dphi_low, dphi_high = pair[LIMITS + 2 * DPHI], pair[LIMITS + 2 * DPHI + 1]
    dr_low, dr_high = pair[LIMITS + 2 * DR], pair[LIMITS + 2 * DR + 1]
    mass_low, mass_high = pair[LIMITS + 2 * MASS], pair[LIMITS + 2 * MASS + 1]
    mass_t_low, mass_t_high = pair[LIMITS + 2 * MASS_T], pair[LIMITS + 2 * MASS_T + 1]
    while wanted:
        crossing = wanted & -wanted
        wanted ^= crossing
        i = BIT_NUMBER[crossing % 67]
        at1, at2 = start1 + i, start2 + i
        rest1, all2 = masks[m1, i], masks[m2, i]
        # Every cut is symmetric: with equal legs each pair is looked at once.
        symmetric = same_view and rest1 == all2
        found = False
        eta1 = 0
        phi1 = 0
        pt1 = 0
        while rest1 and not found:
            low1 = rest1 & -rest1
            rest1 ^= low1
            s1 = BIT_NUMBER[low1 % 67]
            rest2 = rest1 if symmetric else all2
            if same_view:
                rest2 &= ~low1
            if charges != NO_CHARGES:
                rest2 &= partners(
                    charges, low1,
                    masks[plus1, i] if plus1 >= 0 else EVERY_SLOT, masks[minus1, i] if minus1 >= 0 else EVERY_SLOT,
                    masks[plus2, i] if plus2 >= 0 else EVERY_SLOT, masks[minus2, i] if minus2 >= 0 else EVERY_SLOT,
                )  # fmt: skip
            if rest2 == 0:
                continue
            if has_eta:
                eta1 = packed[eta1_row + s1, at1] * eta1_mul + eta1_add
            if has_phi:
                phi1 = packed[phi1_row + s1, at1] * phi1_mul + phi1_add
            if has_pt:
                pt1 = tables[t_pt1 + packed[pt1_row + s1, at1]]
            while rest2:
                low2 = rest2 & -rest2
                rest2 ^= low2
                s2 = BIT_NUMBER[low2 % 67]
                deta = 0
                if has_eta:
                    deta = abs(eta1 - (packed[eta2_row + s2, at2] * eta2_mul + eta2_add))
                    if cut_deta and not (deta_low <= tables[t_deta + deta] <= deta_high):
                        continue
                if has_phi:
                    dphi = abs(phi1 - (packed[phi2_row + s2, at2] * phi2_mul + phi2_add))
                    if 2 * dphi >= bins:
                        dphi = bins - dphi
                    if cut_dphi and not (dphi_low <= tables[t_dphi + dphi] <= dphi_high):
                        continue
                    if cut_dr:
                        x, y = tables[t_deta + deta], tables[t_dphi + dphi]
                        if not (dr_low <= x * x + y * y <= dr_high):
                            continue
                    if cut_mass or cut_mass_t:
                        product = pt1 * tables[t_pt2 + packed[pt2_row + s2, at2]]
                        cos = tables[t_cos + dphi]
                        if cut_mass and not (mass_low <= product * (tables[t_cosh + deta] - cos) <= mass_high):
                            continue
                        if cut_mass_t and not (mass_t_low <= product * (unit - cos) <= mass_t_high):
                            continue
                    if rare and not pair_passes(pair, tables, columns, packed, at1, at2, s1, s2):
                        continue
                found = True
                break
        if found:
            passing |= crossing
    return passing


@njit(cache=True, nogil=True)
def kept_slots(pairs, p, tables, columns, packed, at1, at2, mask, r):
    """Slots of `mask` that do not overlap with slot r of the reference, in delta eta, delta phi or delta R."""
    pair = pairs[p]
    cuts = pair[CUTS]
    has_eta, has_phi = pair[ETA1] >= 0, pair[PHI1] >= 0
    eta1_row = columns[pair[ETA1]] if has_eta else 0
    phi1_row = columns[pair[PHI1]] if has_phi else 0
    eta2 = packed[columns[pair[ETA2]] + r, at2] * pair[ETA2_MUL] + pair[ETA2_ADD] if has_eta else 0
    phi2 = packed[columns[pair[PHI2]] + r, at2] * pair[PHI2_MUL] + pair[PHI2_ADD] if has_phi else 0
    kept = 0
    while mask:
        low = mask & -mask
        mask ^= low
        s = BIT_NUMBER[low % 67]
        x, y = 0, 0
        if has_eta:
            x = tables[pair[T_DETA] + abs(packed[eta1_row + s, at1] * pair[ETA1_MUL] + pair[ETA1_ADD] - eta2)]
        if has_phi:
            phi1 = packed[phi1_row + s, at1] * pair[PHI1_MUL] + pair[PHI1_ADD]
            y = tables[pair[T_DPHI] + short_way(phi1, phi2, pair[PHI_BINS])]
        overlaps = (
            (cuts & (1 << DETA) and pair[LIMITS + 2 * DETA] <= x <= pair[LIMITS + 2 * DETA + 1])
            or (cuts & (1 << DPHI) and pair[LIMITS + 2 * DPHI] <= y <= pair[LIMITS + 2 * DPHI + 1])
            or (cuts & (1 << DR) and pair[LIMITS + 2 * DR] <= x * x + y * y <= pair[LIMITS + 2 * DR + 1])
        )
        if not overlaps:
            kept |= low
    return kept


@njit(cache=True, nogil=True)
def rank_of(value, bounds, first, size):
    """How many of the sorted bounds are at most `value`."""
    rank = 0
    while size > 0:
        half = (size + 1) // 2
        if bounds[first + rank + half - 1] <= value:
            rank += half
            size -= half
        else:
            size = half - 1
    return rank


@njit(cache=True, nogil=True)
def empty_slot(t, columns, packed, v, w, s, start, n):
    """Whether the first field (pt, if there is one) is zero in a whole block and zero meets no leg of the word."""
    f = t.view_field0[v]
    size = t.cut_size[f]
    if size == 0 or t.bits[t.cut_bits[f] + w * size - t.cut_lowest[f]] != 0:
        return False
    values = packed[columns[t.cut_field[f]] + s]
    busy = 0
    for i in range(n):
        busy |= values[start + i]
    return busy == 0


@njit(cache=True, nogil=True)
def fill_state(t, columns, slots, packed, starts, state, slot_bits, n):
    """For each object the legs that all its fields pass, and for each leg whether 1, 2, … objects meet it."""
    bits, bounds, columns_of = t.bits, t.bounds, columns
    row = 0
    for v in range(len(t.view_object)):
        words, start = t.view_words[v], starts[v]
        for level in range(t.view_levels[v] * words):
            state[t.view_row[v] + level, :n] = 0
        for s in range(slots[t.view_object[v]]):
            for w in range(words):
                legs = slot_bits[row]
                row += 1
                if empty_slot(t, columns, packed, v, w, s, start, n):
                    legs[:n] = 0
                    continue
                for f in range(t.view_field0[v], t.view_field0[v + 1]):
                    # The first field sets the bits; others matter where legs of the word cut on them.
                    if f != t.view_field0[v] and (t.cut_words[f] >> w) & 1 == 0:
                        continue
                    values = packed[columns_of[t.cut_field[f]] + s]
                    size = t.cut_size[f]
                    if size > 0:
                        offset = t.cut_bits[f] + w * size - t.cut_lowest[f]
                        if f == t.view_field0[v]:
                            for i in range(n):
                                legs[i] = bits[offset + values[start + i]]
                        else:
                            for i in range(n):
                                legs[i] &= bits[offset + values[start + i]]
                    else:
                        offset = t.cut_bits[f] + w * (t.cut_bounds[f] + 1)
                        for i in range(n):
                            rank = rank_of(values[start + i], bounds, t.cut_bound0[f], t.cut_bounds[f])
                            passed = bits[offset + rank]
                            legs[i] = passed if f == t.view_field0[v] else legs[i] & passed
                for level in range(t.view_levels[v] - 1, 0, -1):
                    more, less = (
                        state[t.view_row[v] + level * words + w],
                        state[t.view_row[v] + (level - 1) * words + w],
                    )
                    for i in range(n):
                        more[i] |= less[i] & legs[i]
                once = state[t.view_row[v] + w]
                for i in range(n):
                    once[i] |= legs[i]


@njit(cache=True, nogil=True)
def fill_masks(t, slots, slot_bits, slot_row, masks, n):
    """For each leg of conditions that look at objects, the slots that meet it."""
    for m in range(len(t.mask_view)):
        view, word, bit = t.mask_view[m], t.mask_word[m], t.mask_bit[m]
        words = t.view_words[view]
        mask = masks[m]
        mask[:n] = 0
        for s in range(slots[t.view_object[view]]):
            legs = slot_bits[slot_row[view] + s * words + word]
            for i in range(n):
                mask[i] |= ((legs[i] >> bit) & 1) << s


@njit(cache=True, nogil=True)
def decide_objects(
    conditions, c, pairs, tables, mask_view, legs, leg_positive, leg_negative,
    columns, packed, starts, masks, wanted, charged, scratch, signed, unions,
):  # fmt: skip
    """Decide a condition that looks at objects, for the crossings in `wanted`; return those that pass."""
    leg, kept, work, views, places = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    kind, leg0, n_legs = conditions[c, KIND], conditions[c, LEG0], conditions[c, N_LEGS]
    charges, reference, p = conditions[c, CHARGES], conditions[c, REFERENCE], conditions[c, PAIR0]
    for k in range(n_legs):
        views[k] = mask_view[legs[leg0 + k]]
        signed[k] = leg_positive[leg0 + k] >= 0
    same_view = n_legs == 2 and views[0] == views[1]
    pair = pairs[p if kind == PAIR else 0]
    passing = 0
    while wanted:
        crossing = wanted & -wanted
        wanted ^= crossing
        i = BIT_NUMBER[crossing % 67]
        for k in range(n_legs):
            leg[k] = masks[legs[leg0 + k], i]
            places[k] = starts[views[k]] + i
        if charges != NO_CHARGES:
            for k in range(n_legs):
                charged[0, k] = EVERY_SLOT
                charged[1, k] = EVERY_SLOT
                if signed[k]:
                    charged[0, k] = masks[leg_positive[leg0 + k], i]
                    charged[1, k] = masks[leg_negative[leg0 + k], i]
        # Without the removal of overlaps the condition is weaker, and cheaper; for combinations counting did it.
        holds = True
        if kind == COMB and reference < 0:
            holds = comb_exists(charges, views, signed, n_legs, leg, charged, work, unions)
        elif kind == TRIPLE:
            holds = triple_exists(pairs, p, tables, columns, packed, places, views, charges, leg, charged)
        if holds and reference >= 0:
            holds = False
            ref_view = mask_view[reference]
            rest = masks[reference, i]
            while rest and not holds:
                low = rest & -rest
                rest ^= low
                for k in range(n_legs):
                    if k > 0 and legs[leg0 + k] == legs[leg0 + k - 1]:
                        kept[k] = kept[k - 1]
                        continue
                    kept[k] = kept_slots(
                        pairs, conditions[c, OVERLAP0] + k, tables, columns, packed,
                        places[k], starts[ref_view] + i,
                        leg[k] & ~low if views[k] == ref_view else leg[k], BIT_NUMBER[low % 67],
                    )  # fmt: skip
                if kind == PAIR:
                    holds = pair_exists(
                        pair, tables, columns, packed, places[0], places[1], same_view, charges, kept, charged
                    )
                elif kind == COMB:
                    holds = comb_exists(charges, views, signed, n_legs, kept, charged, work, unions)
                else:
                    holds = triple_exists(pairs, p, tables, columns, packed, places, views, charges, kept, charged)
        if holds:
            passing |= crossing
    return passing


@njit(cache=True, nogil=True)
def decide(t, columns, slots, packed, externals, before, n_rows, independent, out):
    """Decide all algorithms of `n_rows` crossings into ``out[algorithm, crossing // 8]``, a byte for each crossing.

    Crossing i is entry ``before + i`` of the rows of `packed` and `externals`, whose last BLOCK entries are empty:
    crossings at an offset are found there where crossings are `independent`.
    """
    n_views = len(t.view_object)
    empty = packed.shape[1] - BLOCK
    starts = np.zeros(n_views, dtype=np.int64)
    slot_row = np.zeros(n_views, dtype=np.int64)
    n_slots = 0
    for v in range(n_views):
        slot_row[v] = n_slots
        n_slots += slots[t.view_object[v]] * t.view_words[v]
    state = np.zeros((t.n_rows[0], BLOCK), dtype=np.int64)
    slot_bits = np.zeros((n_slots, BLOCK), dtype=np.int64)
    masks = np.zeros((len(t.mask_view), BLOCK), dtype=np.int64)
    # Terms, then results of conditions: a bit for each crossing of the block.
    n_terms = len(t.term_row)
    values = np.zeros(n_terms + len(t.conditions), dtype=np.int64)
    stack = np.zeros(len(t.program) + 1, dtype=np.int64)
    scratch = np.zeros((5, MAX_LEGS), dtype=np.int64)
    charged = np.zeros((2, MAX_LEGS), dtype=np.int64)
    signed = np.zeros(MAX_LEGS, dtype=np.bool_)
    unions = np.zeros(1 << MAX_LEGS, dtype=np.int64)
    conditions, pairs, tables, mask_view, legs = t.conditions, t.pairs, t.tables, t.mask_view, t.legs
    plus, minus, program, program0 = t.leg_positive, t.leg_negative, t.program, t.program0
    need, need0 = t.need, t.need0
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        every = (1 << n) - 1
        here = before + first
        for v in range(n_views):
            starts[v] = empty if independent and t.view_bx[v] != 0 else here + t.view_bx[v]
        fill_state(t, columns, slots, packed, starts, state, slot_bits, n)
        for e in range(len(t.signal_word)):
            start = empty if independent and t.signal_bx[e] != 0 else here + t.signal_bx[e]
            state[t.signal_row[e], :n] = externals[t.signal_word[e], start : start + n]
        fill_masks(t, slots, slot_bits, slot_row, masks, n)
        for k in range(n_terms):
            source, bit = state[t.term_row[k]], t.term_bit[k]
            value = 0
            for i in range(n):
                value |= ((source[i] >> bit) & 1) << i
            values[k] = value
        for c in range(len(conditions)):
            wanted = every
            for k in range(need0[c], need0[c + 1]):
                wanted &= values[need[k]]
            kind = conditions[c, KIND]
            if wanted != 0 and kind == PAIR:
                k = conditions[c, LEG0]
                m1, m2 = legs[k], legs[k + 1]
                view1, view2 = mask_view[m1], mask_view[m2]
                wanted = decide_pairs(
                    pairs, conditions[c, PAIR0], tables, columns, packed, starts[view1], starts[view2],
                    view1 == view2, conditions[c, CHARGES], masks, m1, m2,
                    plus[k], minus[k], plus[k + 1], minus[k + 1], wanted,
                )  # fmt: skip
            # Pairs that are left may still overlap with the reference.
            if wanted != 0 and kind != COUNT and (kind != PAIR or conditions[c, REFERENCE] >= 0):
                wanted = decide_objects(
                    conditions, c, pairs, tables, mask_view, legs, plus, minus,
                    columns, packed, starts, masks, wanted, charged, scratch, signed, unions,
                )  # fmt: skip
            values[n_terms + c] = wanted
        for a in range(len(program0) - 1):
            top = 0
            for k in range(program0[a], program0[a + 1]):
                op = program[k]
                if op >= 0:
                    stack[top] = values[op]
                    top += 1
                    continue
                if op == OP_NOT:
                    stack[top - 1] ^= every
                    continue
                top -= 1
                if op == OP_AND:
                    stack[top - 1] &= stack[top]
                elif op == OP_OR:
                    stack[top - 1] |= stack[top]
                else:
                    stack[top - 1] ^= stack[top]
            decided = stack[0]
            for byte in range(BLOCK // 8):
                out[a, first // 8 + byte] = BYTES[(decided >> 8 * byte) & 255]
