"""The kernels against exact integer arithmetic, on drawn networks: not one bit may differ."""

import numba
import numpy as np
import pytest

from trigsim.emulator.engine import arithmetics, make_engine
from trigsim.emulator.exact import evaluate
from trigsim.emulator.layout import PortablePlan
from trigsim.numeric.fixed import FixedFormat

#: The machine code of each network takes 50 ms to compile.
CASES = {"vnni": 80, "vector": 60, "portable": 20 if numba.config.DISABLE_JIT else 250}
ARITHMETICS = [
    pytest.param(each, marks=pytest.mark.skipif(each not in arithmetics(), reason=f"this machine has no {each}"))
    for each in ("vnni", "vector", "portable")
]


def exactly(network, raw, steps):
    values = [raw]
    for step in network.steps[:steps]:
        formats = [network.formats[i] for i in step.inputs]
        values.append(evaluate(step, [values[i] for i in step.inputs], formats))
    return values[-1]


def inputs(network, n, seed):
    rng, form = np.random.default_rng(seed), network.input_format
    raw = rng.integers(form.minimum, form.maximum, (n, network.n_inputs), endpoint=True)
    raw[:2] = [[form.minimum], [form.maximum]]
    return raw


def arithmetic_of(engine):
    """Return the forms of the layers' inputs, or the type of the portable kernels' numbers."""
    if isinstance(engine.plan, PortablePlan):
        return {str(engine.plan.arrays[4].dtype)}
    return {layer.form for layer in engine.plan.layers}


@pytest.mark.parametrize("kind", ARITHMETICS)
def test_kernels_give_the_exact_integers(drawn, kind):
    covered = set()
    for seed in range(CASES[kind]):
        network = drawn(seed)
        raw = inputs(network, 131, seed)
        engine = make_engine(network.steps, network.formats, network.sizes, kind)
        if engine is None:
            continue
        got = engine.raw(raw)
        np.testing.assert_array_equal(got, exactly(network, raw, engine.plan.steps), err_msg=f"seed {seed}")
        covered |= {type(step).__name__ for step in network.steps[: engine.plan.steps]}
        covered |= arithmetic_of(engine)
    wanted = {"vnni": {0, 1}, "vector": {1}, "portable": {"int32"}}[kind]
    assert covered >= wanted | ({"Dense", "Activation", "Scale", "Table"} if CASES[kind] > 20 else {"Dense"})


@pytest.mark.parametrize("kind", ARITHMETICS)
def test_inputs_wider_than_shorts_are_exact_too(drawn, kind):
    covered = set()
    for seed in range(12):
        network = drawn(seed, 3, source=FixedFormat(19, 6))
        raw = inputs(network, 131, seed)
        engine = make_engine(network.steps, network.formats, network.sizes, kind)
        if engine is None:
            continue
        np.testing.assert_array_equal(engine.raw(raw), exactly(network, raw, engine.plan.steps))
        covered |= arithmetic_of(engine)
    assert "int32" in covered if kind == "portable" else 2 in covered


@pytest.mark.parametrize("kind", [arithmetics()[0], "portable"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_quantised_exactly(drawn, dtype, kind):
    used = 0
    for seed in range(CASES[kind] // 2):
        network = drawn(seed, 1)
        form = network.input_format
        rng = np.random.default_rng(seed)
        span = form.lsb * 2.0**form.width
        grid = rng.integers(-(1 << form.width), 1 << form.width, (300, network.n_inputs)) * form.lsb / 2
        wild = rng.choice([0.0, -0.0, 1e-30, -1e-30, 1e15, -1e15, span, -span], grid.shape)
        near = grid * (1 + rng.choice([0, 1e-7, -1e-7], grid.shape))
        x = np.where(rng.random(grid.shape) < 0.4, grid, np.where(rng.random(grid.shape) < 0.5, near, wild)).astype(
            dtype
        )
        engine = make_engine(network.steps, network.formats, network.sizes, kind)
        got = None if engine is None else engine.floats(x)
        if got is not None:
            used += 1
            want = engine.result.to_float(engine.raw(form.from_float(x)))
            np.testing.assert_array_equal(got, want, err_msg=f"seed {seed}: {form}")
    assert used > CASES[kind] // 5


def test_predict_is_the_same_in_any_number_of_threads(drawn):
    network = drawn(7)
    raw = inputs(network, 300 if numba.config.DISABLE_JIT else 9000, 7)
    one = network.predict_hw(raw, 1)
    np.testing.assert_array_equal(one, network.predict_hw(raw, 4))
    np.testing.assert_array_equal(one[:5], network.predict_hw(raw[:5]))


def test_networks_with_other_steps_are_finished_exactly(network):
    raw = inputs(network, 50, 1)
    np.testing.assert_array_equal(network.predict_hw(raw), exactly(network, raw, len(network.steps)))
