# mypy: ignore-errors
"""The innermost loop of the overlay and nothing else."""

from numba import njit


@njit(cache=True, nogil=True)
def add_grids(total, grids):
    """Add grids of bytes, shape (n, cells), to the int16 `total`, shape (cells,), one after the other."""
    for g in range(grids.shape[0]):
        for cell in range(grids.shape[1]):
            total[cell] += grids[g, cell]
