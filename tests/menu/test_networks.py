"""Networks in the menu: the input map, and AXOL1TL's arithmetic against the rules written out number by number."""

import json

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.networks import load_network
from trigsim.objects.model import Collection, TriggerObjects

SHAPE = (5, 4, 3, 2)


def shorten(number, bits):
    """Drop bits, rounding half to even."""
    whole, rest, half = number >> bits, number & ((1 << bits) - 1), 1 << (bits - 1)
    return whole + (rest > half or (rest == half and whole & 1))


def axol1tl(numbers, x):
    def clamp(v, low, high):
        return max(low, min(high, v))

    values = []
    for number, offset, shift in zip(x, numbers["offset"], numbers["shift"], strict=True):
        t = (number - offset) * 32
        t = t >> shift if shift >= 0 else t << -shift
        values.append(clamp(shorten(t, 3), -128, 127))
    for layer, (scale, drop, low, high) in enumerate([(4, 1, 0, 1023), (16, 3, 0, 1023), (16, 4, -512, 511)]):
        n_out = numbers["shape"][layer + 1]
        weights, biases = numbers["w"][layer], numbers["b"][layer]
        values = [
            clamp(
                shorten(sum(v * weights[i * n_out + j] for i, v in enumerate(values)) + biases[j] * scale, drop),
                low,
                high,
            )
            for j in range(n_out)
        ]
    return sum(v * v >> 2 for v in values) % (1 << 18)


def random_numbers(rng):
    return {
        "model": "v4",
        "shape": list(SHAPE),
        "w": [rng.integers(-12, 13, SHAPE[i] * SHAPE[i + 1]).tolist() for i in range(3)],
        "b": [rng.integers(-40, 41, SHAPE[i + 1]).tolist() for i in range(3)],
        "offset": rng.integers(-20, 60, SHAPE[0]).tolist(),
        "shift": rng.integers(-2, 6, SHAPE[0]).tolist(),
    }


@pytest.mark.parametrize("seed", range(8))
def test_the_score_is_the_rules(tmp_path, seed):
    rng = np.random.default_rng(seed)
    numbers = random_numbers(rng)
    path = tmp_path / "n.json"
    path.write_text(json.dumps(numbers))
    network = load_network(path)
    x = rng.integers(-120, 260, (200, SHAPE[0]))
    scores = network.scores(x)
    assert scores.tolist() == [axol1tl(numbers, row) for row in x.tolist()]
    assert len(set(scores.tolist())) > 10


MENU = """
name: test
scales: cms_run3
networks:
  N:
    inputs:
      - {object: JET, slots: 2, fields: [{field: pt, shift: 1}, {field: eta}]}
      - {object: ETM, fields: [{constant: 0}]}
algorithms:
  - {name: a, when: {network: N, score_min: 5}}
  - {name: b, when: {network: N, score_min: 6, bx: -1}}
"""


class Sum:
    """The simplest network."""

    n_inputs = 5

    def scores(self, inputs):
        return inputs.sum(axis=1)


def test_the_input_map_says_what_goes_in():
    compiled = loads(MENU).compile(networks={"N": Sum()})
    jets = {"pt": np.array([[7], [9], [4]], np.int32), "eta": np.array([[1], [3], [2]], np.int32)}
    data = TriggerObjects(
        {"JET": Collection(jets), "ETM": Collection({"pt": np.full((3, 1), 99, np.int32)})},
        np.zeros((3, 4), np.uint64),
    )
    decided = compiled.decide(data, rows="consecutive")
    # The scores are 7 // 2 + 1, 9 // 2 + 3, 4 // 2 + 2; the second slot is not there and counts as empty.
    assert decided.tolist() == [[False, False], [True, False], [False, True]]
    with pytest.raises(InputError, match="network 'N' is not given"):
        loads(MENU).compile()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"shape": [5, 4, 3, 3]}, "layer 3 does not have the numbers"),
        ({"offset": [1]}, "need 5 numbers each"),
        ({"w": [[1.5]]}, "no AXOL1TL network: w"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_damaged_network_is_refused(tmp_path, change, problem):
    path = tmp_path / "n.json"
    path.write_text(json.dumps({**random_numbers(np.random.default_rng(1)), **change}))
    with pytest.raises(InputError, match=problem):
        load_network(path)
    path.write_text("{")
    with pytest.raises(InputError, match="no AXOL1TL network"):
        load_network(path)
    with pytest.raises(InputError, match="no such file"):
        load_network(tmp_path / "absent.json")
