"""Look-up tables of pairs: delta eta, delta phi, cosh, cos and pt as integers with declared decimals.

r(x, p) = floor(x * 10**p + 1/2) in IEEE doubles, as in the CMS global trigger; ties go where the double lies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.scales import FieldScale

Table = NDArray[np.int64]


def rounded(x: NDArray[np.float64], decimals: int) -> Table:
    """Return ``floor(x * 10**decimals + 1/2)``."""
    return np.asarray(np.floor(x * 10.0**decimals + 0.5), dtype=np.int64)


def delta_table(step: float, size: int, decimals: int) -> Table:
    """Return the table of ``i * step`` for i < size."""
    return rounded(np.arange(size, dtype=np.float64) * step, decimals)


def cosh_table(step: float, size: int, decimals: int) -> Table:
    """Return the table of ``cosh(i * step)``, limited to what int64 products can carry."""
    return rounded(np.cosh(np.minimum(np.arange(size) * step, 20.0)), decimals)


def cos_table(step: float, size: int, decimals: int) -> Table:
    """Return the table of ``cos(i * step)``."""
    return rounded(np.cos(np.arange(size) * step), decimals)


def sin_table(step: float, size: int, decimals: int) -> Table:
    """Return the table of ``sin(i * step)``."""
    return rounded(np.sin(np.arange(size) * step), decimals)


def pt_table(scale: FieldScale, decimals: int) -> Table:
    """Return bin centres for each number of the field; bins below zero ("no muon") count as 0."""
    if scale.bits > 16:
        raise InputError(f"a mass needs pt of at most 16 bits; got {scale.bits}")
    low, high = scale.numbers
    if low != 0:
        raise InputError("a mass needs an unsigned pt scale")
    return np.maximum(rounded(scale.centre(np.arange(high + 1)), decimals), 0)


@dataclass(frozen=True, slots=True)
class CommonUnit:
    """How two fields of a pair are brought to one unit: number' = multiply * number + add.

    A coarse number becomes the fine one at its bin centre, e.g. 4n + 2 from calorimeter to muon.

    Attributes
    ----------
    multiply, add : (int, int)
        For the first and the second object.
    step : float
        The common, finer step.
    size : int
        Differences are below this.
    bins : int
        Bins over 2 pi, 0 for eta.
    """

    multiply: tuple[int, int]
    add: tuple[int, int]
    step: float
    size: int
    bins: int


def common_unit(one: FieldScale, other: FieldScale, what: str) -> CommonUnit:
    """Return the common unit of two eta or two phi fields.

    Raises
    ------
    InputError
        If bins are irregular or steps are not multiples.
    """
    if one.step is None or other.step is None:
        raise InputError(f"a pair needs regular bins of {what}; give lsb or bins in the scale set")
    step = min(one.step, other.step)
    ratios = [one.step / step, other.step / step]
    multiply = (round(ratios[0]), round(ratios[1]))
    if max(abs(r - m) for r, m in zip(ratios, multiply, strict=True)) > 1e-6:
        raise InputError(f"the {what} steps of the pair, {one.step:g} and {other.step:g}, are not multiples")
    # A coarse number is put at its bin centre, counted from the fine number whose centre is nearest (ties up).
    fine = one if one.step <= other.step else other
    start = fine.centre(np.zeros(1, np.int64))[0]
    add0, add1 = (
        math.floor((s.centre(np.zeros(1, np.int64))[0] - start) / step + 0.5 + 1e-6) for s in (one, other)
    )
    add = (add0, add1)
    if what == "phi":
        bins = max(one.bins or 0, other.bins or 0)
        if not one.bins or not other.bins:
            raise InputError("a pair needs periodic phi; give bins in the scale set")
        return CommonUnit(multiply, add, 2 * math.pi / bins, bins, bins)
    ends = [m * n + a for s, m, a in zip((one, other), multiply, add, strict=True) for n in s.numbers]
    return CommonUnit(multiply, add, step, max(ends) - min(ends) + 1, 0)
