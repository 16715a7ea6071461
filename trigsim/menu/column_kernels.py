# mypy: ignore-errors
"""Where the numbers of each lane of a block of crossings are, and whether they are on their scale."""

from numba import njit

from trigsim.menu.bit_kernels import number_at


@njit(cache=True)
def address_of(column):
    """Return where a column starts: without numba it takes longer than to decide a block of crossings."""
    return column.ctypes.data


@njit(cache=True, nogil=True)
def beyond(address, first, last, low, high):
    """Whether one of the numbers first..last of a column is outside low..high (all int32)."""
    least, most = low, high
    for j in range(first, last):
        x = number_at(address, j)
        least = min(least, x)
        most = max(most, x)
    return least < low or most > high


@njit(cache=True, nogil=True)
def copy_rows(address, n_rows, slots, first, n, wrap, into):
    """Copy rows first..first + n - 1 of a column; those beyond its ends are empty, or come round again."""
    for i in range(n):
        row = (first + i) % n_rows if wrap else first + i
        for s in range(slots):
            into[i * slots + s] = number_at(address, row * slots + s) if 0 <= row < n_rows else 0


@njit(cache=True, nogil=True)
def place(t, addresses, slots, n_rows, row, n, independent, wrap, nothing, edges, at):
    """Set ``at[lane]`` to the address of the first number of each lane, for `n` crossings from `row` on.

    `nothing` is as many zeros as a block may have numbers; rows beyond the ends go to `edges`, a row a lane.
    """
    for lane in range(len(t.lane_field)):
        field, first = t.lane_field[lane], row + t.lane_bx[lane]
        if independent and t.lane_bx[lane] != 0:
            at[lane] = nothing.ctypes.data
        elif first >= 0 and first + n <= n_rows:
            at[lane] = addresses[field] + 4 * first * slots[field]
        else:
            copy_rows(addresses[field], n_rows, slots[field], first, n, wrap, edges[lane])
            at[lane] = edges[lane].ctypes.data
