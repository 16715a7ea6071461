"""Columns, rows and windows of towers as whole vectors, against plain numpy; compiled and not."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from trigsim.events.model import N_PHI
from trigsim.objects.column_kernels import (
    above,
    backward,
    dropped,
    higher,
    load,
    load_row,
    lower,
    lowest,
    ones,
    plus,
    reached,
    seven,
    store,
    store_row,
    sum_of_seven,
    zeros,
)
from trigsim.objects.layout import WIDE
from trigsim.objects.window_kernels import COLUMN_TURN, TOGETHER, WING, beaten, energy_inside, nothing, sum_of


@njit
def columns(one, other, bytes_, results, words):
    """Write what each operation makes of two columns."""
    a, b = load(one, 3), load(other, 0)
    store(plus(a, b), results, 0)
    store(above(a, b), results, WIDE)
    store(lower(a, b), results, 2 * WIDE)
    store(higher(a, b), results, 3 * WIDE)
    store(backward(a), results, 4 * WIDE)
    store(plus(zeros(), load(bytes_, 1)), results, 5 * WIDE)
    reached(a, b, words, 1)


@given(st.integers(0, 2**32 - 1), st.sampled_from([3, 256, 65536]))
@settings(deadline=None, max_examples=30)
def test_columns(seed, below):
    rng = np.random.default_rng(seed)
    one, other = (
        rng.integers(below, size=WIDE + 3).astype(np.uint16),
        rng.integers(below, size=WIDE).astype(np.uint16),
    )
    some = rng.integers(256, size=WIDE + 1).astype(np.uint8)
    results, words = np.zeros(6 * WIDE, np.uint16), np.zeros(4, np.uint64)
    columns(one, other, some, results, words)
    a, b = one[3:].astype(int), other.astype(int)
    known = [(a + b) % 65536, np.maximum(a - b, 0), np.minimum(a, b), np.maximum(a, b), a[::-1], some[1:]]
    np.testing.assert_array_equal(results.reshape(6, WIDE), known)
    bits = [int(words[1 + lane // 64]) >> lane % 64 & 1 for lane in range(WIDE)]
    np.testing.assert_array_equal(bits, a >= b)
    assert words[0] == words[3] == 0


@njit
def bits(word):
    """Return how many bits are set, the lowest, and the word without it."""
    return ones(word), lowest(word), dropped(word)


@given(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 63).map(lambda k: 1 << k), st.just(0)))
@settings(deadline=None)
def test_bits(word):
    places = [k for k in range(64) if word >> k & 1]
    number, first, rest = bits(np.uint64(word))
    assert number == len(places)
    assert first == (places[0] if places else 64)
    assert rest == sum(1 << k for k in places[1:])


@njit
def rows(grid, value):
    """Add a value to seven numbers; return the sum of seven others."""
    store_row(plus(load_row(grid, 2), seven(value)), grid, 2)
    return sum_of_seven(load_row(grid, 11))


def test_rows():
    grid = np.arange(20, dtype=np.int32) ** 3
    known = grid.copy()
    known[2:9] += 7
    assert rows(grid, np.int32(7)) == known[11:18].sum()
    np.testing.assert_array_equal(grid, known)


@njit
def windows(lanes, turns, ets, lane, turn, et):
    """Return whether any tower but the first sixteen exceeds one, and the energy around it."""
    some = nothing()
    some = plus(some, energy_inside(lanes, turns, ets, TOGETHER, lane, turn))
    return beaten(lanes, turns, ets, TOGETHER, lane, turn, et), sum_of(some)


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=100)
def test_windows(seed):
    rng = np.random.default_rng(seed)
    lanes = rng.integers(40, 52, 2 * TOGETHER).astype(np.int32)
    column = (rng.integers(N_PHI) + rng.integers(-6, 7, 2 * TOGETHER)) % N_PHI
    turns, ets = (
        (column * COLUMN_TURN).astype(np.uint32).view(np.int32),
        rng.integers(4, size=len(lanes)).astype(np.int32),
    )
    exceeds, total = False, 0
    for k in range(TOGETHER, 2 * TOGETHER):
        apart, step = lanes[k] - lanes[0], (column[k] - column[0] + N_PHI // 2) % N_PHI - N_PHI // 2
        if abs(apart) <= WING and abs(step) <= WING:
            total += ets[k]
            exceeds |= bool((ets[k], apart, step) > (ets[0], 0, 0))
    assert windows(lanes, turns, ets, lanes[0], turns[0], ets[0]) == (exceeds, total)
