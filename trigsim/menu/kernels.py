# mypy: ignore-errors
"""The interpreter of compiled menus; see `layout.Tables` for its arrays.

Crossings are walked side by side in blocks: each cut, count, condition and operator is a plain loop over them.
"""

import numpy as np
from numba import njit

from trigsim.menu.bit_kernels import take
from trigsim.menu.column_kernels import beyond, place
from trigsim.menu.layout import (
    BLOCK,
    COUNT,
    HARD,
    KIND,
    LEG0,
    MAX_LEGS,
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
def fill_signals(t, externals, row, n, independent, wrap, first, values):
    """Fill the values of external signals, the first of which is `first`, for `n` crossings from `row` on."""
    n_rows = len(externals)
    for k in range(len(t.signal_bit)):
        word, bit, value = t.signal_bit[k] // 64, t.signal_bit[k] % 64, values[first + k]
        start = row + t.signal_bx[k]
        if independent and t.signal_bx[k] != 0:
            value[:n] = 0
        elif start >= 0 and start + n <= n_rows:
            for i in range(n):
                value[i] = (externals[start + i, word] >> bit) & 1
        else:
            for i in range(n):
                seen = (start + i) % n_rows if wrap else start + i
                value[i] = (externals[seen, word] >> bit) & 1 if 0 <= seen < n_rows else 0


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
def off_scale(t, addresses, slots, first, last):
    """Return a field with a number beyond its range in rows first..last - 1, or -1."""
    for f in range(len(addresses)):
        low, high = t.field_range[f, 0], t.field_range[f, 1]
        if beyond(addresses[f], first * slots[f], last * slots[f], low, high):
            return f
    return -1


@njit(cache=True, nogil=True)
def decide(
    t,
    addresses,
    slots,
    externals,
    before,
    taken,
    size,
    independent,
    wrap,
    strings,
    words,
    masks,
    values,
    eights,
    out,
):
    """Decide all algorithms of crossings into ``out[algorithm, crossing]``, together with other threads.

    Each takes the next `size` crossings, at most a block, from ``taken[0]`` on, until none are left.

    Crossing i is row ``before + i`` of the columns at `addresses`, of `slots` int32 a row, and of `externals`.
    `words`, `masks` and `values` are room for a block; `strings` and `eights` are words and values in other words
    of the same bits. Returns a field that has a number off its scale, or -1.
    """
    n_signals = len(t.term_mask)
    n_conditions = n_signals + len(t.signal_bit)
    n_values = n_conditions + len(t.conditions) + 1
    n_lanes, n_rows = len(t.lane_field), len(externals)
    at = np.zeros(n_lanes + 1, dtype=np.int64)
    lane_slots = np.zeros(n_lanes + 1, dtype=np.int64)
    for lane in range(n_lanes):
        lane_slots[lane] = slots[t.lane_field[lane]]
    widest = lane_slots.max()
    nothing = np.zeros(BLOCK * widest, dtype=np.int32)
    edges = np.empty((n_lanes, BLOCK * widest), dtype=np.int32)
    spare = np.empty(BLOCK, dtype=masks.dtype)
    chosen = np.empty(BLOCK + 1, dtype=np.int64)
    rows = np.zeros(MAX_LEGS + 1, dtype=np.int64)
    views = np.zeros(MAX_LEGS + 1, dtype=np.int64)
    kept = np.zeros(MAX_LEGS, dtype=np.int64)
    kept_masks = np.zeros((2, 1), dtype=np.int64)
    unions = np.empty(1 << MAX_LEGS, dtype=np.int64)
    one = np.zeros(1, dtype=np.int64)
    values[n_values - 1] = 0
    while True:
        first = take(taken.ctypes.data, size)
        if first >= out.shape[1]:
            return -1
        n = min(size, out.shape[1] - first)
        row = before + first
        # Rows of the margins belong to the blocks beside them.
        bad = off_scale(
            t, addresses, slots, row if first > 0 else 0, row + n if first + n < out.shape[1] else n_rows
        )  # fmt: skip
        if bad >= 0:
            return bad
        place(t, addresses, slots, n_rows, row, n, independent, wrap, nothing, edges, at)
        fill_masks(t, at, lane_slots, n, strings, words, masks)
        fill_terms(t, n, masks, spare, values)
        fill_signals(t, externals, row, n, independent, wrap, n_signals, values)
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
                views[j] = t.leg_view[leg0 + j]
            hard = t.conditions[c, HARD]
            if kind == PAIR and removes == 0:
                decide_pairs(
                    t.pairs[t.conditions[c, PAIR0]], t.tables, at, 0, 0, lane_slots[t.leg_lane[leg0]],
                    lane_slots[t.leg_lane[leg0 + 1]], views[0] == views[1], masks[t.legs[leg0]],
                    masks[t.legs[leg0 + 1]], masks[hard if hard >= 0 else t.legs[leg0]], chosen, count, value,
                )  # fmt: skip
            else:
                decide_objects(
                    t, c, at, lane_slots, masks, rows, views, kept, kept_masks, unions, one, chosen, count, value,
                )  # fmt: skip
        for k in range(len(t.operations)):
            operation = t.operations[k]
            operate(operation[OPERATOR], values[operation[ONE]], values[operation[OTHER]], n, values[n_values + k])
        for a in range(len(t.decided)):
            write(values[t.decided[a]], n, out[a], first)
