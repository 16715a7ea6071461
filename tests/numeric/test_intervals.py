"""Intervals against independent code and against toys."""

import numpy as np
import pytest
from hist.intervals import clopper_pearson_interval
from hypothesis import given
from hypothesis import strategies as st

from trigsim.numeric.intervals import ONE_SIGMA, Estimate, efficiency, weighted_poisson


@given(st.integers(1, 500), st.data())
def test_clopper_pearson_equals_hist(total, data):
    passed = data.draw(st.integers(0, total))
    ours = efficiency(passed, total)
    low, high = clopper_pearson_interval(np.array([passed]), np.array([total]), coverage=ONE_SIGMA)[:, 0]
    assert ours.low == pytest.approx(low if passed else 0.0, abs=1e-12)
    assert ours.high == pytest.approx(high if passed < total else 1.0, abs=1e-12)


def test_unit_weights_give_garwood():
    low, high = weighted_poisson([0, 1, 9], [0, 1, 9], 1.0)
    # Garwood 68.27 % limits of 0, 1 and 9 events.
    np.testing.assert_allclose(low, [0, 0.17275, 6.0565], rtol=1e-4)
    np.testing.assert_allclose(high, [1.8410, 3.2995, 13.1102], rtol=1e-4)


def test_coverage_of_mixed_weights():
    rng = np.random.default_rng(7)
    heavy, light = rng.poisson(12, 4000), rng.poisson(40, 4000)
    w, w2 = 2.0 * heavy + 0.5 * light, 4.0 * heavy + 0.25 * light
    low, high = weighted_poisson(w, w2, 2.0)
    covered = np.mean((low <= 44.0) & (high >= 44.0))
    assert 0.66 < covered < 0.80  # central Poisson limits over-cover; they must not under-cover


def test_estimate_prints_what_it_knows():
    assert str(Estimate(12.34, 12.1, 12.61, "kHz")) == "12.34 -0.24/+0.27 kHz"
    assert str(Estimate(0.5, 0.47, 0.53)) == "0.500 ± 0.030"


@pytest.mark.parametrize(("passed", "total"), [(-1, 3), (4, 3)])
def test_impossible_counts(passed, total):
    with pytest.raises(ValueError, match="cannot have passed"):
        efficiency(passed, total)
