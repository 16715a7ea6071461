"""A network as its machine code has it: layers of fixed sizes and formats, and the tables that they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import codes as k
from trigsim.emulator.assembly import LANES

#: Vectors of events in a block.
VECTORS = 8
BLOCK = LANES * VECTORS
#: Bytes of one quad of all events of a block.
QUAD = 4 * BLOCK


@dataclass(frozen=True, slots=True)
class Layer:
    """A dense layer as the code has it.

    Attributes
    ----------
    form : int
        `codes.BYTES`, `SHORTS` or `WORDS`: how its inputs are held.
    n_in, n_out : int
        Size.
    first : int
        Number of its first neuron in the tables.
    operations : sequence of (code, a, b, c)
        On its sums, as in `codes`.
    add, drop, low, high : int
        Then each becomes ``clip((v + add) >> drop, low, high)``.
    offset : int
        Subtracted at last, so that the next layer's form holds it.
    """

    form: int
    n_in: int
    n_out: int
    first: int
    operations: Sequence[tuple[int, int, int, int]]
    add: int
    drop: int
    low: int
    high: int
    offset: int

    @property
    def quads(self) -> int:
        """Quads of its input, a whole number of vectors."""
        return -(-self.n_in // k.PER_QUAD[self.form] // LANES) * LANES

    @property
    def row(self) -> int:
        """Bytes of an event's inputs."""
        return self.n_in * k.BITS[self.form] // 8


@dataclass(frozen=True, slots=True)
class Tables:
    """What the code reads.

    Attributes
    ----------
    starts : int32 array, shape (neurons + 1,)
        First pair of each neuron of all layers.
    pairs : int32 array, shape (pairs, 2)
        Place of a quad among the inputs, in bytes; its weights.
    bias : int32 array, shape (neurons,)
    data : int32 array
        Look-up tables and factors of the operations.
    """

    starts: NDArray[np.int32]
    pairs: NDArray[np.int32]
    bias: NDArray[np.int32]
    data: NDArray[np.int32]
