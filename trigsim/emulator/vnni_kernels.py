# mypy: ignore-errors
"""Dot products by the VNNI instructions of AVX-512, as numba intrinsics.

`dot_u8s8` does 64 multiply-accumulates an instruction (vpdpbusd), `dot_s16s16` 32 (vpdpwssd). Sums are int32, wrap,
and do not saturate on the way. Neither is to be compiled where `HAS_VNNI` is false.
"""

from __future__ import annotations

import llvmlite.binding as llvm
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

_FEATURES = llvm.get_host_cpu_features()
HAS_VNNI = bool(_FEATURES.get("avx512vnni") and _FEATURES.get("avx512bw"))

#: Events and vectors of 16 neurons that one block of registers holds: 16 accumulators of the 32 registers.
EVENTS = 8
LANES = 16

_I8, _I16, _I32, _I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
_V16 = ir.VectorType(_I32, LANES)


def _block(builder, name, element, vectors, arguments):
    """Emit the product of EVENTS rows of x with `vectors` vectors of neurons, 4 bytes of x at a time.

    Arguments of the emitted code, all int64: x (address), x_stride (bytes), groups (address of int32 byte offsets
    into a row of x), n_groups, w (address), w_stride (bytes from group to group), bias (address), acc (address),
    acc_stride (bytes).
    """
    x, x_stride, groups, n_groups, w, w_stride, bias, acc, acc_stride = arguments
    operand = ir.VectorType(element, 64 * 8 // element.width)
    # From LLVM 22 on the operands have their natural type.
    wanted = operand if llvm.llvm_version_info[0] >= 22 else _V16
    dot = cgutils.get_or_insert_function(builder.module, ir.FunctionType(_V16, [_V16, wanted, wanted]), name)

    def load(address, kind, align=1):
        return builder.load(builder.inttoptr(address, kind.as_pointer()), align=align)

    def times(a, number):
        return builder.mul(a, ir.Constant(_I64, number))

    sums = [[cgutils.alloca_once(builder, _V16) for _ in range(vectors)] for _ in range(EVENTS)]
    for v in range(vectors):
        start = load(builder.add(bias, ir.Constant(_I64, 64 * v)), _V16)
        for e in range(EVENTS):
            builder.store(start, sums[e][v])
    rows = [builder.add(x, times(x_stride, e)) for e in range(EVENTS)]
    with cgutils.for_range(builder, n_groups, intp=_I64) as loop:
        offset = builder.zext(load(builder.add(groups, times(loop.index, 4)), _I32, 4), _I64)
        place = builder.add(w, builder.mul(loop.index, w_stride))
        weights = [
            builder.bitcast(load(builder.add(place, ir.Constant(_I64, 64 * v)), _V16), wanted)
            for v in range(vectors)
        ]
        for e in range(EVENTS):
            four = load(builder.add(rows[e], offset), _I32)
            vector = builder.insert_element(ir.Constant(_V16, ir.Undefined), four, ir.Constant(_I32, 0))
            spread = builder.shuffle_vector(
                vector, ir.Constant(_V16, ir.Undefined), ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
            )
            spread = builder.bitcast(spread, wanted)
            for v in range(vectors):
                builder.store(builder.call(dot, [builder.load(sums[e][v]), spread, weights[v]]), sums[e][v])
    for e in range(EVENTS):
        row = builder.add(acc, times(acc_stride, e))
        for v in range(vectors):
            place = builder.inttoptr(builder.add(row, ir.Constant(_I64, 64 * v)), _V16.as_pointer())
            builder.store(builder.load(sums[e][v]), place, align=4)


def _make(name, element, vectors):
    @intrinsic
    def block(typingctx, x, x_stride, groups, n_groups, w, w_stride, bias, acc, acc_stride):
        signature = types.void(*[types.int64] * 9)

        def generate(context, builder, sig, arguments):
            _block(builder, name, element, vectors, arguments)
            return context.get_dummy_value()

        return signature, generate

    return block


dot_u8s8_1 = _make("llvm.x86.avx512.vpdpbusd.512", _I8, 1)
dot_u8s8_2 = _make("llvm.x86.avx512.vpdpbusd.512", _I8, 2)
dot_s16s16_1 = _make("llvm.x86.avx512.vpdpwssd.512", _I16, 1)
dot_s16s16_2 = _make("llvm.x86.avx512.vpdpwssd.512", _I16, 2)


@njit(nogil=True, cache=True)
def dense(form, x, x_stride, rows, groups, w, bias, acc, width):
    """``acc = bias + x·w`` for `rows` events (rounded up to EVENTS), `width` neurons (a multiple of LANES).

    Parameters
    ----------
    form : int
        0: uint8 by int8, 1: int16 by int16.
    x : uint8 array
        Rows of `x_stride` bytes, with 4 bytes to spare behind the last.
    groups : int32 array
        Byte offsets into a row of the groups of 4 bytes that have any weight.
    w : uint8 array, shape (groups, width, 4 bytes)
        Weights of each group, flat.
    bias, acc : int32 arrays
        Shapes (width,) and (rows, width), flat.
    """
    x_at, g_at, w_at = x.ctypes.data, groups.ctypes.data, w.ctypes.data
    b_at, a_at, n = bias.ctypes.data, acc.ctypes.data, len(groups)
    line = 4 * width
    for neuron in range(0, width, 2 * LANES):
        both = neuron + LANES < width
        at = 4 * neuron
        for event in range(0, rows, EVENTS):
            row, out = x_at + event * x_stride, a_at + event * line + at
            if form:
                if both:
                    dot_s16s16_2(row, x_stride, g_at, n, w_at + at, line, b_at + at, out, line)
                else:
                    dot_s16s16_1(row, x_stride, g_at, n, w_at + at, line, b_at + at, out, line)
            elif both:
                dot_u8s8_2(row, x_stride, g_at, n, w_at + at, line, b_at + at, out, line)
            else:
                dot_u8s8_1(row, x_stride, g_at, n, w_at + at, line, b_at + at, out, line)
