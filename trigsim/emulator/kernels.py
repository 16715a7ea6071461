# mypy: ignore-errors
"""The portable kernels, on blocks of events: flat arrays, simple loops that LLVM vectorises.

Numbers are int32 or int64: the plan has proven that nothing overflows them. They are for what machine code of our
own (`machine_code`) is not made for: sums beyond 32 bits, other processors.
"""

import numpy as np
from numba import njit

from trigsim.emulator.codes import (
    ADD,
    BIAS_FROM,
    CLIP,
    DROP,
    GROUPS_FROM,
    GROUPS_TO,
    HIGH,
    LOOK_UP,
    LOW,
    OPERATIONS_FROM,
    OPERATIONS_TO,
    RND,
    RND_CONV,
    RND_INF,
    RND_MIN_INF,
    RND_ZERO,
    ROUND,
    SHIFT_LEFT,
    STRIDE,
    TRN,
    TRN_ZERO,
    WEIGHTS_FROM,
    WIDTH,
    WRAP,
    ZERO_BEYOND,
)

#: Events of one block; its numbers stay in the nearest cache.
BLOCK = 64
#: Floats that are quantised at a time, for the same reason.
CHUNK = 2048


@njit(nogil=True, cache=True)
def quantise(x, bits, mask, limit, scale, rounding, wraps, low, high, width, out):
    """``out = fit(round(x * scale))``; return whether some x is NaN, infinite or beyond `limit`.

    Parameters
    ----------
    x : float32 or float64 array
        `scale` has its type.
    bits : int32 or int64 array
        x seen as integers; `mask` clears their sign, `limit` is the largest allowed.
    rounding : int
        Mode.
    wraps : int
        0: clip to low..high, 1: wrap into `width` bits, 2: the same in two's complement.
    out : integer array
        Of any type that holds the result.
    """
    t = x.dtype.type
    half, one, nothing = t(0.5), t(1), t(0)
    least, most, span, inverse = t(low), t(high), t(2.0**width), t(2.0**-width)
    spare = np.int32(32 - width)
    beyond = bits[:1].copy()[0] & 0
    room = np.empty(CHUNK, dtype=x.dtype)
    for start in range(0, len(x), CHUNK):
        stop = min(start + CHUNK, len(x))
        part, seen, y, to = x[start:stop], bits[start:stop], room[: stop - start], out[start:stop]
        if rounding == TRN:
            for i in range(len(part)):
                beyond |= limit - (seen[i] & mask)
                y[i] = np.floor(part[i] * scale)
        elif rounding == RND:
            for i in range(len(part)):
                beyond |= limit - (seen[i] & mask)
                scaled = part[i] * scale
                floor = np.floor(scaled)
                y[i] = floor + (one if scaled - floor >= half else nothing)
        elif rounding == RND_CONV:
            for i in range(len(part)):
                beyond |= limit - (seen[i] & mask)
                y[i] = np.rint(part[i] * scale)
        else:
            for i in range(len(part)):
                beyond |= limit - (seen[i] & mask)
                scaled = part[i] * scale
                floor = np.floor(scaled)
                rest = scaled - floor
                if rounding == TRN_ZERO:
                    up = (scaled < nothing) & (rest > nothing)
                elif rounding == RND_ZERO:
                    up = (rest > half) | ((rest == half) & (scaled < nothing))
                elif rounding == RND_INF:
                    up = (rest > half) | ((rest == half) & (scaled > nothing))
                else:
                    up = rest > half
                y[i] = floor + (one if up else nothing)
        if wraps == 0:
            for i in range(len(y)):
                to[i] = np.int32(min(max(y[i], least), most))
        elif wraps == 1:
            for i in range(len(y)):
                to[i] = np.int32(y[i] - np.floor(y[i] * inverse) * span)
        else:
            for i in range(len(y)):
                low_bits = np.int32(y[i] - np.floor(y[i] * inverse) * span)
                to[i] = np.int32(low_bits << spare) >> spare
    return beyond < 0


@njit(nogil=True, cache=True)
def _round(v, mode, drop):
    # Casts back to the type of v after each step: numba's own sums of int32 are int64, and half as fast.
    t = v.dtype.type
    by, one, rest = t(drop), t(1), t((1 << drop) - 1)
    half, less = t(1 << (drop - 1)), t((1 << (drop - 1)) - 1)
    if mode == TRN:
        for i in range(len(v)):
            v[i] = v[i] >> by
    elif mode == RND:
        for i in range(len(v)):
            v[i] = t(v[i] + half) >> by
    elif mode == RND_MIN_INF:
        for i in range(len(v)):
            v[i] = t(v[i] + less) >> by
    elif mode == RND_CONV:
        for i in range(len(v)):
            v[i] = t(t(v[i] + less) + t(t(v[i] >> by) & one)) >> by
    elif mode == RND_ZERO:
        for i in range(len(v)):
            v[i] = t(v[i] + (half if v[i] < 0 else less)) >> by
    elif mode == RND_INF:
        for i in range(len(v)):
            v[i] = t(v[i] + (less if v[i] < 0 else half)) >> by
    else:
        for i in range(len(v)):
            v[i] = t(v[i] + (rest if v[i] < 0 else t(0))) >> by


@njit(nogil=True, cache=True)
def operate(v, width, code, a, b, c, data):
    """Apply one operation to all numbers `v` of a block, rows of `width`.

    `codes` says what they are.
    """
    t = v.dtype.type
    first, second, third, zero = t(a), t(b), t(c), t(0)
    if code == ROUND:
        _round(v, a, b)
    elif code == SHIFT_LEFT:
        for i in range(len(v)):
            v[i] = t(v[i] << first)
    elif code == CLIP:
        for i in range(len(v)):
            v[i] = min(max(v[i], first), second)
    elif code == WRAP:
        if b:
            for i in range(len(v)):
                v[i] = t(v[i] << first) >> first
        else:
            for i in range(len(v)):
                v[i] = t(v[i] & third)
    elif code == ZERO_BEYOND:
        for i in range(len(v)):
            v[i] = v[i] if (v[i] >= first) & (v[i] <= second) else zero
    elif code == LOOK_UP:
        for i in range(len(v)):
            # Neurons that only pad the block may hold anything.
            v[i] = data[a + min(max(t(v[i] - second), zero), third)]
    else:
        for start in range(0, len(v), width):
            for j in range(width):
                v[start + j] = t(t(v[start + j] * data[a + j]) + data[b + j])


@njit(nogil=True, cache=True)
def finish(v, add, drop, low, high, out):
    """``out = clip((v + add) >> drop, low, high)``."""
    t = v.dtype.type
    plus, by, least, most = t(add), t(drop), t(low), t(high)
    for i in range(len(v)):
        out[i] = min(max(t(t(v[i] + plus) >> by), least), most)


@njit(nogil=True, cache=True)
def dense(x, x_stride, rows, groups, w, bias, acc, width):
    """``acc = bias + x·w`` one input at a time; `groups` are the inputs that have a weight."""
    t = acc.dtype.type
    for event in range(rows):
        sums = acc[event * width : (event + 1) * width]
        for j in range(width):
            sums[j] = bias[j]
        for g in range(len(groups)):
            factor = x[event * x_stride + groups[g]]
            if factor != 0:
                weights = w[g * width : (g + 1) * width]
                for j in range(width):
                    sums[j] = t(sums[j] + t(factor * weights[j]))


@njit(nogil=True, cache=True)
def run(x, n, stages, operations, groups, weights, bias, data, lsb, out):
    """Run all stages, block by block.

    Parameters
    ----------
    x : int32 or int64 array
        Inputs, rows of ``stages[0, STRIDE]``; weights, bias and data have its type.
    n : int
        Events.
    stages : int64 array, shape (s, columns of `codes`)
        Their descriptions; the other arrays are what those point into.
    lsb, out : number, array of shape (n, n_outputs)
        The last stage's integers times `lsb` go to `out`.
    """
    room = np.zeros(BLOCK * stages[:, WIDTH].max(), dtype=x.dtype)
    value = np.empty(BLOCK * stages[:, WIDTH].max(), dtype=x.dtype)
    for start in range(0, n, BLOCK):
        rows = min(BLOCK, n - start)
        for s in range(len(stages)):
            stage = stages[s]
            width = stage[WIDTH]
            numbers = value[: rows * width]
            dense(
                x[start * stage[STRIDE] :] if s == 0 else room,
                stage[STRIDE],
                rows,
                groups[stage[GROUPS_FROM] : stage[GROUPS_TO]],
                weights[stage[WEIGHTS_FROM] :],
                bias[stage[BIAS_FROM] : stage[BIAS_FROM] + width],
                value,
                width,
            )
            for number in range(stage[OPERATIONS_FROM], stage[OPERATIONS_TO]):
                o = operations[number]
                operate(numbers, width, o[0], o[1], o[2], o[3], data)
            finish(numbers, stage[ADD], stage[DROP], stage[LOW], stage[HIGH], room)
        for event in range(rows):
            for j in range(out.shape[1]):
                out[start + event, j] = room[event * width + j] * lsb
