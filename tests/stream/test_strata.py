"""Stratification by the hardest collision is exact, for a fixed mean pile-up and for one that varies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from trigsim.stream.strata import Strata, allot, zero_truncated_poisson

MEANS = st.lists(st.floats(1e-6, 60), min_size=1, max_size=6)
SHARES = st.lists(st.floats(1e-3, 1), min_size=1, max_size=4)


def strata_of(means, shares=(1.0,), spread=1.0):
    """Strata whose means grow by `spread` from one mean pile-up to the next."""
    share = np.array(shares) / np.sum(shares)
    scale = spread ** np.arange(len(share))
    return Strata(tuple("abcdef"[: len(means)]), np.outer(scale, means), share)


@given(MEANS, SHARES)
def test_probabilities_sum_to_one(means, shares):
    strata = strata_of(means, shares, 1.3)
    assert strata.probability.sum() == pytest.approx(1, rel=1e-12)
    assert (strata.probability >= -1e-15).all()


@given(MEANS, SHARES, st.integers(0, 2**31), st.data())
def test_the_hardest_is_there_and_nothing_harder(means, shares, seed, data):
    strata = strata_of(means, shares, 1.3)
    hardest = data.draw(st.integers(0, len(means)))
    counts = strata.draw_counts(hardest, 50, np.random.default_rng(seed))
    if hardest < len(means):
        assert (counts[:, hardest] >= 1).all()
    assert not counts[:, hardest + 1 :].any()


@pytest.mark.parametrize("mean", [1e-4, 0.3, 2.0, 40.0])
def test_zero_truncated_poisson_has_its_distribution(mean):
    n = 200_000
    drawn = zero_truncated_poisson(np.full(n, mean), np.random.default_rng(3))
    values = np.arange(1, int(mean + 8 * np.sqrt(mean)) + 3)
    expected = n * stats.poisson.pmf(values, mean) / -np.expm1(-mean)
    seen = np.array([(drawn == v).sum() for v in values])
    big = expected > 10
    assert stats.chi2.sf(((seen - expected)[big] ** 2 / expected[big]).sum(), big.sum()) > 1e-4


def test_stratum_probabilities_averaged_over_a_flat_pileup():
    """The integral of exp(-a mu) (1 - exp(-b mu)) over a flat density has a closed form."""
    from trigsim.stream.pileup import PileupHistogram

    low, high = 170.0, 230.0
    pileup, share = PileupHistogram(edges=(low, 190.0, 204.0, high), contents=(20.0, 14.0, 26.0)).points()
    fraction = np.array([0.9, 0.09, 0.01])
    strata = Strata(("a", "b", "c"), np.outer(pileup, fraction), share)

    def mean_exp(a):
        return (np.exp(-a * low) - np.exp(-a * high)) / (a * (high - low))

    harder = np.array([0.1, 0.01, 0.0])
    exact = [mean_exp(h) if h else 1.0 for h in harder] - mean_exp(harder + fraction)
    np.testing.assert_allclose(strata.probability[:3], exact, rtol=1e-11)
    assert strata.probability[3] == pytest.approx(mean_exp(1.0), rel=1e-9)


def test_mean_pileup_given_the_stratum():
    """The number of collisions in crossings of a stratum, at a density that quad integrates too."""
    from trigsim.stream.pileup import PileupHistogram

    pileup, share = PileupHistogram(edges=(0.0, 10.0), contents=(3.0,)).points()
    strata = Strata(("a", "b"), np.outer(pileup, [0.8, 0.2]), share)
    n = 200_000
    counts = strata.draw_counts(0, n, np.random.default_rng(8))[:, 0]
    for number in range(1, 12):

        def density(mu, number=number):
            return stats.poisson.pmf(number, 0.8 * mu) * np.exp(-0.2 * mu) / 10

        exact = integrate.quad(density, 0, 10)[0]
        expected = n * exact / strata.probability[0]
        assert abs((counts == number).sum() - expected) < 5 * np.sqrt(expected), number


@pytest.mark.parametrize("shares", [(1.0,), (2.0, 1.0, 1.0)])
def test_weighted_strata_reproduce_the_unconditioned_distribution(shares):
    strata = strata_of([3.0, 0.4, 0.02], shares, 2.5)
    rng = np.random.default_rng(5)
    n = 100_000
    brute = strata.draw_all(n, rng)
    conditioned = [strata.draw_counts(k, n, rng) for k in range(4)]
    average = strata.share @ strata.means
    total = sum(p * c.mean(axis=0) for p, c in zip(strata.probability, conditioned, strict=True))
    np.testing.assert_allclose(total, average, rtol=0.02)
    assert (np.abs(brute.mean(axis=0) - average) < 5 * brute.std(axis=0) / np.sqrt(n)).all()
    # Not only the means: how two strata go together, which the spread of the mean pile-up correlates.
    both = sum(p * (c[:, 0] * c[:, 1]).mean() for p, c in zip(strata.probability, conditioned, strict=True))
    assert both == pytest.approx(strata.share @ (strata.means[:, 0] * strata.means[:, 1]), rel=0.03)
    assert both == pytest.approx((brute[:, 0] * brute[:, 1]).mean(), rel=0.05)


@pytest.mark.parametrize("top", [12, 7])
def test_numbers_of_many_strata_are_poisson_each_and_apart(top):
    means = np.array([4.0, 0.0, 0.3, 0.02, 1.5, 0.3, 0.0, 0.7, 0.1, 0.05, 0.4, 0.2])
    strata = Strata(tuple("abcdefghijkl"), np.outer([0.5, 1.0, 2.0], means), np.array([0.2, 0.5, 0.3]))
    n, pileup = 100_000, 1 if top == 12 else 2
    counts = np.zeros((n, 12), np.int64)
    strata._draw_below(top, np.full(n, pileup), counts, np.random.default_rng(top))
    assert not counts[:, top:].any()
    assert not counts[:, means == 0].any()
    for k in np.flatnonzero(means[:top]):
        values = np.arange(12)
        expected = n * stats.poisson.pmf(values, strata.means[pileup, k])
        seen = np.bincount(np.minimum(counts[:, k], 12), minlength=13)[:12]
        big = expected > 10
        assert stats.chi2.sf(((seen - expected)[big] ** 2 / expected[big]).sum(), big.sum()) > 1e-4
    correlation = np.corrcoef(counts[:, :top][:, means[:top] > 0].T)
    assert np.abs(correlation - np.eye(len(correlation))).max() < 5 / np.sqrt(n)


@given(MEANS, SHARES, st.lists(st.integers(1, 4), min_size=6, max_size=6))
def test_parts_of_strata_add_up(means, shares, parts):
    strata = strata_of(means, shares, 1.3)
    split = strata.split([np.full(n, 1 / n) for n in parts[: len(means)]])
    first = np.cumsum([0, *parts[: len(means) - 1]])
    np.testing.assert_allclose(np.add.reduceat(split.means, first, axis=1), strata.means, rtol=1e-12)
    np.testing.assert_allclose(
        np.add.reduceat(split.probability[:-1], first), strata.probability[:-1], rtol=1e-9, atol=1e-15
    )
    assert len(set(split.names)) == len(split.names) == split.means.shape[1]


@pytest.mark.parametrize("shares", [(1.0,), (2.0, 1.0, 1.0)])
def test_expected_numbers_are_those_drawn(shares):
    strata = strata_of([3.0, 0.4, 0.02], shares, 2.5)
    np.testing.assert_allclose(strata.probability @ strata.expected, strata.share @ strata.means, rtol=1e-12)
    rng = np.random.default_rng(6)
    for k in range(4):
        drawn = strata.draw_counts(k, 100_000, rng)
        error = drawn.std(axis=0) / np.sqrt(len(drawn))
        assert (np.abs(drawn.mean(axis=0) - strata.expected[k]) <= 5 * error + 1e-12).all()


def test_a_spread_of_one_value_is_a_fixed_pileup():
    one, three = strata_of([3.0, 0.4]), strata_of([3.0, 0.4], (1.0, 2.0, 1.0))
    np.testing.assert_allclose(one.probability, three.probability, rtol=1e-14)


def test_no_pileup_at_all():
    strata = strata_of([0.0, 0.0], (1.0, 1.0))
    np.testing.assert_array_equal(strata.probability, [0, 0, 1])
    assert (strata.draw_counts(1, 5, np.random.default_rng(1))[:, 1] == 1).all()


@given(
    passed=st.lists(st.integers(0, 512), min_size=2, max_size=6),
    probability=st.lists(st.floats(1e-9, 1), min_size=6, max_size=6),
)
def test_strata_without_a_pass_get_a_quarter_at_most(passed, probability):
    seen = np.array([*passed, 0])
    none = np.zeros(len(passed), np.int64)
    share = allot(np.array([*probability[: len(passed)], 0.1]), seen, np.full(len(seen), 512), 10**6, none)
    if seen.any():
        # What is just below a stratum that passes is not quiet.
        quiet = (seen[:-1] == 0) & (seen[1:] == 0)
        assert share[:-1][quiet].sum() <= 0.25 * 10**6
    assert share[:-1].sum() <= 10**6
    assert share[-1] == 1


def test_allotment_prefers_what_varies():
    share = allot(
        np.array([0.3, 0.6, 0.09, 0.01]),
        np.array([0, 50, 500, 0]),
        np.array([1000, 1000, 1000, 1]),
        10_000,
        np.array([100, 100, 200]),
    )
    assert share[-1] == 1
    assert share[2] >= 200
    assert share[1] > share[0]
    assert 10_000 <= share.sum() <= 10_401
