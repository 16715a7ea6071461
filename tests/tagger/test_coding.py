import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.tagger.coding import decode, effective_bits, encode, expand, huffman_code, runs, size


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=300))
def test_code_is_lossless_and_near_the_entropy(symbols):
    code = huffman_code(symbols)
    bits = encode(symbols, code)
    assert decode(bits, code) == symbols
    n = len(symbols)
    entropy = -sum(c * math.log2(c / n) for c in Counter(symbols).values())
    assert entropy - 1e-9 <= len(bits) <= entropy + n


def test_known_code_lengths():
    code = huffman_code([0] * 8 + [1] * 4 + [2] * 2 + [3] * 2)
    assert [len(code[s]) for s in range(4)] == [1, 2, 3, 3]


@given(st.lists(st.sampled_from([0] * 30 + [1, -7]), max_size=400))
def test_runs_are_lossless(values):
    array = np.array(values, dtype=np.int64)
    gaps, kept = runs(array)
    assert all(1 <= g <= 31 for g in gaps)
    np.testing.assert_array_equal(expand(gaps, kept, len(array)), array)


def test_cut_bits_are_noticed():
    code = huffman_code([0] * 8 + [1] * 4 + [2] * 2 + [3] * 2)
    with pytest.raises(InputError, match="within a symbol"):
        decode(code[3][:-1], code)


def test_sizes_of_a_model(model):
    found = size(model)
    assert found.weights == 3 * 16 + 16 * 8 + 8
    assert found.float32 == 32 * found.weights
    assert found.fixed == 8 * found.weights
    # Dense eight-bit weights hardly compress; the tables are counted.
    assert found.huffman > found.nonzero
    bits = effective_bits(model)
    assert len(bits) == found.weights
    assert (bits > 0).sum() == found.nonzero
    assert bits.max() <= 8
