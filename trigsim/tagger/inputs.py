"""From hardware-integer features to network inputs: one subtraction and one shift each, no multiplier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding

#: Share of the training candidates that the range of the input format has to cover.
COVERED = 0.995
#: Left shift beyond which 33-bit differences would leave int64.
MAX_LEFT = 28


@dataclass(frozen=True, slots=True, eq=False)
class InputMap:
    """Network input i = ``(feature[i] - offset[i]) * 2**-shift[i]``, cast to `format`.

    Attributes
    ----------
    offset, shift : int32 array, shape (k,)
        In hardware integers of the feature, and in binary digits (negative: the input is a multiple).
    format : FixedFormat
        Of all inputs; modes AP_RND and AP_SAT.
    """

    offset: NDArray[np.int32]
    shift: NDArray[np.int32]
    format: FixedFormat

    def __post_init__(self) -> None:
        if self.offset.ndim != 1 or self.offset.shape != self.shift.shape:
            raise InputError(f"offset {self.offset.shape} and shift {self.shift.shape} must be one number an input")
        if (self.format.rounding, self.format.overflow) != (Rounding.RND, Overflow.SAT):
            raise InputError(f"input format {self.format} rounds or overflows otherwise; use AP_RND,AP_SAT")
        right = self.shift - self.format.fraction
        if len(right) and (right.min() < -MAX_LEFT or right.max() > 62):
            raise InputError(f"shift of {self.shift.tolist()} moves bits out of 64; stay near the feature's width")

    def __len__(self) -> int:
        return len(self.offset)

    def raw(self, features_hw: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the network inputs as integers, ``raw * format.lsb`` being their values.

        Parameters
        ----------
        features_hw : int32 array, shape (n, k)
        """
        if features_hw.ndim != 2 or features_hw.shape[1] != len(self):
            raise InputError(f"features of shape {features_hw.shape}; the network reads (n, {len(self)})")
        if not np.issubdtype(features_hw.dtype, np.integer):
            raise InputError(f"features are {features_hw.dtype}; give hardware integers (int32)")
        difference = features_hw.astype(np.int64) - self.offset
        right = (self.shift - self.format.fraction).astype(np.int64)
        half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
        rounded = (difference + half) >> np.maximum(right, 0) << np.maximum(-right, 0)
        raw: NDArray[np.int64] = np.clip(rounded, self.format.minimum, self.format.maximum)
        return raw

    def columns(self, index: NDArray[np.int64]) -> InputMap:
        """Return the map of only those features."""
        return InputMap(self.offset[index], self.shift[index], self.format)


def fit_input_map(features_hw: NDArray[np.int32], fmt: FixedFormat, names: Sequence[str]) -> InputMap:
    """Return the map that centres each feature and fills the range of `fmt` with it.

    The offset is the median; the shift is the smallest with which `COVERED` of the values do not saturate.

    Parameters
    ----------
    features_hw : int32 array, shape (n, k)
        Training candidates.
    fmt : FixedFormat
    names : sequence of str
        k names, for errors.

    Raises
    ------
    InputError
        If a feature has one value only.
    """
    for name, column in zip(names, features_hw.T, strict=True):
        if column.min() == column.max():
            raise InputError(f"feature '{name}' is {column[0]} in every candidate; exclude it from training")
    offset = np.asarray(np.median(features_hw, axis=0)).round().astype(np.int64)
    distance = np.abs(features_hw - offset)
    # A feature that is nearly always at its median still has to fit where it is not.
    spread = np.quantile(distance, COVERED, axis=0)
    spread = np.where(spread > 0, spread, distance.max(axis=0))
    shift = np.ceil(np.log2(spread / (fmt.maximum * fmt.lsb))).astype(np.int32)
    return InputMap(offset.astype(np.int32), shift, fmt)
