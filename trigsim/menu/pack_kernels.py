# mypy: ignore-errors
"""Objects as unsigned 16-bit codes: row by row as they come, and slot by slot for a block of crossings."""

from numba import njit


@njit(cache=True, nogil=True)
def encode(source, first, wrap, rows, low, high, codes):
    """Write rows ``first`` … of a field as its numbers above `low`; say whether one is out of low..high.

    Rows beyond the ends of `source` are empty, or come round again (`wrap`).
    """
    n, slots = source.shape
    least, most = low, high
    if first >= 0 and first + rows <= n:
        part = source[first : first + rows].ravel()
        for j in range(rows * slots):
            x = part[j]
            least = min(least, x)
            most = max(most, x)
            codes[j] = (x - low) & 65535
        return least < low or most > high
    for i in range(rows):
        row = (first + i) % n if wrap else first + i
        for s in range(slots):
            x = source[row, s] if 0 <= row < n else 0
            least = min(least, x)
            most = max(most, x)
            codes[i * slots + s] = (x - low) & 65535
    return least < low or most > high


@njit(cache=True, nogil=True)
def rank(source, first, wrap, rows, bounds, codes):
    """Write how many of the sorted bounds are at most each number: for fields wider than a code."""
    n, slots = source.shape
    for i in range(rows):
        row = (first + i) % n if wrap else first + i
        for s in range(slots):
            x = source[row, s] if 0 <= row < n else 0
            passed, size = 0, len(bounds)
            while size > 0:
                half = (size + 1) // 2
                if bounds[passed + half - 1] <= x:
                    passed += half
                    size -= half
                else:
                    size = half - 1
            codes[i * slots + s] = passed


@njit(cache=True, nogil=True)
def spread_four(words, stride, n, empty, lane, filled, s):
    """Copy four slots, one word of each row, to rows s … of `lane`, but none that is empty throughout."""
    seen = 0
    for i in range(n):
        seen |= words[i * stride] ^ empty
    for k in range(4):
        filled[s + k] = (seen >> 16 * k) & 65535 != 0
    if seen == 0:
        return
    a, b, c, d = lane[s], lane[s + 1], lane[s + 2], lane[s + 3]
    for i in range(n):
        word = words[i * stride]
        a[i] = word & 65535
        b[i] = (word >> 16) & 65535
        c[i] = (word >> 32) & 65535
        d[i] = (word >> 48) & 65535


@njit(cache=True, nogil=True)
def spread(codes, words, start, slots, n, zero, zeros, lane, filled):
    """Copy `n` rows of codes from `start` on to rows of `lane`, one a slot; `filled` says which are not all `zero`.

    `words` holds four codes each, `zeros` is the word of four empty slots.
    """
    if slots % 4 == 0:
        # Strides that the compiler knows are loaded by vectors.
        for s in range(0, slots, 4):
            part = words[(start + s) // 4 :]
            if slots == 12:
                spread_four(part, 3, n, zeros, lane, filled, s)
            elif slots == 8:
                spread_four(part, 2, n, zeros, lane, filled, s)
            else:
                spread_four(part, slots // 4, n, zeros, lane, filled, s)
        return
    for s in range(slots):
        into, part = lane[s], codes[start + s :]
        differs = 0
        for i in range(n):
            code = part[i * slots]
            into[i] = code
            differs |= code ^ zero
        filled[s] = differs != 0
