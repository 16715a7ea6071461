"""A menu as an HLS project: the resolved conditions that the emulator decides by, written as C++."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from trigsim.base.errors import InputError
from trigsim.base.files import write_json, write_text
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.menu_conditions import ConditionWriter, Program, declarations, expression
from trigsim.firmware.menu_words import EXTERNAL_BITS, Word, identifier, lay_out, slots_of
from trigsim.menu.conditions import Lowering, ResolvedCondition
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu
from trigsim.menu.networks import CrossingNetwork

#: Conditions in one file: small files compile side by side.
CONDITIONS_PER_FILE = 32
FORMAT = "trigsim-menu-project"


@dataclass(frozen=True, slots=True)
class MenuDesign:
    """What the firmware of a menu is made of.

    Attributes
    ----------
    menu : Menu
    compiled : CompiledMenu
        The emulator's tables of the same algorithms.
    words : tuple of Word
        Packed objects, the arguments of the top function.
    names : mapping
        Condition → name of its function.
    programs : mapping
        Algorithm → postfix program over conditions.
    """

    menu: Menu
    compiled: CompiledMenu
    words: tuple[Word, ...]
    names: Mapping[ResolvedCondition, str]
    programs: Mapping[str, Program]

    @property
    def top(self) -> str:
        """Name of the top function."""
        return identifier(self.menu.name)

    @property
    def width(self) -> int:
        """Bits of the output: the highest index of all algorithms, and those below it."""
        return max(self.menu.indices) + 1


def design(
    menu: Menu,
    slots: Mapping[str, int] | None = None,
    models: Mapping[str, TaggerScores] | None = None,
    networks: Mapping[str, CrossingNetwork] | None = None,
    only: Collection[str] | None = None,
) -> MenuDesign:
    """Prepare a menu for `write_menu`.

    Parameters
    ----------
    menu : Menu
    slots : mapping, optional
        Kind → objects of it in a crossing; see `menu_words.slots_of` for the others.
    models, networks, only
        As for `Menu.compile`. Scores of taggers and networks are inputs of this firmware: their own projects
        make them.
    """
    compiled = menu.compile(models, networks, only)
    programs = menu.programs(models or {}, compiled.names)
    words = lay_out(menu.scales, compiled, {**slots_of(menu.scales), **(slots or {})})
    return MenuDesign(menu, compiled, words, _names(menu, programs, models or {}), programs)


def _names(
    menu: Menu, programs: Mapping[str, Program], models: Mapping[str, TaggerScores]
) -> dict[ResolvedCondition, str]:
    """Return a name for each condition: its own, or that of the algorithm that is this condition."""
    wanted = dict.fromkeys(p for program in programs.values() for p in program if not isinstance(p, str))
    lowering = Lowering(menu.config, menu.scales, menu.externals, models)
    written = [(name, c) for name, c in menu.config.conditions.items() if not isinstance(c, str)]
    known: dict[ResolvedCondition, str] = {}
    for name, condition in written:
        # A condition of another algorithm may need a tagger that is not there.
        try:
            known.setdefault(lowering.lower(condition), name)
        except InputError:
            continue
    for name, program in programs.items():
        if len(program) == 1 and not isinstance(program[0], str):
            known.setdefault(program[0], name)
    found: dict[ResolvedCondition, str] = {}
    # Arguments and locals of the functions that use the names.
    taken = {"bx", "algorithms", "conditions", "decide", "std"}
    for needed in wanted:
        base = name = identifier(known[needed])
        more = 2
        while name in taken:
            name, more = f"{base}_{more}", more + 1
        taken.add(name)
        found[needed] = name
    return found


def write_menu(made: MenuDesign, folder: str | Path, config: FirmwareConfig | None = None) -> Path:
    """Write the HLS project of a menu, without golden vectors (see `menu_csim.write_golden`).

    Parameters
    ----------
    made : MenuDesign
    folder : path
        New, empty, or an earlier project (replaced).
    config : FirmwareConfig, optional
        Part and clock.

    Returns
    -------
    Path
        The folder.
    """
    config = config or FirmwareConfig()
    folder = Path(folder)
    _clear(folder)
    writer = ConditionWriter(made.menu.scales, made.names, made.compiled.reach[0])
    code = folder / "firmware"
    write_text(code / "objects.h", _objects(made))
    write_text(code / "legs.h", writer.legs_text())
    write_text(code / "pairs.h", writer.quantities.text())
    write_text(code / "conditions.h", declarations(source.name for source in writer.sources))
    for first in range(0, len(writer.sources), CONDITIONS_PER_FILE):
        some = writer.sources[first : first + CONDITIONS_PER_FILE]
        text = "\n".join(source.text for source in some)
        heads = "".join(f'#include "{h}.h"\n' for h in ("conditions", "legs", "menu_logic", "pairs"))
        write_text(
            code / f"conditions_{first // CONDITIONS_PER_FILE:02d}.cpp",
            f"{heads}\nnamespace conditions {{\n\n{text}\n}} // namespace conditions\n",
        )
    write_text(code / "algorithms.h", _algorithms_header(made))
    write_text(code / "algorithms.cpp", _algorithms(made))
    write_text(code / f"{made.top}.h", _header(made))
    write_text(code / f"{made.top}.cpp", _source(made))
    write_text(code / "menu_logic.h", _template("menu_logic.h"))
    shutil.copytree(ap_types(), code / "ap_types")
    replaced = {"TOP": made.top, "PART": config.part, "CLOCK": f"{config.clock_ns:g}", **_bench(made)}
    for template, name in (
        ("menu_test.cpp", "menu_test.cpp"),
        ("menu.tcl", "build_prj.tcl"),
        ("menu_vivado.tcl", "vivado_synth.tcl"),
        ("menu.mk", "check.mk"),
    ):
        text = _template(template)
        for key, value in replaced.items():
            text = text.replace(f"@{key}@", value)
        write_text(folder / name, text)
    write_json(folder / "project.json", _described(made, config))
    write_text(folder / "README.md", _readme(made, config))
    return folder


def _clear(folder: Path) -> None:
    """Make room; never remove what is not a project of ours."""
    if not folder.exists() or not any(folder.iterdir()):
        return
    described = folder / "project.json"
    if not described.is_file() or FORMAT not in described.read_text(encoding="utf-8"):
        raise InputError("is not empty and no menu project of trigsim; give a new folder", folder)
    shutil.rmtree(folder)


def ap_types() -> Path:
    """Return the folder of the ap_int headers that hls4ml ships.

    Raises
    ------
    InputError
        Without hls4ml.
    """
    # Found, not imported: that would take seconds.
    spec = find_spec("hls4ml")
    if spec is None or spec.origin is None:
        raise InputError(
            "hls4ml, whose ap_int headers are needed, is not installed; pip install 'trigsim[firmware]'"
        )
    return Path(spec.origin).parent / "templates" / "vivado" / "ap_types"


def _template(name: str) -> str:
    return files("trigsim.firmware").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def _objects(made: MenuDesign) -> str:
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


def _header(made: MenuDesign) -> str:
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


def _algorithms_header(made: MenuDesign) -> str:
    return f"""// The algorithms: what the conditions are combined to, one bit each.
#ifndef ALGORITHMS_H_
#define ALGORITHMS_H_

#include "objects.h"

const int N_ALGORITHMS = {made.width};
typedef ap_uint<N_ALGORITHMS> algorithms_t;

void decide(const Crossing bx[N_BX], algorithms_t &algorithms);

#endif
"""


def _source(made: MenuDesign) -> str:
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


def _algorithms(made: MenuDesign) -> str:
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


def _bench(made: MenuDesign) -> dict[str, str]:
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


def _described(made: MenuDesign, config: FirmwareConfig) -> dict[str, object]:
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


def _readme(made: MenuDesign, config: FirmwareConfig) -> str:
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
