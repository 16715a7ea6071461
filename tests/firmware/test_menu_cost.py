"""What a menu's algorithms take: operators counted by hand, sharing, and the measured file."""

from itertools import pairwise, product
from math import comb

import numpy as np
import pytest

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.firmware.menu_cost import DEFAULT_OPERATORS, SIZES, TABLES, Operators, chained, menu_cost, operators
from trigsim.firmware.menu_design import design
from trigsim.firmware.menu_operators import OperatorCounter, Use, _significant
from trigsim.firmware.parts import PARTS
from trigsim.menu.files import read_menu

MENU = """
name: costs
scales: cms_run3
algorithms:
  - {name: one, when: {object: EG, pt_gev: 30, abs_eta_max: 2.1}}
  - {name: again, when: {object: EG, pt_gev: 30, abs_eta_max: 2.1}}
  - {name: mass, when: {objects: [{object: MU, pt_gev: 5, times: 2}], mass_gev: [7, 18]}}
  - {name: heavier, when: {objects: [{object: MU, pt_gev: 5, times: 2}], mass_gev: [20, 40]}}
  - name: three
    when: {objects: [{object: JET, pt_gev: 90}, {object: JET, pt_gev: 60}, {object: JET, pt_gev: 40}]}
"""
SLOTS = {"EG": 12, "MU": 8, "JET": 6}
LARGE = 4096.0


def unit(**other):
    """Every operator takes one LUT, a multiplier one DSP slice."""
    rows = {name: ((*[LARGE] * n, 1.0, 0.0),) for name, n in SIZES.items()}
    rows |= dict.fromkeys(TABLES, ((LARGE, 1.0, 0.0),))
    rows["multiply"] = ((LARGE, LARGE, 0.0, 1.0),)
    return Operators(source="a test", operators=rows | other)


@pytest.fixture
def made(tmp_path):
    file = tmp_path / "menu.yaml"
    file.write_text(MENU)
    return design(read_menu(file), SLOTS)


def uses(made, name):
    (condition,) = made.programs[name]
    return dict(OperatorCounter(made).parts(condition))


def test_one_leg_by_hand(made):
    n = SLOTS["EG"]
    found = sorted(uses(made, "one").values(), key=str)
    # pT >= 60 looks at 7 of 9 bits, eta >= -48 and eta < 48 at 4 of 8; and any object.
    assert found == sorted([Use("logic", (7 + 4 + 4,), n), Use("logic", (n,), 1)], key=str)


def test_a_comparison_looks_at_no_bit_below_the_lowest_one_of_its_constant():
    for bits, constant in product((4, 7), range(-8, 8)):
        numbers = np.arange(-(1 << bits - 1), 1 << bits - 1)
        ignored = bits - _significant(constant, bits)
        # As many low bits may be cleared without changing any answer, and no more.
        same = [np.array_equal(numbers >= constant, numbers >> low << low >= constant) for low in range(bits)]
        assert max(low for low in range(bits) if same[low]) == ignored


def test_chained_tables():
    # A look-up table of six inputs, then five more for each.
    assert [chained(inputs) for inputs in (0, 1, 6, 11)] == [0, 0, 1, 2]
    assert unit().cost(Use("logic", (11,), 3)) == (6, 0)


def test_a_mass_by_hand(made):
    n, pairs = SLOTS["MU"], comb(SLOTS["MU"], 2)
    found = list(uses(made, "mass").values())
    count = {name: sum(use.count for use in found if use.operator == name) for name in (*SIZES, *TABLES)}
    # Of each pair: pT times pT, times (cosh - cos), and two limits.
    assert count["multiply"] == 2 * pairs
    assert count["distance"] == count["turn"] == pairs
    assert count["compare"] == 2 * pairs
    assert sum(use.count for use in found if use.operator == "logic") == n
    cosh, cos = (next(use for use in found if use.operator == name) for name in ("cosh", "cos"))
    # Steps of 0.010875 to 2 * 2.45 and 576 of a turn, four decimals: 21 and 15 bits (docs/menu-firmware.md).
    assert (cosh.sizes, cosh.count) == ((9,), 21 * pairs)
    assert (cos.sizes, cos.count) == ((10,), 15 * pairs)


def test_shared_logic_is_there_once(made):
    found = menu_cost(made, unit())
    assert found.algorithms["one"] == found.algorithms["again"]
    pairs = comb(SLOTS["MU"], 2)
    assert found.algorithms["mass"].dsp == found.together.dsp == 2 * pairs
    alone = {name: cost.lut for name, cost in found.algorithms.items()}
    # The second mass adds its limits and its choice only.
    own = 2 * pairs + 1
    assert found.together.lut == pytest.approx(alone["one"] + alone["mass"] + own + alone["three"], abs=0.2)


def test_the_dearer_of_two_uses_counts(made, tmp_path):
    legs = "[{object: MU, pt_gev: 5}, {object: MU, pt_gev: 3}]"
    text = f"{MENU}  - {{name: unlike, when: {{objects: {legs}, mass_gev: [7, 18]}}}}\n"
    (tmp_path / "more.yaml").write_text(text)
    more = menu_cost(design(read_menu(tmp_path / "more.yaml"), SLOTS), unit())
    n = SLOTS["MU"]
    # Legs that differ need both orders of each pair, and these hold the pairs of the others.
    assert more.algorithms["unlike"].dsp == more.together.dsp == 2 * n * (n - 1)


def test_what_is_not_measured_is_unknown(made):
    small = unit(multiply=((4.0, 4.0, 0.0, 1.0),))
    found = menu_cost(made, small)
    assert set(found.unknown) == {"mass", "heavier"}
    assert "no multiply of size" in found.unknown["mass"]
    assert found.as_dict(PARTS["XCVU9P"])["algorithms"].keys() == {"one", "again", "three"}


def test_the_smallest_that_is_large_enough_is_taken():
    rows = ((8.0, 2.0, 0.0), (12.0, 3.0, 0.0), (16.0, 4.0, 0.0))
    measured = unit(compare=rows)
    assert measured.cost(Use("compare", (9,), 10)) == (30, 0)
    assert measured.cost(Use("compare", (12,), 1)) == (3, 0)
    both = unit(multiply=((8.0, 12.0, 1.0, 2.0),))
    assert both.cost(Use("multiply", (11, 7), 2)) == both.cost(Use("multiply", (7, 11), 2)) == (2, 4)
    with pytest.raises(InputError, match="no compare of size 17 was measured"):
        measured.cost(Use("compare", (17,), 1))


def test_the_shipped_file_is_whole_and_its_figures_grow():
    found = operators()
    assert "Yosys" in found.source
    for name in ("compare", "add", "any"):
        luts = [row[1] for row in sorted(found.operators[name])]
        # Mapping is no smooth function of width: a little less for a little more is possible.
        assert all(b >= 0.7 * a for a, b in pairwise(luts))
    # A DSP48E2 multiplies 27 by 18 signed bits.
    assert found.cost(Use("multiply", (16, 24), 1))[1] == 1
    assert found.cost(Use("multiply", (24, 40), 1))[1] > 1


@pytest.mark.parametrize("edit", [("  add:", "  plus:"), ("source:", "sources:")])
def test_odd_files(tmp_path, edit):
    file = tmp_path / "operators.yaml"
    file.write_text(DEFAULT_OPERATORS.read_text().replace(*edit))
    with pytest.raises(InputError):
        load(file, Operators)
