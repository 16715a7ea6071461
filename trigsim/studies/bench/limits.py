"""What this machine can do at most: memory copied and bytes added a second, by one core."""

from __future__ import annotations

import numpy as np

from trigsim.events.model import N_ETA, N_PHI
from trigsim.studies.bench.limit_kernels import add_grids
from trigsim.studies.bench.model import Row, best_seconds

#: Bytes copied at once: far more than the caches hold.
COPIED = 1 << 28
#: Grids as many as the blocks of a kind, each as large as all towers.
GRIDS = 1024


def limits(share: float = 1.0) -> tuple[Row, Row]:
    """Measure copying, counted once for reading and once for writing, and additions of uint8 to int16.

    Parameters
    ----------
    share : float
        Of the full-size arrays.
    """
    source = np.ones(max(1, round(share * COPIED)), np.uint8)
    target = np.zeros_like(source)
    copied = 2 * len(source) / best_seconds(lambda: np.copyto(target, source), repeats=3) / 1e9
    grids = np.ones((max(1, round(share * GRIDS)), N_ETA * N_PHI), np.uint8)
    total = np.zeros(N_ETA * N_PHI, np.int16)
    added = grids.size / best_seconds(lambda: add_grids(total, grids)) / 1e9
    return (
        Row("memory, read and written by one core", "numpy copy", "GB/s", copied),
        Row("uint8 added to int16 by one core", "numba loop", "1e9/s", added),
    )
