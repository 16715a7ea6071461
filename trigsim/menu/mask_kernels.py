# mypy: ignore-errors
"""Masks of the slots that meet each leg, and how many there are, for a block of crossings at once.

A mask is first a string of bits, the slots of one crossing after those of another: eight are compared at once,
and strings are joined 64 bits at a time. Then those that are shown become a word a crossing.
"""

from numba import njit

from trigsim.menu.bit_kernels import eight_within, number_at


@njit(cache=True, nogil=True)
def fill_atom(address, length, intervals, first, last, string):
    """Set the bits of the numbers that lie in one of the intervals first..last - 1."""
    whole = length // 8
    if first == last:
        string[: whole + 1] = 0
        return
    for k in range(first, last):
        low, high = intervals[k, 0], intervals[k, 1]
        if k == first:
            for j in range(whole):
                string[j] = eight_within(address, 8 * j, low, high)
            string[whole] = 0
        else:
            for j in range(whole):
                string[j] |= eight_within(address, 8 * j, low, high)
        for j in range(8 * whole, length):
            string[whole] |= (low <= number_at(address, j) <= high) << (j - 8 * whole)


@njit(cache=True, nogil=True)
def join(t, first, lane_slots, n, words):
    """Fill the joined masks, the first of which is `first`, from those before them."""
    for j in range(len(t.joined_by)):
        length = (n * lane_slots[t.mask_lane[first + j]] + 63) // 64
        mask = words[first + j]
        one, other = words[t.joined[t.joined0[j]]], words[t.joined[t.joined0[j] + 1]]
        every = t.joined_by[j] != 0
        if every:
            for i in range(length):
                mask[i] = one[i] & other[i]
        else:
            for i in range(length):
                mask[i] = one[i] | other[i]
        for k in range(t.joined0[j] + 2, t.joined0[j + 1]):
            more = words[t.joined[k]]
            if every:
                for i in range(length):
                    mask[i] &= more[i]
            else:
                for i in range(length):
                    mask[i] |= more[i]


@njit(cache=True, nogil=True)
def show(string, words, slots, n, full, mask):
    """Spread a string of bits, also given in words, to a word a crossing; `full` has a bit for each slot."""
    if slots == 1:
        for i in range(n):
            mask[i] = (string[i // 8] >> (i & 7)) & 1
    elif slots == 8:
        for i in range(n):
            mask[i] = string[i]
    elif slots == 12:
        for i in range((n + 1) // 2):
            three = int(string[3 * i]) | int(string[3 * i + 1]) << 8 | int(string[3 * i + 2]) << 16
            mask[2 * i] = three & 4095
            mask[2 * i + 1] = three >> 12
    else:
        for i in range(n):
            word, shift = i * slots // 64, i * slots % 64
            bits = words[word] >> shift
            if shift + slots > 64:
                bits = bits & ((1 << (64 - shift)) - 1) | words[word + 1] << (64 - shift)
            mask[i] = bits & full


@njit(cache=True, nogil=True)
def fill_masks(t, at, lane_slots, n, strings, words, masks):
    """All masks of `n` crossings; `strings` and `words` are the same bits."""
    for lane in range(len(t.atom0) - 1):
        for a in range(t.atom0[lane], t.atom0[lane + 1]):
            fill_atom(at[lane], n * lane_slots[lane], t.intervals, t.interval0[a], t.interval0[a + 1], strings[a])
    join(t, t.atom0[-1], lane_slots, n, words)
    for k in range(len(t.shown)):
        mask = t.shown[k]
        slots = lane_slots[t.mask_lane[mask]]
        show(strings[mask], words[mask], slots, n, (1 << slots) - 1, masks[k])


@njit(cache=True, nogil=True)
def fill_terms(t, n, masks, spare, values):
    """For each term, whether enough slots are in its mask; terms of a mask stand together, by count."""
    left = spare
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
