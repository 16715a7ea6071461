"""Proves how narrow the arithmetic of a network can be, and lays it out for the kernels.

Intervals are followed through the network from the input format on: where the exact sum of a dense layer fits
32 bits, int32 arithmetic modulo 2**32 gives it whatever the partial sums do; where inputs and weights also fit 8
or 16 bits, the VNNI instructions do. What no interval can reach is not computed (clipping, wrapping, inputs
without weights). A network that is no chain of dense layers and elementwise steps has no plan, or one for the part
before the first other step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import kernels as k
from trigsim.emulator.exact import accumulates_freely, evaluate
from trigsim.emulator.model import Activation, Dense, Scale, Step, Table
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding

#: Largest range of a value that is looked up in a table.
MAX_TABLE = 1 << 16
_LANES = 16
#: Upper limit of a ReLU: none.
NO_LIMIT = 1 << 62
_MODES = {mode: number for number, mode in enumerate(Rounding)}


class NoPlanError(Exception):
    """The network, or its arithmetic, is beyond these kernels."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the kernels take.

    Attributes
    ----------
    vnni : bool
        Whether for `run_vnni` or `run_plain`.
    steps : int
        How many steps of the network it covers.
    offset : int
        Subtracted from raw inputs.
    sixteen : bool
        Whether inputs are int16 (else uint8); VNNI only.
    n_inputs : int
        Inputs of the network.
    arrays : tuple of arrays
        stages, operations, groups, weights, bias, data.
    """

    vnni: bool
    steps: int
    offset: int
    sixteen: bool
    n_inputs: int
    arrays: tuple[NDArray[Any], ...]


@dataclass(slots=True)
class _Value:
    """The numbers between two operations: all within low..high, meaning raw * 2**-fraction."""

    low: int
    high: int
    fraction: int


@dataclass(slots=True)
class _Stage:
    """A dense layer and the operations on its sums."""

    dense: Dense
    source: FixedFormat
    low: int
    high: int
    n_in: int
    operations: list[tuple[int, int, int, int]] = field(default_factory=list)
    data: list[NDArray[np.int64]] = field(default_factory=list)
    value: _Value = field(default_factory=lambda: _Value(0, 0, 0))
    bits: int = 0

    def reach(self, *numbers: int) -> None:
        """Note the widest number that an operation meets."""
        self.bits = max(self.bits, *(int(n).bit_length() + 1 for n in numbers))
        if self.bits > 62:
            raise NoPlanError("a sum needs more than 62 bits")

    def add(self, code: int, a: int = 0, b: int = 0, c: int = 0) -> None:
        self.operations.append((code, a, b, c))


def make_plan(steps: tuple[Step, ...], formats: tuple[FixedFormat, ...], n_inputs: int, *, vnni: bool) -> Plan:
    """Return the plan of a network's leading chain of steps.

    Parameters
    ----------
    steps, formats : tuple
        Of the network.
    n_inputs : int
        Number of features.
    vnni : bool
        Whether to use those instructions where 16 bits suffice.

    Raises
    ------
    NoPlanError
        If not even the first step fits.
    """
    stages: list[_Stage] = []
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
                    raise NoPlanError("the first step is no dense layer")
                trial = stages[-1]
                saved = list(trial.operations), list(trial.data), _Value(*_fields(trial.value)), trial.bits
                try:
                    _elementwise(trial, step, source, size)
                except NoPlanError:
                    trial.operations, trial.data, trial.value, trial.bits = saved
                    raise
        except NoPlanError:
            break
        low, high = stages[-1].value.low, stages[-1].value.high
        source, covered = step.result, number + 1
    if not stages:
        raise NoPlanError("the network does not start with a dense layer of bounded sums")
    return _lay_out(stages, covered, vnni)


def _fields(value: _Value) -> tuple[int, int, int]:
    return value.low, value.high, value.fraction


def _dense(step: Dense, source: FixedFormat, low: int, high: int, n_in: int) -> _Stage:
    if not accumulates_freely(step, source):
        raise NoPlanError("the accumulator rounds or saturates")
    fraction = source.fraction + step.weight.format.fraction
    top = max(fraction, step.bias.format.fraction)
    if top > fraction + 24:
        raise NoPlanError("the bias is much finer than the products")
    stage = _Stage(step, source, low, high, n_in)
    ends_low, ends_high = _sums(step, low, high, top - fraction, top - step.bias.format.fraction)
    stage.value = _Value(ends_low, ends_high, top)
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


def _cast(stage: _Stage, form: FixedFormat) -> None:
    """Append the conversion of the numbers into `form`."""
    value = stage.value
    drop = value.fraction - form.fraction
    if drop > 0:
        if drop > 60:
            raise NoPlanError("more than 60 bits are dropped")
        stage.reach(value.low - (1 << drop), value.high + (1 << drop))
        stage.add(k.ROUND, _MODES[form.rounding], drop)
        ends = np.array([value.low, value.high], dtype=object)
        wide = FixedFormat(64, 64 - form.fraction, True, form.rounding, Overflow.SAT)
        low, high = (int(v) for v in wide.cast_exact(ends, value.fraction, stage.bits + 2))
        value = _Value(low, high, form.fraction)
    elif drop < 0:
        value = _Value(value.low << -drop, value.high << -drop, form.fraction)
        stage.reach(value.low, value.high)
        stage.add(k.SHIFT_LEFT, -drop)
    stage.value = _fit(stage, value, form)
    stage.reach(stage.value.low, stage.value.high)


def _fit(stage: _Stage, value: _Value, form: FixedFormat) -> _Value:
    least = form.minimum
    if form.overflow == Overflow.SAT_SYM and form.signed:
        least = min(form.minimum + 1, -1)
    if least <= value.low and value.high <= form.maximum:
        return value
    if form.overflow in (Overflow.SAT, Overflow.SAT_SYM):
        # The numbers may all lie beyond one end.
        low, high = (min(max(v, least), form.maximum) for v in (value.low, value.high))
        stage.add(k.CLIP, low, high)
        return _Value(low, high, value.fraction)
    if form.overflow == Overflow.SAT_ZERO:
        stage.add(k.ZERO_BEYOND, form.minimum, form.maximum)
    elif form.saturation_bits:
        raise NoPlanError("some bits saturate and some wrap")
    else:
        # The bits to spare depend on the type of the numbers, which is chosen last.
        stage.add(k.WRAP, form.width, int(form.signed), form.maximum)
    return _Value(form.minimum, form.maximum, value.fraction)


def _elementwise(stage: _Stage, step: Step, source: FixedFormat, size: int) -> None:
    value = stage.value
    if isinstance(step, Activation) and step.function == "linear":
        _cast(stage, step.result)
    elif isinstance(step, Activation) and step.function == "relu":
        # Casting zero gives zero in every mode, so the order of the two is free.
        if value.low < 0:
            stage.add(k.CLIP, 0, NO_LIMIT)
            stage.value = _Value(0, max(value.high, 0), value.fraction)
        _cast(stage, step.result)
    elif isinstance(step, Scale):
        _scale(stage, step, source, size)
        _cast(stage, step.result)
    elif isinstance(step, Table | Activation):
        _look_up(stage, step, source)
    else:
        raise NoPlanError("not an elementwise step")


def _scale(stage: _Stage, step: Scale, source: FixedFormat, size: int) -> None:
    fraction = source.fraction + step.scale.format.fraction
    top = max(fraction, step.bias.format.fraction)
    scale = step.scale.raw.astype(object) << (top - fraction)
    bias = step.bias.raw.astype(object) << (top - step.bias.format.fraction)
    ends = np.stack([scale * stage.value.low, scale * stage.value.high])
    low, high = int((ends.min(0) + bias).min()), int((ends.max(0) + bias).max())
    stage.reach(low, high, *(int(v) for v in (scale.min(), scale.max(), bias.min(), bias.max())))
    padded = np.zeros((2, _padded(size)), dtype=np.int64)
    padded[0, :size], padded[1, :size] = scale, bias
    at = _store_data(stage, padded.ravel())
    stage.add(k.SCALE, at, at + padded.shape[1])
    stage.value = _Value(low, high, top)


def _look_up(stage: _Stage, step: Table | Activation, source: FixedFormat) -> None:
    value = stage.value
    if isinstance(step, Activation) and any(len(c.raw) > 1 for c in step.constants):
        raise NoPlanError("a function of its own for each neuron")
    if value.high - value.low >= MAX_TABLE:
        raise NoPlanError("too many values for a table")
    everything = np.arange(value.low, value.high + 1, dtype=np.int64)
    results = evaluate(step, [everything[:, None]], [source])[:, 0]
    stage.reach(int(results.min()), int(results.max()))
    stage.add(k.LOOK_UP, _store_data(stage, results), value.low, value.high - value.low)
    stage.value = _Value(int(results.min()), int(results.max()), step.result.fraction)


def _store_data(stage: _Stage, numbers: NDArray[np.int64]) -> int:
    """Keep numbers for the stage; return their place among its own."""
    at = sum(len(d) for d in stage.data)
    stage.data.append(numbers)
    return at


def _padded(size: int) -> int:
    return -(-size // _LANES) * _LANES


def _lay_out(stages: list[_Stage], covered: int, vnni: bool) -> Plan:
    bits = max(stage.bits for stage in stages)
    vnni = vnni and bits <= 32 and all(_form(stage) is not None for stage in stages)
    kind: type[Any] = np.int32 if bits <= 32 and all(_narrow(stage) for stage in stages) else np.int64
    spare = 32 if kind is np.int32 else 64
    table: list[list[int]] = []
    operations: list[tuple[int, int, int, int]] = []
    groups: list[NDArray[np.int32]] = []
    weights: list[NDArray[Any]] = []
    bias: list[NDArray[Any]] = []
    data: list[NDArray[Any]] = []
    stride = stages[0].n_in
    for stage in stages:
        form = _form(stage) if vnni else 2
        bytes_each = {0: 1, 1: 2}.get(form or 0, 1) if vnni else 1
        offset = _offset(stage) if vnni else 0
        w, b = _numbers(stage, offset)
        packed, used = _pack(w, form or 0) if vnni else _pack_plain(w, kind)
        own, (add, drop, low, high) = _finish(stage, spare)
        moved = [_moved(o, _length(data)) for o in own]
        row = [form or 0, _padded(w.shape[1]), stride * bytes_each]
        row += [_length(groups), _length(groups) + len(used)]
        row += [_length(weights), _length(weights) + len(packed), _length(bias)]
        row += [len(operations), len(operations) + len(moved), add, drop, low, high, 0]
        table.append(row)
        operations += moved
        groups.append(used)
        weights.append(packed)
        bias.append(_pad(b, kind))
        data += [numbers.astype(kind) for numbers in stage.data]
        stride = _padded(w.shape[1])
    for row, following in zip(table, stages[1:], strict=False):
        row[k.OFFSET] = _offset(following) if vnni else 0
    arrays = (
        np.array(table, dtype=np.int64),
        np.array(operations, dtype=np.int64).reshape(-1, 4),
        np.concatenate(groups),
        np.concatenate(weights),
        np.concatenate(bias),
        np.concatenate([*data, np.zeros(1, dtype=kind)]),
    )
    offset = _offset(stages[0]) if vnni else 0
    return Plan(vnni, covered, offset, vnni and _form(stages[0]) == 1, stages[0].n_in, arrays)


def _length(parts: list[NDArray[Any]]) -> int:
    return sum(len(part) for part in parts)


def _moved(operation: tuple[int, int, int, int], by: int) -> tuple[int, int, int, int]:
    """Move the places of the stage's data to where the data of all stages have it."""
    code, a, b, c = operation
    if code == k.LOOK_UP:
        return code, a + by, b, c
    return (code, a + by, b + by, c) if code == k.SCALE else operation


def _narrow(stage: _Stage) -> bool:
    """Whether inputs and weights fit int32."""
    return max(int(abs(v)).bit_length() for v in (stage.low, stage.high, *_numbers(stage, 0)[0].ravel())) < 32


def _numbers(stage: _Stage, offset: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return weights and biases in last bits of the exact sum, for inputs less `offset`."""
    step = stage.dense
    fraction = stage.source.fraction + step.weight.format.fraction
    top = max(fraction, step.bias.format.fraction)
    weight = step.weight.raw.astype(object) << (top - fraction)
    bias = step.bias.raw.astype(object) << (top - step.bias.format.fraction)
    return weight, bias + offset * weight.sum(0)


def _form(stage: _Stage) -> int | None:
    """Return 0 where 8 bits suffice for inputs and weights, 1 for 16, None beyond."""
    weight = _numbers(stage, 0)[0]
    spread = stage.high - stage.low
    least, most = int(weight.min()), int(weight.max())
    if spread < 1 << 8 and least >= -128 and most <= 127:
        return 0
    if spread < 1 << 16 and least >= -(1 << 15) and most < 1 << 15:
        return 1
    return None


def _offset(stage: _Stage) -> int:
    """Return what is subtracted from the inputs so that they fit uint8 or int16."""
    if _form(stage) == 0:
        return 0 if stage.low >= 0 and stage.high < 1 << 8 else stage.low
    fits = stage.low >= -(1 << 15) and stage.high < 1 << 15
    return 0 if fits else stage.low + (1 << 15)


def _pack(weight: NDArray[Any], form: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return weights as groups of 4 bytes per neuron, and the byte offsets of groups that are not all zero."""
    each, kind = (4, np.int8) if form == 0 else (2, np.int16)
    n_in, n_out = weight.shape
    grouped = np.zeros((-(-n_in // each) * each, _padded(n_out)), dtype=kind)
    grouped[:n_in, :n_out] = weight
    grouped = grouped.reshape(-1, each, grouped.shape[1]).transpose(0, 2, 1)
    used = np.flatnonzero(grouped.any(axis=(1, 2)))
    return np.ascontiguousarray(grouped[used]).view(np.uint8).ravel(), (4 * used).astype(np.int32)


def _pack_plain(weight: NDArray[Any], kind: type[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return the rows of weights that are not all zero, padded, and their inputs."""
    used = np.flatnonzero((weight != 0).any(axis=1))
    padded = np.zeros((len(used), _padded(weight.shape[1])), dtype=kind)
    padded[:, : weight.shape[1]] = weight[used]
    return padded.ravel(), used.astype(np.int32)


def _pad(bias: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
    """Pad; numbers are taken modulo the type, as the sums are."""
    bits = 8 * np.dtype(kind).itemsize
    wrapped = [(int(v) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1)) for v in bias]
    padded = np.zeros(_padded(len(wrapped)), dtype=kind)
    padded[: len(wrapped)] = wrapped
    return padded


def _finish(stage: _Stage, width: int) -> tuple[list[tuple[int, int, int, int]], tuple[int, int, int, int]]:
    """Settle the operations for numbers of `width` bits, and join the last ones into the final store.

    Returns the operations that remain and ``(add, drop, low, high)`` of ``clip((v + add) >> drop, low, high)``.
    """
    least, most = -(1 << (width - 1)), (1 << (width - 1)) - 1
    everything = [_settled(o, width) for o in stage.operations]
    low, high, add, drop = least, most, 0, 0
    if everything and everything[-1][0] == k.CLIP:
        low, high = everything.pop()[1:3]
    if everything and everything[-1][0] == k.ROUND and everything[-1][1] in (k.TRN, k.RND, k.RND_MIN_INF):
        _, mode, drop, _ = everything.pop()
        add = 0 if mode == k.TRN else (1 << (drop - 1)) - (mode == k.RND_MIN_INF)
        # A ReLU before a rounding that keeps zero is a limit after it: both are monotone.
        if everything and everything[-1][:3] == (k.CLIP, 0, most) and low <= 0:
            everything.pop()
            low = 0
    return everything, (add, drop, low, high)


def _settled(operation: tuple[int, int, int, int], width: int) -> tuple[int, int, int, int]:
    """Settle what depends on the type of the numbers."""
    code, a, b, c = operation
    if code == k.WRAP:
        # The mask of a format as wide as the type, or wider, keeps everything.
        return code, max(width - a, 0), b, min(c, (1 << (width - 1)) - 1)
    if code == k.CLIP and b == NO_LIMIT:
        return code, a, (1 << (width - 1)) - 1, c
    return operation
