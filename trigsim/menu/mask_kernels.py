# mypy: ignore-errors
"""Masks of the slots that meet each leg, and how many there are, for a block of crossings at once."""

from numba import njit

from trigsim.menu.pack_kernels import spread


@njit(cache=True, nogil=True)
def fill_atom(intervals, first, last, lane, filled, slots, n, zero, bits, mask):
    """For one cut, the slots whose codes lie in one of its intervals."""
    empties = bits[0] ^ bits[0]
    for k in range(first, last):
        if intervals[k, 0] <= zero <= intervals[k, 1]:
            for s in range(slots):
                if not filled[s]:
                    empties |= bits[s]
    for i in range(n):
        mask[i] = empties
    for s in range(slots):
        if not filled[s]:
            continue
        bit, codes = bits[s], lane[s]
        for k in range(first, last):
            low, high = intervals[k, 0], intervals[k, 1]
            for i in range(n):
                others = mask[i]
                mask[i] = (others | bit) if (codes[i] >= low) & (codes[i] <= high) else others


@njit(cache=True, nogil=True)
def fill_masks(t, base, slots, zeros, codes, words, row, empty, independent, n, lane, filled, bits, masks):
    """All masks of `n` crossings, the first of which is row `row` of the codes; row `empty` starts empty ones."""
    for number in range(len(t.lane_field)):
        f = t.lane_field[number]
        at = empty if independent and t.lane_bx[number] != 0 else row + t.lane_bx[number]
        spread(codes, words, base[f] + at * slots[f], slots[f], n, t.zero[f], zeros[f], lane, filled)
        for a in range(t.lane_atom0[number], t.lane_atom0[number + 1]):
            fill_atom(
                t.intervals, t.atom_interval0[a], t.atom_interval0[a + 1], lane, filled, slots[f], n, t.zero[f],
                bits, masks[a],
            )  # fmt: skip
    first = t.lane_atom0[len(t.lane_field)]
    for j in range(len(t.joined_by)):
        mask = masks[first + j]
        one, other = masks[t.joined[t.joined0[j]]], masks[t.joined[t.joined0[j] + 1]]
        every = t.joined_by[j] != 0
        if every:
            for i in range(n):
                mask[i] = one[i] & other[i]
        else:
            for i in range(n):
                mask[i] = one[i] | other[i]
        for k in range(t.joined0[j] + 2, t.joined0[j + 1]):
            more = masks[t.joined[k]]
            if every:
                for i in range(n):
                    mask[i] &= more[i]
            else:
                for i in range(n):
                    mask[i] |= more[i]


@njit(cache=True, nogil=True)
def fill_terms(t, n, masks, spare, values):
    """For each term, whether enough slots are in its mask; terms of a mask stand together, by count."""
    left = masks[0]
    cleared = 0
    for k in range(len(t.term_mask)):
        value = values[k]
        if k == 0 or t.term_mask[k] != t.term_mask[k - 1]:
            left = masks[t.term_mask[k]]
            cleared = 0
        while cleared < t.term_count[k] - 1:
            for i in range(n):
                mask = int(left[i])
                spare[i] = mask & (mask - 1)
            left = spare
            cleared += 1
        for i in range(n):
            value[i] = left[i] != 0
