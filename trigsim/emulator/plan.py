"""Proves how narrow the arithmetic of a network can be.

Intervals are followed through the network from the input format on: where the exact sum of a dense layer fits
32 bits, int32 arithmetic modulo 2**32 gives it whatever the partial sums do; where inputs and weights also fit 8
or 16 bits, the machine's dot products do. What no interval can reach is not computed (clipping, wrapping, inputs
without weights). A network that is no chain of dense layers and elementwise steps has no plan, or one for the part
before the first other step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import codes as k
from trigsim.emulator.exact import accumulates_freely, evaluate
from trigsim.emulator.model import Activation, Constant, Dense, Scale, Step, Table
from trigsim.emulator.stage import NO_LIMIT, NoPlanError, Stage, Value, lowest, padded
from trigsim.numeric.fixed import FixedFormat, Overflow

#: Largest range of a value that is looked up in a table.
MAX_TABLE = 1 << 16
#: Most inputs that are handed on as a layer of their own.
MAX_IDENTITY = 1024


def prove(steps: tuple[Step, ...], formats: tuple[FixedFormat, ...], n_inputs: int) -> tuple[list[Stage], int]:
    """Return the stages of a network's leading chain of steps, and how many steps that is.

    Parameters
    ----------
    steps, formats : tuple
        Of the network.
    n_inputs : int
        Number of features.

    Raises
    ------
    NoPlanError
        If not even the first step fits.
    """
    stages: list[Stage] = []
    covered = 0
    source = formats[0]
    low, high, size = source.minimum, source.maximum, n_inputs
    for number, step in enumerate(steps):
        if step.inputs != (number,) or any(number in later.inputs for later in steps[number + 1 :]):
            break
        try:
            if isinstance(step, Dense):
                stage = _dense(step, source, low, high, size)
                _cast(stage, step.result)
                stages.append(stage)
                size = len(step.bias.raw)
            else:
                if not stages:
                    # QONNX networks begin with a cast: it acts on the inputs as a layer hands them on.
                    stages.append(_dense(_identity(size), source, low, high, size))
                trial = stages[-1]
                saved = list(trial.operations), list(trial.data), Value(*_fields(trial.value)), trial.bits
                try:
                    _elementwise(trial, step, source, size)
                except NoPlanError:
                    trial.operations, trial.data, trial.value, trial.bits = saved
                    raise
        except NoPlanError:
            break
        low, high = stages[-1].value.low, stages[-1].value.high
        source, covered = step.result, number + 1
    if not covered:
        raise NoPlanError("the network does not start with a dense layer of bounded sums, or a step on each input")
    return stages, covered


def _identity(size: int) -> Dense:
    if size > MAX_IDENTITY:
        raise NoPlanError("too many inputs")
    one = Constant(np.eye(size, dtype=np.int64), FixedFormat(2, 2))
    nothing = Constant(np.zeros(size, dtype=np.int64), FixedFormat(2, 2))
    return Dense("", (0,), one.format, one, nothing, None, np.arange(size))


def _fields(value: Value) -> tuple[int, int, int]:
    return value.low, value.high, value.fraction


def _dense(step: Dense, source: FixedFormat, low: int, high: int, n_in: int) -> Stage:
    if not accumulates_freely(step, source):
        raise NoPlanError("the accumulator rounds or saturates")
    fraction = source.fraction + step.weight.format.fraction
    top = max(fraction, step.bias.format.fraction)
    if top > fraction + 24:
        raise NoPlanError("the bias is much finer than the products")
    stage = Stage(step, source, low, high, n_in)
    ends_low, ends_high = _sums(step, low, high, top - fraction, top - step.bias.format.fraction)
    stage.value = Value(ends_low, ends_high, top)
    stage.reach(ends_low, ends_high)
    accumulator = step.accumulator
    if accumulator is not None:
        # Nothing is rounded on the way, so the low bits of the sum are right: wrap once, at the end.
        _cast(stage, accumulator)
    return stage


def _sums(step: Dense, low: int, high: int, finer: int, bias_finer: int) -> tuple[int, int]:
    """Return the least and the largest exact sum of any neuron for inputs within low..high."""
    weight = step.weight.raw.astype(object) << finer
    bias = step.bias.raw.astype(object) << bias_finer
    ends = np.stack([weight * low, weight * high])
    return int((bias + ends.min(0).sum(0)).min()), int((bias + ends.max(0).sum(0)).max())


def _cast(stage: Stage, form: FixedFormat) -> None:
    """Append the conversion of the numbers into `form`."""
    value = stage.value
    drop = value.fraction - form.fraction
    if drop > 0:
        if drop > 60:
            raise NoPlanError("more than 60 bits are dropped")
        stage.reach(value.low - (1 << drop), value.high + (1 << drop))
        stage.add(k.ROUND, k.MODES[form.rounding], drop)
        ends = np.array([value.low, value.high], dtype=object)
        wide = FixedFormat(64, 64 - form.fraction, True, form.rounding, Overflow.SAT)
        low, high = (int(v) for v in wide.cast_exact(ends, value.fraction, stage.bits + 2))
        value = Value(low, high, form.fraction)
    elif drop < 0:
        value = Value(value.low << -drop, value.high << -drop, form.fraction)
        stage.reach(value.low, value.high)
        stage.add(k.SHIFT_LEFT, -drop)
    stage.value = _fit(stage, value, form)
    stage.reach(stage.value.low, stage.value.high)


def _fit(stage: Stage, value: Value, form: FixedFormat) -> Value:
    least = lowest(form)
    if least <= value.low and value.high <= form.maximum:
        return value
    if form.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        # The numbers may all lie beyond one end.
        low, high = (min(max(v, least), form.maximum) for v in (value.low, value.high))
        stage.add(k.CLIP, low, high)
        return Value(low, high, value.fraction)
    if form.overflow == Overflow.SAT_ZERO:
        stage.add(k.ZERO_BEYOND, form.minimum, form.maximum)
    elif form.saturation_bits:
        raise NoPlanError("some bits saturate and some wrap")
    else:
        # The bits to spare depend on the type of the numbers, which is chosen last.
        stage.add(k.WRAP, form.width, int(form.signed), form.maximum)
    return Value(form.minimum, form.maximum, value.fraction)


def _elementwise(stage: Stage, step: Step, source: FixedFormat, size: int) -> None:
    value = stage.value
    if isinstance(step, Activation) and step.function == "linear":
        _cast(stage, step.result)
    elif isinstance(step, Activation) and step.function == "relu":
        # Casting zero gives zero in every mode, so the order of the two is free.
        if value.low < 0:
            stage.add(k.CLIP, 0, NO_LIMIT)
            stage.value = Value(0, max(value.high, 0), value.fraction)
        _cast(stage, step.result)
    elif isinstance(step, Scale):
        _scale(stage, step, source, size)
        _cast(stage, step.result)
    elif isinstance(step, Table | Activation):
        _look_up(stage, step, source)
    else:
        raise NoPlanError("not an elementwise step")


def _scale(stage: Stage, step: Scale, source: FixedFormat, size: int) -> None:
    fraction = source.fraction + step.scale.format.fraction
    top = max(fraction, step.bias.format.fraction)
    scale = step.scale.raw.astype(object) << (top - fraction)
    bias = step.bias.raw.astype(object) << (top - step.bias.format.fraction)
    ends = np.stack([scale * stage.value.low, scale * stage.value.high])
    low, high = int((ends.min(0) + bias).min()), int((ends.max(0) + bias).max())
    stage.reach(low, high, *(int(v) for v in (scale.min(), scale.max(), bias.min(), bias.max())))
    both = np.zeros((2, padded(size)), dtype=np.int64)
    both[0, :size], both[1, :size] = scale, bias
    at = _store_data(stage, both.ravel())
    stage.add(k.SCALE, at, at + both.shape[1])
    stage.value = Value(low, high, top)


def _look_up(stage: Stage, step: Table | Activation, source: FixedFormat) -> None:
    value = stage.value
    if isinstance(step, Activation) and any(len(c.raw) > 1 for c in step.constants):
        raise NoPlanError("a function of its own for each neuron")
    if value.high - value.low >= MAX_TABLE:
        raise NoPlanError("too many values for a table")
    everything = np.arange(value.low, value.high + 1, dtype=np.int64)
    results = evaluate(step, [everything[:, None]], [source])[:, 0]
    stage.reach(int(results.min()), int(results.max()))
    stage.add(k.LOOK_UP, _store_data(stage, results), value.low, value.high - value.low)
    stage.value = Value(int(results.min()), int(results.max()), step.result.fraction)


def _store_data(stage: Stage, numbers: NDArray[np.int64]) -> int:
    """Keep numbers for the stage; return their place among its own."""
    at = sum(len(d) for d in stage.data)
    stage.data.append(numbers)
    return at
