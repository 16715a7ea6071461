"""Assembly of one layer: sums of weighted quads, the operations on them, and their place in the next layer."""

from __future__ import annotations

from trigsim.emulator import codes as k
from trigsim.emulator.assembly import LANES, VECTOR, Assembly, constant, numbers, vector, wrapped
from trigsim.emulator.machine_model import QUAD, VECTORS, Layer

_INT_MAX, _INT_MIN = (1 << 31) - 1, -(1 << 31)


def emit_layer(code: Assembly, layer: Layer, form: int, vnni: bool, opaque: bool) -> None:
    """Emit the body of a layer's function, of (in, out, starts, pairs, bias, data), for a next layer of `form`."""
    each, bits = k.PER_QUAD[form], k.BITS[form]
    with code.loop(str(layer.n_out)) as (neuron, _, _):
        sums = _sums(code, layer, neuron, vnni, opaque)
        out = code.at("%out", code.value(f"mul i64 {code.value(f'sdiv i64 {neuron}, {each}')}, {QUAD}"))
        position = code.value(f"trunc i64 {code.value(f'srem i64 {neuron}, {each}')} to i32")
        shift = code.splat(code.value(f"mul i32 {position}, {bits}"))
        kept = code.splat(code.value(f"sext i1 {code.value(f'icmp ne i32 {position}, 0')} to i32"))
        for v, total in enumerate(sums):
            value = _finished(code, total, layer, neuron)
            at = code.at(out, str(64 * v))
            if each > 1:
                # The first neuron of a quad clears it.
                low = code.value(f"and {VECTOR} {value}, {constant((1 << bits) - 1)}")
                moved = code.value(f"shl {VECTOR} {low}, {shift}")
                before = code.value(f"load {VECTOR}, ptr {at}, align 64")
                value = code.value(f"or {VECTOR} {moved}, {code.value(f'and {VECTOR} {before}, {kept}')}")
            code.do(f"store {VECTOR} {value}, ptr {at}, align 64")
    code.do("ret void")


def _sums(code: Assembly, layer: Layer, neuron: str, vnni: bool, opaque: bool) -> list[str]:
    """Return a neuron's bias and weighted quads, added up, for all vectors of events."""
    number = code.value(f"add i64 {neuron}, {layer.first}")
    here = code.at("%starts", number, "i32")
    first, last = (code.value(f"load i32, ptr {p}") for p in (here, code.at(here, "1", "i32")))
    start = code.splat(code.value(f"load i32, ptr {code.at('%bias', number, 'i32')}"))
    pairs = code.at("%pairs", code.value(f"sext i32 {first} to i64"), "i64")
    count = code.value(f"sext i32 {code.value(f'sub i32 {last}, {first}')} to i64")
    with code.loop(count, 1, [(VECTOR, start)] * VECTORS) as (index, sums, carry):
        pair = code.at(pairs, index, "i64")
        place = code.value(f"load i32, ptr {pair}")
        quads = code.at("%in", code.value(f"sext i32 {place} to i64"))
        weights = code.splat(code.value(f"load i32, ptr {code.at(pair, '1', 'i32')}"))
        new = []
        for v in range(VECTORS):
            quad = code.value(f"load {VECTOR}, ptr {code.at(quads, str(64 * v))}, align 64")
            new.append(_dot(code, layer.form, sums[v], quad, weights, vnni, opaque))
        carry(new)
    return sums


def _dot(code: Assembly, form: int, total: str, quad: str, weights: str, vnni: bool, opaque: bool) -> str:
    """Return ``total + quad·weights`` in each lane; sums wrap."""
    if form == k.WORDS:
        return code.value(f"add {VECTOR} {total}, {code.value(f'mul {VECTOR} {quad}, {weights}')}")
    inner = f"<{LANES * k.PER_QUAD[form]} x i{k.BITS[form]}>"
    if vnni:
        name = "llvm.x86.avx512.vpdpbusd.512" if form == k.BYTES else "llvm.x86.avx512.vpdpwssd.512"
        if opaque:
            return code.call(VECTOR, name, *((VECTOR, v) for v in (total, quad, weights)))
        both = [(inner, code.value(f"bitcast {VECTOR} {v} to {inner}")) for v in (quad, weights)]
        return code.call(VECTOR, name, (VECTOR, total), *both)
    # Products of neighbours (of SHORTS: BYTES are for VNNI only); LLVM sees the machine's multiply-add in it.
    products = []
    for first in (0, 1):
        halves = []
        for operand in (quad, weights):
            parts = code.value(f"bitcast {VECTOR} {operand} to {inner}")
            chosen = numbers(range(first, 2 * LANES, 2))
            half = code.value(f"shufflevector {inner} {parts}, {inner} poison, {chosen}")
            halves.append(code.value(f"sext {vector('i16')} {half} to {VECTOR}"))
        products.append(code.value(f"mul {VECTOR} {halves[0]}, {halves[1]}"))
    return code.value(f"add {VECTOR} {total}, {code.value(f'add {VECTOR} {products[0]}, {products[1]}')}")


def _operate(code: Assembly, v: str, operation: tuple[int, int, int, int], neuron: str) -> str:
    """Return the numbers after one operation (`codes`)."""
    what, a, b, c = operation
    match what:
        case k.ROUND:
            return _rounded(code, v, a, b)
        case k.SHIFT_LEFT:
            return code.value(f"shl {VECTOR} {v}, {constant(a)}")
        case k.CLIP:
            return code.limited(v, a, b)
        case k.WRAP:
            return wrapped(code, v, a, bool(b), c)
        case k.ZERO_BEYOND:
            enough = code.value(f"icmp sge {VECTOR} {v}, {constant(a)}")
            inside = code.value(
                f"and {vector('i1')} {enough}, {code.value(f'icmp sle {VECTOR} {v}, {constant(b)}')}"
            )
            return code.value(f"select {vector('i1')} {inside}, {VECTOR} {v}, {VECTOR} zeroinitializer")
        case k.LOOK_UP:
            index = code.limited(code.value(f"sub {VECTOR} {v}, {constant(b)}"), 0, c)
            places = code.value(f"getelementptr i32, ptr {code.at('%data', str(a), 'i32')}, {VECTOR} {index}")
            mask, nothing = (vector("i1"), constant("true", "i1")), (VECTOR, "zeroinitializer")
            pointers = (vector("ptr"), f"align 4 {places}")
            return code.call(VECTOR, "llvm.masked.gather.v16i32.v16p0", pointers, mask, nothing)
    factor, term = (
        code.splat(code.value(f"load i32, ptr {code.at(code.at('%data', str(at), 'i32'), neuron, 'i32')}"))
        for at in (a, b)
    )
    return code.value(f"add {VECTOR} {code.value(f'mul {VECTOR} {v}, {factor}')}, {term}")


def _rounded(code: Assembly, v: str, mode: int, drop: int) -> str:
    half = 1 << (drop - 1)
    by = constant(drop)

    def by_sign(negative: int, other: int) -> str:
        below = code.value(f"icmp slt {VECTOR} {v}, zeroinitializer")
        return code.value(
            f"select {vector('i1')} {below}, {VECTOR} {constant(negative)}, {VECTOR} {constant(other)}"
        )

    match mode:
        case k.TRN:
            add = constant(0)
        case k.RND:
            add = constant(half)
        case k.RND_MIN_INF:
            add = constant(half - 1)
        case k.RND_CONV:
            odd = code.value(f"and {VECTOR} {code.value(f'ashr {VECTOR} {v}, {by}')}, {constant(1)}")
            add = code.value(f"add {VECTOR} {odd}, {constant(half - 1)}")
        case k.RND_ZERO:
            add = by_sign(half, half - 1)
        case k.RND_INF:
            add = by_sign(half - 1, half)
        case _:
            add = by_sign((1 << drop) - 1, 0)
    return code.value(f"ashr {VECTOR} {code.value(f'add {VECTOR} {v}, {add}')}, {by}")


def _finished(code: Assembly, v: str, layer: Layer, neuron: str) -> str:
    for operation in layer.operations:
        v = _operate(code, v, operation, neuron)
    if layer.add:
        v = code.value(f"add {VECTOR} {v}, {constant(layer.add)}")
    if layer.drop:
        v = code.value(f"ashr {VECTOR} {v}, {constant(layer.drop)}")
    low, high = layer.low, layer.high
    v = code.limited(v, None if low == _INT_MIN else low, None if high == _INT_MAX else high)
    return code.value(f"sub {VECTOR} {v}, {constant(layer.offset)}") if layer.offset else v
