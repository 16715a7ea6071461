"""Measure the operators of a menu's firmware: small Verilog of each, mapped by Yosys.

Run: python benchmarks/menu_operators.py [-o configs/firmware/menu_operators.yaml]. Sizes are those that menus of
today need, and some above. Constants of comparisons are drawn; tables are those of the CMS scale sets.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trigsim.base.files import write_text
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.synthesis import mapped
from trigsim.menu.luts import cos_table, cosh_table, delta_table, pt_table, sin_table
from trigsim.menu.scales import FieldScale
from trigsim.numeric.random import stream_rng

#: Constants drawn for each comparison.
DRAWN = 6
WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 18, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64)
FACTORS = (6, 9, 12, 14, 16, 18, 21, 22, 23, 24, 25, 26, 27, 28, 32, 36, 40, 48)
ANY = (1, 2, 4, 8, 12, 16, 28, 36, 48, 66, 96, 144, 220, 512, 1728)

Module = tuple[str, tuple[int, ...], str, float]


def compare() -> Iterator[Module]:
    rng = stream_rng(0, "benchmarks/menu_operators")
    for w in WIDTHS:
        outs = "".join(
            f"assign y[{i}] = x{i} >= {w}'d{int(rng.integers(1, 2**w, dtype=np.uint64)) if w > 1 else 1};"
            for i in range(DRAWN)
        )
        ports = "".join(f"input [{w - 1}:0] x{i}, " for i in range(DRAWN))
        yield "compare", (w,), f"({ports}output [{DRAWN - 1}:0] y); {outs}", DRAWN


def arithmetic() -> Iterator[Module]:
    for w in WIDTHS[1:]:
        ab = f"(input [{w - 1}:0] a, b, output [{w}:0] y);"
        yield "add", (w,), f"{ab} assign y = a + b;", 1
        if w <= 16:
            signed = f"(input signed [{w - 1}:0] a, b, output [{w - 1}:0] y);"
            yield "distance", (w,), f"{signed} assign y = a > b ? a - b : b - a;", 1
            bins = int(0.9 * 2 ** (w - 1)) or 1
            way = f"wire [{w - 1}:0] d = a > b ? a - b : b - a;"
            yield "turn", (w,), f"{ab} {way} assign y = 2 * d >= {bins} ? {bins} - d : d;", 1
    for a, b in itertools.combinations_with_replacement(FACTORS, 2):
        yield (
            "multiply",
            (a, b),
            f"(input [{a - 1}:0] a, input [{b - 1}:0] b, output [{a + b - 1}:0] y); assign y = a * b;",
            1,
        )


def logic() -> Iterator[Module]:
    for n in ANY:
        yield "any", (n,), f"(input [{n - 1}:0] a, b, c, output y); assign y = |(a & b & c);", 1
    for k, n in itertools.product((1, 2, 3, 4, 5), (1, 2, 4, 6, 8, 12, 16, 24)):
        if k > n:
            continue
        ports = ", ".join(f"input [{n - 1}:0] m{i}" for i in range(k))
        terms = []
        lines = ""
        for subset in range(1, 1 << k):
            members = [f"m{i}" for i in range(k) if subset >> i & 1]
            lines += f"wire [{n - 1}:0] t{subset} = {' | '.join(members)};"
            ones = " + ".join(f"t{subset}[{i}]" for i in range(n))
            lines += f"wire [{n.bit_length()}:0] c{subset} = {ones};"
            terms.append(f"(c{subset} >= {len(members)})")
        yield "different", (k, n), f"({ports}, output y); {lines} assign y = {' && '.join(terms)};", 1


def tables() -> Iterator[Module]:
    """Tables by the bits of their index; their LUT count for each bit of a value."""
    turns = [(2 * np.pi / bins, bins) for bins in (144, 576)]
    slopes = [(0.0435, 256), (0.010875, 512), (0.010875, 1024)]
    made = [("delta", delta_table(*axis, 3)) for axis in (*turns, *slopes)]
    made += [("cos", cos_table(*axis, 4)) for axis in turns] + [("sin", sin_table(*axis, 4)) for axis in turns]
    made += [("cosh", cosh_table(*axis, 4)) for axis in slopes]
    made += [("pt", pt_table(FieldScale(bits=bits, lsb=0.5), 1)) for bits in (9, 11, 12)]
    for name, table in made:
        bits = (len(table) - 1).bit_length()
        width = int(np.abs(table).max()).bit_length() + bool((table < 0).any())
        rows = "".join(f"{bits}'d{i}: y = {width}'d{int(v) % (1 << width)};" for i, v in enumerate(table))
        ports = f"(input [{bits - 1}:0] i, output reg [{width - 1}:0] y);"
        yield name, (bits,), f"{ports} always @* case (i) {rows} default: y = {width}'bx; endcase", width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("configs/firmware/menu_operators.yaml"))
    told = parser.parse_args()
    modules = [*compare(), *arithmetic(), *logic(), *tables()]
    # One run for all of them: each stays a module of its own, kept though nothing is connected.
    text = "".join(f"module op{i}{body}\nendmodule\n" for i, (_, _, body, _) in enumerate(modules))
    every = "".join(f"(* keep *) op{i} u{i}();\n" for i in range(len(modules)))
    with tempfile.TemporaryDirectory(prefix="trigsim-operators-") as folder:
        write_text(Path(folder) / "operators.v", f"{text}module every();\n{every}endmodule\n")
        counts, source = mapped(Path(folder), "read_verilog operators.v", "every", FirmwareConfig(), flat=False)
    rows: dict[str, list[str]] = {}
    for i, (name, sizes, _, parts) in enumerate(modules):
        found = counts[f"op{i}"]
        figures = (found["lut"] / parts, found["dsp"] / parts)
        rows.setdefault(name, []).append(", ".join([*map(str, sizes), *(f"{f:.4g}" for f in figures)]))
    head = "# Operators of a menu's firmware, each mapped by itself, without registers: sizes, LUT, DSP.\n"
    head += "# Written by benchmarks/menu_operators.py. Of a table the LUT are those of one bit of its values.\n"
    body = "".join(f"  {name}:\n" + "".join(f"    - [{row}]\n" for row in some) for name, some in rows.items())
    write_text(told.output, f'{head}source: "{source}"\noperators:\n{body}')


if __name__ == "__main__":
    main()
