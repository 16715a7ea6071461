"""What is in a menu's HLS project beside conditions: words, top function, algorithms, test bench, README."""

from __future__ import annotations

from importlib.metadata import version

from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.menu_conditions import expression
from trigsim.firmware.menu_design import MenuDesign
from trigsim.firmware.menu_words import EXTERNAL_BITS, identifier

FORMAT = "trigsim-menu-project"


def objects_text(made: MenuDesign) -> str:
    """Return `objects.h`: the packed words and what is in them."""
    parts = [
        f"// Trigger objects of {made.menu.scales.name}: packed words, their fields, and a window of crossings.",
        '#ifndef OBJECTS_H_\n#define OBJECTS_H_\n\n#include "ap_int.h"\n',
    ]
    for word in made.words:
        name = word.name
        fields = [f"    {f.type} {identifier(f.name)}; // bits {f.low + f.width - 1}..{f.low}" for f in word.fields]
        taken = [f"    o.{identifier(f.name)} = word.range({f.low + f.width - 1}, {f.low});" for f in word.fields]
        parts += [
            f"const int N_{name} = {word.slots};",
            f"typedef ap_uint<{word.width}> {name}_word_t;",
            f"struct {name}_t {{",
            *fields,
            "};",
            f"inline {name}_t unpack_{name}(const {name}_word_t &word) {{",
            "#pragma HLS INLINE",
            f"    {name}_t o;",
            *taken,
            "    return o;",
            "}\n",
        ]
    members = [f"    {word.name}_t {word.name}[N_{word.name}];" for word in made.words]
    if made.compiled.uses_externals:
        members.append(f"    ap_uint<{EXTERNAL_BITS}> externals;")
    before, after = made.compiled.reach[0], made.compiled.reach[1]
    parts += [
        "struct Crossing {",
        *members,
        "};\n",
        f"// The crossing that is decided on, {before} before it and {after} after it.",
        f"const int BX_BEFORE = {before}, BX_AFTER = {after}, N_BX = {before + after + 1};",
        "\n#endif\n",
    ]
    return "\n".join(parts)


def _arguments(made: MenuDesign) -> list[str]:
    found = [f"const {w.name}_word_t {w.name}[N_{w.name}]" for w in made.words]
    if made.compiled.uses_externals:
        found.append(f"const ap_uint<{EXTERNAL_BITS}> &externals")
    return [*found, "algorithms_t &algorithms"]


def header_text(made: MenuDesign) -> str:
    """Return the header of the top function."""
    arguments = ",\n    ".join(_arguments(made))
    return f"""// The menu {made.menu.name}: packed trigger objects of one crossing a clock in, algorithm bits out.
#ifndef MENU_TOP_H_
#define MENU_TOP_H_

#include "algorithms.h"

// The bits belong to the crossing that was given BX_AFTER calls before.
void {made.top}(
    {arguments});

#endif
"""


def algorithms_header(made: MenuDesign) -> str:
    """Return `algorithms.h`."""
    return f"""// The algorithms: what the conditions are combined to, one bit each.
#ifndef ALGORITHMS_H_
#define ALGORITHMS_H_

#include "objects.h"

const int N_ALGORITHMS = {made.width};
typedef ap_uint<N_ALGORITHMS> algorithms_t;

void decide(const Crossing bx[N_BX], algorithms_t &algorithms);

#endif
"""


def source_text(made: MenuDesign) -> str:
    """Return the top function: it unpacks words and keeps the window of crossings."""
    partitions = [f"#pragma HLS ARRAY_PARTITION variable={w.name} complete" for w in made.words]
    unpacked = [
        f"    for (int i = 0; i < N_{w.name}; i++) {{\n#pragma HLS UNROLL\n"
        f"        bx[N_BX - 1].{w.name}[i] = unpack_{w.name}({w.name}[i]);\n    }}"
        for w in made.words
    ]
    if made.compiled.uses_externals:
        unpacked.append("    bx[N_BX - 1].externals = externals;")
    shift = []
    if sum(made.compiled.reach):
        shift = [
            "    for (int k = 0; k < N_BX - 1; k++) {\n#pragma HLS UNROLL\n        bx[k] = bx[k + 1];\n    }",
        ]
    arguments = ",\n    ".join(_arguments(made))
    return "\n".join(
        [
            f'#include "{made.top}.h"\n',
            f"void {made.top}(\n    {arguments}) {{",
            "#pragma HLS PIPELINE II=1",
            "#pragma HLS INTERFACE ap_ctrl_none port=return",
            *partitions,
            "    static Crossing bx[N_BX];",
            "#pragma HLS DISAGGREGATE variable=bx",
            "#pragma HLS ARRAY_PARTITION variable=bx complete dim=0",
            *shift,
            *unpacked,
            "    decide(bx, algorithms);",
            "}\n",
        ]
    )


def algorithms_text(made: MenuDesign) -> str:
    """Return `algorithms.cpp`: conditions combined to bits."""
    values = [f"    const bool {name} = conditions::{name}(bx);" for name in made.names.values()]
    bits = []
    for algorithm, index in zip(made.menu.algorithms, made.menu.indices, strict=True):
        if algorithm.name in made.programs:
            text = expression(made.programs[algorithm.name], made.names)
            bits.append(f"    algorithms[{index}] = {text}; // {algorithm.name}")
        else:
            reason = algorithm.unsupported or "left out"
            bits.append(f"    // {algorithm.name} (bit {index}): {' '.join(reason.split())}")
    return "\n".join(
        [
            '#include "algorithms.h"\n#include "conditions.h"\n',
            "void decide(const Crossing bx[N_BX], algorithms_t &algorithms) {",
            "#pragma HLS INLINE",
            "    // Conditions, each once.",
            *values,
            "",
            "    // Algorithms.",
            "    algorithms = 0;",
            *bits,
            "}\n",
        ]
    )


def bench_parts(made: MenuDesign) -> dict[str, str]:
    """Return what the template of the test bench leaves open: how words are read, and the call."""
    lines = []
    for w in made.words:
        lines.append(f"        {w.name}_word_t {w.name}[N_{w.name}];")
        lines.append(f"        for (auto &word : {w.name})\n            if (!read(crossings, word))\n"
                     "                return 2;")  # fmt: skip
    call = [w.name for w in made.words]
    if made.compiled.uses_externals:
        lines.append(f"        ap_uint<{EXTERNAL_BITS}> externals;")
        lines.append("        if (!read(crossings, externals))\n            return 2;")
        call.append("externals")
    return {"READ": "\n".join(lines), "CALL": ", ".join([*call, "bits"])}


def described(made: MenuDesign, config: FirmwareConfig) -> dict[str, object]:
    """Return `project.json`."""
    bits = dict(zip((a.name for a in made.menu.algorithms), made.menu.indices, strict=True))
    return {
        "format": FORMAT,
        "version": 1,
        "top": made.top,
        "menu": made.menu.name,
        "scales": made.menu.scales.name,
        "algorithms": {name: bits[name] for name in made.programs},
        "conditions": len(made.names),
        "words": [
            {
                "kind": w.kind,
                "slots": w.slots,
                "width": w.width,
                "fields": {f.name: [f.low, f.width, f.signed] for f in w.fields},
            }
            for w in made.words
        ],
        "crossings_before_after": [made.compiled.reach[0], made.compiled.reach[1]],
        "ap_types": f"hls4ml {version('hls4ml')}",
        "part": config.part,
        "clock_ns": config.clock_ns,
    }


def readme(made: MenuDesign, config: FirmwareConfig) -> str:
    """Return the README for a firmware engineer."""
    places = {w.kind: ", ".join(f"{f.name} {f.low + f.width - 1}..{f.low}" for f in w.fields) for w in made.words}
    words = "\n".join(f"| {w.kind} | {w.slots} | {w.width} | {places[w.kind]} |" for w in made.words)
    before, after = made.compiled.reach[0], made.compiled.reach[1]
    externals = ", then 256 external signals" if made.compiled.uses_externals else ""
    return f"""# {made.menu.name}: HLS project of a menu

{len(made.programs)} algorithms over {len(made.names)} conditions for {config.part} at {config.clock_ns:g} ns,
written by trigsim from the menu YAML. Change nothing here: change the YAML and write it again.

| file | holds |
|---|---|
| `firmware/{made.top}.cpp` | top function: unpacks words, keeps the window of crossings |
| `firmware/algorithms.cpp` | each condition once, combined to algorithms |
| `firmware/conditions_*.cpp` | one function a condition, named after it, with its thresholds |
| `firmware/legs.h` | one required object each, limits in hardware integers, their meaning beside them |
| `firmware/pairs.h` | look-up tables, delta eta, delta phi, delta R, masses |
| `firmware/objects.h` | packed words and their fields |
| `firmware/menu_logic.h` | choices of different objects |
| `tb_data/` | golden crossings and bits of trigsim's emulator |

| command | does |
|---|---|
| `make -j -f check.mk` | compiles the test bench with g++ and runs it; no vendor tool |
| `vitis_hls -f build_prj.tcl` | csim, csynth, cosim as chosen in its first lines |
| `vivado -mode batch -source vivado_synth.tcl` | logic synthesis of the RTL |

One crossing a call (II = 1): an array of words for each kind{externals}. The decided crossing was given
{after} calls before; {before} crossings before it and {after} after it are looked at. An absent object is an
all-zero word. Bit i of the output is the algorithm of index i, before masks and prescales. Scores of taggers and
networks are inputs. Pragmas are written for Vitis HLS and have not been run through it.

| object | slots | bits | fields |
|---|---|---|---|
{words}
"""
