"""Lays a proven plan out as tables: for the machine code of `machine_code`, or for the portable kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import codes as k
from trigsim.emulator.machine_model import QUAD, Layer, Tables
from trigsim.emulator.stage import NO_LIMIT, Stage, padded


@dataclass(frozen=True, slots=True)
class NativePlan:
    """What machine code does.

    Attributes
    ----------
    steps : int
        How many steps of the network it covers.
    layers : tuple of Layer
        What the code is made of.
    tables : Tables
        What it reads.
    offset : int
        Subtracted from raw inputs.
    vnni : bool
        Whether it uses the dot products of AVX-512.
    """

    steps: int
    layers: tuple[Layer, ...]
    tables: Tables
    offset: int
    vnni: bool


@dataclass(frozen=True, slots=True)
class PortablePlan:
    """What the portable kernels take.

    Attributes
    ----------
    steps : int
        How many steps of the network it covers.
    arrays : tuple of arrays
        stages, operations, groups, weights, bias, data; the last three, and inputs, all int32 or all int64.
    """

    steps: int
    arrays: tuple[NDArray[Any], ...]


def native_plan(stages: list[Stage], covered: int, *, vnni: bool) -> NativePlan | None:
    """Return the plan of proven stages, which cover `covered` steps of the network; None if 32 bits do not do."""
    if not _fits_32(stages):
        return None
    layers: list[Layer] = []
    counts: list[NDArray[np.int64]] = []
    pairs: list[NDArray[np.int32]] = []
    bias: list[NDArray[Any]] = []
    data: list[NDArray[Any]] = [np.zeros(0, dtype=np.int32)]
    first = 0
    for stage, following in zip(stages, [*stages[1:], None], strict=True):
        form = _form(stage, vnni)
        weight, start = _numbers(stage, _offset(stage, form))
        own, (add, drop, low, high) = _finish(stage, 32)
        moved = [_moved(operation, _length(data)) for operation in own]
        if not own:
            # Sums wrap, so what is added to them at last may as well be there from the start.
            start, add = start + add, 0
        offset = 0 if following is None else _offset(following, _form(following, vnni))
        n_in, n_out = weight.shape
        layers.append(Layer(form, n_in, n_out, first, tuple(moved), add, drop, low, high, offset))
        quads, used = _quads(weight, form)
        counts.append(used)
        pairs.append(quads)
        bias.append(_wrapped(start, np.int32))
        data += [numbers.astype(np.int32) for numbers in stage.data]
        first += n_out
    starts = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int32)
    tables = Tables(starts, np.concatenate(pairs), np.concatenate(bias), np.concatenate(data))
    return NativePlan(covered, tuple(layers), tables, _offset(stages[0], _form(stages[0], vnni)), vnni)


def portable_plan(stages: list[Stage], covered: int) -> PortablePlan:
    """Return the same for the portable kernels."""
    kind: type[Any] = np.int32 if _fits_32(stages) else np.int64
    table: list[list[int]] = []
    operations: list[tuple[int, int, int, int]] = []
    groups: list[NDArray[np.int32]] = []
    weights: list[NDArray[Any]] = []
    bias: list[NDArray[Any]] = []
    data: list[NDArray[Any]] = []
    stride = stages[0].n_in
    for stage in stages:
        w, b = _numbers(stage, 0)
        used = np.flatnonzero((w != 0).any(axis=1))
        packed = np.zeros((len(used), padded(w.shape[1])), dtype=kind)
        packed[:, : w.shape[1]] = w[used]
        own, finish = _finish(stage, 32 if kind is np.int32 else 64)
        moved = [_moved(operation, _length(data)) for operation in own]
        row = [
            packed.shape[1],
            stride,
            _length(groups),
            _length(groups) + len(used),
            _length(weights),
            _length(bias),
        ]
        table.append([*row, len(operations), len(operations) + len(moved), *finish])
        operations += moved
        groups.append(used.astype(np.int32))
        weights.append(packed.ravel())
        bias.append(_wrapped(np.pad(b, (0, packed.shape[1] - len(b))), kind))
        data += [numbers.astype(kind) for numbers in stage.data]
        stride = packed.shape[1]
    arrays = (
        np.array(table, dtype=np.int64),
        np.array(operations, dtype=np.int64).reshape(-1, 4),
        np.concatenate(groups),
        np.concatenate(weights),
        np.concatenate(bias),
        np.concatenate([*data, np.zeros(1, dtype=kind)]),
    )
    return PortablePlan(covered, arrays)


def _length(parts: list[NDArray[Any]]) -> int:
    return sum(len(part) for part in parts)


def _moved(operation: tuple[int, int, int, int], by: int) -> tuple[int, int, int, int]:
    """Move the places of the stage's data to where the data of all stages have it."""
    code, a, b, c = operation
    if code == k.LOOK_UP:
        return code, a + by, b, c
    return (code, a + by, b + by, c) if code == k.SCALE else operation


def _fits_32(stages: list[Stage]) -> bool:
    """Whether int32 holds all sums, inputs and weights."""
    numbers = (v for stage in stages for v in (stage.low, stage.high, *_numbers(stage, 0)[0].ravel()))
    return max(stage.bits for stage in stages) <= 32 and all(int(abs(v)) < 1 << 31 for v in numbers)


def _numbers(stage: Stage, offset: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return weights and biases in last bits of the exact sum, for inputs less `offset`."""
    step = stage.dense
    fraction = stage.source.fraction + step.weight.format.fraction
    top = max(fraction, step.bias.format.fraction)
    weight = step.weight.raw.astype(object) << (top - fraction)
    bias = step.bias.raw.astype(object) << (top - step.bias.format.fraction)
    return weight, bias + offset * weight.sum(0)


def _form(stage: Stage, vnni: bool) -> int:
    """Return the narrowest form for inputs and weights; bytes only pay with VNNI."""
    weight = _numbers(stage, 0)[0]
    spread = stage.high - stage.low
    least, most = int(weight.min()), int(weight.max())
    if vnni and spread < 1 << 8 and least >= -128 and most <= 127:
        return k.BYTES
    if spread < 1 << 16 and least >= -(1 << 15) and most < 1 << 15:
        return k.SHORTS
    return k.WORDS


def _offset(stage: Stage, form: int) -> int:
    """Return what is subtracted from the inputs so that they fit the form."""
    if form == k.WORDS:
        return 0
    low, high = (0, 255) if form == k.BYTES else (-(1 << 15), (1 << 15) - 1)
    return 0 if low <= stage.low and stage.high <= high else stage.low - low


def _quads(weight: NDArray[Any], form: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the place and the weights of each neuron's quads that are not all zero, and how many it has."""
    each, kind = k.PER_QUAD[form], (np.int8, np.int16, np.int32)[form]
    n_in, n_out = weight.shape
    room = np.zeros((n_out, -(-n_in // each) * each), dtype=kind)
    room[:, :n_in] = weight.T
    quads = room.view(np.int32)
    neuron, used = np.nonzero(quads)
    return np.stack([QUAD * used, quads[neuron, used]], axis=1).astype(np.int32), np.bincount(
        neuron, minlength=n_out
    )


def _wrapped(numbers: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
    """Return integers modulo the type, as the sums are."""
    bits = 8 * np.dtype(kind).itemsize
    return np.array([(int(v) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1)) for v in numbers], dtype=kind)


def _finish(stage: Stage, width: int) -> tuple[list[tuple[int, int, int, int]], tuple[int, int, int, int]]:
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
