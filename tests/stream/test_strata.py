"""Stratification by the hardest collision is exact."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trigsim.stream.strata import Strata, allot, zero_truncated_poisson

MEANS = st.lists(st.floats(1e-6, 60), min_size=1, max_size=6)


@given(MEANS)
def test_probabilities_sum_to_one(means):
    strata = Strata(tuple("x" * len(means)), np.array(means))
    assert strata.probability.sum() == pytest.approx(1, rel=1e-12)
    assert (strata.probability >= 0).all()


@given(MEANS, st.integers(0, 2**31), st.data())
def test_the_hardest_is_there_and_nothing_harder(means, seed, data):
    strata = Strata(tuple("x" * len(means)), np.array(means))
    hardest = data.draw(st.integers(0, len(means)))
    counts = strata.draw_counts(hardest, 50, np.random.default_rng(seed))
    if hardest < len(means):
        assert (counts[:, hardest] >= 1).all()
    assert not counts[:, hardest + 1 :].any()


@pytest.mark.parametrize("mean", [1e-4, 0.3, 2.0, 40.0])
def test_zero_truncated_poisson_has_its_distribution(mean):
    n = 200_000
    drawn = zero_truncated_poisson(mean, n, np.random.default_rng(3))
    values = np.arange(1, int(mean + 8 * np.sqrt(mean)) + 3)
    expected = n * stats.poisson.pmf(values, mean) / -np.expm1(-mean)
    seen = np.array([(drawn == v).sum() for v in values])
    big = expected > 10
    assert stats.chi2.sf(((seen - expected)[big] ** 2 / expected[big]).sum(), big.sum()) > 1e-4


def test_weighted_strata_reproduce_the_unconditioned_distribution():
    strata = Strata(("a", "b", "c"), np.array([3.0, 0.4, 0.02]))
    rng = np.random.default_rng(5)
    n = 100_000
    total = sum(p * strata.draw_counts(k, n, rng).mean(axis=0) for k, p in enumerate(strata.probability))
    np.testing.assert_allclose(total, strata.mean, rtol=0.02)


def test_allotment_prefers_what_varies():
    share = allot(
        np.array([0.3, 0.6, 0.09, 0.01]),
        np.array([0, 50, 500, 0]),
        np.array([1000, 1000, 1000, 1]),
        10_000,
        100,
    )
    assert share[-1] == 1
    assert share[1] > share[0]
    assert 10_000 <= share.sum() <= 10_301
