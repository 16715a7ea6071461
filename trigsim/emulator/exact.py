"""Every step in plain integers, as wide as it takes: slow, general, and the oracle of the fast kernels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator.model import (
    Activation,
    Concatenate,
    Constant,
    Dense,
    Merge,
    Quantise,
    Scale,
    Softmax,
    Step,
    Table,
)
from trigsim.numeric.fixed import FixedFormat, Overflow, Raw

_INT64_BITS = 62


def integers(raw: Raw, bits: int) -> Raw:
    """Return `raw` in a type that holds numbers of `bits` bits: int64 or Python integers."""
    return raw.astype(np.int64 if bits <= _INT64_BITS else object)


@singledispatch
def evaluate(step: Step, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    """Return the raw result of `step`.

    Parameters
    ----------
    step : Step
        What to compute.
    values : sequence of int arrays, shape (n, size)
        The tensors that the step reads, in its order.
    formats : sequence of FixedFormat
        Their formats.

    Returns
    -------
    int64 array, shape (n, size)
    """
    raise TypeError(f"no arithmetic for {type(step).__name__}")


def _aligned(raw: Raw, fraction: int, target: int, bits: int) -> Raw:
    """Shift to `target` binary digits, not fewer than `fraction`, in a type for `bits` bits."""
    return integers(raw, bits) << (target - fraction)


def accumulates_freely(step: Dense, source: FixedFormat) -> bool:
    """Whether neither rounding nor saturation makes the accumulation depend on its order."""
    accumulator = step.accumulator
    if accumulator is None:
        return True
    fraction = source.fraction + step.weight.format.fraction
    if fraction > accumulator.fraction or step.bias.format.fraction > accumulator.fraction:
        return False
    if accumulator.overflow == Overflow.WRAP and not accumulator.saturation_bits:
        return True
    low, high = partial_sums(step, source)
    # SAT_SYM moves the lowest number too: keep clear of it.
    return bool((low > accumulator.minimum).all() and (high <= accumulator.maximum).all())


def partial_sums(step: Dense, source: FixedFormat) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return limits to every partial sum of each neuron in any order, in last bits of the exact sum."""
    fraction = source.fraction + step.weight.format.fraction
    top = max(fraction, step.bias.format.fraction, step.accumulator.fraction if step.accumulator else fraction)
    weight = step.weight.raw.astype(object) << (top - fraction)
    bias = step.bias.raw.astype(object) << (top - step.bias.format.fraction)
    ends = np.stack([weight * source.minimum, weight * source.maximum])
    low = np.minimum(bias, 0) + np.minimum(ends.min(0), 0).sum(0)
    high = np.maximum(bias, 0) + np.maximum(ends.max(0), 0).sum(0)
    return low, high


@evaluate.register
def _(step: Dense, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    (x,), (source,) = values, formats
    weight, bias, accumulator = step.weight, step.bias, step.accumulator
    fraction = source.fraction + weight.format.fraction
    if accumulates_freely(step, source):
        top = max(fraction, bias.format.fraction, accumulator.fraction if accumulator else fraction)
        low, high = partial_sums(step, source)
        bits = 1 + max(int(v).bit_length() for v in (*low, *high))
        products = integers(x, bits) @ _aligned(weight.raw, fraction, top, bits)
        total = products + _aligned(bias.raw, bias.format.fraction, top, bits)
        if accumulator is not None:
            total, top, bits = accumulator.cast_exact(total, top, bits), accumulator.fraction, accumulator.width
        return step.result.cast_exact(total, top, bits)
    assert accumulator is not None
    product_bits = source.width + weight.format.width
    total = np.broadcast_to(accumulator.cast(bias.raw, bias.format), (len(x), len(bias.raw)))
    for k in step.order:
        product = integers(x[:, k, None], product_bits) * integers(weight.raw[k], product_bits)
        term = accumulator.cast_exact(product, fraction, product_bits)
        bits = accumulator.width + 1
        total = accumulator.cast_exact(integers(total, bits) + integers(term, bits), accumulator.fraction, bits)
    return step.result.cast(total, accumulator)


def _product_sum(x: Raw, source: FixedFormat, factor: Constant, term: Constant | None) -> tuple[Raw, int, int]:
    """Return x·factor + term, exact, with its fraction and a limit to its bits."""
    fraction = source.fraction + factor.format.fraction
    bits = source.width + factor.format.width
    if term is None:
        return integers(x, bits) * integers(factor.raw, bits), fraction, bits
    top = max(fraction, term.format.fraction)
    bits = 1 + max(bits + top - fraction, term.format.width + 1 + top - term.format.fraction)
    product = integers(x, bits) * integers(factor.raw, bits)
    return (product << (top - fraction)) + _aligned(term.raw, term.format.fraction, top, bits), top, bits


@evaluate.register
def _(step: Scale, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    return step.result.cast_exact(*_product_sum(values[0], formats[0], step.scale, step.bias))


@evaluate.register
def _(step: Activation, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    (x,), (source,) = values, formats
    match step.function:
        case "linear":
            return step.result.cast(x, source)
        case "relu":
            return np.where(x > 0, step.result.cast(x, source), 0)
        case "slope":
            below = step.result.cast_exact(*_product_sum(x, source, step.constants[0], None))
            return np.where(x > 0, step.result.cast(x, source), below)
        case "threshold":
            (theta,) = step.constants
            above = _difference(x, source, theta.raw, theta.format)[0] > 0
            return np.where(above, step.result.cast(x, source), 0)
    value, fraction, bits = _product_sum(x, source, *step.constants)
    one = 1 << fraction
    unit = np.clip(value, 0, one)
    return step.result.cast_exact(2 * unit - one if step.function == "hard_tanh" else unit, fraction, bits + 1)


def _difference(a: Raw, fa: FixedFormat, b: Raw, fb: FixedFormat) -> tuple[Raw, int, int]:
    """Return a − b, exact, with its fraction and a limit to its bits."""
    top = max(fa.fraction, fb.fraction)
    bits = 2 + max(fa.width + top - fa.fraction, fb.width + top - fb.fraction)
    return _aligned(a, fa.fraction, top, bits) - _aligned(b, fb.fraction, top, bits), top, bits


def _index(raw: Raw, fraction: int, bits: int, size: int, span: int, offset: int) -> Raw:
    """Return ``clip(int32(x * size / span) + offset)`` as the C++ computes it, for x = raw * 2**-fraction."""
    wide = bits + size.bit_length() + max(0, -fraction)
    product = integers(raw, wide) * size
    # Both the division and the conversion to int truncate towards zero; int keeps 32 bits.
    quotient = np.abs(product) // span
    whole = (quotient >> fraction if fraction >= 0 else quotient << -fraction) * np.where(product < 0, -1, 1)
    index = (whole + offset + (1 << 31)) % (1 << 32) - (1 << 31)
    clipped: Raw = np.clip(index, 0, size - 1).astype(np.int64)
    return clipped


@evaluate.register
def _(step: Table, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    size = len(step.table.raw)
    index = _index(values[0], formats[0].fraction, formats[0].width, size, step.span, size // 2)
    return step.result.cast(step.table.raw, step.table.format)[index]


def _top_bits(raw: Raw, form: FixedFormat, size: int) -> Raw:
    """Return the top ⌈log2 size⌉ bits of the pattern of `raw`, a table index."""
    bits = max(1, (size - 1).bit_length())
    return ((raw >> (form.width - bits)) & ((1 << bits) - 1)).astype(np.int64)


def _adder_tree(terms: Raw, form: FixedFormat) -> Raw:
    """Sum along the last axis, each node cast to `form`, in the shape of hls4ml's balanced tree."""
    n = terms.shape[-1]
    if n == 1:
        return terms[..., 0]
    left = 1 << ((n - 1).bit_length() - 1)
    bits = form.width + 1
    both = integers(_adder_tree(terms[..., :left], form), bits) + integers(
        _adder_tree(terms[..., left:], form), bits
    )
    return form.cast_exact(both, form.fraction, bits)


@evaluate.register
def _(step: Softmax, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    (x,), (source,) = values, formats
    if step.implementation == "argmax":
        one = step.result.from_float(1.0)
        return np.where(np.arange(x.shape[1]) == x.argmax(axis=1)[:, None], one, 0)
    if step.implementation == "legacy":
        return _softmax_legacy(step, x, source)
    if step.difference is None:
        index = _top_bits(x, source, len(step.exponential.raw))
    else:
        bits = source.width + 1
        below = integers(x.max(axis=1, keepdims=True), bits) - integers(x, bits)
        index = _top_bits(
            step.difference.cast_exact(below, source.fraction, bits), step.difference, len(step.exponential.raw)
        )
    terms = step.accumulator.cast(step.exponential.raw, step.exponential.format)[index]
    total = step.total.cast(_adder_tree(terms, step.accumulator), step.accumulator)
    inverse = step.inverse.raw[_top_bits(total, step.total, len(step.inverse.raw))]
    bits = step.accumulator.width + step.inverse.format.width
    product = integers(terms, bits) * integers(inverse[:, None], bits)
    return step.result.cast_exact(product, step.accumulator.fraction + step.inverse.format.fraction, bits)


def _softmax_legacy(step: Softmax, x: Raw, source: FixedFormat) -> Raw:
    table, form = step.exponential.raw, step.exponential.format
    size, bits = len(table), source.width + 1
    total = np.zeros(x.shape, dtype=np.int64)
    wide = integers(x, bits)
    for j in range(x.shape[1]):
        index = _index(wide[:, j : j + 1] - wide, source.fraction, bits, size, 16, size // 2)
        term = table[index]
        term[:, j] = form.from_float(1.0)
        total = form.cast_exact(total + term, form.fraction, form.width + 1)
    size = len(step.inverse.raw)
    index = _index(total, form.fraction, form.width, size, 64, 0)
    return step.result.cast(step.inverse.raw, step.inverse.format)[index]


@evaluate.register
def _(step: Merge, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    (a, b), (fa, fb) = values, formats
    if step.operation == "multiply":
        bits = fa.width + fb.width
        return step.result.cast_exact(integers(a, bits) * integers(b, bits), fa.fraction + fb.fraction, bits)
    difference, fraction, bits = _difference(a, fa, b, fb)
    if step.operation in ("maximum", "minimum"):
        first = difference > 0 if step.operation == "maximum" else difference < 0
        return np.where(first, step.result.cast(a, fa), step.result.cast(b, fb))
    if step.operation == "subtract":
        return step.result.cast_exact(difference, fraction, bits)
    total = difference + 2 * _aligned(b, fb.fraction, fraction, bits + 2)
    return step.result.cast_exact(total, fraction + (step.operation == "average"), bits + 2)


@evaluate.register
def _(step: Concatenate, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    return np.concatenate([step.result.cast(v, f) for v, f in zip(values, formats, strict=True)], axis=1)


@evaluate.register
def _(step: Quantise, values: Sequence[Raw], formats: Sequence[FixedFormat]) -> Raw:
    (x,), (source,) = values, formats
    out = np.zeros(x.shape, dtype=np.int64)
    for form in dict.fromkeys(step.each):
        if form is not None:
            mine = [i for i, other in enumerate(step.each) if other == form]
            out[:, mine] = step.result.cast(form.cast(x[:, mine], source), form)
    return out
