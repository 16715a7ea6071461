"""A dense layer with the operations on its sums, while the plan is being proven."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator.model import Dense
from trigsim.numeric.fixed import FixedFormat, Overflow

#: Neurons are padded to whole vectors of so many.
LANES = 16
#: Upper limit of a ReLU: none.
NO_LIMIT = 1 << 62


class NoPlanError(Exception):
    """The network, or its arithmetic, is beyond these kernels."""


@dataclass(slots=True)
class Value:
    """The numbers between two operations: all within low..high, meaning raw * 2**-fraction."""

    low: int
    high: int
    fraction: int


@dataclass(slots=True)
class Stage:
    """A dense layer and the operations on its sums."""

    dense: Dense
    source: FixedFormat
    low: int
    high: int
    n_in: int
    operations: list[tuple[int, int, int, int]] = field(default_factory=list)
    data: list[NDArray[np.int64]] = field(default_factory=list)
    value: Value = field(default_factory=lambda: Value(0, 0, 0))
    bits: int = 0

    def reach(self, *numbers: int) -> None:
        """Note the widest number that an operation meets."""
        self.bits = max(self.bits, *(int(n).bit_length() + 1 for n in numbers))
        if self.bits > 62:
            raise NoPlanError("a sum needs more than 62 bits")

    def add(self, code: int, a: int = 0, b: int = 0, c: int = 0) -> None:
        """Append an operation of the kernels."""
        self.operations.append((code, a, b, c))


def lowest(form: FixedFormat) -> int:
    """Return the smallest raw integer that a conversion into `form` gives."""
    symmetric = form.overflow == Overflow.SAT_SYM and form.signed
    return min(form.minimum + 1, -1) if symmetric else form.minimum


def padded(size: int) -> int:
    """Return `size` rounded up to whole vectors."""
    return -(-size // LANES) * LANES
