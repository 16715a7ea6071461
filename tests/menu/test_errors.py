"""Every wrong menu gives one line with its place, soon."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.base.config import MAX_BYTES
from trigsim.base.errors import InputError
from trigsim.menu import load, loads

HEAD = "name: test\nscales: cms_run3\n"
JET = "{object: JET, pt_gev: 30}"


def when(condition):
    return f"{HEAD}algorithms:\n  - name: a\n    when: {condition}\n"


def algorithm(rest):
    return f"{HEAD}algorithms:\n  - {{name: x, {rest}}}\n"


WRONG = {
    "unknown object": (when("{object: JETT, pt_gev: 30}"), ":5:5: unknown object 'JETT'"),
    "unknown field": (when("{object: JET, pt_gev: 30, iso: [1]}"), "JET has no field 'iso'"),
    "misspelt key": (when("{object: JET, pt_gevv: 30}"), "did you mean 'pt_gev'"),
    "empty window": (when("{object: JET, pt_gev: 30, eta: [2, 1]}"), r"window \[2, 1\] is empty"),
    "window without a bin": (when("{object: JET, pt_gev: 30, eta: [0.001, 0.002]}"), "holds no bin"),
    "threshold off the scale": (when("{object: JET, pt_gev: 3000}"), "above the scale"),
    "no threshold": (when("{object: JET}"), "JET takes one threshold, 'pt_gev'"),
    "wrong threshold": (when("{object: MBT0HFP, pt_gev: 3}"), "takes one threshold, 'count'"),
    "impossible pair window": (when(f"{{objects: [{JET}, {JET}], dr: [3, 1]}}"), r"window \[3, 1\] is impossible"),
    "pair cut on one": (when(f"{{objects: [{JET}], dr: [0, 1]}}"), "needs two objects"),
    "no eta": (when(f"{{objects: [{JET}, {{object: ETM, pt_gev: 3}}], dr: [0, 1]}}"), "needs eta, which ETM lacks"),
    "charges of jets": (when(f"{{objects: [{JET}, {JET}], charges: same}}"), "compares objects with charge"),
    "thirteen objects": (
        when("{objects: [{object: JET, pt_gev: 3, times: 7}, {object: EG, pt_gev: 3, times: 7}]}"),
        "at most 12",
    ),
    "duplicate algorithm": (
        f"{HEAD}algorithms:\n  - {{name: a, when: {JET}}}\n  - {{name: a, when: {JET}}}\n",
        ":5:6: algorithm 'a' is defined twice",
    ),
    "duplicate key": (
        f"{HEAD}conditions:\n  a: {JET}\n  a: {JET}\nalgorithms:\n  - {{name: a, when: a}}\n",
        ":5:3: key 'a' is given twice",
    ),
    "one index twice": (
        f"{HEAD}algorithms:\n  - {{name: a, index: 7, when: {JET}}}\n  - {{name: b, index: 7, when: {JET}}}\n",
        ":5:15: index 7 is taken by 'a'",
    ),
    "cycle": (
        f"{HEAD}conditions:\n  a: b and c\n  b: not a\n  c: {JET}\nalgorithms:\n  - {{name: x, when: a}}\n",
        ":4:3: conditions refer to each other \\(a -> b -> a\\)",
    ),
    "unknown name": (
        f"{HEAD}conditions:\n  jet30: {JET}\nalgorithms:\n  - {{name: x, when: jet3}}\n",
        "did you mean 'jet30'",
    ),
    "a list for a condition": (algorithm("when: [1]"), "."),
    "expression": (
        f"{HEAD}conditions:\n  a: {JET}\nalgorithms:\n  - {{name: x, when: a and (a or a}}\n",
        "lacks a '\\)'",
    ),
    "dangling operator": (
        f"{HEAD}conditions:\n  a: {JET}\nalgorithms:\n  - {{name: x, when: a and}}\n",
        "ends too early",
    ),
    "keyword": (f"{HEAD}conditions:\n  and: {JET}\nalgorithms:\n  - {{name: x, when: and}}\n", "is a keyword"),
    "no scales": (
        "name: t\nscales: lhcb\nalgorithms:\n  - {name: x, when: {object: JET, pt_gev: 3}}\n",
        ":2:1: no scale set 'lhcb'",
    ),
    "an object without a threshold": (
        f"{HEAD}algorithms:\n  - {{name: x, when: {{object: J}}}}\n".replace(
            "cms_run3", "{name: s, objects: {J: {fields: {x: {bits: 8}}}}}"
        ),
        ":4:15: J has no pt, count, score or flag",
    ),
    "nothing": ("", "empty"),
    "a list": ("[1, 2]", "."),
    "unknown signal": (algorithm("when: {external: BPTX}"), "no external signal 'BPTX'"),
    "unknown cuts": (algorithm("when: {object: JET, pt_gev: 3, cuts: [no]}"), "no cuts named 'no'"),
    "unknown network": (algorithm("when: {network: n, score_min: 3}"), "no network 'n'"),
    "bx": (algorithm("when: {object: JET, pt_gev: 3, bx: 3}"), "less than or equal to 2"),
    "prescale": (algorithm(f"prescale: 0.5, when: {JET}"), "0 \\(off\\) or at least 1"),
    "mask": (algorithm(f"bx_mask: [[5, 4000]], when: {JET}"), "not within 0..3563"),
    "tag": (f"{HEAD}algorithms: !!python/object/apply:os.system ['true']\n", "not read here"),
    "not a number": (algorithm("when: {object: JET, pt_gev: .nan}"), "."),
    "huge scale": (
        "name: t\nscales: {name: s, objects: {J: {fields: {pt: {bits: 32, lsb: 1.0}}}}}\nalgorithms: []\n",
        "at most 20 bits",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_at_its_place(case):
    text, problem = WRONG[case]
    started = time.process_time()
    with pytest.raises(InputError, match=problem) as caught:
        loads(text, "menu.yaml")
    assert time.process_time() - started < 2
    assert str(caught.value).startswith("menu.yaml:")
    assert "\n" not in str(caught.value)


def test_names_that_double_do_not_explode():
    doubling = "".join(f"  a{i + 1}: a{i} and a{i}\n" for i in range(60))
    text = f"{HEAD}conditions:\n  a0: {JET}\n{doubling}algorithms:\n  - {{name: x, when: a60}}\n"
    started = time.process_time()
    with pytest.raises(InputError, match="grows to more than"):
        loads(text)
    assert time.process_time() - started < 2


def test_aliases_that_explode_are_refused():
    levels = "".join(f"l{i + 1}: &l{i + 1} [{', '.join([f'*l{i}'] * 10)}]\n" for i in range(9))
    started = time.process_time()
    with pytest.raises(InputError, match="aliases expand"):
        loads(f"l0: &l0 [1, 1]\n{levels}")
    assert time.process_time() - started < 2


def test_deep_nesting_is_refused():
    for text in (f"{HEAD}algorithms: {'[' * 5000}", f"{HEAD}conditions: {{a: {'(' * 9000}x}}\nalgorithms: []"):
        with pytest.raises(InputError):
            loads(text)


def test_a_huge_file_is_refused_unread(tmp_path):
    path = tmp_path / "menu.yaml"
    with path.open("wb") as stream:
        stream.truncate(100 * 2**20)
    started = time.process_time()
    with pytest.raises(InputError, match=f"larger than {MAX_BYTES // 2**20} MiB"):
        load(path)
    assert time.process_time() - started < 2
    with pytest.raises(InputError, match="no such file"):
        load(tmp_path / "absent.yaml")


VALID = f"""{HEAD}externals: {{B: 3}}
cuts: {{er: {{abs_eta_max: 2.5}}}}
conditions:
  jet: {{object: JET, pt_gev: 30, cuts: [er]}}
  pair: {{objects: [{JET}, {{object: MU, pt_gev: 3}}], dr: [0, 0.4]}}
algorithms:
  - {{name: x, index: 3, when: jet and not (pair xor b)}}
  - {{name: y, when: {{external: B, bx: -1}}}}
"""


@settings(max_examples=300, deadline=2000)
@given(data=st.data())
def test_a_damaged_menu_is_read_or_refused(data):
    """Whatever is cut out of or put into a menu: a menu or an InputError, nothing else."""
    text = VALID
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        put = data.draw(
            st.text(st.sampled_from("{}[]:,&*!#'\"- \n\tax0189.e~%@|>"), max_size=5) | st.text(max_size=3)
        )
        text = text[:at] + put + text[at + length :]
    try:
        loads(text)
    except InputError as failure:
        assert "\n" not in str(failure)
