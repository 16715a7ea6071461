"""Which soft collisions make up the blocks that pile-up is stacked from.

How many soft collisions a crossing holds is drawn as ever. They come in whole blocks of half the mean pile-up, and
a rest that holds just what is missing; each is turned and mirrored as a whole. Every soft collision of the library
is in the blocks of a kind equally often, to one, with a rotation, mirror image and vertex of its own each time.
docs/rates.md says what the re-use of blocks costs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.random import stream_rng
from trigsim.stream.plan import Blocks, placed

#: Whole blocks, and rests of all sizes: under a fixed mean pile-up about as many of either are at work. Their
#: towers stay in a processor's cache, which more would not.
WHOLE, RESTS = 1024, 2048
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
    size = round(mean / 2)
    least, each = size // 2, -(-RESTS // size)
    sizes = np.repeat(size, WHOLE), np.repeat(np.arange(least, least + size), each)
    rng = stream_rng(seed, "stream/blocks")
    event = [_evenly(members, int(some.sum()), rng) for some in sizes]
    plan = placed(np.concatenate(sizes), np.concatenate(event), vertex_sigma_z_mm, rng)
    return Blocks(size, least, WHOLE, each, plan)


def _evenly(members: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return n of the members in random order, each equally often, to one."""
    rounds = -(-n // len(members))
    return np.concatenate([rng.permutation(members) for _ in range(rounds)])[:n]
