"""Networks drawn directly as steps: no hls4ml needed to test kernels and files."""

import random

import numpy as np
import pytest

from trigsim.emulator.model import (
    Activation,
    Concatenate,
    Constant,
    Dense,
    Merge,
    Quantise,
    Scale,
    Softmax,
    Table,
)
from trigsim.emulator.network import Network
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding


def a_format(rng, low=4, high=14):
    width = rng.randint(low, high)
    modes = rng.choice(list(Rounding)), rng.choice(list(Overflow))
    return FixedFormat(width, rng.randint(1, 5), rng.random() < 0.7, *modes)


def a_constant(rng, numbers, shape, form, kept=1.0):
    raw = numbers.integers(form.minimum, form.maximum, shape, endpoint=True) * (numbers.random(shape) < kept)
    return Constant(raw.astype(np.int64), form)


def a_step(rng, numbers, name, tensor, source, size):
    """Return one drawn step that reads `tensor`, and the size of its result."""
    kind = rng.choice(
        ["dense", "dense", "dense", "relu", "linear", "scale", "slope", "threshold", "hard", "table", "each"]
    )
    head = (name, (tensor,), a_format(rng))
    if kind == "dense":
        n = rng.choice([1, 2, 5, 16, 17, 33])
        weight, bias = a_format(rng, 2, rng.choice([4, 8, 8, 12, 17])), a_format(rng)
        accumulator = rng.choice([None, FixedFormat(32, 12), a_format(rng, 8, 40)])
        constants = (
            a_constant(rng, numbers, (size, n), weight, rng.choice([1.0, 0.5, 0.1])),
            a_constant(rng, numbers, (n,), bias),
        )
        return Dense(*head, *constants, accumulator, numbers.permutation(size)), n
    if kind == "each":
        return Quantise(
            *head, tuple(rng.choice([None, a_format(rng), FixedFormat(5, 2)]) for _ in range(size))
        ), size
    if kind == "scale":
        constants = (a_constant(rng, numbers, (size,), a_format(rng)) for _ in range(2))
        return Scale(*head, *constants), size
    if kind == "table":
        table = a_constant(rng, numbers, (rng.choice([8, 64]),), a_format(rng))
        return Table(*head, table, rng.choice([8, 16])), size
    if kind == "hard":
        slope, shift = FixedFormat(6, 1, False), FixedFormat(2, 0, False)
        constants = (a_constant(rng, numbers, (1,), slope), a_constant(rng, numbers, (1,), shift))
        return Activation(*head, rng.choice(["hard_sigmoid", "hard_tanh"]), constants), size
    if kind in ("slope", "threshold"):
        n = rng.choice([1, size]) if kind == "slope" else 1
        return Activation(*head, kind, (a_constant(rng, numbers, (n,), a_format(rng)),)), size
    return Activation(*head, kind), size


def draw_network(seed, steps=5, source=None):
    rng, numbers = random.Random(seed), np.random.default_rng(seed)
    source, size = source or a_format(rng), rng.choice([1, 3, 8, 21])
    network, formats, last = [], [source], size
    if rng.random() < 0.8:
        network.append(Dense("d", (0,), a_format(rng), *_first(rng, numbers, size), np.arange(size)))
        formats.append(network[0].result)
        last = 4
    for i in range(rng.randrange(steps) or not network):
        step, last = a_step(rng, numbers, f"s{i}", len(network), formats[-1], last)
        network.append(step)
        formats.append(step.result)
    return Network(source, size, tuple(network))


def _first(rng, numbers, size):
    weight = FixedFormat(rng.choice([5, 8, 11]), 2)
    return a_constant(rng, numbers, (size, 4), weight), a_constant(rng, numbers, (4,), a_format(rng)), None


def every_step():
    """Return a network with each kind of step once."""
    rng, numbers = random.Random(3), np.random.default_rng(3)
    form, table = FixedFormat(8, 3), FixedFormat(10, 2)
    weight = a_constant(rng, numbers, (3, 4), FixedFormat(6, 1))
    bias = a_constant(rng, numbers, (4,), FixedFormat(6, 1))
    nothing = Constant(np.arange(8), table)
    steps = (
        Dense("dense", (0,), form, weight, bias, FixedFormat(20, 8), np.arange(3)),
        Scale("scale", (1,), form, a_constant(rng, numbers, (4,), table), a_constant(rng, numbers, (4,), table)),
        Activation("slope", (2,), form, "slope", (a_constant(rng, numbers, (1,), table),)),
        Table("table", (3,), form, a_constant(rng, numbers, (16,), table), 16),
        Merge("merge", (4, 1), form, "add"),
        Concatenate("concatenate", (5, 2), form),
        Quantise("quantise", (6,), form, (FixedFormat(5, 2), None, *[FixedFormat(6, 2, False)] * 6)),
        Softmax("softmax", (7,), form, "latency", nothing, nothing, None, FixedFormat(12, 4), FixedFormat(9, 4)),
    )
    return Network(FixedFormat(8, 4), 3, steps)


@pytest.fixture(scope="session")
def network():
    return every_step()


@pytest.fixture(scope="session")
def drawn():
    return draw_network
