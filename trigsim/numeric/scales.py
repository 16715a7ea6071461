"""Hardware scales: a physical value is a least significant bit times an integer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True)
class Scale:
    """One integer scale, ``value = lsb * hw``; values beyond the range saturate.

    Attributes
    ----------
    lsb : float
        The step, in the unit of the quantity.
    bits : int
        Width of the integer, 1 to 32, sign bit included.
    signed : bool
        Two's complement or unsigned.
    unit : str
        "GeV", "mm", "rad" or "" for pure numbers.
    """

    lsb: float
    bits: int
    signed: bool = False
    unit: str = ""

    @property
    def minimum(self) -> int:
        """Smallest integer of the scale."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest integer of the scale."""
        return (1 << (self.bits - 1 if self.signed else self.bits)) - 1

    def to_hw(self, value: ArrayLike) -> NDArray[np.int32]:
        """Return the nearest integers (halves up), saturated; NaN is refused.

        Parameters
        ----------
        value : array_like
            In the unit of the scale, any shape.
        """
        steps = np.floor(np.asarray(value, dtype=np.float64) / self.lsb + 0.5)
        if np.isnan(steps).any():
            raise ValueError("NaN has no place on a hardware scale")
        return np.clip(steps, self.minimum, self.maximum).astype(np.int32)

    def to_value(self, hw: ArrayLike) -> NDArray[np.float64]:
        """Return ``lsb * hw`` as float64."""
        return np.asarray(hw, dtype=np.float64) * self.lsb
