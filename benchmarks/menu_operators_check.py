"""Check the sum of operators against whole conditions, written as Verilog at once and mapped by Yosys.

Run: python benchmarks/menu_operators_check.py. Few objects of each kind, so that it takes a minute. As in any
pipeline of this speed, registers lie in front of the tables of a distance, and behind them.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from trigsim.base.files import write_text
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.menu_cost import menu_cost
from trigsim.firmware.menu_design import MenuDesign, design
from trigsim.firmware.synthesis import mapped
from trigsim.menu.conditions import ResolvedCondition
from trigsim.menu.files import read_menu
from trigsim.menu.luts import common_unit, cos_table, cosh_table, delta_table, pt_table

LEGS = """
name: legs
scales: cms_run3
algorithms:
  - {name: one_leg, when: {object: EG, pt_gev: 30, abs_eta_max: 2.1}}
  - {name: two_legs, when: {objects: [{object: EG, pt_gev: 25, abs_eta_max: 2.1}, {object: EG, pt_gev: 14}]}}
  - name: three_legs
    when: {objects: [{object: JET, pt_gev: 90}, {object: JET, pt_gev: 60}, {object: JET, pt_gev: 40}]}
  - {name: muon, when: {object: MU, pt_gev: 22, abs_eta_max: 1.5, quality: [12, 13, 14, 15]}}
  - {name: two_taus, when: {objects: [{object: TAU, pt_gev: 34, abs_eta_max: 2.13, iso: [1, 3], times: 2}]}}
  - {name: four_jets, when: {objects: [{object: JET, pt_gev: 75}, {object: JET, pt_gev: 55, times: 3}]}}
"""
PAIRS = """
name: pairs
scales: cms_run3
algorithms:
  - {name: delta_eta, when: {objects: [{object: JET, pt_gev: 112, times: 2}], deta: [0, 1.6]}}
  - {name: delta_phi, when: {objects: [{object: MU, pt_gev: 5}, {object: MU, pt_gev: 3}], dphi_rad: [0, 2.5]}}
  - {name: delta_r, when: {objects: [{object: MU, pt_gev: 5, times: 2}], dr: [0, 1.4]}}
  - {name: mass, when: {objects: [{object: JET, pt_gev: 30, times: 2}], mass_gev: [620, 14000]}}
  - name: mass_of_two_kinds
    when: {objects: [{object: EG, pt_gev: 20}, {object: TAU, pt_gev: 30}], mass_gev: [40, 90]}
  - {name: dr_of_jets, when: {objects: [{object: JET, pt_gev: 35, times: 2}], dr: [0, 1.6]}}
  - {name: mass_of_muons, when: {objects: [{object: MU, pt_gev: 4, times: 2}], mass_gev: [7, 18]}}
  - {name: mass_of_taus, when: {objects: [{object: TAU, pt_gev: 28, times: 2}], mass_gev: [45, 95]}}
"""
#: Menus, and objects of a kind in them.
CHECKED = ((LEGS, 4), (PAIRS, 2))


def whole(made: MenuDesign, condition: ResolvedCondition) -> str:
    """Return a condition of legs, or of two legs and cuts on them, as the body of one Verilog module."""
    slots = made.words[0].slots
    scales, kinds = made.menu.scales.objects, sorted({leg.object for leg in condition.legs})
    ports = [
        f"input {'signed ' if scale.signed else ''}[{scale.bits - 1}:0] {kind}{i}_{field}"
        for kind in kinds
        for field, scale in scales[kind].fields.items()
        for i in range(slots)
    ]
    lines = []
    for k, leg in enumerate(condition.legs):
        for i in range(slots):
            ways = [
                " || ".join(
                    f"({leg.object}{i}_{field} >= {a} && {leg.object}{i}_{field} <= {b})" for a, b in intervals
                )
                for field, intervals in leg.passes
            ]
            lines.append(f"wire leg{k}_{i} = {' && '.join(f'({way})' for way in ways)};")
    if condition.pairs:
        found = " | ".join(_pairs(made, condition, lines))
    else:
        found = " && ".join(_different(condition, slots, lines))
    return f"(input clk, {', '.join(ports)}, output y);\n" + "\n".join(lines) + f"\nassign y = {found};"


def _different(condition: ResolvedCondition, slots: int, lines: list[str]) -> Iterator[str]:
    """Yield Hall's conditions for legs of one kind, as the C++ has them."""
    wide = slots.bit_length()
    for subset in range(1, 1 << len(condition.legs)):
        members = [k for k in range(len(condition.legs)) if subset >> k & 1]
        ones = " + ".join(f"({' | '.join(f'leg{k}_{i}' for k in members)})" for i in range(slots))
        lines.append(f"wire [{wide}:0] c{subset} = {ones};")
        yield f"(c{subset} >= {len(members)})"


def _pairs(made: MenuDesign, condition: ResolvedCondition, lines: list[str]) -> Iterator[str]:
    one, other = condition.legs
    (cuts,) = condition.pairs
    a, b = (made.menu.scales.objects[leg.object].fields for leg in condition.legs)
    d, limits = cuts.precision, dict(cuts.limits)
    eta, phi = common_unit(a["eta"], b["eta"], "eta"), common_unit(a["phi"], b["phi"], "phi")
    made_of = {
        "deta": delta_table(eta.step, eta.size, d.delta),
        "dphi": delta_table(phi.step, phi.size, d.delta),
        "cosh": cosh_table(eta.step, eta.size, d.math),
        "cos": cos_table(phi.step, phi.size, d.math),
        "pt1": pt_table(a["pt"], d.mass_pt),
        "pt2": pt_table(b["pt"], d.mass_pt),
    }
    width = {name: int(np.abs(table).max()).bit_length() for name, table in made_of.items()}
    for name, table in made_of.items():
        rows = "".join(f"{i}: {name} = {v};" for i, v in enumerate(table.tolist()))
        bits = width[name] + 1
        lines.append(
            f"function signed [{bits - 1}:0] {name}(input [{(len(table) - 1).bit_length() - 1}:0] i); "
            f"case (i) {rows} default: {name} = 'bx; endcase endfunction"
        )
    for i, j in itertools.product(range(made.words[0].slots), repeat=2):
        if one.object == other.object and (i == j or (one == other and i > j)):
            continue
        p, n = f"p{i}_{j}", {"one": f"{one.object}{i}", "other": f"{other.object}{j}"}
        for axis, unit in (("eta", eta), ("phi", phi)):
            x, y = (
                f"({m} * {o}_{axis} + {c})" for o, m, c in zip(n.values(), unit.multiply, unit.add, strict=True)
            )
            w = unit.size.bit_length() + 1
            lines.append(f"wire signed [{w}:0] {p}{axis}1 = {x}, {p}{axis}2 = {y};")
            far = f"({p}{axis}1 > {p}{axis}2 ? {p}{axis}1 - {p}{axis}2 : {p}{axis}2 - {p}{axis}1)"
            lines.append(f"wire [{w}:0] {p}{axis}f = {far};")
            near = (
                f"2 * {p}{axis}f >= {unit.bins} ? {unit.bins} - {p}{axis}f : {p}{axis}f"
                if unit.bins
                else f"{p}{axis}f"
            )
            lines.append(f"reg [{w - 2}:0] {p}{axis}; always @(posedge clk) {p}{axis} <= {near};")
        looked = {"deta": "eta", "dphi": "phi", "cosh": "eta", "cos": "phi"}
        for name, axis in looked.items():
            line = f"reg signed [{width[name]}:0] {p}{name}; always @(posedge clk) {p}{name} <= {name}({p}{axis});"
            lines.append(line)
        lines.append(f"wire signed [63:0] {p}_deta = {p}deta, {p}_dphi = {p}dphi;")
        lines.append(f"wire signed [63:0] {p}_dr = {p}_deta * {p}_deta + {p}_dphi * {p}_dphi;")
        product = f"pt1({n['one']}_pt) * pt2({n['other']}_pt)"
        lines.append(f"wire [{width['pt1'] + width['pt2'] - 1}:0] {p}_pt = {product};")
        lines.append(f"wire [{width['cosh']}:0] {p}_rise = {p}cosh - {p}cos;")
        most = width["pt1"] + width["pt2"] + width["cosh"] + 1
        lines.append(f"wire signed [{most}:0] {p}_mass = {p}_pt * {p}_rise;")
        tests = [f"{p}_{q} >= 64'sd{max(low, 0)} && {p}_{q} <= 64'sd{high}" for q, (low, high) in limits.items()]
        yield f"(leg0_{i} & leg1_{j} & ({' && '.join(tests)}))"


def main() -> None:
    for text, slots in CHECKED:
        check(text, slots)


def check(text: str, slots: int) -> None:
    """Print what the conditions of a menu take, summed and whole."""
    with tempfile.TemporaryDirectory(prefix="trigsim-operators-") as folder:
        file = Path(folder) / "checked.yaml"
        write_text(file, text)
        menu = read_menu(file)
        made = design(menu, dict.fromkeys(menu.scales.objects, slots))
        conditions = [next(iter(program)) for program in made.programs.values()]
        modules = "".join(f"module op{i}{whole(made, c)}\nendmodule\n" for i, c in enumerate(conditions))
        every = "".join(f"(* keep *) op{i} u{i}();\n" for i in range(len(conditions)))
        write_text(Path(folder) / "whole.v", f"{modules}module every();\n{every}endmodule\n")
        found, _ = mapped(Path(folder), "read_verilog whole.v", "every", FirmwareConfig(), flat=False, bram=False)
    for i, (name, summed) in enumerate(menu_cost(made).algorithms.items()):
        lut, dsp = found[f"op{i}"]["lut"], found[f"op{i}"]["dsp"]
        print(
            f"{name:<20} LUT {summed.lut:7.0f} summed {lut:7.0f} whole {summed.lut / lut:5.2f}, "
            f"DSP {summed.dsp:3g} summed {dsp:3g} whole"
        )


if __name__ == "__main__":
    main()
