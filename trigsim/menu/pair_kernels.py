# mypy: ignore-errors
"""Cuts on pairs of objects."""

from numba import njit

from trigsim.menu.bit_kernels import bit_number
from trigsim.menu.layout import (
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
    LIMITS,
    MASS,
    MASS_OVER_DR,
    MASS_T,
    MASS_UPT,
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
    T_COS,
    T_COS_PHI,
    T_COSH,
    T_DETA2,
    T_DPHI2,
    T_PT1,
    T_PT2,
    T_SIN_PHI,
    T_UPT1,
    T_UPT2,
    UNIT,
    UPT1,
    UPT2,
)


@njit(cache=True, nogil=True)
def within(pair, quantity, value):
    """Whether the value of a quantity passes the cut."""
    return pair[LIMITS + 2 * quantity] <= value <= pair[LIMITS + 2 * quantity + 1]


@njit(cache=True, nogil=True)
def short_way(phi1, phi2, bins):
    """Bins between two phi."""
    difference = abs(phi1 - phi2)
    return bins - difference if 2 * difference >= bins else difference


@njit(cache=True, nogil=True)
def half_mass(pair, tables, base, slots, codes, at1, at2, s1, s2):
    """Half the squared invariant mass of a pair."""
    eta1 = codes[base[pair[ETA1]] + at1 * slots[pair[ETA1]] + s1] * pair[ETA1_MUL] + pair[ETA1_ADD]
    eta2 = codes[base[pair[ETA2]] + at2 * slots[pair[ETA2]] + s2] * pair[ETA2_MUL] + pair[ETA2_ADD]
    phi1 = codes[base[pair[PHI1]] + at1 * slots[pair[PHI1]] + s1] * pair[PHI1_MUL] + pair[PHI1_ADD]
    phi2 = codes[base[pair[PHI2]] + at2 * slots[pair[PHI2]] + s2] * pair[PHI2_MUL] + pair[PHI2_ADD]
    pt1 = tables[pair[T_PT1] + codes[base[pair[PT1]] + at1 * slots[pair[PT1]] + s1]]
    pt2 = tables[pair[T_PT2] + codes[base[pair[PT2]] + at2 * slots[pair[PT2]] + s2]]
    dphi = short_way(phi1, phi2, pair[PHI_BINS])
    return pt1 * pt2 * (tables[pair[T_COSH] + abs(eta1 - eta2)] - tables[pair[T_COS] + dphi])


@njit(cache=True, nogil=True)
def rare_cuts_pass(pair, tables, base, slots, codes, at1, at2, s1, s2, deta, dphi, product):
    """Whether a pair meets its cuts on unconstrained mass, mass over delta R, and pt of the pair."""
    cuts = pair[CUTS]
    if cuts & (1 << MASS_UPT):
        upt1 = tables[pair[T_UPT1] + codes[base[pair[UPT1]] + at1 * slots[pair[UPT1]] + s1]]
        upt2 = tables[pair[T_UPT2] + codes[base[pair[UPT2]] + at2 * slots[pair[UPT2]] + s2]]
        mass = upt1 * upt2 * (tables[pair[T_COSH] + deta] - tables[pair[T_COS] + dphi])
        if not within(pair, MASS_UPT, mass):
            return False
    if cuts & (1 << MASS_OVER_DR):
        # mass * down against limit * dr2 * up, without the product that may not fit.
        mass = product * (tables[pair[T_COSH] + deta] - tables[pair[T_COS] + dphi])
        dr2 = (tables[pair[T_DETA2] + deta] + tables[pair[T_DPHI2] + dphi]) * pair[DR_UP]
        low, high = pair[LIMITS + 2 * MASS_OVER_DR] * dr2, pair[LIMITS + 2 * MASS_OVER_DR + 1] * dr2
        if not -((-low) // pair[DR_DOWN]) <= mass <= high // pair[DR_DOWN]:
            return False
    if cuts & (1 << PAIR_PT):
        phi1 = codes[base[pair[PHI1]] + at1 * slots[pair[PHI1]] + s1] * pair[PHI1_MUL] + pair[PHI1_ADD]
        phi2 = codes[base[pair[PHI2]] + at2 * slots[pair[PHI2]] + s2] * pair[PHI2_MUL] + pair[PHI2_ADD]
        pt1 = tables[pair[T_PT1] + codes[base[pair[PT1]] + at1 * slots[pair[PT1]] + s1]]
        pt2 = tables[pair[T_PT2] + codes[base[pair[PT2]] + at2 * slots[pair[PT2]] + s2]]
        cosines = tables[pair[T_COS_PHI] + phi1] * tables[pair[T_COS_PHI] + phi2]
        sines = tables[pair[T_SIN_PHI] + phi1] * tables[pair[T_SIN_PHI] + phi2]
        square = (pt1 * pt1 + pt2 * pt2) * pair[PT_UNIT] * pair[PT_UNIT] + 2 * pt1 * pt2 * (cosines + sines)
        if not within(pair, PAIR_PT, square):
            return False
    return True


@njit(cache=True, nogil=True)
def decide_pairs(pair, tables, base, slots, codes, row1, row2, same, mask1, mask2, chosen, count, passing):
    """Set `passing` for those of the chosen crossings where two different objects meet the legs and all cuts.

    `mask1` and `mask2` are the masks of the legs, `same` says that they are of the same objects.
    """
    cuts = pair[CUTS]
    has_eta, has_phi, has_pt = pair[ETA1] >= 0, pair[PHI1] >= 0, pair[PT1] >= 0
    cut_deta, cut_dphi, cut_dr = (cuts >> DETA) & 1 != 0, (cuts >> DPHI) & 1 != 0, (cuts >> DR) & 1 != 0
    cut_mass, cut_mass_t = (cuts >> MASS) & 1 != 0, (cuts >> MASS_T) & 1 != 0
    rare = cuts & ((1 << MASS_UPT) | (1 << MASS_OVER_DR) | (1 << PAIR_PT)) != 0
    eta1_base, eta1_slots = (base[pair[ETA1]], slots[pair[ETA1]]) if has_eta else (0, 0)
    eta2_base, eta2_slots = (base[pair[ETA2]], slots[pair[ETA2]]) if has_eta else (0, 0)
    phi1_base, phi1_slots = (base[pair[PHI1]], slots[pair[PHI1]]) if has_phi else (0, 0)
    phi2_base, phi2_slots = (base[pair[PHI2]], slots[pair[PHI2]]) if has_phi else (0, 0)
    pt1_base, pt1_slots = (base[pair[PT1]], slots[pair[PT1]]) if has_pt else (0, 0)
    pt2_base, pt2_slots = (base[pair[PT2]], slots[pair[PT2]]) if has_pt else (0, 0)
    eta1_mul, eta1_add, eta2_mul, eta2_add = pair[ETA1_MUL], pair[ETA1_ADD], pair[ETA2_MUL], pair[ETA2_ADD]
    phi1_mul, phi1_add, phi2_mul, phi2_add = pair[PHI1_MUL], pair[PHI1_ADD], pair[PHI2_MUL], pair[PHI2_ADD]
    bins, unit = pair[PHI_BINS], pair[UNIT]
    t_deta2, t_dphi2, t_cosh, t_cos = pair[T_DETA2], pair[T_DPHI2], pair[T_COSH], pair[T_COS]
    t_pt1, t_pt2 = pair[T_PT1], pair[T_PT2]
    deta_low, deta_high = pair[LIMITS + 2 * DETA], pair[LIMITS + 2 * DETA + 1]
    dphi_low, dphi_high = pair[LIMITS + 2 * DPHI], pair[LIMITS + 2 * DPHI + 1]
    dr_low, dr_high = pair[LIMITS + 2 * DR], pair[LIMITS + 2 * DR + 1]
    mass_low, mass_high = pair[LIMITS + 2 * MASS], pair[LIMITS + 2 * MASS + 1]
    mass_t_low, mass_t_high = pair[LIMITS + 2 * MASS_T], pair[LIMITS + 2 * MASS_T + 1]
    for k in range(count):
        i = chosen[k]
        at1, at2 = row1 + i, row2 + i
        rest1, all2 = int(mask1[i]), int(mask2[i])
        # Every cut is symmetric: with equal legs each pair is looked at once.
        symmetric = same and rest1 == all2
        found = False
        eta1, phi1, pt1 = 0, 0, 0
        while rest1 and not found:
            low1 = rest1 & -rest1
            rest1 ^= low1
            rest2 = rest1 if symmetric else all2
            if same:
                rest2 &= ~low1
            if rest2 == 0:
                continue
            s1 = bit_number(low1)
            if has_eta:
                eta1 = codes[eta1_base + at1 * eta1_slots + s1] * eta1_mul + eta1_add
            if has_phi:
                phi1 = codes[phi1_base + at1 * phi1_slots + s1] * phi1_mul + phi1_add
            if has_pt:
                pt1 = tables[t_pt1 + codes[pt1_base + at1 * pt1_slots + s1]]
            while rest2:
                low2 = rest2 & -rest2
                rest2 ^= low2
                s2 = bit_number(low2)
                deta, dphi, product = 0, 0, 0
                if has_eta:
                    deta = abs(eta1 - (codes[eta2_base + at2 * eta2_slots + s2] * eta2_mul + eta2_add))
                    if cut_deta and not (deta_low <= deta <= deta_high):
                        continue
                if has_phi:
                    dphi = abs(phi1 - (codes[phi2_base + at2 * phi2_slots + s2] * phi2_mul + phi2_add))
                    if 2 * dphi >= bins:
                        dphi = bins - dphi
                    if cut_dphi and not (dphi_low <= dphi <= dphi_high):
                        continue
                    if cut_dr and not (dr_low <= tables[t_deta2 + deta] + tables[t_dphi2 + dphi] <= dr_high):
                        continue
                    if has_pt:
                        product = pt1 * tables[t_pt2 + codes[pt2_base + at2 * pt2_slots + s2]]
                    if cut_mass or cut_mass_t:
                        cos = tables[t_cos + dphi]
                        if cut_mass and not (mass_low <= product * (tables[t_cosh + deta] - cos) <= mass_high):
                            continue
                        if cut_mass_t and not (mass_t_low <= product * (unit - cos) <= mass_t_high):
                            continue
                    if rare and not rare_cuts_pass(
                        pair, tables, base, slots, codes, at1, at2, s1, s2, deta, dphi, product
                    ):
                        continue
                found = True
                break
        passing[i] = found


@njit(cache=True, nogil=True)
def beside(pair, tables, base, slots, codes, at1, at2, mask, s2):
    """Slots of `mask` that do not overlap with slot s2 of the reference, in delta eta, delta phi or delta R."""
    cuts = pair[CUTS]
    has_eta, has_phi = pair[ETA1] >= 0, pair[PHI1] >= 0
    row1, eta2 = 0, 0
    if has_eta:
        row1 = base[pair[ETA1]] + at1 * slots[pair[ETA1]]
        eta2 = codes[base[pair[ETA2]] + at2 * slots[pair[ETA2]] + s2] * pair[ETA2_MUL] + pair[ETA2_ADD]
    row2, phi2 = 0, 0
    if has_phi:
        row2 = base[pair[PHI1]] + at1 * slots[pair[PHI1]]
        phi2 = codes[base[pair[PHI2]] + at2 * slots[pair[PHI2]] + s2] * pair[PHI2_MUL] + pair[PHI2_ADD]
    kept = 0
    while mask:
        low = mask & -mask
        mask ^= low
        s1 = bit_number(low)
        deta, dphi = 0, 0
        if has_eta:
            deta = abs(codes[row1 + s1] * pair[ETA1_MUL] + pair[ETA1_ADD] - eta2)
        if has_phi:
            dphi = short_way(codes[row2 + s1] * pair[PHI1_MUL] + pair[PHI1_ADD], phi2, pair[PHI_BINS])
        overlaps = (
            (cuts & (1 << DETA) and within(pair, DETA, deta))
            or (cuts & (1 << DPHI) and within(pair, DPHI, dphi))
            or (cuts & (1 << DR) and within(pair, DR, tables[pair[T_DETA2] + deta] + tables[pair[T_DPHI2] + dphi]))
        )
        if not overlaps:
            kept |= low
    return kept
