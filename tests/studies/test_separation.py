"""Separation figures against plain definitions, and what shared collisions do to them."""

import numpy as np
import pytest

from trigsim.studies.separation import auc_estimate, rejection_estimate
from trigsim.tagger.dataset import Candidates


def candidates(n, collision):
    rng = np.random.default_rng(2)
    label = np.repeat(np.array([1, 0], np.uint8), n)
    ones = np.ones(2 * n, np.float32)
    score = (rng.normal(0, 100, 2 * n) + 150 * label).astype(np.int32)
    return score, Candidates(("a",), np.zeros((2 * n, 1), np.int32), label, collision, ones, ones)


def test_figures_and_their_widths():
    n = 2000
    score, alone = candidates(n, np.arange(2 * n))
    _, shared = candidates(n, np.arange(2 * n) // 50)
    one, two = auc_estimate(score, alone, 1), auc_estimate(score, shared, 1)
    assert one.value == two.value == pytest.approx(0.856, abs=0.02)  # Phi(1.5 / sqrt 2)
    assert one.low <= one.value <= one.high
    cut = np.sort(score[:n])[n // 2]
    plain = n / (score[n:] >= cut).sum()
    assert rejection_estimate(score, alone, 0.5, 1).value == pytest.approx(plain, rel=0.02)


def test_candidates_of_one_collision_widen_the_interval():
    n = 1000
    score, alone = candidates(n, np.arange(2 * n))
    score[:n] = np.repeat(score[: n // 50], 50)  # fifty copies of each
    _, shared = candidates(n, np.arange(2 * n) // 50)
    one, two = auc_estimate(score, alone, 1), auc_estimate(score, shared, 1)
    assert two.high - two.low > 2 * (one.high - one.low)
