"""The integer description of a quantised network: steps on tensors, each in an exact fixed-point format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.fixed import FixedFormat


@dataclass(frozen=True, slots=True)
class Constant:
    """Constants of one format.

    Attributes
    ----------
    raw : int64 array
        Integers in `format`.
    format : FixedFormat
        What they mean.
    """

    raw: NDArray[np.int64]
    format: FixedFormat


class Grids(NamedTuple):
    """Raw numbers that the elements of a tensor can be: multiples of `step` in low..high, of shape (n,)."""

    low: NDArray[np.object_]
    high: NDArray[np.object_]
    step: NDArray[np.object_]

    @staticmethod
    def of(form: FixedFormat, size: int) -> Grids:
        """Return those of `size` elements of one format."""
        return Grids(*(np.full(size, value, dtype=object) for value in (form.minimum, form.maximum, 1)))


@dataclass(frozen=True, slots=True)
class Dense:
    """``result(accumulate(bias + Σ x·w))``.

    Attributes
    ----------
    name : str
        Name of the hls4ml layer.
    inputs : tuple of int
        The tensor read: 0 is the network's input, i the result of step i - 1. So in every step.
    result : FixedFormat
        Format of the result. So in every step.
    weight : Constant
        Shape (n_in, n_out).
    bias : Constant
        Shape (n_out,).
    accumulator : FixedFormat or None
        Each product is cast to it, and each partial sum; None is exact arithmetic (distributed arithmetic).
    order : int64 array of shape (n_in,)
        Order in which the inputs are added; it matters where the accumulator saturates.
    """

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat
    weight: Constant
    bias: Constant
    accumulator: FixedFormat | None
    order: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scale:
    """``result(x·scale + bias)``, element by element (batch normalisation); both of shape (n,)."""

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat
    scale: Constant
    bias: Constant


@dataclass(frozen=True, slots=True)
class Activation:
    """A function of each element, computed without a table.

    Attributes
    ----------
    function : str
        ``linear``: result(x). ``relu``: x > 0 ? result(x) : 0. ``slope``: x > 0 ? result(x) : result(x·c0).
        ``threshold``: x > c0 ? result(x) : 0. ``hard_sigmoid``: result(clip(x·c0 + c1, 0, 1)).
        ``hard_tanh``: result(2·clip(x·c0 + c1, 0, 1) − 1).
    constants : tuple of Constant
        c0, c1, each of shape (n,) or (1,).
    """

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat
    function: Literal["linear", "relu", "slope", "threshold", "hard_sigmoid", "hard_tanh"]
    constants: tuple[Constant, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """``result(table[clip(trunc(x·size/span) + size//2, 0, size - 1)])`` (sigmoid, tanh)."""

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat
    table: Constant
    span: int


@dataclass(frozen=True, slots=True)
class Softmax:
    """Softmax by tables of exponentials and inverses, as hls4ml builds it.

    Attributes
    ----------
    implementation : str
        ``latency``, ``stable`` (differences to the maximum), ``legacy`` (pairwise differences) or ``argmax``.
    exponential, inverse : Constant
        Tables; empty for ``argmax``.
    difference : FixedFormat or None
        Format of maximum minus x (``stable``).
    accumulator, total : FixedFormat
        Format of the exponentials and of each node of their adder tree; format of the whole sum.
    """

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat
    implementation: Literal["latency", "stable", "legacy", "argmax"]
    exponential: Constant
    inverse: Constant
    difference: FixedFormat | None
    accumulator: FixedFormat
    total: FixedFormat


@dataclass(frozen=True, slots=True)
class Merge:
    """Two tensors, element by element."""

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat
    operation: Literal["add", "subtract", "multiply", "average", "maximum", "minimum"]


@dataclass(frozen=True, slots=True)
class Concatenate:
    """Two tensors one after the other."""

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat


@dataclass(frozen=True, slots=True)
class Quantise:
    """``result(each_i(x_i))``: every element is first cast to a format of its own (HGQ2).

    Attributes
    ----------
    each : tuple of (FixedFormat or None)
        Format of each element; None makes it 0.
    """

    name: str
    inputs: tuple[int, ...]
    result: FixedFormat
    each: tuple[FixedFormat | None, ...]

    def grids(self) -> Grids:
        """Return what each element can be: multiples of a step between a least and a largest raw result."""
        found = []
        for form in self.each:
            if form is None:
                found.append((0, 0, 0))
                continue
            finer = self.result.fraction - form.fraction
            low, high = (end << max(finer, 0) for end in (form.minimum, form.maximum))
            held = finer >= 0 and self.result.minimum <= low and high <= self.result.maximum
            found.append((low, high, 1 << finer) if held else (self.result.minimum, self.result.maximum, 1))
        low, high, step = np.array(found, dtype=object).T
        return Grids(low, high, step)


Step: TypeAlias = Dense | Scale | Activation | Table | Softmax | Merge | Concatenate | Quantise
