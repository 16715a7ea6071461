"""Where things lie in the tables of a compiled menu; shared by the compiler and the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

#: Legs in one word: signed 64-bit words whose sign bit stays clear.
WORD = 62
MAX_SLOTS = 62
MAX_LEGS = 12

# Kinds of condition.
ANY, EXTERNAL, COMB, PAIR, TRIPLE = range(5)

# Columns of `conditions`.
KIND, LEG0, N_LEGS, REFERENCE, CHARGES, PAIR0, OVERLAP0, SIGNAL, SIGNAL_BX, CONDITION_COLUMNS = range(10)

# Charges.
NO_CHARGES, SAME, OPPOSITE = range(3)

# Columns of `pairs`. Fields are numbers into `columns`, -1 where not needed; T_ are offsets into `tables`.
(
    CUTS,
    ETA1,
    ETA2,
    PHI1,
    PHI2,
    PT1,
    PT2,
    UPT1,
    UPT2,
    ETA1_MUL,
    ETA1_ADD,
    ETA2_MUL,
    ETA2_ADD,
    PHI1_MUL,
    PHI1_ADD,
    PHI2_MUL,
    PHI2_ADD,
    PHI_BINS,
    T_DETA,
    T_DPHI,
    T_COSH,
    T_COS,
    T_PT1,
    T_PT2,
    T_UPT1,
    T_UPT2,
    T_COS_PHI,
    T_SIN_PHI,
    UNIT,
    DR_UP,
    DR_DOWN,
    LIMITS,
) = range(32)

# Cuts on pairs: bit in CUTS; limits at LIMITS + 2 * number.
DETA, DPHI, DR, MASS, MASS_UPT, MASS_T, MASS_OVER_DR, PAIR_PT = range(8)
QUANTITIES = ("deta", "dphi", "dr", "mass", "mass_upt", "mass_t", "mass_over_dr", "pair_pt")
PAIR_COLUMNS = LIMITS + 2 * len(QUANTITIES)

# Operators of algorithm programs; non-negative numbers are conditions.
OP_AND, OP_OR, OP_NOT, OP_XOR = -1, -2, -3, -4


class Tables(NamedTuple):
    """A compiled menu as plain arrays.

    A *view* is one kind of object at one BX offset; its legs are bits of consecutive words. Each field that
    some leg cuts on is ranked (by `lut`, or by search in `bounds`), and `bits` holds, for each rank, the legs
    that its numbers pass.
    """

    view_object: Int64
    view_bx: Int64
    view_word0: Int64
    view_words: Int64
    view_field0: Int64
    view_positive: Int64
    view_negative: Int64
    cut_field: Int64
    cut_lut: Int64
    cut_lowest: Int64
    cut_bound0: Int64
    cut_bounds: Int64
    cut_bits: Int64
    lut: Int64
    bounds: Int64
    bits: Int64
    need: Int64
    leg_view: Int64
    legs: Int64
    conditions: Int64
    pairs: Int64
    tables: Int64
    program: Int64
    program0: Int64
