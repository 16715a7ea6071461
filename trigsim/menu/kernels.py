# mypy: ignore-errors
"""The interpreter of compiled menus; see `layout.Tables` for its arrays.

Crossings are walked side by side in blocks: each cut, count, condition and operator is a plain loop over them.
"""

import numpy as np
from numba import njit

from trigsim.menu.layout import (
    BLOCK,
    COUNT,
    KIND,
    LEG0,
    MAX_LEGS,
    MAX_SLOTS,
    N_LEGS,
    ONE,
    OP_AND,
    OP_OR,
    OP_XOR,
    OPERATOR,
    OTHER,
    PAIR,
    PAIR0,
    REFERENCE,
)
from trigsim.menu.mask_kernels import fill_masks, fill_terms
from trigsim.menu.object_kernels import decide_objects
from trigsim.menu.pair_kernels import decide_pairs


@njit(cache=True, nogil=True)
def listed(value, eight, n, chosen):
    """List the crossings where `value` holds; `eight` is the same in words of eight."""
    count = 0
    for word in range(n // 8):
        if eight[word] == 0:
            continue
        for i in range(8 * word, 8 * word + 8):
            chosen[count] = i
            count += int(value[i])
    for i in range(n // 8 * 8, n):
        chosen[count] = i
        count += int(value[i])
    return count


@njit(cache=True, nogil=True)
def fill_signals(t, externals, row, empty, independent, n, first, values):
    """Fill the values of external signals, the first of which is `first`."""
    for k in range(len(t.signal_bit)):
        start = empty if independent and t.signal_bx[k] != 0 else row + t.signal_bx[k]
        words, bit = externals[t.signal_bit[k] // 64, start : start + n], t.signal_bit[k] % 64
        value = values[first + k]
        for i in range(n):
            value[i] = (words[i] >> bit) & 1


@njit(cache=True, nogil=True)
def operate(operator, one, other, n, result):
    """Do one operation of the algorithms."""
    if operator == OP_AND:
        for i in range(n):
            result[i] = one[i] & other[i]
    elif operator == OP_OR:
        for i in range(n):
            result[i] = one[i] | other[i]
    elif operator == OP_XOR:
        for i in range(n):
            result[i] = one[i] ^ other[i]
    else:
        for i in range(n):
            result[i] = one[i] ^ 1


@njit(cache=True, nogil=True)
def write(value, n, into, first):
    """Write a value of the block to the row of an algorithm."""
    # Sums as indices might be negative, for all the compiler knows, and would not be vectorised.
    part = into[first : first + n]
    for i in range(n):
        part[i] = value[i]


@njit(cache=True, nogil=True)
def decide(
    t, base, slots, zeros, codes, words, externals, before, n_rows, empty, independent,
    masks, bits, values, eights, out, start,
):  # fmt: skip
    """Decide all algorithms of `n_rows` crossings into ``out[algorithm, start + crossing]``.

    Crossing i is row ``before + i`` of the codes and externals; row `empty` starts a block of empty crossings,
    where those at an offset are found if crossings are `independent`. `masks` and `values` are room for a block;
    `words` and `eights` are the codes and the values in words of eight bytes; `bits` holds the bit of each slot in
    the type of masks.
    """
    n_signals = len(t.term_mask)
    n_conditions = n_signals + len(t.signal_bit)
    n_values = n_conditions + len(t.conditions) + 1
    lane = np.empty((MAX_SLOTS + 2, BLOCK), dtype=np.uint16)
    filled = np.zeros(MAX_SLOTS + 2, dtype=np.bool_)
    spare = np.empty(BLOCK, dtype=masks.dtype)
    chosen = np.empty(BLOCK + 1, dtype=np.int64)
    leg_row = np.zeros(MAX_LEGS + 1, dtype=np.int64)
    rows = np.zeros(MAX_LEGS + 1, dtype=np.int64)
    views = np.zeros(MAX_LEGS + 1, dtype=np.int64)
    kept = np.zeros(MAX_LEGS, dtype=np.int64)
    kept_masks = np.zeros((2, 1), dtype=np.int64)
    unions = np.empty(1 << MAX_LEGS, dtype=np.int64)
    one = np.zeros(1, dtype=np.int64)
    values[n_values - 1] = 0
    for first in range(0, n_rows, BLOCK):
        n = min(BLOCK, n_rows - first)
        row = before + first
        fill_masks(t, base, slots, zeros, codes, words, row, empty, independent, n, lane, filled, bits, masks)
        fill_terms(t, n, masks, spare, values)
        fill_signals(t, externals, row, empty, independent, n, n_signals, values)
        for c in range(len(t.conditions)):
            value = values[n_conditions + c]
            need0, need1 = t.need0[c], t.need0[c + 1]
            source = values[t.need[need0]]
            for i in range(n):
                value[i] = source[i]
            for k in range(need0 + 1, need1):
                source = values[t.need[k]]
                for i in range(n):
                    value[i] &= source[i]
            kind = t.conditions[c, KIND]
            if kind == COUNT:
                continue
            count = listed(value, eights[n_conditions + c], n, chosen)
            if count == 0:
                continue
            leg0, n_legs, removes = t.conditions[c, LEG0], t.conditions[c, N_LEGS], t.conditions[c, REFERENCE]
            for j in range(n_legs + removes):
                bx = t.leg_bx[leg0 + j]
                leg_row[j] = empty if independent and bx != 0 else row + bx
                views[j] = t.leg_view[leg0 + j]
            if kind == PAIR and removes == 0:
                decide_pairs(
                    t.pairs[t.conditions[c, PAIR0]], t.tables, base, slots, codes, leg_row[0], leg_row[1],
                    views[0] == views[1], masks[t.legs[leg0]], masks[t.legs[leg0 + 1]], chosen, count, value,
                )  # fmt: skip
            else:
                decide_objects(
                    t, c, base, slots, codes, masks, leg_row, views, rows, kept, kept_masks, unions, one,
                    chosen, count, value,
                )  # fmt: skip
        for k in range(len(t.operations)):
            operation = t.operations[k]
            operate(operation[OPERATOR], values[operation[ONE]], values[operation[OTHER]], n, values[n_values + k])
        for a in range(len(t.decided)):
            write(values[t.decided[a]], n, out[a], start + first)
