# mypy: ignore-errors
"""Keys of crossings: what is alike, and sums over it."""

from numba import njit


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
