"""The LLVM assembly of one network: floats in, floats out, a block of events at a time, events across the lanes.

Features are quantised into a small buffer and turned so that each vector holds four bytes (a "quad": 4, 2 or 1
inputs) of 16 events; then every neuron adds up the quads for which it has weights. All of it stays in the nearest
cache. What depends on the weights is data; formats and sizes are part of the code.
"""

from __future__ import annotations

from collections.abc import Sequence

from trigsim.emulator import codes as k
from trigsim.emulator.assembly import LANES, Assembly
from trigsim.emulator.machine_inputs import quantise, turn
from trigsim.emulator.machine_layers import emit_layer
from trigsim.emulator.machine_model import BLOCK, QUAD, Layer
from trigsim.numeric.fixed import FixedFormat

_TABLES = ("starts", "pairs", "bias", "data")
_POINTERS = ", ".join(f"ptr noalias %{name}" for name in _TABLES)


def room_bytes(layers: Sequence[Layer]) -> int:
    """Return the memory that one call needs: the inputs of a block by events, and two layers' by quads."""
    return _numbers_bytes(layers[0]) + 2 * _side_bytes(layers)


def _numbers_bytes(first: Layer) -> int:
    return -(-(BLOCK * first.row + 64) // 64) * 64


def _side_bytes(layers: Sequence[Layer]) -> int:
    outputs = max(-(-layer.n_out // LANES) * LANES for layer in layers)
    return QUAD * max(outputs, *(layer.quads for layer in layers))


def assembly(
    layers: Sequence[Layer], source: FixedFormat, offset: int, kind: str, *, vnni: bool, opaque: bool
) -> str:
    """Return a module with ``i64 run(x, n, starts, pairs, bias, data, room, lsb, out)``.

    Its result is not zero where a float was NaN, infinite or too large; then `out` means nothing.

    Parameters
    ----------
    layers : sequence of Layer
        At least one.
    source : FixedFormat
        Of the features.
    offset : int
        Subtracted from raw features, so that the first layer's form holds them.
    kind : str
        LLVM type of x: "float" or "double" gives float64 outputs (times lsb), "i32" or "i64" raw int64 ones.
    vnni : bool
        Whether to use those instructions of AVX-512.
    opaque : bool
        Whether this LLVM gives them vectors of int32 for any operand (before version 22).
    """
    code = Assembly()
    with code.function("quantise", "i64", "ptr noalias %x, i64 %n, ptr noalias %to"):
        quantise(code, source, offset, kind, k.BITS[layers[0].form])
    with code.function("turn", "void", "ptr noalias %from, ptr noalias %to"):
        turn(code, layers[0])
    for number, layer in enumerate(layers):
        with code.function(f"layer{number}", "void", f"ptr noalias %in, ptr noalias %out, {_POINTERS}"):
            form = layers[number + 1].form if number + 1 < len(layers) else k.WORDS
            emit_layer(code, layer, form, vnni, opaque)
    with code.function("give", "void", "ptr noalias %in, i64 %rows, double %lsb, ptr noalias %out"):
        _give(code, layers[-1].n_out, kind)
    arguments = f"ptr noalias %x, i64 %n, {_POINTERS}, ptr noalias %room, double %lsb, ptr noalias %out"
    with code.function("run", "i64", arguments, ""):
        _run(code, layers, kind)
    width = 'attributes #0 = { nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512" }\n'
    return code.text() + width


def _run(code: Assembly, layers: Sequence[Layer], kind: str) -> None:
    first = layers[0]
    side = code.at("%room", str(_numbers_bytes(first)))
    sides = side, code.at(side, str(_side_bytes(layers)))
    result = "i64" if kind.startswith("i") else "double"
    with code.loop("%n", BLOCK, [("i64", "0")]) as (event, (seen,), carry):
        left = code.value(f"sub i64 %n, {event}")
        few = code.value(f"icmp slt i64 {left}, {BLOCK}")
        rows = code.value(f"select i1 {few}, i64 {left}, i64 {BLOCK}")
        x = code.at("%x", code.value(f"mul i64 {event}, {first.n_in}"), kind)
        count = code.value(f"mul i64 {rows}, {first.n_in}")
        beyond = code.value(f"call i64 @quantise(ptr {x}, i64 {count}, ptr %room)")
        code.do(f"call void @turn(ptr %room, ptr {sides[0]})")
        tables = ", ".join(f"ptr %{name}" for name in _TABLES)
        for number in range(len(layers)):
            read, written = sides[number % 2], sides[1 - number % 2]
            code.do(f"call void @layer{number}(ptr {read}, ptr {written}, {tables})")
        out = code.at("%out", code.value(f"mul i64 {event}, {layers[-1].n_out}"), result)
        code.do(f"call void @give(ptr {sides[len(layers) % 2]}, i64 {rows}, double %lsb, ptr {out})")
        carry([code.value(f"or i64 {seen}, {beyond}")])
    code.do(f"ret i64 {seen}")


def _give(code: Assembly, n_out: int, kind: str) -> None:
    """Write the last layer's numbers by events: times lsb as float64, or as they are as int64."""
    with code.loop("%rows") as (event, _, _):
        row = code.value(f"mul i64 {event}, {n_out}")
        with code.loop(str(n_out)) as (neuron, _, _):
            place = code.value(f"add i64 {code.value(f'mul i64 {neuron}, {BLOCK}')}, {event}")
            value = code.value(f"load i32, ptr {code.at('%in', place, 'i32')}")
            to = code.value(f"add i64 {row}, {neuron}")
            if kind.startswith("i"):
                wide = code.value(f"sext i32 {value} to i64")
                code.do(f"store i64 {wide}, ptr {code.at('%out', to, 'i64')}")
            else:
                scaled = code.value(f"fmul double {code.value(f'sitofp i32 {value} to double')}, %lsb")
                code.do(f"store double {scaled}, ptr {code.at('%out', to, 'double')}")
    code.do("ret void")
