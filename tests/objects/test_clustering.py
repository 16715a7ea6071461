"""Anti-kT and variable-radius clustering label every input as FastJet does."""

import os

import fastjet_oracle
import numpy as np
import pytest
from clustering import four_momenta, grid, own_labels, partition, soft_and_hard, with_ghosts
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.objects.cluster_kernels import FAR2, cluster
from trigsim.objects.layout import cluster_memory

SLOW = os.environ.get("NUMBA_DISABLE_JIT") == "1"
EVENTS = 3 if SLOW else 150
LARGEST = 30 if SLOW else 250


def assert_same(ours, theirs):
    np.testing.assert_array_equal(partition(ours), partition(theirs))


@pytest.mark.parametrize("make", [soft_and_hard, grid])
@pytest.mark.parametrize("min_pt", [0.0, 50.0])
def test_antikt(make, min_pt):
    rng = np.random.default_rng(5)
    for _ in range(EVENTS):
        p = with_ghosts(make(int(rng.integers(5, LARGEST)), rng), 5, rng)
        assert_same(own_labels(p, 1.0, 1.0, 1.0, min_pt), fastjet_oracle.antikt(p, 1.0, min_pt))


@pytest.mark.parametrize("make", [soft_and_hard, grid])
@pytest.mark.parametrize("min_pt", [0.0, 5.0])
def test_variable_r(make, min_pt):
    rng = np.random.default_rng(6)
    for _ in range(EVENTS):
        p = make(int(rng.integers(1, LARGEST)), rng)
        assert_same(own_labels(p, 30.0, 0.02, 0.4, min_pt), fastjet_oracle.variable_r(p, 30.0, 0.02, 0.4, min_pt))


particle = st.tuples(st.floats(0.1, 1000.0), st.floats(-4.0, 4.0), st.floats(0.0, 2 * np.pi, exclude_max=True))


@settings(max_examples=10 if SLOW else 200, deadline=None)
@given(st.lists(particle, min_size=1, max_size=30, unique_by=lambda v: v[1:]))
def test_any_few_particles(particles):
    p = four_momenta(*np.array(particles).T)
    # The second threshold is one that the early end may only just not miss.
    for min_pt in (0.0, 0.999 * np.hypot(p[0], p[1]).max()):
        assert_same(own_labels(p, 1.0, 1.0, 1.0, min_pt), fastjet_oracle.antikt(p, 1.0, min_pt))
    assert_same(own_labels(p, 30.0, 0.02, 0.4, 0.0), fastjet_oracle.variable_r(p, 30.0, 0.02, 0.4, 0.0))


@pytest.mark.parametrize("n", [8, 9] if SLOW else [8, 9, 63, 64, 65, 128, 129])
def test_whole_vectors_and_blocks(n):
    for seed in range(1 if SLOW else 20):
        p = soft_and_hard(n, np.random.default_rng(seed))
        assert_same(own_labels(p, 1.0, 1.0, 1.0, 0.0), fastjet_oracle.antikt(p, 1.0, 0.0))
        assert_same(own_labels(p, 30.0, 0.02, 0.4, 0.0), fastjet_oracle.variable_r(p, 30.0, 0.02, 0.4, 0.0))


def test_every_input_belongs_to_one_jet():
    p = soft_and_hard(40, np.random.default_rng(1))
    labels = own_labels(p, 1.0, 1.0, 1.0, 0.0)
    assert sorted(set(labels)) == list(range(labels.max() + 1))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 20])
def test_exclusive_kt_scales(n):
    rng = np.random.default_rng(n)
    p = four_momenta(1 + rng.exponential(10, n), rng.normal(0, 0.3, n), rng.normal(1, 0.3, n))
    s = cluster_memory(n)
    assert cluster(n, *p, 1, FAR2, FAR2, FAR2, 0.0, s) == 1
    d12, d23 = fastjet_oracle.substructure(p)[5:]
    assert np.sqrt(s.scales[:2]) == pytest.approx([d12, d23], rel=1e-9)
