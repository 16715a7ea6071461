"""Reads weights and biases back out of the adder trees that da4ml generates for distributed arithmetic.

hls4ml drops the weights of such a layer once the C++ is generated, so the C++ is what says what it decided:
single assignments of sums and differences of shifted earlier values. Each value is followed as an affine
function of the inputs, and its type is checked to hold that function's whole range: the tree is exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.emulator.model import Constant, Grids
from trigsim.numeric.fixed import FixedFormat

_TYPE = r"ap_u?fixed<-?\d+,-?\d+>"
_TERM = r"(?:bit_shift<(?P<{0}shift>-?\d+)>\(v(?P<{0}shifted>\d+)\)|v(?P<{0}plain>\d+))"
_SUM = re.compile(rf"{_TERM.format('a')} (?P<sign>[+-]) {_TERM.format('b')}")
_CONSTANT_SUM = re.compile(rf"v(?P<value>\d+) (?P<sign>[+-]) {_TYPE}\((?P<number>[^()]+)\)")
_COPY = re.compile(rf"(?P<sign>-?){_TERM.format('a')}")
_INPUT = re.compile(r"model_inp(?:\[(\d+)\]|_q_(\d+))")
_LINE = re.compile(rf"(?P<type>{_TYPE}) v(?P<target>\d+) = (?P<value>.+?);(?: //.*)?")
_OUTPUT = re.compile(rf"model_out\[(?P<target>\d+)\] = (?:{_TYPE}\((?P<value>.+)\)|(?P<zero>0));")
_QUANTISED = re.compile(
    r"(?P<type>ap_u?fixed<[^<>]+>) model_inp_q_(?P<input>\d+) = (?:model_inp\[(?P=input)\]|(?P<zero>0));"
)
_SKIPPED = re.compile(r"|template .*|void .*|#pragma .*|\}|static void .*|dense_da_.*|\};")


@dataclass(frozen=True, slots=True)
class _Affine:
    """``Σ factors·x + offset``, where x are the raw inputs and everything counts in ``2**-fraction``."""

    factors: NDArray[np.object_]
    offset: int
    fraction: int

    def shifted(self, shift: int) -> _Affine:
        return _Affine(self.factors, self.offset, self.fraction - shift)

    def plus(self, other: _Affine, sign: int) -> _Affine:
        top = max(self.fraction, other.fraction)
        a, b = 1 << (top - self.fraction), sign * (1 << (top - other.fraction))
        return _Affine(self.factors * a + other.factors * b, self.offset * a + other.offset * b, top)


def read_input_formats(code: str) -> tuple[FixedFormat | None, ...]:
    """Return the formats that a distributed-arithmetic layer first casts its inputs to; () if it does not.

    hls4ml puts HGQ2's quantiser of a layer's inputs there. None makes 0 of the input.
    """
    found = [match for line in code.splitlines() if (match := _QUANTISED.fullmatch(line.strip()))]
    if [int(match["input"]) for match in found] != list(range(len(found))):
        raise InputError("its distributed arithmetic quantises only some of its inputs")
    return tuple(None if match["zero"] else FixedFormat.parse(match["type"]) for match in found)


def read_adders(
    code: str, n_in: int, n_out: int, source: FixedFormat, grids: Grids | None = None
) -> tuple[Constant, Constant]:
    """Return weights and bias of a distributed-arithmetic layer.

    Parameters
    ----------
    code : str
        The generated C++.
    n_in, n_out : int
        Size of the layer.
    source : FixedFormat
        Format of its input, after the cast of `read_input_formats`.
    grids : Grids, optional
        What each input can be, where that is less than the format holds.

    Returns
    -------
    weight, bias : Constant
        Shapes (n_in, n_out) and (n_out,), exact.

    Raises
    ------
    InputError
        At a line that is no sum of earlier values, or whose type cannot hold it.
    """
    grids = grids or Grids.of(source, n_in)
    values: dict[int, _Affine] = {}
    outputs = [_constant(Fraction(0), n_in) for _ in range(n_out)]
    for line in map(str.strip, code.splitlines()):
        if match := _LINE.fullmatch(line):
            value = _value(match["value"], values, n_in, source)
            _check(value, FixedFormat.parse(match["type"]), grids, line)
            values[int(match["target"])] = value
        elif match := _OUTPUT.fullmatch(line):
            if not match["zero"]:
                outputs[int(match["target"])] = _value(match["value"], values, n_in, source)
        elif not _SKIPPED.fullmatch(line) and not _QUANTISED.fullmatch(line):
            raise InputError(f"unknown statement in its distributed arithmetic: {line}")
    weights = np.stack([value.factors for value in outputs], axis=1)
    # The factors act on raw inputs: on values they have fewer binary digits.
    fractions = np.array([value.fraction for value in outputs])
    weight = _common(weights, fractions - source.fraction, "weight")
    return weight, _common(np.array([value.offset for value in outputs], dtype=object), fractions, "bias")


def _constant(number: Fraction, n_in: int) -> _Affine:
    fraction = number.denominator.bit_length() - 1
    return _Affine(np.zeros(n_in, dtype=object), number.numerator, fraction)


def _value(text: str, values: dict[int, _Affine], n_in: int, source: FixedFormat) -> _Affine:
    if match := _INPUT.fullmatch(text):
        factors = np.zeros(n_in, dtype=object)
        factors[int(match[1] or match[2])] = 1
        return _Affine(factors, 0, source.fraction)
    if match := _SUM.fullmatch(text):
        return _term(match, "a", values).plus(_term(match, "b", values), int(match["sign"] + "1"))
    if match := _CONSTANT_SUM.fullmatch(text):
        constant = _constant(Fraction(float(match["number"])), n_in)
        return values[int(match["value"])].plus(constant, int(match["sign"] + "1"))
    if match := _COPY.fullmatch(text):
        return _constant(Fraction(0), n_in).plus(_term(match, "a", values), -1 if match["sign"] else 1)
    try:
        return _constant(Fraction(float(text)), n_in)
    except ValueError:
        raise InputError(f"unknown expression in its distributed arithmetic: {text}") from None


def _term(match: re.Match[str], which: str, values: dict[int, _Affine]) -> _Affine:
    if match[which + "plain"] is not None:
        return values[int(match[which + "plain"])]
    return values[int(match[which + "shifted"])].shifted(int(match[which + "shift"]))


def _check(value: _Affine, form: FixedFormat, inputs: Grids, line: str) -> None:
    reached = np.stack([value.factors * inputs.low, value.factors * inputs.high])
    low, high = value.offset + reached.min(0).sum(), value.offset + reached.max(0).sum()
    step = Fraction(1, 2) ** form.fraction / (Fraction(1, 2) ** value.fraction)
    if low < form.minimum * step or high > form.maximum * step:
        raise InputError(f"a sum of its distributed arithmetic overflows: {line}")
    if step > 1 and any(number % step for number in (*(value.factors * inputs.step), value.offset)):
        raise InputError(f"a sum of its distributed arithmetic is rounded: {line}")


def _common(raw: NDArray[Any], fractions: NDArray[np.int64], what: str) -> Constant:
    """Return exact numbers ``raw * 2**-fractions`` as constants of the narrowest common format."""
    top = int(fractions.max())
    shifted = raw * np.array([1 << int(top - f) for f in fractions], dtype=object)
    everything = 0
    for number in shifted.ravel():
        everything |= abs(int(number))
    spare = (everything & -everything).bit_length() - 1 if everything else 0
    width = max(everything.bit_length() - spare, 1) + 1
    if width > 62:
        raise InputError(f"'{what}' spans {width} bits; quantise it first")
    return Constant((shifted >> spare).astype(np.int64), FixedFormat(width, width - (top - spare)))
