"""Where things lie in the tables of a compiled menu; shared by the compiler and the kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

#: Slots are bits of words: of 16 bits where no kind of object has more, else signed ones of 64 bits.
NARROW_SLOTS, MAX_SLOTS = 16, 62
MAX_LEGS = 12
#: Crossings that are walked side by side.
BLOCK = 384
#: Fields that pairs look at have at most so many numbers: they are places in tables.
MOST_NUMBERS = 1 << 16

# Kinds of condition. COUNT holds when its needs do; the others look at the objects too.
COUNT, COMB, PAIR, TRIPLE = range(4)

# Columns of `conditions`.
# HARD is a shown mask of which one object at least must be, -1 if there is none.
KIND, LEG0, N_LEGS, REFERENCE, PAIR0, OVERLAP0, HARD, CONDITION_COLUMNS = range(8)

# Columns of `pairs`. Fields are lanes, -1 where not needed; T_ are offsets into `tables`. T_LEAST gives for each pt
# of the first object the least number of the second's with which lower limits on masses can be met, -1 if any will
# do; what is not ETA_LOW..ETA_HIGH or PHI_LOW..PHI_HIGH bins apart, unless the upper ends are -1, meets no cut.
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
    T_DETA2,
    T_DPHI2,
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
    T_LEAST,
    ETA_LOW,
    ETA_HIGH,
    PHI_LOW,
    PHI_HIGH,
    LIMITS,
) = range(38)

# Cuts on pairs: bit in CUTS; limits at LIMITS + 2 * number. Those of DETA and DPHI are in bins.
DETA, DPHI, DR, MASS, MASS_UPT, MASS_T, MASS_OVER_DR, PAIR_PT = range(8)
QUANTITIES = ("deta", "dphi", "dr", "mass", "mass_upt", "mass_t", "mass_over_dr", "pair_pt")
PAIR_COLUMNS = LIMITS + 2 * len(QUANTITIES)

# Columns of `operations`, and operators.
OPERATOR, ONE, OTHER = range(3)
OP_AND, OP_OR, OP_XOR, OP_NOT = range(4)


class Tables(NamedTuple):
    """A compiled menu as plain arrays.

    A *lane* is a field at one BX offset; those that are cut on come first. An *atom* is a cut on a lane: the
    intervals of numbers that pass. *Masks* hold a bit for each slot of each crossing: first of each atom, then
    joined ones: of legs (AND) and of unions of legs (OR). Those `shown` are also spread to a word a crossing. A
    *value* is true or false: first terms, "at least k slots of a shown mask", then external signals, then
    conditions, of which c holds only where its values ``need[need0[c]:need0[c + 1]]`` do, then one that never
    holds, then the results of operations on two values (NOT: on one, twice). Each algorithm is decided by a value.
    """

    lane_field: Int64
    lane_bx: Int64
    atom0: Int64
    interval0: Int64
    intervals: NDArray[np.int32]
    mask_lane: Int64
    joined_by: Int64
    joined0: Int64
    joined: Int64
    shown: Int64
    term_mask: Int64
    term_count: Int64
    signal_bit: Int64
    signal_bx: Int64
    legs: Int64
    leg_view: Int64
    leg_lane: Int64
    conditions: Int64
    need: Int64
    need0: Int64
    pairs: Int64
    tables: Int64
    operations: Int64
    decided: Int64
    field_range: NDArray[np.int32]
