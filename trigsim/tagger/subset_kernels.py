# mypy: ignore-errors
"""Log losses of the likelihood in bins of a few columns, for many sets of columns."""

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def binned_losses(codes, bins, subsets, part, parts, y, w, prior, pseudo, out):
    """Set `out` to the cross-validated mean loss of each subset.

    In each cell of the bins the probability of a class is its share of the rows of all other parts, with `pseudo`
    rows of the mean composition added.

    Parameters
    ----------
    codes : uint8 array, shape (columns, rows)
        Bin of each column, below `bins`.
    subsets : int64 array, shape (subsets, size)
    part, y : int64 array, shape (rows,)
        Part of the cross-validation, below `parts`, and class.
    w : float64 array, shape (rows,)
    prior : float64 array, shape (classes,)
        Share of each class, all positive.
    out : float64 array, shape (subsets,)
    """
    rows, classes, size = len(y), len(prior), subsets.shape[1]
    cells = bins**size
    slot = np.empty(rows, np.int64)
    total = 0.0
    for r in range(rows):
        slot[r] = part[r] * cells * classes + y[r]
        total += w[r]
    filled = np.empty((parts, cells, classes))
    flat = filled.reshape(-1)
    whole = np.empty(classes)
    cell = np.empty(rows, np.int64)
    for s in range(len(subsets)):
        first = codes[subsets[s, 0]]
        for r in range(rows):
            cell[r] = first[r]
        for i in range(1, size):
            column = codes[subsets[s, i]]
            for r in range(rows):
                cell[r] = cell[r] * bins + column[r]
        flat[:] = 0.0
        for r in range(rows):
            flat[slot[r] + cell[r] * classes] += w[r]
        loss = 0.0
        for c in range(cells):
            everyone = pseudo
            for k in range(classes):
                whole[k] = pseudo * prior[k]
                for p in range(parts):
                    whole[k] += filled[p, c, k]
                    everyone += filled[p, c, k]
            for p in range(parts):
                here = 0.0
                for k in range(classes):
                    here += filled[p, c, k]
                for k in range(classes):
                    mine = filled[p, c, k]
                    if mine > 0.0:
                        loss -= mine * math.log((whole[k] - mine) / (everyone - here))
        out[s] = loss / total
