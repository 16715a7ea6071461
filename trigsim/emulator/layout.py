"""Lays a proven plan out as the flat arrays that the kernels take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import kernels as k
from trigsim.emulator.stage import NO_LIMIT, Stage, padded


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


def lay_out(stages: list[Stage], covered: int, vnni: bool) -> Plan:
    """Return the plan of proven stages, which cover `covered` steps of the network."""
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
        row = [form or 0, padded(w.shape[1]), stride * bytes_each]
        row += [_length(groups), _length(groups) + len(used)]
        row += [_length(weights), _length(weights) + len(packed), _length(bias)]
        row += [len(operations), len(operations) + len(moved), add, drop, low, high, 0]
        table.append(row)
        operations += moved
        groups.append(used)
        weights.append(packed)
        bias.append(_pad(b, kind))
        data += [numbers.astype(kind) for numbers in stage.data]
        stride = padded(w.shape[1])
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


def _narrow(stage: Stage) -> bool:
    """Whether inputs and weights fit int32."""
    return max(int(abs(v)).bit_length() for v in (stage.low, stage.high, *_numbers(stage, 0)[0].ravel())) < 32


def _numbers(stage: Stage, offset: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return weights and biases in last bits of the exact sum, for inputs less `offset`."""
    step = stage.dense
    fraction = stage.source.fraction + step.weight.format.fraction
    top = max(fraction, step.bias.format.fraction)
    weight = step.weight.raw.astype(object) << (top - fraction)
    bias = step.bias.raw.astype(object) << (top - step.bias.format.fraction)
    return weight, bias + offset * weight.sum(0)


def _form(stage: Stage) -> int | None:
    """Return 0 where 8 bits suffice for inputs and weights, 1 for 16, None beyond."""
    weight = _numbers(stage, 0)[0]
    spread = stage.high - stage.low
    least, most = int(weight.min()), int(weight.max())
    if spread < 1 << 8 and least >= -128 and most <= 127:
        return 0
    if spread < 1 << 16 and least >= -(1 << 15) and most < 1 << 15:
        return 1
    return None


def _offset(stage: Stage) -> int:
    """Return what is subtracted from the inputs so that they fit uint8 or int16."""
    if _form(stage) == 0:
        return 0 if stage.low >= 0 and stage.high < 1 << 8 else stage.low
    fits = stage.low >= -(1 << 15) and stage.high < 1 << 15
    return 0 if fits else stage.low + (1 << 15)


def _pack(weight: NDArray[Any], form: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return weights as groups of 4 bytes per neuron, and the byte offsets of groups that are not all zero."""
    each, kind = (4, np.int8) if form == 0 else (2, np.int16)
    n_in, n_out = weight.shape
    grouped = np.zeros((-(-n_in // each) * each, padded(n_out)), dtype=kind)
    grouped[:n_in, :n_out] = weight
    grouped = grouped.reshape(-1, each, grouped.shape[1]).transpose(0, 2, 1)
    used = np.flatnonzero(grouped.any(axis=(1, 2)))
    return np.ascontiguousarray(grouped[used]).view(np.uint8).ravel(), (4 * used).astype(np.int32)


def _pack_plain(weight: NDArray[Any], kind: type[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Return the rows of weights that are not all zero, padded, and their inputs."""
    used = np.flatnonzero((weight != 0).any(axis=1))
    room = np.zeros((len(used), padded(weight.shape[1])), dtype=kind)
    room[:, : weight.shape[1]] = weight[used]
    return room.ravel(), used.astype(np.int32)


def _pad(bias: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
    """Pad; numbers are taken modulo the type, as the sums are."""
    bits = 8 * np.dtype(kind).itemsize
    wrapped = [(int(v) + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1)) for v in bias]
    room = np.zeros(padded(len(wrapped)), dtype=kind)
    room[: len(wrapped)] = wrapped
    return room


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
