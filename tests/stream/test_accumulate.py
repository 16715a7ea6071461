"""Counts merge exactly, in any order; rates agree with plain sums."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.stream import company_counts
from trigsim.stream.accumulate import CLUSTERS, EfficiencyCounts, RateCounts
from trigsim.stream.companions import Held
from trigsim.stream.company_counts import CompanyCounts
from trigsim.stream.word_counts import WordCounts, distinct, sums
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
    def interval(passed_with):
        counts = RateCounts.empty(("a",), 2, 100)
        counts.fill(0, np.arange(100) % 50, np.ones((100, 1), np.bool_) & False)
        counts.fill(0, passed_with, np.ones((50, 1), np.bool_))
        return rates(counts, np.array([1.0, 0.0]), 1.0)["a"]

    spread, shared = interval(np.arange(50)), interval(np.zeros(50, np.int64))
    assert spread.value == shared.value == pytest.approx(1 / 3)
    assert shared.low < spread.low - 0.1


@given(st.integers(0, 1000), st.integers(1, 9))
def test_pieces_add_up_to_the_whole(seed, cuts):
    rng = np.random.default_rng(seed)
    whole, added = (RateCounts.empty(ROWS, 3, 7, 4) for _ in range(2))
    for stratum in (2, 0, 2):
        event, bits = rng.integers(0, 30, 40), rng.random((40, 3)) < 0.3
        held = Held(event, rng.integers(-1, 4, 40), rng.integers(0, 200, (40, 4)).astype(np.int32))
        whole.fill(stratum, event, bits, held)
        if stratum == 0:
            both = np.stack([held.kind[:, None] == np.arange(4), held.companions], axis=1)
            np.testing.assert_array_equal(whole.tried[0], np.bincount(event % 7, minlength=7))
            np.testing.assert_array_equal(whole.class_tried[0], both.sum(axis=0))
            for r in range(3):
                passed = bits[:, r]
                np.testing.assert_array_equal(whole.passes[r, 0], np.bincount(event[passed] % 7, minlength=7))
                np.testing.assert_array_equal(whole.class_passed[r, 0], both[passed].sum(axis=0))
        for part in np.array_split(np.arange(40), cuts):
            one = RateCounts.empty(ROWS, 1, 7, 4)
            one.fill(0, event[part], bits[part], Held(*(some[part] for some in held)))
            added.add(stratum, one.piece())
    for name in ("passes", "tried", "class_passed", "class_tried"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(added, name))
    np.testing.assert_array_equal(whole.drawn, [40, 0, 80])


def test_a_piece_is_of_one_stratum():
    with pytest.raises(ValueError, match="counts of 3 strata are no piece"):
        filled(1).piece()


def test_large_libraries_share_clusters():
    counts = RateCounts.empty(("a",), 1, 10**9)
    counts.fill(0, np.array([5, 5 + CLUSTERS, 6 + 3 * CLUSTERS]), np.ones((3, 1), np.bool_))
    assert counts.passes.shape == (1, 1, CLUSTERS)
    assert list(counts.passes[0, 0, 4:8]) == [0, 2, 1, 0]


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


@given(st.integers(0, 1000), st.integers(1, 20), st.sampled_from([0.0, 0.05, 0.5]), st.randoms())
def test_words_are_counted_the_same_in_any_parts_and_order(seed, algorithms, often, random):
    rng = np.random.default_rng(seed)
    stratum, event = rng.integers(0, 300, 3), rng.integers(0, 2**32, (3, 4))
    given = [
        (int(k), rng.choice(some, 40), rng.random((40, algorithms)) < often)
        for k, some in zip(stratum, event, strict=True)
    ]
    plain = Counter(
        (k, int(e), tuple(row)) for k, some, bits in given for e, row in zip(some, bits, strict=True) if row.any()
    )
    parts = [(k, some[cut], bits[cut]) for k, some, bits in given for cut in np.array_split(np.arange(40), 7)]
    random.shuffle(parts)
    waiting, added = WordCounts.empty(algorithms), WordCounts.empty(algorithms)
    for part in parts:
        waiting.fill(*part)
        one = WordCounts.empty(algorithms)
        one.fill(*part)
        added.add(one.piece())
        added.words()
    found, other = waiting.words(), added.words()
    for ours, theirs in zip(found, other, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    bits = np.unpackbits(found.packed, axis=1, bitorder="little", count=algorithms).astype(bool)
    rows = zip(found.stratum.tolist(), found.event.tolist(), map(tuple, bits), strict=True)
    assert dict(zip(rows, found.times.tolist(), strict=True)) == plain
    assert [bytes(key) for key in found.key] == sorted(set(map(bytes, found.key)))


@given(st.integers(0, 1000), st.integers(0, 60), st.integers(1, 9), st.integers(1, 256))
def test_keys_are_found_as_numpy_finds_them(seed, n, width, values):
    rng = np.random.default_rng(seed)
    key, some = rng.integers(0, values, (n, width)).astype(np.uint8), rng.integers(-9, 99, (n, 2)).astype(np.int32)
    first, number = distinct(key)
    different, plain, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    np.testing.assert_array_equal(first, plain)
    np.testing.assert_array_equal(number, inverse.reshape(-1))
    added = sums([some[: n // 3], some[n // 3 :]], number, len(first))
    assert added.dtype == np.int64
    for i in range(len(different)):
        np.testing.assert_array_equal(added[i], some[(key == different[i]).all(axis=1)].sum(axis=0))


@pytest.mark.parametrize("most", [4, 30, 10_000])
def test_company_is_the_same_in_any_parts_and_order_and_bounded(most, monkeypatch):
    monkeypatch.setattr(company_counts, "MOST", most)
    rng = np.random.default_rng(most)
    bits, beside = rng.random((400, 9)) < 0.3, rng.integers(0, 5, (400, 3)).astype(np.int32)
    whole = CompanyCounts.empty(9, 3)
    whole.fill(2, np.arange(400), bits, beside)
    parts = CompanyCounts.empty(9, 3)
    for some in rng.permutation(np.array_split(np.arange(400), 16), axis=0):
        one = CompanyCounts.empty(9, 3)
        one.fill(2, some, bits[some], beside[some])
        parts.add(one.piece())
        parts.together()
    ours, theirs = parts.together(), whole.together()
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(ours.times) <= most
    kept = np.arange(400) % 2**ours.level == 0
    assert ours.times.sum() == kept.sum()
    np.testing.assert_array_equal(ours.companions.sum(axis=0), beside[kept].sum(axis=0))


def test_words_of_other_algorithms_are_refused():
    with pytest.raises(ValueError, match="bits of 9 algorithms"):
        WordCounts.empty(9).fill(0, np.zeros(2, np.int64), np.ones((2, 8), np.bool_))
    with pytest.raises(ValueError, match="same algorithms"):
        WordCounts.empty(9).add(WordCounts.empty(8).words())
