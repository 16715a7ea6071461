"""Hardware scales: nearest step, saturation, no NaN."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.numeric.random import stream_rng
from trigsim.numeric.scales import Scale


@given(st.floats(1e-3, 10), st.integers(2, 32), st.booleans(), st.floats(-1e6, 1e6))
def test_round_trip_is_within_half_a_step_or_saturated(lsb, bits, signed, value):
    scale = Scale(lsb, bits, signed)
    hw = int(scale.to_hw(value))
    assert scale.minimum <= hw <= min(scale.maximum, 2**31 - 1)
    if scale.minimum < hw < scale.maximum:
        assert abs(float(scale.to_value(hw)) - value) <= lsb * 0.5 * (1 + 1e-9)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        Scale(1.0, 8).to_hw(np.nan)


def test_streams_are_named_and_chunked():
    draws = {stream_rng(1, s, c).integers(2**62) for s in ("a", "b") for c in (0, 1)}
    assert len(draws) == 4
    assert stream_rng(1, "a", 0).integers(2**62) in draws
