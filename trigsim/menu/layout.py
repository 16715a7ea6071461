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
#: Crossings that the interpreter walks side by side: whole bytes of bits, the sign bit of a word clear.
BLOCK = 56

# Kinds of condition. COUNT holds when each of its terms does; the others look at the objects too.
COUNT, COMB, PAIR, TRIPLE = range(4)

# Columns of `conditions`.
KIND, LEG0, N_LEGS, REFERENCE, CHARGES, PAIR0, OVERLAP0, CONDITION_COLUMNS = range(8)

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
    PT_UNIT,
    DR_UP,
    DR_DOWN,
    LIMITS,
) = range(33)

# Cuts on pairs: bit in CUTS; limits at LIMITS + 2 * number.
DETA, DPHI, DR, MASS, MASS_UPT, MASS_T, MASS_OVER_DR, PAIR_PT = range(8)
QUANTITIES = ("deta", "dphi", "dr", "mass", "mass_upt", "mass_t", "mass_over_dr", "pair_pt")
PAIR_COLUMNS = LIMITS + 2 * len(QUANTITIES)

# Operators of algorithm programs; non-negative numbers are values.
OP_AND, OP_OR, OP_NOT, OP_XOR = -1, -2, -3, -4


class Tables(NamedTuple):
    """A compiled menu as plain arrays.

    A *view* is one kind of object at one BX offset; its legs are bits of its words. For each field that some
    leg cuts on, `bits` holds the legs that a number (or its rank among `bounds`) passes. A *term* is a bit of a
    row of the interpreter's state: "at least k objects meet the leg" in the rows of levels 1, 2, … of a view,
    then external signals. A *value* is a term or, after all terms, the result of a condition: condition c is
    looked at only where its values ``need[need0[c]:need0[c + 1]]`` hold. Programs of algorithms push values.
    """

    view_object: Int64
    view_bx: Int64
    view_words: Int64
    view_levels: Int64
    view_row: Int64
    view_field0: Int64
    cut_field: Int64
    cut_lowest: Int64
    cut_size: Int64
    cut_bound0: Int64
    cut_bounds: Int64
    cut_bits: Int64
    cut_words: Int64
    bounds: Int64
    bits: Int64
    signal_word: Int64
    signal_bx: Int64
    signal_row: Int64
    mask_view: Int64
    mask_word: Int64
    mask_bit: Int64
    legs: Int64
    leg_positive: Int64
    leg_negative: Int64
    conditions: Int64
    need: Int64
    need0: Int64
    term_row: Int64
    term_bit: Int64
    pairs: Int64
    tables: Int64
    program: Int64
    program0: Int64
    n_rows: Int64
