"""Checks that a network is consistent, so that its evaluation cannot go astray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trigsim.base.errors import InputError
from trigsim.emulator.model import Activation, Constant, Dense, Merge, Quantise, Scale, Softmax, Step, Table

if TYPE_CHECKING:
    from trigsim.emulator.network import Network

#: Constants of each directly computed activation.
_CONSTANTS = {"linear": 0, "relu": 0, "slope": 1, "threshold": 1, "hard_sigmoid": 2, "hard_tanh": 2}
MAX_SIZE = 65536


def check(network: Network) -> None:
    """Raise an `InputError` naming the layer whose inputs, shapes or constants do not fit."""
    if not 1 <= network.n_inputs <= MAX_SIZE:
        raise InputError(f"{network.n_inputs} inputs; give 1 to {MAX_SIZE}")
    for i, step in enumerate(network.steps):
        wanted = 2 if type(step).__name__ in ("Merge", "Concatenate") else 1
        if len(step.inputs) != wanted or not all(0 <= tensor <= i for tensor in step.inputs):
            raise _wrong(step, f"reads tensors {step.inputs}; it needs {wanted} of those before it")
        if not step.result.signed and step.result.width == 64:
            raise _wrong(step, "has an unsigned result of 64 bits; use 63")
    names = [step.name for step in network.steps]
    if len(set(names)) != len(names):
        raise InputError(f"two layers have one name among {names}; rename one")
    sizes = network.sizes
    for step, size in zip(network.steps, sizes[1:], strict=True):
        if not 1 <= size <= MAX_SIZE:
            raise _wrong(step, f"has {size} outputs; 1 to {MAX_SIZE} are possible")
        _check_constants(step, [sizes[tensor] for tensor in step.inputs], size)


def _wrong(step: Step, problem: str) -> InputError:
    return InputError(f"layer '{step.name}' {problem}")


def _check_constants(step: Step, sources: list[int], size: int) -> None:
    match step:
        case Dense():
            _constant(step, step.weight, (sources[0], size))
            _constant(step, step.bias, (size,))
            if not np.array_equal(np.sort(step.order), np.arange(sources[0])):
                raise _wrong(step, f"adds its inputs in no order of 0 to {sources[0] - 1}")
        case Scale():
            _constant(step, step.scale, (size,))
            _constant(step, step.bias, (size,))
        case Activation():
            if len(step.constants) != _CONSTANTS[step.function]:
                raise _wrong(step, f"needs {_CONSTANTS[step.function]} constants for {step.function}")
            for constant in step.constants:
                _constant(step, constant, constant.raw.shape if constant.raw.shape == (1,) else (size,))
        case Table():
            _constant(step, step.table, (len(step.table.raw),))
            if step.span < 1 or not len(step.table.raw):
                raise _wrong(step, "needs a table and a positive span")
        case Quantise():
            if len(step.each) != size:
                raise _wrong(step, f"has {len(step.each)} formats for {size} elements")
        case Softmax():
            _check_softmax(step)
        case Merge():
            if len(set(sources)) != 1:
                raise _wrong(step, f"merges tensors of sizes {sources}; they must be equal")


def _check_softmax(step: Softmax) -> None:
    for table in (step.exponential, step.inverse):
        _constant(step, table, (len(table.raw),))
        size = len(table.raw)
        if step.implementation != "argmax" and (size < 2 or size & (size - 1)) and step.implementation != "legacy":
            raise _wrong(step, f"has a table of {size} entries; 2**k are needed")
        if step.implementation == "legacy" and not size:
            raise _wrong(step, "has an empty table")
    if (step.implementation == "stable") != (step.difference is not None):
        raise _wrong(step, "needs a format of differences if and only if it is 'stable'")
    if step.implementation in ("latency", "stable"):
        for table, form in ((step.inverse, step.total), (step.exponential, step.difference)):
            if form is not None and len(table.raw) > 1 << form.width:
                raise _wrong(step, f"has a table of {len(table.raw)} entries, more than {form} can address")


def _constant(step: Step, constant: Constant, shape: tuple[int, ...]) -> None:
    raw, form = constant.raw, constant.format
    if raw.shape != shape:
        raise _wrong(step, f"has constants of shape {raw.shape}; {shape} is needed")
    if raw.size and (int(raw.min()) < form.minimum or int(raw.max()) > form.maximum):
        raise _wrong(step, f"has a constant beyond {form}")
