"""Assembly that turns features into what the first layer reads: quantised, and events side by side."""

from __future__ import annotations

import numpy as np

from trigsim.emulator.assembly import LANES, VECTOR, Assembly, constant, numbers, real, vector, wrapped
from trigsim.emulator.machine_model import QUAD, VECTORS, Layer
from trigsim.emulator.stage import lowest
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding

#: Beyond this a scaled float may overflow on its way into the format; then the general path takes over.
MODERATE = {"float": 2.0**60, "double": 2.0**900}


def quantise(code: Assembly, source: FixedFormat, offset: int, kind: str, bits: int) -> None:
    """Numbers in, integers of `bits` out; returns whether a float is beyond what the formulas treat."""
    wide = "i64" if kind in ("double", "i64") else "i32"
    reals = kind in MODERATE
    lanes = constant("0", wide)

    def convert(x: str, worst: str) -> tuple[str, str]:
        if not reals:
            number = code.value(f"trunc {vector(kind)} {x} to {VECTOR}") if kind == "i64" else x
        else:
            pattern = code.value(f"bitcast {vector(kind)} {x} to {vector(wide)}")
            mask = constant((1 << (63 if wide == "i64" else 31)) - 1, wide)
            size = code.value(f"and {vector(wide)} {pattern}, {mask}")
            worst = code.call(vector(wide), f"llvm.umax.v16{wide}", (vector(wide), worst), (vector(wide), size))
            number = _fitted(code, x, source, kind)
        if offset:
            number = code.value(f"sub {VECTOR} {number}, {constant(offset)}")
        if bits < 32:
            number = code.value(f"trunc {VECTOR} {number} to {vector(f'i{bits}')}")
        return number, worst

    whole = code.value("and i64 %n, -16")
    size = {"i32": 4, "i64": 8, "float": 4, "double": 8}[kind]
    with code.loop(whole, LANES, [(vector(wide), lanes)]) as (index, (worst,), carry):
        x = code.value(f"load {vector(kind)}, ptr {code.at('%x', index, kind)}, align {size}")
        number, seen = convert(x, worst)
        code.do(f"store {vector(f'i{bits}')} {number}, ptr {code.at('%to', index, f'i{bits}')}, align {bits // 8}")
        carry([seen])
    # What is left, less than a vector; rows that are not there are zero.
    count = code.splat(code.value("sub i64 %n, " + whole), "i64")
    iota = f"<{', '.join(f'i64 {i}' for i in range(LANES))}>"
    mask = code.value(f"icmp slt {vector('i64')} {iota}, {count}")
    suffix = {"float": "f32", "double": "f64"}.get(kind, kind)
    x = code.call(
        vector(kind),
        f"llvm.masked.load.v16{suffix}.p0",
        ("ptr", f"align {size} {code.at('%x', whole, kind)}"),
        (vector("i1"), mask),
        (vector(kind), "zeroinitializer"),
    )
    number, worst = convert(x, worst)
    code.do(f"store {vector(f'i{bits}')} {number}, ptr {code.at('%to', whole, f'i{bits}')}, align {bits // 8}")
    if not reals:
        code.do("ret i64 0")
        return
    most = code.call(wide, f"llvm.vector.reduce.umax.v16{wide}", (vector(wide), worst))
    pattern = np.array(MODERATE[kind], dtype="f4" if kind == "float" else "f8").view(
        "i4" if kind == "float" else "i8"
    )
    beyond = code.value(f"icmp ugt {wide} {most}, {int(pattern)}")
    code.do(f"ret i64 {code.value(f'zext i1 {beyond} to i64')}")


def _fitted(code: Assembly, x: str, form: FixedFormat, kind: str) -> str:
    """Return the raw integers of floats: exact where the format is as narrow as `quantisable` demands."""
    many, suffix = vector(kind), "f32" if kind == "float" else "f64"

    def number(value: float) -> str:
        return constant(real(kind, value), kind)

    def rounded(how: str, value: str) -> str:
        return code.call(many, f"llvm.{how}.v16{suffix}", (many, value))

    y = code.value(f"fmul {many} {x}, {number(2.0**form.fraction)}")
    if form.rounding in (Rounding.TRN, Rounding.TRN_ZERO, Rounding.RND_CONV):
        y = rounded(
            {Rounding.TRN: "floor", Rounding.TRN_ZERO: "trunc", Rounding.RND_CONV: "rint"}[form.rounding], y
        )
    else:
        floor = rounded("floor", y)
        rest = code.value(f"fsub {many} {y}, {floor}")
        up = code.value(f"fcmp ogt {many} {rest}, {number(0.5)}")
        if form.rounding != Rounding.RND_MIN_INF:
            half = code.value(f"fcmp oeq {many} {rest}, {number(0.5)}")
            if form.rounding != Rounding.RND:
                sign = "olt" if form.rounding == Rounding.RND_ZERO else "ogt"
                told = code.value(f"fcmp {sign} {many} {y}, {number(0.0)}")
                half = code.value(f"and {vector('i1')} {half}, {told}")
            up = code.value(f"or {vector('i1')} {up}, {half}")
        step = code.value(f"select {vector('i1')} {up}, {many} {number(1.0)}, {many} {number(0.0)}")
        y = code.value(f"fadd {many} {floor}, {step}")
    if form.overflow == Overflow.WRAP:
        turns = rounded("floor", code.value(f"fmul {many} {y}, {number(2.0**-form.width)}"))
        y = code.value(f"fsub {many} {y}, {code.value(f'fmul {many} {turns}, {number(2.0**form.width)}')}")
        raw = code.value(f"fptosi {many} {y} to {VECTOR}")
        return wrapped(code, raw, 32 - form.width, form.signed, form.maximum)
    for compare, limit in (("ogt", lowest(form)), ("olt", form.maximum)):
        inside = code.value(f"fcmp {compare} {many} {y}, {number(float(limit))}")
        y = code.value(f"select {vector('i1')} {inside}, {many} {y}, {many} {number(float(limit))}")
    return code.value(f"fptosi {many} {y} to {VECTOR}")


def turn(code: Assembly, first: Layer) -> None:
    """Turn rows of events, `first.row` bytes each, into quads of all events: squares of 16 by 16."""
    with code.loop(str(VECTORS)) as (group, _, _), code.loop(str(first.quads), LANES) as (quad, _, _):
        start = code.value(f"mul i64 {group}, {LANES * first.row}")
        place = code.at("%from", code.value(f"add i64 {start}, {code.value(f'mul i64 {quad}, 4')}"))
        rows = [
            code.value(f"load {VECTOR}, ptr {code.at(place, str(first.row * i))}, align 1") for i in range(LANES)
        ]
        # A row more of the square changes places with a column in each of four steps.
        for distance in (1, 2, 4, 8):
            low = [(i & ~distance) + (LANES if i & distance else 0) for i in range(LANES)]
            high = [index + distance for index in low]
            turned = list(rows)
            for i in range(LANES):
                if not i & distance:
                    both = f"{VECTOR} {rows[i]}, {VECTOR} {rows[i + distance]}"
                    for to, order in ((i, low), (i + distance, high)):
                        turned[to] = code.value(f"shufflevector {both}, {numbers(order)}")
            rows = turned
        start = code.value(f"mul i64 {quad}, {QUAD}")
        place = code.at("%to", code.value(f"add i64 {start}, {code.value(f'mul i64 {group}, {4 * LANES}')}"))
        for i in range(LANES):
            code.do(f"store {VECTOR} {rows[i]}, ptr {code.at(place, str(QUAD * i))}, align 64")
    code.do("ret void")
