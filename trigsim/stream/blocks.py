"""Which soft collisions make up the blocks that pile-up is stacked from.

How many soft collisions a crossing holds is drawn as ever. Most come in blocks of two sizes, each turned and
mirrored as a whole; what is left over comes one by one. Every soft collision of the library is in the blocks of a
kind equally often, to one, with a rotation, mirror image and vertex of its own each time. docs/rates.md says what
the re-use of blocks costs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.random import stream_rng
from trigsim.stream.plan import Blocks, placed

#: Large blocks that hold the average pile-up, and small blocks that hold a large one.
LARGE, SMALL = 4, 4
#: Blocks of each kind: their towers stay in a processor's cache, which more would not.
EACH = 1024
#: Soft collisions in a crossing for which blocks are worth their while.
WORTH = 16.0


def draw_blocks(mean: float, members: NDArray[np.int64], vertex_sigma_z_mm: float, seed: int) -> Blocks | None:
    """Draw blocks for crossings that hold about `mean` soft collisions; None if they are too few.

    Parameters
    ----------
    mean : float
        Sets the sizes of the blocks, and nothing else.
    members : int64 array
        Pool numbers of the soft collisions.
    vertex_sigma_z_mm : float
        Spread of their vertices.
    seed : int
        Of the choice.
    """
    if mean < WORTH:
        return None
    large = round(mean / LARGE)
    sizes = (large, round(large / SMALL))
    rng = stream_rng(seed, "stream/blocks")
    event = [_evenly(members, EACH * size, rng) for size in sizes]
    return Blocks(sizes, EACH, placed(np.repeat(sizes, EACH), np.concatenate(event), vertex_sigma_z_mm, rng))


def _evenly(members: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return n of the members in random order, each equally often, to one."""
    rounds = -(-n // len(members))
    return np.concatenate([rng.permutation(members) for _ in range(rounds)])[:n]
