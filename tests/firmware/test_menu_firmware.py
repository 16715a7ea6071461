"""The firmware of a menu: its C simulation gives the emulator's bits, and a wrong number in it is seen."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from trigsim.base.errors import CheckFailed, InputError
from trigsim.cli.main import app
from trigsim.firmware.csim import UNOPTIMISED
from trigsim.firmware.menu_compare import Sample, compare_menu, left_out
from trigsim.firmware.menu_csim import build_menu, calls
from trigsim.firmware.menu_design import design
from trigsim.firmware.menu_inputs import drawn
from trigsim.firmware.menu_pairs import linear
from trigsim.firmware.menu_project import write_menu
from trigsim.firmware.menu_words import identifier, pack, slots_of
from trigsim.menu import load, loads
from trigsim.menu.files import to_yaml
from trigsim.menu.l1xml import import_l1menu
from trigsim.menu.luts import pt_table
from trigsim.menu.networks import load_network
from trigsim.menu.readers import read
from trigsim.menu.scales import load_scales
from trigsim.objects.model import Collection, TriggerObjects

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "ugt"
MENUS = Path("configs/menus")
ROWS = ("independent", "consecutive", "cyclic")

#: Every kind of condition and cut, on two crossings as well.
EVERYTHING = """
name: everything
scales: cms_run3
externals: {A: 3, B: 200}
cuts:
  good: {quality: [12, 13, 15]}
conditions:
  a: {external: A}
  b_before: {external: B, bx: -1}
  mu_after: {object: MU, pt_gev: 3, bx: 1, cuts: [good]}
  near: {object: JET, pt_gev: 12}   # a word of menu_logic.h
  double: {object: JET, pt_gev: 30, eta: [[-5, -3], [3, 5]]}   # a word of C++
  three: {objects: [{object: MU, pt_gev: 5}, {object: MU, pt_gev: 3, cuts: [good]}, {object: EG, pt_gev: 0}]}
  unequal: {objects: [{object: MU, pt_gev: 5, eta: [-1, 1]}, {object: MU, pt_gev: 0, cuts: [good]}]}
  same: {objects: [{object: MU, pt_gev: 3}, {object: MU, pt_gev: 0}, {object: MU, pt_gev: 0}], charges: same}
  opposite:
    objects: [{object: MU, pt_gev: 3}, {object: MU, pt_gev: 0}, {object: JET, pt_gev: 20}]
    charges: opposite
  charged_mass:
    objects: [{object: MU, pt_gev: 1}, {object: MU, pt_gev: 1}]
    charges: opposite
    mass_gev: [3, 90]
    deta: [0, 2]
  across: {objects: [{object: MU, pt_gev: 0, bx: -1}, {object: JET, pt_gev: 20}], dr: [0, 0.8]}
  triple: {objects: [{object: MU, pt_gev: 0, times: 3}], mass_gev: [0, 40], charges: opposite}
  triple_jets: {objects: [{object: JET, pt_gev: 10}, {object: JET, pt_gev: 0, times: 2}], mass_gev: [20, 400]}
  far: {objects: [{object: JET, pt_gev: 30, times: 2}], deta: [2.5, 9], mass_gev: [300, 5000]}
  transverse: {objects: [{object: EG, pt_gev: 10}, {object: ETM, pt_gev: 5}], mass_t_gev: [20, 1000]}
  slow: {objects: [{object: MU, pt_gev: 0}, {object: MU, pt_gev: 0}], mass_upt_gev: [0, 60]}
  over: {objects: [{object: EG, pt_gev: 5}, {object: EG, pt_gev: 5}], mass_over_dr_gev: [10, 90]}
  balanced:
    objects: [{object: JET, pt_gev: 10}, {object: MU, pt_gev: 2}]
    pair_pt_gev: [5, 60]
    dphi_rad: [0.5, 3.2]
  alone:
    objects: [{object: TAU, pt_gev: 10, times: 2}]
    remove_overlap: {reference: {object: JET, pt_gev: 20}, dr: [0, 1.5]}
  alone_pair:
    objects: [{object: TAU, pt_gev: 10}, {object: EG, pt_gev: 5}]
    mass_gev: [10, 200]
    remove_overlap: {reference: {object: TAU, pt_gev: 5}, deta: [0, 0.5], dphi_rad: [0, 0.4]}
  alone_charged:
    objects: [{object: MU, pt_gev: 0, times: 2}]
    charges: same
    remove_overlap: {reference: {object: MU, pt_gev: 2, bx: 1}, dr: [0, 2]}
algorithms:
  - {name: A, index: 40, when: a and not b_before}
  - {name: B, when: mu_after xor (double or three) and unequal or near and not near}
  - {name: C, when: not (a and b_before) or same}
"""
ALONE = ("same", "opposite", "charged_mass", "across", "triple", "triple_jets", "far", "transverse", "slow", "over")
ALONE += ("balanced", "alone", "alone_pair", "alone_charged", "double")
EVERYTHING += "".join(f"  - {{name: {name}_only, when: {name}}}\n" for name in ALONE)


def built(text_or_menu, folder, slots=None, flags=UNOPTIMISED, **given):
    menu = loads(text_or_menu) if isinstance(text_or_menu, str) else text_or_menu
    made = design(menu, slots, **given)
    return build_menu(made, write_menu(made, folder), flags)


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    few = {"MU": 4, "EG": 4, "TAU": 3, "JET": 5}
    return built(EVERYTHING, tmp_path_factory.mktemp("menu") / "hls", few)


@pytest.mark.parametrize("rows", ROWS)
def test_every_kind_of_condition_has_the_emulators_bits(everything, rows):
    found = compare_menu(everything, [Sample("drawn", drawn(everything.made, 800), rows)])
    assert found.exact, {name: str(d) for name, d in found.differences.items()}
    # Each bit is seen set and unset, else nothing was compared; with no neighbours C always is.
    constant = {name for name, count in found.fired.items() if count in (0, found.crossings)}
    assert constant <= ({"C", "across_only", "alone_charged_only"} if rows == "independent" else set()), found.fired


def test_words_hold_what_they_say(everything):
    # A muon as the global trigger sends it: pt from bit 10, quality from 19, eta from 23, charge 34, valid 35.
    one = drawn(everything.made, 1)
    fields = {name: np.zeros((1, 4), np.int32) for name in one.collections["MU"].fields}
    fields["pt"][0, 0], fields["quality"][0, 0], fields["eta"][0, 0], fields["charge_valid"][0, 0] = 5, 12, -1, 1
    objects = TriggerObjects({**one.collections, "MU": Collection(fields)}, np.array([[8, 0, 0, 1]], np.uint64))
    lines = pack(everything.made.words, everything.made.compiled, objects, np.array([0, -1]))
    rows = [row.tobytes().decode().split() for row in lines]
    first = next(i for i, w in enumerate(everything.made.words) if w.kind == "MU")
    place = sum(w.slots for w in everything.made.words[:first])
    assert int(rows[0][place], 16) == (5 << 10) | (12 << 19) | (0x1FF << 23) | (1 << 35)
    assert int(rows[0][-1], 16) == (1 << 192) | 8
    assert {word.strip("0") for word in rows[1]} == {""}


#: What is written wrongly, and an algorithm that shows it.
WRONG = (
    ("legs.h", r"(JET: eta .*\n(?:.*\n){3}.*)o\.pt >= 60\b", r"\1o.pt >= 61", "double_only"),
    ("conditions_00.cpp", r"mass <= 4050000000LL", "mass <= 3050000000LL", "charged_mass_only"),
    ("conditions_00.cpp", r"!\(a\.charge == b\.charge && a\.charge == c\.charge\)", "true", "triple_only"),
    ("pairs.h", r"(ETM_pt_d1.*\n.*\n.*)5 \* n \+ 3", r"\g<1>5 * n + 43", "transverse_only"),
    ("menu_logic.h", r"count<N>\(together\) >= wanted", "count<N>(together) >= 1", "same_only"),
    ("objects.h", r"o\.phi = word\.range\(9, 0\)", "o.phi = word.range(8, 0)", "across_only"),
    ("algorithms.cpp", r"!b_before", "b_before", "A"),
)


def test_each_wrong_number_in_the_firmware_is_seen(everything, tmp_path):
    made = everything.made
    folder = write_menu(made, tmp_path / "hls")
    for file, right, wrong, _ in WRONG:
        text = (folder / "firmware" / file).read_text()
        changed, times = re.subn(right, wrong, text)
        assert times, (file, right)
        (folder / "firmware" / file).write_text(changed)
    objects = drawn(made, 1500)
    found = compare_menu(build_menu(made, folder, UNOPTIMISED), [Sample("drawn", objects, "cyclic")])
    assert not found.exact
    assert {name for *_, name in WRONG} <= set(found.differences), found.differences
    assert "mu_after" not in found.differences
    difference = found.differences["A"]
    ours = made.compiled.decide(objects, rows="cyclic")[:, made.compiled.names.index("A")]
    assert (ours[: difference.row].any(), ours[difference.row]) == (False, difference.emulator)
    assert found.as_dict()["mismatched"]["A"]["csim"] is not difference.emulator


def test_calls_move_the_window():
    told = calls(3, "cyclic", (1, 1))
    assert told.given.tolist() == [2, 0, 1, 2, 0]
    assert told.decided.tolist() == [-1, -1, 0, 1, 2]
    told = calls(2, "independent", (2, 1))
    assert told.given.tolist() == [0, -1, -1, 1, -1, -1]
    assert told.decided.tolist() == [-1, 0, -1, -1, 1, -1]
    assert calls(2, "consecutive", (0, 0)).decided.tolist() == [0, 1]


@pytest.mark.parametrize("name", ["cms_run2", "cms_run3", "phase2"])
def test_bin_centres_are_the_tables(name):
    # Where there is a product and a shift it gives every entry of the table.
    for kind, scales in load_scales(name).objects.items():
        for field in {"pt", "upt"} & set(scales.fields):
            scale = scales.fields[field]
            slope, start, shift = linear(scale, 1, pt_table(scale, 1))
            numbers = np.arange(1 << scale.bits)
            assert np.array_equal(np.maximum((slope * numbers + start) >> shift, 0), pt_table(scale, 1)), kind


def test_names_are_identifiers():
    assert [identifier(text) for text in ("double", "2p5", "a.b", "network x")] == [
        "double_",
        "_2p5",
        "a_b",
        "network_x",
    ]


def test_a_missing_tagger_leaves_its_algorithms_out():
    menu = load(MENUS / "phase2.yaml")
    reasons = left_out(menu, {}, {})
    assert set(reasons) == {"FatJet150_hbb", "FatJet250_Mass60_hbbLoose", "FatJet120_hbb_Mu5"}
    made = design(menu, only=[name for name in menu.programs() if name not in reasons])
    assert "FatJet300" in made.programs
    assert slots_of(menu.scales)["FATJET"] == 6


def test_scores_are_inputs(tmp_path):
    # A tagger with one working point; raw scores are 32 bits of the jet's word.
    tagger = SimpleNamespace(working_points={"medium": 40, "loose": -7}, score_format=SimpleNamespace(lsb=0.5))
    only = ["FatJet150_hbb", "FatJet250_Mass60_hbbLoose", "VBF_Mass620_Jet115_40"]
    csim = built(load(MENUS / "phase2.yaml"), tmp_path / "hls", models={"hbb": tagger}, only=only)
    found = compare_menu(csim, [Sample("drawn", drawn(csim.made, 800))])
    assert found.exact
    assert all(found.fired[name] > 0 for name in only)


def test_the_same_menu_gives_the_same_bytes(tmp_path):
    made = design(loads(EVERYTHING))
    one, other = (write_menu(made, tmp_path / name) for name in "ab")
    write_menu(made, one)  # an earlier project is replaced
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert all((one / f).read_bytes() == (other / f).read_bytes() for f in files)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="no menu project"):
        write_menu(made, tmp_path / "c")


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_commands(tmp_path):
    menu = tmp_path / "menu.yaml"
    menu.write_text(
        "name: small\nscales: phase2\nalgorithms:\n  - {name: One, when: {object: JET, pt_gev: 60}}\n"
        "  - {name: Two, when: {objects: [{object: JET, pt_gev: 20, times: 2}], dr: [0, 1]}}\n"
        "  - {name: Three, when: {object: FATJET, pt_gev: 20, score: {model: x, working_point: y}}}\n"
    )
    done = invoke("firmware", "menu", menu, "-o", tmp_path / "hls", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["algorithms"], document["conditions"]) == (2, 2)
    assert document["unsupported"] == {"Three": "tagger 'x' is not given"}
    assert document["golden_bits"] > 100
    done = invoke("compare", menu, "-n", "300", "-o", tmp_path / "cmp", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["crossings"], document["algorithms"], document["exact"], document["differing_bits"]) == (
        300,
        2,
        2,
        0,
    )
    done = invoke("compare", menu, "--vectors", tmp_path / "none.txt", "--library", "data/library")
    assert isinstance(done.exception, InputError)


def test_a_difference_is_exit_code_one(tmp_path, monkeypatch):
    from trigsim.firmware import menu_project

    right = menu_project.ConditionWriter.legs_text
    monkeypatch.setattr(menu_project.ConditionWriter, "legs_text", lambda self: right(self).replace("240", "241"))
    menu = tmp_path / "menu.yaml"
    menu.write_text("name: small\nscales: phase2\nalgorithms:\n  - {name: One, when: {object: JET, pt_gev: 60}}\n")
    done = invoke("compare", menu, "-n", "500", "-o", tmp_path / "hls", "--json")
    assert isinstance(done.exception, CheckFailed)
    found = json.loads(done.stdout)["mismatched"]["One"]
    assert found["emulator"] is True
    assert found["csim"] is False
    assert found["crossings"] > 10


@pytest.mark.reference
def test_a_cms_menu_has_the_emulators_bits(tmp_path):
    if not REFERENCE.is_dir():
        pytest.skip("../shared/reference is absent")
    # Each 24th algorithm; `trigsim compare` does all of them.
    name = "L1Menu_Collisions2024_v1_3_0"
    menu = loads(to_yaml(import_l1menu(REFERENCE / f"{name}.xml.gz")))
    (recorded,) = read(REFERENCE / f"{name}.data.tv.txt.gz")
    networks = {"AXO_v4": load_network(REFERENCE / "axol1tl_v4.json")}
    only = [a.name for a in menu.algorithms if a.unsupported is None][::24]
    csim = built(menu, tmp_path / "hls", slots_of(menu.scales, recorded.objects), networks=networks, only=only)
    found = compare_menu(csim, [Sample("data", recorded.objects, recorded.rows)])
    assert found.exact
    assert (found.crossings, len(found.fired)) == (3564, len(only))
    assert sum(count > 0 for count in found.fired.values()) > len(only) * 0.7
