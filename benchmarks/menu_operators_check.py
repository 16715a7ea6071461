"""Check the sum of operators against whole conditions, written as Verilog at once and mapped by Yosys.

Run: python benchmarks/menu_operators_check.py. Four objects of each kind, so that it takes a minute or two.
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

CHECKED = """
name: checked
scales: cms_run3
algorithms:
  - {name: one_leg, when: {object: EG, pt_gev: 30, abs_eta_max: 2.1}}
  - {name: two_legs, when: {objects: [{object: EG, pt_gev: 25, abs_eta_max: 2.1}, {object: EG, pt_gev: 14}]}}
  - name: three_legs
    when: {objects: [{object: JET, pt_gev: 90}, {object: JET, pt_gev: 60}, {object: JET, pt_gev: 40}]}
  - {name: delta_eta, when: {objects: [{object: JET, pt_gev: 112, times: 2}], deta: [0, 1.6]}}
  - {name: delta_phi, when: {objects: [{object: MU, pt_gev: 5}, {object: MU, pt_gev: 3}], dphi_rad: [0, 2.5]}}
  - {name: delta_r, when: {objects: [{object: MU, pt_gev: 5, times: 2}], dr: [0, 1.4]}}
  - {name: mass, when: {objects: [{object: JET, pt_gev: 30, times: 2}], mass_gev: [620, 14000]}}
  - name: mass_of_two_kinds
    when: {objects: [{object: EG, pt_gev: 20}, {object: TAU, pt_gev: 30}], mass_gev: [40, 90]}
"""
SLOTS = 4


def whole(made: MenuDesign, condition: ResolvedCondition) -> str:
    """Return a condition of legs, or of two legs and cuts on them, as the body of one Verilog module."""
    scales, kinds = made.menu.scales.objects, sorted({leg.object for leg in condition.legs})
    ports = [
        f"input {'signed ' if scale.signed else ''}[{scale.bits - 1}:0] {kind}{i}_{field}"
        for kind in kinds
        for field, scale in scales[kind].fields.items()
        for i in range(SLOTS)
    ]
    lines = []
    for k, leg in enumerate(condition.legs):
        for i in range(SLOTS):
            ways = [
                " || ".join(
                    f"({leg.object}{i}_{field} >= {a} && {leg.object}{i}_{field} <= {b})" for a, b in intervals
                )
                for field, intervals in leg.passes
            ]
            lines.append(f"wire leg{k}_{i} = {' && '.join(f'({way})' for way in ways)};")
    if not condition.pairs:
        chosen = itertools.permutations(range(SLOTS), len(condition.legs))
        found = [" & ".join(f"leg{k}_{i}" for k, i in enumerate(slots)) for slots in chosen]
    else:
        found = list(_pairs(made, condition, lines))
    return f"({', '.join(ports)}, output y);\n" + "\n".join(lines) + f"\nassign y = {' | '.join(found)};"


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
    for i, j in itertools.product(range(SLOTS), repeat=2):
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
            lines.append(f"wire [{w - 2}:0] {p}{axis} = {near};")
        lines.append(f"wire signed [63:0] {p}_deta = deta({p}eta), {p}_dphi = dphi({p}phi);")
        lines.append(f"wire signed [63:0] {p}_dr = {p}_deta * {p}_deta + {p}_dphi * {p}_dphi;")
        product = f"pt1({n['one']}_pt) * pt2({n['other']}_pt)"
        lines.append(f"wire [{width['pt1'] + width['pt2'] - 1}:0] {p}_pt = {product};")
        lines.append(f"wire [{width['cosh']}:0] {p}_rise = cosh({p}eta) - cos({p}phi);")
        most = width["pt1"] + width["pt2"] + width["cosh"] + 1
        lines.append(f"wire signed [{most}:0] {p}_mass = {p}_pt * {p}_rise;")
        tests = [f"{p}_{q} >= 64'sd{max(low, 0)} && {p}_{q} <= 64'sd{high}" for q, (low, high) in limits.items()]
        yield f"(leg0_{i} & leg1_{j} & ({' && '.join(tests)}))"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="trigsim-operators-") as folder:
        file = Path(folder) / "checked.yaml"
        write_text(file, CHECKED)
        menu = read_menu(file)
        made = design(menu, dict.fromkeys(menu.scales.objects, SLOTS))
        conditions = [next(iter(program)) for program in made.programs.values()]
        text = "".join(f"module op{i}{whole(made, c)}\nendmodule\n" for i, c in enumerate(conditions))
        every = "".join(f"(* keep *) op{i} u{i}();\n" for i in range(len(conditions)))
        write_text(Path(folder) / "whole.v", f"{text}module every();\n{every}endmodule\n")
        found, _ = mapped(Path(folder), "read_verilog whole.v", "every", FirmwareConfig(), flat=False)
    for i, (name, summed) in enumerate(menu_cost(made).algorithms.items()):
        lut, dsp = found[f"op{i}"]["lut"], found[f"op{i}"]["dsp"]
        print(f"{name:<20} summed {summed.lut:7.0f} LUT {summed.dsp:3g} DSP, whole {lut:7.0f} LUT {dsp:3g} DSP")


if __name__ == "__main__":
    main()
