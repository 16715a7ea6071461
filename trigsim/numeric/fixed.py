"""Fixed-point formats with the arithmetic of `ap_fixed`, bit for bit.

A value is ``raw * 2**-fraction`` with an integer `raw` of `width` bits. A conversion first rounds to the
fraction, then fits the width, each in the mode of the *target* format. The rules are those of the Vitis HLS
user guide (UG1399, "Arbitrary Precision Fixed-Point Data Types"), tested against the C++ header that hls4ml ships.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigsim.base.errors import InputError

#: Integers: int64 where they provably fit, else Python integers (dtype object).
Raw: TypeAlias = NDArray[Any]

MAX_WIDTH = 64
#: Binary exponents beyond this have no use and would run out of float64.
MAX_EXPONENT = 512
#: Bits that int64 arithmetic may fill: one spare for the sign and one for a rounding carry.
_SAFE_BITS = 62


class Rounding(StrEnum):
    """Quantisation modes: where the bits below the last one go."""

    TRN = "AP_TRN"
    TRN_ZERO = "AP_TRN_ZERO"
    RND = "AP_RND"
    RND_ZERO = "AP_RND_ZERO"
    RND_INF = "AP_RND_INF"
    RND_MIN_INF = "AP_RND_MIN_INF"
    RND_CONV = "AP_RND_CONV"


class Overflow(StrEnum):
    """Overflow modes: what a value beyond the width becomes."""

    WRAP = "AP_WRAP"
    SAT = "AP_SAT"
    SAT_ZERO = "AP_SAT_ZERO"
    SAT_SYM = "AP_SAT_SYM"


_SPELLING = re.compile(
    r"\s*(?:ap_|ac_)?(?P<u>u?)(?P<kind>fixed|int)\s*<\s*(?P<args>[^<>]*)>\s*",
)


@dataclass(frozen=True, slots=True)
class FixedFormat:
    """The type ``ap_[u]fixed<width, integer, rounding, overflow, saturation_bits>``.

    Attributes
    ----------
    width : int
        Bits, 1 to 64, the sign bit included.
    integer : int
        Bits left of the binary point, sign bit included; may be negative or above `width`.
    signed : bool
        Two's complement or unsigned.
    rounding : Rounding
        Mode of conversions into this format.
    overflow : Overflow
        Mode of conversions into this format.
    saturation_bits : int
        With `Overflow.WRAP`: so many of the top bits saturate and only the rest wraps.
    """

    width: int
    integer: int
    signed: bool = True
    rounding: Rounding = Rounding.TRN
    overflow: Overflow = Overflow.WRAP
    saturation_bits: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise InputError(f"width {self.width} of a fixed-point format; use 1 to {MAX_WIDTH} bits")
        if abs(self.integer) > MAX_EXPONENT:
            raise InputError(f"{self.integer} integer bits; use -{MAX_EXPONENT} to {MAX_EXPONENT}")
        if not 0 <= self.saturation_bits <= self.width:
            raise InputError(f"{self.saturation_bits} saturation bits; use 0 to the width, {self.width}")

    @classmethod
    def parse(cls, text: str) -> FixedFormat:
        """Return the format of a C++ or hls4ml spelling.

        Parameters
        ----------
        text : str
            ``ap_fixed<16,6>``, ``ap_ufixed<8,0,AP_RND,AP_SAT>``, ``fixed<8,2,RND_CONV,SAT,0>``,
            ``ap_int<5>``, …

        Raises
        ------
        InputError
            If it is none of these.
        """
        match = _SPELLING.fullmatch(text)
        if not match:
            raise InputError(f"'{text}' is no fixed-point type; write it like ap_fixed<16,6,AP_RND,AP_SAT>")
        args = [a.strip() for a in match["args"].split(",")]
        try:
            if match["kind"] == "int":
                (bits,) = args
                return cls.of_int(int(bits), not match["u"])
            if not 2 <= len(args) <= 5:
                raise ValueError
            modes = [a if a.startswith("AP_") else f"AP_{a}" for a in args[2:4]]
            return cls(
                int(args[0]),
                int(args[1]),
                not match["u"],
                Rounding(modes[0]) if modes else Rounding.TRN,
                Overflow(modes[1]) if len(modes) > 1 else Overflow.WRAP,
                int(args[4]) if len(args) > 4 else 0,
            )
        except InputError:
            raise
        except ValueError:
            wanted = f"rounding one of {', '.join(Rounding)}; overflow one of {', '.join(Overflow)}"
            raise InputError(f"'{text}' is no fixed-point type; {wanted}") from None

    @classmethod
    def of_int(cls, width: int, signed: bool = True) -> FixedFormat:
        """Return the format of ``ap_[u]int<width>``, into which C++ truncates towards zero and wraps."""
        return cls(width, width, signed, Rounding.TRN_ZERO)

    def __str__(self) -> str:
        """Return the C++ spelling; default modes are left out."""
        parts = [str(self.width), str(self.integer)]
        if self.overflow != Overflow.WRAP or self.saturation_bits:
            parts += [self.rounding.value, self.overflow.value]
        elif self.rounding != Rounding.TRN:
            parts.append(self.rounding.value)
        if self.saturation_bits:
            parts.append(str(self.saturation_bits))
        return f"ap_{'' if self.signed else 'u'}fixed<{','.join(parts)}>"

    @property
    def fraction(self) -> int:
        """Bits right of the binary point, ``width - integer``."""
        return self.width - self.integer

    @property
    def lsb(self) -> float:
        """Value of the last bit, ``2**-fraction``."""
        return float(np.ldexp(1.0, -self.fraction))

    @property
    def minimum(self) -> int:
        """Smallest raw integer that the bits can hold (`SAT_SYM` saturates one above it)."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def maximum(self) -> int:
        """Largest raw integer."""
        return (1 << (self.width - self.signed)) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of raw arrays: int64, or uint64 for unsigned formats of 64 bits."""
        return np.dtype(np.int64 if self.signed or self.width < MAX_WIDTH else np.uint64)

    def contains(self, other: FixedFormat) -> bool:
        """Whether every value of `other` is one of this format."""
        shift = self.fraction - other.fraction
        return shift >= 0 and self.minimum <= other.minimum << shift and other.maximum << shift <= self.maximum

    def from_float(self, value: ArrayLike) -> Raw:
        """Return the raw integers of `value`, rounded and fitted in this format's modes.

        Parameters
        ----------
        value : array_like
            Any shape, taken as float64.

        Returns
        -------
        ndarray of int64 (uint64 for ``ap_ufixed<64, …>``)

        Raises
        ------
        InputError
            For NaN and infinities.
        """
        x = np.asarray(value, dtype=np.float64)
        if not np.isfinite(x).all():
            raise InputError("NaN or infinity has no fixed-point value; clean the input first")
        # What lies far below every last bit rounds like any other tiny value, and stays clear of underflow.
        tiny = (x != 0) & (np.abs(x) < 2.0**-1000)
        x = np.where(tiny, np.copysign(2.0**-1000, x), x)
        with np.errstate(over="ignore"):
            y = np.ldexp(x, self.fraction)
        # Beyond float64 the value is a multiple of 2**64 all the same: wraps to 0, saturates.
        y = np.where(np.isinf(y), np.copysign(2.0**1000, y), y)
        low = np.floor(y)
        rest = y - low
        odd = np.fmod(low, 2.0) != 0
        return self._fit_float(low + _carry(self.rounding, rest, 0.5, x < 0, odd))

    def _fit_float(self, q: NDArray[np.float64]) -> Raw:
        """Fit integral float64 numbers."""
        residue = np.fmod(q, 2.0**self.width)
        half = 2.0**63
        residue = np.where(
            residue >= half, residue - 2 * half, np.where(residue < -half, residue + 2 * half, residue)
        )
        wrapped = self._wrap(residue.astype(np.int64))
        over = q >= 2.0 ** (self.width - self.signed)
        return self._overflow(wrapped, over, q < float(self.minimum), q < 0, q == float(self.minimum))

    def cast(self, raw: ArrayLike, source: FixedFormat) -> Raw:
        """Return the raw integers of this format for `raw` integers of the format `source`."""
        return self.cast_exact(raw, source.fraction, source.width)

    def cast_exact(self, raw: ArrayLike, fraction: int, bits: int) -> Raw:
        """Return the raw integers of this format for the exact numbers ``raw * 2**-fraction``.

        Parameters
        ----------
        raw : array_like of integers (int64, uint64 or Python integers)
            Any shape.
        fraction : int
            Binary digits of `raw` right of the point.
        bits : int
            Upper limit to the bits of `raw`, sign included; chooses int64 or Python integers.

        Returns
        -------
        ndarray of int64 (uint64 for ``ap_ufixed<64, …>``)
        """
        v = np.asarray(raw)
        shift = fraction - self.fraction
        wide = max(bits, bits - shift, self.width + 1) > _SAFE_BITS or shift > _SAFE_BITS
        v = v.astype(object) if wide else v.astype(np.int64)
        one = 1 if wide else np.int64(1)
        negative = v < 0
        if shift > 0:
            low = v >> shift
            rest = v - (low << shift)
            up = _carry(self.rounding, rest, one << (shift - 1), negative, (low & 1) == 1)
            v = low + (up.astype(object) if wide else up)
        elif shift < 0:
            v = v << -shift
        over, under = v > self.maximum, v < self.minimum
        return self._overflow(self._wrap(v), over, under, v < 0, v == self.minimum)

    def _wrap(self, v: Raw) -> Raw:
        """Keep the low `width` bits, as a number of this format."""
        if v.dtype == object:
            span = 1 << self.width
            v = v % span
            if self.signed:
                v = np.where(v > self.maximum, v - span, v)
            return v.astype(self.dtype)
        if self.width == MAX_WIDTH:
            return v.astype(self.dtype)
        spare = MAX_WIDTH - self.width
        if self.signed:
            return (v << spare) >> spare
        return v & ((1 << self.width) - 1)

    def _overflow(
        self,
        wrapped: Raw,
        over: NDArray[np.bool_],
        under: NDArray[np.bool_],
        negative: NDArray[np.bool_],
        lowest: NDArray[np.bool_],
    ) -> Raw:
        """Treat what lies beyond the range; `lowest` marks the smallest number, which `SAT_SYM` moves."""
        top, bottom = self.dtype.type(self.maximum), self.dtype.type(self.minimum)
        over, under = over.astype(bool), under.astype(bool)
        if self.overflow == Overflow.SAT:
            return np.where(over, top, np.where(under, bottom, wrapped))
        if self.overflow == Overflow.SAT_ZERO:
            return np.where(over | under, self.dtype.type(0), wrapped)
        if self.overflow == Overflow.SAT_SYM:
            if self.signed:
                under = under | lowest.astype(bool)
                bottom = self.dtype.type(min(self.minimum + 1, -1))
            return np.where(over, top, np.where(under, bottom, wrapped))
        if self.saturation_bits:
            return np.where(over | under, self._saturate_top(wrapped, negative.astype(bool)), wrapped)
        return wrapped

    def _saturate_top(self, wrapped: Raw, negative: NDArray[np.bool_]) -> Raw:
        """Set the saturation bits to the sign, the rest stays wrapped."""
        kept = self.width - self.saturation_bits
        low = wrapped & self.dtype.type((1 << kept) - 1)
        high = self.dtype.type(self.maximum >> kept << kept)
        saturated: Raw = low + np.where(negative & self.signed, self.dtype.type(self.minimum), high)
        return saturated

    def to_float(self, raw: ArrayLike) -> NDArray[np.float64]:
        """Return ``raw * 2**-fraction`` as float64 (exact up to 53 bits, then nearest, ties to even)."""
        return np.ldexp(np.asarray(raw).astype(np.float64), -self.fraction)

    def quantise(self, value: ArrayLike) -> NDArray[np.float64]:
        """Return `value` as float64 after a passage through this format."""
        return self.to_float(self.from_float(value))

    def with_modes(self, rounding: Rounding, overflow: Overflow) -> FixedFormat:
        """Return the same bits with other conversion modes."""
        return replace(self, rounding=rounding, overflow=overflow)


def product_format(a: FixedFormat, b: FixedFormat) -> FixedFormat:
    """Return the format in which C++ holds ``a * b``, exact."""
    return FixedFormat(a.width + b.width, a.integer + b.integer, a.signed or b.signed)


def sum_format(a: FixedFormat, b: FixedFormat) -> FixedFormat:
    """Return the format in which C++ holds ``a + b``, exact."""
    signed = a.signed or b.signed
    integer = max(a.integer + (signed and not a.signed), b.integer + (signed and not b.signed)) + 1
    return FixedFormat(integer + max(a.fraction, b.fraction), integer, signed)


def _carry(mode: Rounding, rest: Any, half: Any, negative: Any, odd: Any) -> NDArray[Any]:
    """Return 1 where a number floored by `rest` is to be moved up by one last bit, else 0."""
    if mode == Rounding.TRN:
        return np.zeros(np.shape(rest), dtype=np.int64)
    if mode == Rounding.TRN_ZERO:
        up = negative & (rest != 0)
    elif mode == Rounding.RND:
        up = rest >= half
    else:
        tie = {
            Rounding.RND_ZERO: negative,
            Rounding.RND_INF: ~np.asarray(negative, dtype=bool),
            Rounding.RND_MIN_INF: False,
            Rounding.RND_CONV: odd,
        }[mode]
        up = (rest > half) | ((rest == half) & tie)
    return np.asarray(up).astype(np.int64)
