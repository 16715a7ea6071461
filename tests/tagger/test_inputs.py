import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.inputs import InputMap, fit_input_map

FORMAT = FixedFormat.parse("ap_fixed<8,3,AP_RND,AP_SAT>")


@given(
    hw=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20),
    offset=st.integers(-(2**31), 2**31 - 1),
    shift=st.integers(-20, 40),
    width=st.integers(2, 16),
    integer=st.integers(-2, 8),
)
def test_raw_is_the_cast_of_the_exact_number(hw, offset, shift, width, integer):
    fmt = FixedFormat.parse(f"ap_fixed<{width},{integer},AP_RND,AP_SAT>")
    if shift - fmt.fraction < -28:
        return
    mapped = InputMap(np.array([offset], np.int32), np.array([shift], np.int32), fmt)
    features = np.array(hw, np.int32)[:, None]
    exact = fmt.cast_exact([[v - offset] for v in hw], shift, 34)
    np.testing.assert_array_equal(mapped.raw(features), exact)


def test_fitted_map_fills_the_range():
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(500, 40, 5000), rng.exponential(3, 5000), rng.integers(0, 2, 5000)], 1)
    mapped = fit_input_map(np.rint(x).astype(np.int32), FORMAT, ["a", "b", "c"])
    raw = mapped.raw(np.rint(x).astype(np.int32))
    assert abs(mapped.offset[0] - 500) < 3
    for column in raw.T:
        assert np.abs(column).max() > 31  # more than a quarter of the range is used
        assert (np.abs(column) >= 127).mean() < 0.011


def test_a_rarely_set_bit_is_not_lost():
    x = np.zeros((1000, 1), np.int32)
    x[0] = 1
    assert fit_input_map(x, FORMAT, ["bit"]).raw(x)[0, 0] > 31


def test_constant_feature_is_named():
    with pytest.raises(InputError, match=r"'dull' is 7 in every candidate"):
        fit_input_map(np.array([[1, 7], [2, 7]], np.int32), FORMAT, ["fine", "dull"])


def test_wrong_shapes_and_types():
    mapped = InputMap(np.zeros(2, np.int32), np.zeros(2, np.int32), FORMAT)
    with pytest.raises(InputError, match="reads"):
        mapped.raw(np.zeros((3, 3), np.int32))
    with pytest.raises(InputError, match="hardware integers"):
        mapped.raw(np.zeros((3, 2)))
    with pytest.raises(InputError, match="AP_RND"):
        InputMap(np.zeros(1, np.int32), np.zeros(1, np.int32), FixedFormat(8, 3))
    with pytest.raises(InputError, match="bits out of 64"):
        InputMap(np.zeros(1, np.int32), np.full(1, -40, np.int32), FORMAT)
