"""Values of expressions, windows and event numbers on flat columns of someone else's ntuple."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.tagger.foreign_map import Expression, Window

Columns = dict[str, NDArray[Any]]

_OPERATIONS: Mapping[str, Callable[..., NDArray[np.float64]]] = {
    "sum": lambda *x: np.sum(x, axis=0),
    "product": lambda *x: np.prod(x, axis=0),
    "difference": np.subtract,
    "ratio": np.divide,
    "delta_phi": lambda a, b: np.remainder(a - b + math.pi, 2 * math.pi) - math.pi,
    "log": np.log,
    "sqrt": np.sqrt,
    "abs": np.abs,
}


def evaluate(expression: Expression, columns: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Return the value of an expression for each candidate; NaN or infinite where it has none (0/0, log of -1)."""
    with np.errstate(all="ignore"):
        if expression.branch is not None:
            value = columns[expression.branch].astype(np.float64)
        else:
            operands = [evaluate(operand, columns) for operand in expression.operands]
            value = _OPERATIONS[expression.operation](*operands)
        return np.asarray(expression.scale * value + expression.offset)


def inside(window: Window, value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where a window holds; NaN is nowhere inside."""
    low = -math.inf if window.min is None else window.min
    high = math.inf if window.max is None else window.max
    return np.asarray((value >= low) & (value < high))


def all_hold(windows: Sequence[Window], columns: Columns, n: int) -> NDArray[np.bool_]:
    """Return where all windows hold, shape (n,)."""
    holds = np.ones(n, np.bool_)
    for window in windows:
        holds &= inside(window, evaluate(window.value, columns))
    return holds


def named(expression: Expression) -> str:
    """Return what messages call an expression."""
    return expression.branch or f"{expression.operation} of {', '.join(dict.fromkeys(expression.branches()))}"


def event_number(columns: Columns, group: Sequence[str], file: int, first: int) -> NDArray[np.int64]:
    """Return a number of each candidate's event: a hash of `group`, or of file and entry."""
    if group:
        parts = [columns[name].astype(np.int64).view(np.uint64) for name in group]
    else:
        entry = (columns["entry"] + first).astype(np.uint64)
        parts = [np.full_like(entry, file), entry]
    number = np.zeros(len(columns["entry"]), np.uint64)
    for part in parts:
        number = mixed(number ^ part)
    # Positive, as collision numbers are.
    return (number >> np.uint64(1)).view(np.int64)


def mixed(number: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a bijective hash of 64-bit numbers (the finaliser of SplitMix64: Steele, Lea, Flood, OOPSLA 2014)."""
    with np.errstate(over="ignore"):
        z = number + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed_number: NDArray[np.uint64] = z ^ (z >> np.uint64(31))
        return mixed_number
