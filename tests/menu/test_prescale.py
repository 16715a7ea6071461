"""Prescales as the firmware counts, masks, veto, final OR."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.prescale import FinalDecision, factor, read_prescales

MENU = """
name: test
scales: cms_run3
algorithms:
  - {name: a, prescale: 1.5, when: {object: JET, pt_gev: 1}}
  - {name: b, index: 9, bx_mask: [[10, 20], [30, 30]], when: {object: JET, pt_gev: 2}}
  - {name: v, veto: true, when: {object: JET, pt_gev: 3}}
  - {name: off, prescale: 0, when: {object: JET, pt_gev: 4}}
"""
NAMES = ("a", "b", "v", "off")


def test_the_example_of_the_rules():
    decision = FinalDecision(np.array([150]), None, np.array([False]))
    final = decision.apply(np.ones((9, 1), dtype=bool), decision.start())
    assert final.bits[:, 0].tolist() == [False, True, True] * 3


@given(
    bits=st.lists(st.booleans(), max_size=200),
    hundredths=st.sampled_from([0, 100, 101, 150, 199, 200, 333, 10_000]),
    cut=st.integers(0, 200),
)
def test_counters_survive_the_borders_of_blocks(bits, hundredths, cut):
    column = np.array(bits, dtype=bool).reshape(-1, 1)
    decision = FinalDecision(np.array([hundredths]), None, np.array([False]))
    whole = decision.apply(column, decision.start())
    first = decision.apply(column[:cut], decision.start())
    second = decision.apply(column[cut:], first.counters)
    assert np.concatenate([first.bits, second.bits]).tolist() == whole.bits.tolist()
    # In integers: so many of n candidates as whole prescales fit into n, and never one early.
    n = int(column.sum())
    assert whole.bits.sum() == (n * 100 // hundredths if hundredths else 0)
    assert not (whole.bits & ~column).any()


def test_masks_veto_and_final_or():
    menu = loads(MENU)
    decision = FinalDecision.of(menu, NAMES)
    assert decision.factors.tolist() == [150, 100, 100, 0]
    bx = np.array([9, 10, 20, 21, 30, 31])
    bits = np.zeros((6, 4), dtype=bool)
    bits[:, 1] = True
    bits[2, 2] = True
    bits[:, 3] = True
    final = decision.apply(bits, decision.start(), bx)
    assert final.bits[:, 1].tolist() == [False, True, True, False, True, False]
    assert not final.bits[:, 3].any()
    assert final.veto.tolist() == [False, False, True, False, False, False]
    assert final.final_or.tolist() == [False, True, False, False, True, False]
    with pytest.raises(InputError, match="give the BX of each crossing"):
        decision.apply(bits, decision.start())
    with pytest.raises(InputError, match="bits have shape"):
        decision.apply(bits[:, :2], decision.start(), bx)


def test_a_table_of_columns(tmp_path):
    menu = loads(MENU)
    path = tmp_path / "prescales.csv"
    path.write_text("Index,Name,2e34,fallback\n0,a,1,7.25\n9,b,0,2\n")
    table = read_prescales(path, menu)
    assert table.columns == {"2e34": {"a": 100, "b": 0}, "fallback": {"a": 725, "b": 200}}
    assert FinalDecision.of(menu, NAMES, table.columns["fallback"]).factors.tolist() == [725, 200, 100, 0]


TABLES = {
    "semicolons": "\ufeffIndex;L1AlgoName;2e34;fallback\r\n0;a;1;7,25\r\n9;b;0;2\r\n\r\n",
    "tabs, other order": "name\tfallback\tbit\t2e34\nb\t2\t9\t0\n\na\t7.25\t0\t1.00\n",
    "remarks": 'n,name,2e34,PAG,fallback,comment\n0,a,1,"B, jets",7.25,\n9,b,0,,2,"see ""a"""\n',
    "run settings": """<run-settings id="uGT"><context id="uGtProcessor">
        <param id="index" type="uint">3</param>
        <param id="prescales" type="table">
          <columns> algo/prescale-index, 2e34, fallback </columns>
          <types>string, uint, uint</types>
          <rows><row> a, 1, 7.25 </row><row>b,0,2</row></rows>
        </param></context></run-settings>""",
}


@pytest.mark.parametrize("form", TABLES)
def test_tables_in_the_forms_that_are_in_use(tmp_path, form):
    path = tmp_path / "prescales"
    path.write_bytes(TABLES[form].encode())
    expected = {"2e34": {"a": 100, "b": 0}, "fallback": {"a": 725, "b": 200}}
    assert read_prescales(path, loads(MENU)).columns == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,c\na," + "1" * 200_000, "not CSV: field larger"),
        (
            "<run-settings><param id='prescales'><columns>x</columns></param></run-settings>",
            "needs a column 'name'",
        ),
        ("<run-settings/>", "0 tables 'prescales'"),
        ("<menu/>", "this file needs 'run-settings'"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><run-settings>&b;</run-settings>", "document types and entities"),
        (TABLES["run settings"].replace("7.25", "x"), "csv: a: prescale 'x' is not a number"),
        (TABLES["run settings"].replace("b,0,2", "b,0"), "csv: 2 cells; the header has 3"),
        ("", ":1: the header needs a column 'name'"),
        ("name,name\n", "no column twice"),
        ("name,c\nq,1\n", ":2:1: algorithm 'q' is not in the menu"),
        ("name,c\na,1\na,1\n", ":3:1: algorithm 'a' is given twice"),
        ("index,name,c\n3,a,1\n", ":2:1: 'a' has index 0"),
        ("name,c\na,0.5\n", ":2:2: a: prescale 0.5 is out of range"),
        ("name,c\na,1\nb,x\n", ":3:2: b: prescale 'x' is not a number"),
        ("name,c\na,1\nb,\n", ":3:2: b: prescale '' is not a number"),
        ("name,c\na,1e99\n", "not a number"),
        ("name,c\na,nan\n", "not a number"),
        ("name,c\na\n", ":2: 1 cells; the header has 2"),
    ],
)
def test_a_wrong_table(tmp_path, text, problem):
    path = tmp_path / "prescales.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_prescales(path, loads(MENU))


def test_factors_have_two_decimals_halves_up():
    assert [factor(v) for v in (1, "1.005", 1.015, 2.675, "42949672.95")] == [100, 101, 102, 268, 4294967295]
