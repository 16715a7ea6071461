# mypy: ignore-errors
"""Cuts on pairs of objects."""

import numpy as np
from numba import njit

from trigsim.menu.bit_kernels import bit_number, eight_apart, eight_within, number_at
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
    ETA_HIGH,
    ETA_LOW,
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
    PHI_HIGH,
    PHI_LOW,
    PT1,
    PT2,
    PT_UNIT,
    T_COS,
    T_COS_PHI,
    T_COSH,
    T_DETA2,
    T_DPHI2,
    T_LEAST,
    T_PT1,
    T_PT2,
    T_SIN_PHI,
    T_UPT1,
    T_UPT2,
    UNIT,
    UPT1,
    UPT2,
)

#: So many slots are compared at once.
EIGHT = 8
#: No angle goes round so far, and no field has a larger number.
NO_TURN, MOST = 1 << 30, np.int32((1 << 31) - 1)


@njit(cache=True, nogil=True)
def within(pair, quantity, value):
    """Whether the value of a quantity passes the cut."""
    return pair[LIMITS + 2 * quantity] <= value <= pair[LIMITS + 2 * quantity + 1]


@njit(cache=True, nogil=True)
def short_way(phi1, phi2, bins):
    """Bins between two phi."""
    difference = abs(phi1 - phi2)
    return bins - difference if 2 * difference >= bins else difference


@njit(cache=True, nogil=True, forceinline=True)
def slots_at_least(address, row, slots, low):
    """Which of at least eight slots have numbers of `low` or more; the first stands at number `row`."""
    # The last eight may have been looked at in part.
    found = np.int64(eight_within(address, row, low, MOST))
    found |= np.int64(eight_within(address, row + slots - 8, low, MOST)) << (slots - 8)
    for s in range(8, slots - 8, 8):
        found |= np.int64(eight_within(address, row + s, low, MOST)) << s
    return found


@njit(cache=True, nogil=True, forceinline=True)
def slots_apart(address, row, slots, multiply, add, turn, low, high):
    """Which of at least eight slots have ``|multiply * number + add|``, the short way round, in low..high."""
    multiply, add, turn, low, high = (
        np.int32(multiply),
        np.int32(add),
        np.int32(turn),
        np.int32(low),
        np.int32(high),
    )
    found = np.int64(eight_apart(address, row, multiply, add, turn, low, high))
    found |= np.int64(eight_apart(address, row + slots - 8, multiply, add, turn, low, high)) << (slots - 8)
    for s in range(8, slots - 8, 8):
        found |= np.int64(eight_apart(address, row + s, multiply, add, turn, low, high)) << s
    return found


@njit(cache=True, nogil=True)
def half_mass(pair, tables, at, j1, j2):
    """Half the squared invariant mass of a pair."""
    eta1 = number_at(at[pair[ETA1]], j1) * pair[ETA1_MUL] + pair[ETA1_ADD]
    eta2 = number_at(at[pair[ETA2]], j2) * pair[ETA2_MUL] + pair[ETA2_ADD]
    phi1 = number_at(at[pair[PHI1]], j1) * pair[PHI1_MUL] + pair[PHI1_ADD]
    phi2 = number_at(at[pair[PHI2]], j2) * pair[PHI2_MUL] + pair[PHI2_ADD]
    pt1 = tables[pair[T_PT1] + number_at(at[pair[PT1]], j1)]
    pt2 = tables[pair[T_PT2] + number_at(at[pair[PT2]], j2)]
    dphi = short_way(phi1, phi2, pair[PHI_BINS])
    return pt1 * pt2 * (tables[pair[T_COSH] + abs(eta1 - eta2)] - tables[pair[T_COS] + dphi])


@njit(cache=True, nogil=True)
def rare_cuts_pass(pair, tables, at, j1, j2, deta, dphi, product):
    """Whether a pair meets its cuts on unconstrained mass, mass over delta R, and pt of the pair."""
    cuts = pair[CUTS]
    if cuts & (1 << MASS_UPT):
        upt1 = tables[pair[T_UPT1] + number_at(at[pair[UPT1]], j1)]
        upt2 = tables[pair[T_UPT2] + number_at(at[pair[UPT2]], j2)]
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
        phi1 = number_at(at[pair[PHI1]], j1) * pair[PHI1_MUL] + pair[PHI1_ADD]
        phi2 = number_at(at[pair[PHI2]], j2) * pair[PHI2_MUL] + pair[PHI2_ADD]
        pt1 = tables[pair[T_PT1] + number_at(at[pair[PT1]], j1)]
        pt2 = tables[pair[T_PT2] + number_at(at[pair[PT2]], j2)]
        cosines = tables[pair[T_COS_PHI] + phi1] * tables[pair[T_COS_PHI] + phi2]
        sines = tables[pair[T_SIN_PHI] + phi1] * tables[pair[T_SIN_PHI] + phi2]
        square = (pt1 * pt1 + pt2 * pt2) * pair[PT_UNIT] * pair[PT_UNIT] + 2 * pt1 * pt2 * (cosines + sines)
        if not within(pair, PAIR_PT, square):
            return False
    return True


@njit(cache=True, nogil=True)
def decide_pairs(
    pair, tables, at, from1, from2, slots1, slots2, same, mask1, mask2, hard, chosen, count, passing
):  # fmt: skip
    """Set `passing` for those of the chosen crossings where two different objects meet the legs and all cuts.

    `mask1` and `mask2` are the masks of the legs, `same` says that they are of the same objects, of which then one
    at least must be in the mask `hard`; the objects of crossing i start at number ``from1 + i * slots1`` of their
    lanes.
    """
    cuts = pair[CUTS]
    has_eta, has_phi, has_pt = pair[ETA1] >= 0, pair[PHI1] >= 0, pair[PT1] >= 0
    cut_deta, cut_dphi, cut_dr = (cuts >> DETA) & 1 != 0, (cuts >> DPHI) & 1 != 0, (cuts >> DR) & 1 != 0
    cut_mass, cut_mass_t = (cuts >> MASS) & 1 != 0, (cuts >> MASS_T) & 1 != 0
    rare = cuts & ((1 << MASS_UPT) | (1 << MASS_OVER_DR) | (1 << PAIR_PT)) != 0
    eta1_at, eta2_at = (at[pair[ETA1]], at[pair[ETA2]]) if has_eta else (0, 0)
    phi1_at, phi2_at = (at[pair[PHI1]], at[pair[PHI2]]) if has_phi else (0, 0)
    pt1_at, pt2_at = (at[pair[PT1]], at[pair[PT2]]) if has_pt else (0, 0)
    eta1_mul, eta1_add, eta2_mul, eta2_add = pair[ETA1_MUL], pair[ETA1_ADD], pair[ETA2_MUL], pair[ETA2_ADD]
    phi1_mul, phi1_add, phi2_mul, phi2_add = pair[PHI1_MUL], pair[PHI1_ADD], pair[PHI2_MUL], pair[PHI2_ADD]
    bins, unit = pair[PHI_BINS], pair[UNIT]
    wide = slots2 >= EIGHT
    by_pt, t_least = wide and pair[T_LEAST] >= 0, pair[T_LEAST]
    by_eta, eta_low, eta_high = wide and pair[ETA_HIGH] >= 0, pair[ETA_LOW], pair[ETA_HIGH]
    by_phi, phi_low, phi_high = wide and pair[PHI_HIGH] >= 0, pair[PHI_LOW], pair[PHI_HIGH]
    t_deta2, t_dphi2, t_cosh, t_cos = pair[T_DETA2], pair[T_DPHI2], pair[T_COSH], pair[T_COS]
    t_pt1, t_pt2 = pair[T_PT1], pair[T_PT2]
    deta_low, deta_high = pair[LIMITS + 2 * DETA], pair[LIMITS + 2 * DETA + 1]
    dphi_low, dphi_high = pair[LIMITS + 2 * DPHI], pair[LIMITS + 2 * DPHI + 1]
    dr_low, dr_high = pair[LIMITS + 2 * DR], pair[LIMITS + 2 * DR + 1]
    mass_low, mass_high = pair[LIMITS + 2 * MASS], pair[LIMITS + 2 * MASS + 1]
    mass_t_low, mass_t_high = pair[LIMITS + 2 * MASS_T], pair[LIMITS + 2 * MASS_T + 1]
    for k in range(count):
        i = chosen[k]
        row1, row2 = from1 + i * slots1, from2 + i * slots2
        rest1, all2 = np.int64(mask1[i]), np.int64(mask2[i])
        # Every cut is symmetric: with equal legs each pair is looked at once, from its hard object.
        symmetric = same and rest1 == all2
        if symmetric:
            rest1 &= np.int64(hard[i])
        found = False
        eta1, phi1, pt1 = 0, 0, 0
        while rest1 and not found:
            low1 = rest1 & -rest1
            rest1 ^= low1
            rest2 = all2
            if same:
                rest2 &= ~low1
            if symmetric:
                all2 = rest2
            j1 = row1 + bit_number(low1)
            if has_pt:
                number = number_at(pt1_at, j1)
                pt1 = tables[t_pt1 + number]
                if by_pt:
                    rest2 &= slots_at_least(pt2_at, row2, slots2, np.int32(tables[t_least + number]))
            if has_eta:
                eta1 = number_at(eta1_at, j1) * eta1_mul + eta1_add
                if by_eta:
                    rest2 &= slots_apart(
                        eta2_at, row2, slots2, eta2_mul, eta2_add - eta1, NO_TURN, eta_low, eta_high
                    )  # fmt: skip
            if has_phi:
                phi1 = number_at(phi1_at, j1) * phi1_mul + phi1_add
                if by_phi:
                    rest2 &= slots_apart(phi2_at, row2, slots2, phi2_mul, phi2_add - phi1, bins, phi_low, phi_high)
            while rest2:
                j2 = row2 + bit_number(rest2)
                rest2 &= rest2 - 1
                deta, dphi, product = 0, 0, 0
                if has_pt:
                    product = pt1 * tables[t_pt2 + number_at(pt2_at, j2)]
                if has_eta:
                    deta = abs(eta1 - (number_at(eta2_at, j2) * eta2_mul + eta2_add))
                    if cut_deta and not (deta_low <= deta <= deta_high):
                        continue
                if has_phi:
                    dphi = abs(phi1 - (number_at(phi2_at, j2) * phi2_mul + phi2_add))
                    if 2 * dphi >= bins:
                        dphi = bins - dphi
                    if cut_dphi and not (dphi_low <= dphi <= dphi_high):
                        continue
                    if cut_dr and not (dr_low <= tables[t_deta2 + deta] + tables[t_dphi2 + dphi] <= dr_high):
                        continue
                    if cut_mass or cut_mass_t:
                        cos = tables[t_cos + dphi]
                        if cut_mass and not (mass_low <= product * (tables[t_cosh + deta] - cos) <= mass_high):
                            continue
                        if cut_mass_t and not (mass_t_low <= product * (unit - cos) <= mass_t_high):
                            continue
                    if rare and not rare_cuts_pass(pair, tables, at, j1, j2, deta, dphi, product):
                        continue
                found = True
                break
        passing[i] = found


@njit(cache=True, nogil=True)
def beside(pair, tables, at, row1, slots1, mask, j2):
    """Slots of `mask` that do not overlap with number `j2` of the reference, in delta eta, delta phi or delta R."""
    cuts = pair[CUTS]
    has_eta, has_phi = pair[ETA1] >= 0, pair[PHI1] >= 0
    eta2 = number_at(at[pair[ETA2]], j2) * pair[ETA2_MUL] + pair[ETA2_ADD] if has_eta else 0
    phi2 = number_at(at[pair[PHI2]], j2) * pair[PHI2_MUL] + pair[PHI2_ADD] if has_phi else 0
    kept, rest = mask, mask
    if pair[ETA_HIGH] >= 0 and slots1 >= EIGHT:
        rest &= slots_apart(
            at[pair[ETA1]], row1, slots1, pair[ETA1_MUL], pair[ETA1_ADD] - eta2, NO_TURN, pair[ETA_LOW],
            pair[ETA_HIGH],
        )  # fmt: skip
    if pair[PHI_HIGH] >= 0 and slots1 >= EIGHT:
        rest &= slots_apart(
            at[pair[PHI1]], row1, slots1, pair[PHI1_MUL], pair[PHI1_ADD] - phi2, pair[PHI_BINS], pair[PHI_LOW],
            pair[PHI_HIGH],
        )  # fmt: skip
    while rest:
        j1 = row1 + bit_number(rest)
        low = rest & -rest
        rest ^= low
        deta, dphi = 0, 0
        if has_eta:
            deta = abs(number_at(at[pair[ETA1]], j1) * pair[ETA1_MUL] + pair[ETA1_ADD] - eta2)
        if has_phi:
            dphi = short_way(number_at(at[pair[PHI1]], j1) * pair[PHI1_MUL] + pair[PHI1_ADD], phi2, pair[PHI_BINS])
        if (
            (cuts & (1 << DETA) and within(pair, DETA, deta))
            or (cuts & (1 << DPHI) and within(pair, DPHI, dphi))
            or (cuts & (1 << DR) and within(pair, DR, tables[pair[T_DETA2] + deta] + tables[pair[T_DPHI2] + dphi]))
        ):
            kept ^= low
    return kept
