"""Acceptance gives multijets the signal's spectrum and the mixture of the cross sections, on average."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.stream.candidates import PT_EDGES
from trigsim.stream.matching import SEEN, SHARE, match, pt_bin
from trigsim.tagger.features import FEATURES

BINS = 6
COUNTS = st.lists(st.integers(0, 4000), min_size=BINS, max_size=BINS)


@given(
    st.lists(st.integers(0, 1000), min_size=BINS, max_size=BINS),
    st.lists(COUNTS, min_size=1, max_size=4),
    st.floats(1, 20),
    st.randoms(use_true_random=False),
)
def test_expected_candidates(signal, background, max_weight, random):
    signal, background = np.array(signal, float), np.array(background)
    probability = np.array([random.uniform(1e-6, 1) for _ in background])
    crossings = 5000
    natural = probability[:, None] * background
    reachable = (natural.sum(axis=0) > 0) & (signal > 0)
    if not reachable.any():
        with pytest.raises(InputError, match="no multijet"):
            match(signal, background, background // 3, crossings, probability, max_weight)
        return
    found = match(signal, background, background // 3, crossings, probability, max_weight)
    assert found.ratio.max() <= max_weight * (1 + 1e-12)
    assert found.share.sum() == pytest.approx(1)
    # Crossings of each stratum that its share of one candidate takes, and what they then give, weighted.
    made = background / crossings
    per_crossing = (made * np.minimum(found.ratio, 1)).sum(axis=1)
    built = np.divide(found.share, per_crossing, out=np.zeros(len(made)), where=per_crossing > 0)
    given_ = built[:, None] * made * found.ratio
    total = given_.sum(axis=0)
    np.testing.assert_allclose(total / total.sum(), np.where(reachable, signal, 0) / signal[reachable].sum())
    np.testing.assert_allclose(given_[:, reachable] / total[reachable], found.mixture[:, reachable], atol=1e-12)
    # Strata that are told apart keep the ratios of their cross sections.
    share = natural / np.maximum(natural.sum(axis=0), 1e-300)
    plain = (share >= SHARE) & (background // 3 >= SEEN)
    for b in np.flatnonzero(reachable):
        mine = np.flatnonzero(plain[:, b])
        if len(mine) > 1:
            np.testing.assert_allclose(
                found.mixture[mine, b] / found.mixture[mine[0], b], natural[mine, b] / natural[mine[0], b]
            )


def test_bins_are_those_of_the_edges():
    pt = FEATURES[0].scale.to_hw(np.array([0, 149.75, 150, 174.75, 175, 999, 1000, 16000.0]))
    bins = pt_bin(pt[:, None].astype(np.int32))
    assert bins.tolist() == [-1, -1, 0, 0, 1, len(PT_EDGES) - 3, len(PT_EDGES) - 2, len(PT_EDGES) - 2]
