"""`FixedFormat` against rational arithmetic written from the definitions of the modes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding, product_format, sum_format


@st.composite
def formats(draw, max_width=64):
    width = draw(st.integers(1, max_width))
    return FixedFormat(
        width,
        draw(st.integers(-20, width + 20)),
        draw(st.booleans()),
        draw(st.sampled_from(Rounding)),
        draw(st.sampled_from(Overflow)),
    )


def raws(form):
    edges = st.sampled_from([form.minimum, form.maximum, 0, form.maximum // 2, form.minimum // 2])
    return st.integers(form.minimum, form.maximum) | edges


def rounded(x: Fraction, mode: Rounding) -> int:
    below, above = math.floor(x), math.ceil(x)
    towards_zero = above if x < 0 else below
    if mode == Rounding.TRN:
        return below
    if mode == Rounding.TRN_ZERO:
        return towards_zero
    if x - below != Fraction(1, 2):
        return math.floor(x + Fraction(1, 2))
    return {
        Rounding.RND: above,
        Rounding.RND_ZERO: towards_zero,
        Rounding.RND_INF: below if x < 0 else above,
        Rounding.RND_MIN_INF: below,
        Rounding.RND_CONV: above if below % 2 else below,
    }[mode]


def fitted(number: int, form: FixedFormat) -> int:
    low = form.minimum
    if form.overflow == Overflow.SAT_SYM and form.signed:
        low = min(low + 1, -1) if form.width == 1 else low + 1
    if low <= number <= form.maximum:
        return number
    if form.overflow == Overflow.WRAP:
        return (number - form.minimum) % (1 << form.width) + form.minimum
    if form.overflow == Overflow.SAT_ZERO:
        return 0
    return form.maximum if number > form.maximum else low


@given(st.data())
def test_cast_rounds_then_fits(data):
    source, target = data.draw(formats()), data.draw(formats())
    raw = data.draw(raws(source))
    exact = Fraction(raw) * Fraction(2) ** (target.fraction - source.fraction)
    want = fitted(rounded(exact, target.rounding), target)
    assert int(target.cast(np.array([raw], dtype=source.dtype), source)[0]) == want


@given(formats(), st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=True))
def test_from_float_rounds_then_fits(form, x):
    want = fitted(rounded(Fraction(x) * Fraction(2) ** form.fraction, form.rounding), form)
    assert int(form.from_float([x])[0]) == want


@given(formats(53), st.data())
def test_floats_round_trip(form, data):
    raw = data.draw(raws(form))
    if form.overflow == Overflow.SAT_SYM and form.signed and raw == form.minimum:
        return
    assert int(form.from_float(form.to_float([raw]))[0]) == raw


@given(formats())
def test_spelling_round_trips(form):
    assert FixedFormat.parse(str(form)) == form
    assert FixedFormat.parse(str(form).replace("ap_", "", 1).replace("AP_", "")) == form


@given(formats(30), formats(30), st.data())
def test_product_and_sum_are_exact(a, b, data):
    x, y = data.draw(raws(a)), data.draw(raws(b))
    u, v = (Fraction(r) / Fraction(2) ** f.fraction for r, f in ((x, a), (y, b)))
    product = product_format(a, b)
    assert product.minimum <= x * y <= product.maximum
    assert Fraction(x * y) / Fraction(2) ** product.fraction == u * v
    if abs(a.fraction - b.fraction) < 30:
        total = sum_format(a, b)
        assert total.minimum <= (u + v) * Fraction(2) ** total.fraction <= total.maximum
        assert ((u + v) * Fraction(2) ** total.fraction).denominator == 1


@given(formats(20), formats(20))
def test_contains_means_nothing_is_lost(big, small):
    if big.contains(small):
        ends = np.array([small.minimum, small.maximum])
        modes = FixedFormat(big.width, big.integer, big.signed, Rounding.TRN, Overflow.SAT)
        np.testing.assert_array_equal(modes.to_float(modes.cast(ends, small)), small.to_float(ends))


def test_contains_sees_range_and_fraction():
    form = FixedFormat(8, 3)
    assert form.contains(FixedFormat(7, 2, False))
    assert not form.contains(FixedFormat(8, 3, False))
    assert not form.contains(FixedFormat(8, 2))


@pytest.mark.parametrize("text", ["ap_int<9>", "int<9>", "ap_uint<3>"])
def test_integers_truncate_towards_zero_and_wrap(text):
    form = FixedFormat.parse(text)
    assert (form.fraction, form.rounding, form.overflow) == (0, Rounding.TRN_ZERO, Overflow.WRAP)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("float", "float"),
        ("ap_fixed<8>", "ap_fixed<8>"),
        ("ap_fixed<8,3,AP_ROUND>", "AP_RND_CONV"),
        ("ap_fixed<65,3>", "65"),
        ("ap_fixed<8,3,AP_RND,AP_WRAP,9>", "9 saturation bits"),
        ("ap_fixed<x,3>", "ap_fixed<x,3>"),
    ],
)
def test_bad_spellings_are_named(text, named):
    with pytest.raises(InputError, match=named):
        FixedFormat.parse(text)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_are_refused(bad):
    with pytest.raises(InputError, match="clean the input"):
        FixedFormat(8, 3).from_float([1.0, bad])
