# mypy: ignore-errors
"""Keys of crossings: what is alike, and sums over it."""

import numpy as np
from numba import njit

#: A crossing of number 0 could be halved for ever.
MOST_LEVELS = 40


@njit(cache=True, nogil=True)
def pack(rows, words):
    """Pack rows of bits into words of bytes, lowest bit first.

    Parameters
    ----------
    rows : uint8 array, shape (bits, n)
        0 or 1.
    words : uint8 array, shape (n, bytes)
        Filled.
    """
    byte = np.empty(rows.shape[1], np.uint8)
    for b in range(words.shape[1]):
        byte[:] = 0
        for r in range(8 * b, min(8 * b + 8, len(rows))):
            row, shift = rows[r], r - 8 * b
            for i in range(len(byte)):
                byte[i] |= row[i] << shift
        for i in range(len(byte)):
            words[i, b] = byte[i]


@njit(cache=True, nogil=True)
def event_keys(rows, stratum, event, key):
    """Make the keys of crossings that pass something; see `word_counts.Words`.

    Parameters
    ----------
    rows : uint8 array, shape (algorithms, n)
        0 or 1.
    stratum : int
    event : int64 array, shape (n,)
    key : uint8 array, shape (n, 6 + bytes)
        Filled from its first row on.

    Returns
    -------
    int
        Rows filled.
    """
    pack(rows, key[:, 6:])
    found, width = 0, key.shape[1]
    for i in range(len(key)):
        some = False
        for b in range(6, width):
            # The next row to be filled is never below this one.
            key[found, b] = key[i, b]
            some |= key[i, b] != 0
        if some:
            for b in range(2):
                key[found, b] = (stratum >> (8 - 8 * b)) & 255
            for b in range(4):
                key[found, 2 + b] = (event[i] >> (24 - 8 * b)) & 255
            found += 1
    return found


@njit(cache=True, nogil=True)
def level_keys(rows, stratum, number, key):
    """Make the keys of crossings; see `company_counts.Together`.

    Parameters
    ----------
    rows : uint8 array, shape (algorithms, n)
        0 or 1.
    stratum : int
    number : int64 array, shape (n,)
        The level of a crossing is how often its number can be halved, at most `MOST_LEVELS` times.
    key : uint8 array, shape (n, 3 + bytes)
        Filled.
    """
    pack(rows, key[:, 3:])
    for i in range(len(key)):
        level, left = 0, number[i]
        while level < MOST_LEVELS and left & 1 == 0:
            level, left = level + 1, left >> 1
        key[i, 0], key[i, 1], key[i, 2] = stratum >> 8, stratum & 255, level


@njit(cache=True, nogil=True)
def number_keys(key, table, number, first):
    """List the different keys, in the order in which they come.

    Parameters
    ----------
    key : uint8 array, shape (n, bytes)
    table : int64 array
        -1 everywhere; its size is a power of two and at least twice n.
    number : int64 array, shape (n,)
        Filled: the number of each key.
    first : int64 array, shape (n,)
        Filled: where each of the different keys stands first.

    Returns
    -------
    int
        Different keys.
    """
    found, width, last = 0, key.shape[1], len(table) - 1
    for i in range(len(key)):
        # A hash by FNV, whose low bits know every byte once the high ones are folded in.
        place = 2166136261
        for b in range(width):
            place = ((place ^ int(key[i, b])) * 16777619) & 0xFFFFFFFF
        place = (place ^ (place >> 15)) & last
        while True:
            seen = table[place]
            if seen < 0:
                table[place] = found
                first[found] = i
                number[i] = found
                found += 1
                break
            alike, other = True, first[seen]
            for b in range(width):
                if key[i, b] != key[other, b]:
                    alike = False
                    break
            if alike:
                number[i] = seen
                break
            place = (place + 1) & last
    return found


@njit(cache=True, nogil=True)
def add_rows(values, number, sums):
    """Add each row of values to the sum that it is numbered for.

    Parameters
    ----------
    values : integer array, shape (n, p)
    number : int64 array, shape (n,)
    sums : int64 array, shape (m, p)
        Added to.
    """
    for i in range(len(number)):
        row, total = values[i], sums[number[i]]
        for k in range(len(row)):
            total[k] += row[k]
