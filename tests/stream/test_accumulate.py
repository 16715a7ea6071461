"""Counts merge exactly, in any order; rates agree with plain sums."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.stream.accumulate import EfficiencyCounts, RateCounts
from trigsim.studies.rates import efficiencies, live_time_s, rates, unseen, weights

ROWS = ("a", "b", "total")


def filled(seed):
    rng = np.random.default_rng(seed)
    counts = RateCounts.empty(ROWS, 3, 7)
    for stratum in (0, 1, 1, 2):
        n = int(rng.integers(1, 30))
        counts.fill(stratum, rng.integers(0, 7, n), rng.random((n, 3)) < 0.4)
    return counts


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=5), st.randoms())
def test_merging_does_not_depend_on_order(seeds, random):
    def merged(order):
        total = RateCounts.empty(ROWS, 3, 7)
        for seed in order:
            total.merge(filled(seed))
        return total

    shuffled = list(seeds)
    random.shuffle(shuffled)
    one, two = merged(seeds), merged(shuffled)
    np.testing.assert_array_equal(one.passes, two.passes)
    np.testing.assert_array_equal(one.drawn, two.drawn)


def test_rate_is_the_weighted_sum():
    counts = filled(3)
    probability = np.array([0.7, 0.2, 0.1])
    found = rates(counts, probability, 1000.0)
    for r, row in enumerate(ROWS):
        plain = sum(1000 * probability[k] * counts.passes[r, k].sum() / counts.drawn[k] for k in range(3))
        assert found[row].value == pytest.approx(plain)
        assert found[row].low <= found[row].value <= found[row].high


def test_what_strata_without_a_pass_could_hide():
    counts = RateCounts.empty(("some", "none"), 4, 5)
    bits = np.array([[True, False]])
    for stratum, n in ((0, 10), (1, 40), (2, 5)):
        counts.fill(stratum, np.zeros(n, np.int64), np.repeat(bits & (stratum == 0), n, axis=0))
    counts.fill(3, np.zeros(1, np.int64), bits & False)
    weight = weights(counts.drawn, np.array([0.5, 0.3, 0.15, 0.05]), 1000.0)
    np.testing.assert_allclose(weight, [50.0, 7.5, 30.0, 50.0])
    hidden = unseen(counts, weight)
    # Garwood's upper limit of zero events at one standard deviation.
    assert hidden["some"] == pytest.approx(1.8410 * 30.0, rel=1e-4)
    assert hidden["none"] == pytest.approx(1.8410 * 50.0, rel=1e-4)


def test_reuse_of_one_collision_widens_the_interval():
    spread, shared = RateCounts.empty(("a",), 1, 100), RateCounts.empty(("a",), 1, 100)
    bits = np.ones((100, 1), np.bool_)
    spread.fill(0, np.arange(100), bits)
    shared.fill(0, np.zeros(100, np.int64), bits)
    one, two = (rates(c, np.array([1.0]), 1.0)["a"] for c in (spread, shared))
    assert one.value == two.value == 1.0
    assert two.low < one.low < 0.95


def test_live_time_of_a_poisson_count():
    # 400 passes in 2 s: 0.2 kHz; the spread of such a count is sqrt(400) / 2 s = 10 Hz.
    from trigsim.numeric.intervals import Estimate

    assert live_time_s(Estimate(0.2, 0.19, 0.21, "kHz")) == pytest.approx(2.0)


def test_efficiencies_and_mismatched_rows():
    counts = EfficiencyCounts.empty(ROWS)
    counts.fill(np.array([[True, False, True]] * 4))
    assert efficiencies(counts)["a"].value == 1.0
    with pytest.raises(ValueError, match="same rows"):
        counts.merge(EfficiencyCounts.empty(("x",)))
