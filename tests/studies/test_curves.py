"""Cuts, rates and efficiencies along a score, against plain loops."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trigsim.studies.curves import NONE, ScoreSample, efficiency_at_rate, rate_at_efficiency

SCORES = st.lists(st.one_of(st.just(int(NONE)), st.integers(-6, 6)), min_size=1, max_size=40)


@st.composite
def samples(draw):
    beam = np.array(draw(SCORES))
    weight = np.array(draw(st.lists(st.floats(0.1, 5), min_size=len(beam), max_size=len(beam))))
    event = np.array(draw(st.lists(st.integers(0, 5), min_size=len(beam), max_size=len(beam))))
    return ScoreSample(np.array(draw(SCORES)), beam, weight, event, 5.0)


@given(samples(), st.floats(0, 60))
def test_cut_for_rate_is_the_lowest_allowed(sample, rate):
    cut = sample.cut_for_rate(rate)
    plain = [c for c in sample.cuts() if sample.weight[sample.beam >= c].sum() <= rate * (1 + 1e-12)]
    if plain:
        assert sample.weight[sample.beam >= cut].sum() <= rate * (1 + 1e-9)
        assert cut >= plain[0]
    elif len(sample.cuts()):
        assert cut == sample.cuts()[-1] + 1


@given(samples(), st.floats(0, 1))
def test_cut_for_efficiency_is_the_highest_that_suffices(sample, wanted):
    cut = sample.cut_for_efficiency(wanted)
    enough = [c for c in sample.cuts() if (sample.signal >= c).sum() >= wanted * len(sample.signal)]
    if enough:
        assert cut == enough[-1]


@given(samples())
def test_intervals_hold_their_value(sample):
    for estimate in (efficiency_at_rate(sample, 3.0), rate_at_efficiency(sample, 0.5)):
        if estimate is not None:
            assert estimate.low <= estimate.value <= estimate.high


def test_crossings_that_share_a_collision_count_as_one():
    alone = ScoreSample(np.array([1]), np.array([1] * 4), np.ones(4), np.arange(4), 1.0)
    shared = ScoreSample(np.array([1]), np.array([1] * 4), np.ones(4), np.zeros(4, int), 1.0)
    assert alone.rate_above(1).value == shared.rate_above(1).value == 4.0
    assert shared.rate_above(1).high > alone.rate_above(1).high
