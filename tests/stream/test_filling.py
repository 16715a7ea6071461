"""Filling schemes: the shipped ones have the bunches they name; wrong ones are refused in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.stream.filling import ABORT_GAP, FillingScheme, read_filling, require_bunches

BEAMS = Path(__file__).parents[2] / "configs" / "beams"
SHIPPED = {
    "25ns_2760b_2760_288bpi_13inj": (2760, 2760, 0, 13, 288),
    "25ns_2352b_2340_108bpi_24inj": (2352, 2340, 24, 24, 108),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_schemes_are_what_their_names_say(name):
    bunches, colliding, single, injections, per_injection = SHIPPED[name]
    scheme = read_filling(BEAMS / f"{name}.json")
    assert scheme.name == name
    assert scheme.beam1.sum() == scheme.beam2.sum() == bunches
    assert scheme.colliding.sum() == colliding
    assert scheme.single.sum() == single
    assert scheme.abort_gap >= 119
    require_bunches(scheme, colliding)
    table = json.loads((BEAMS / f"{name}.json").read_text())["injections"]
    for ring, beam in ((1, scheme.beam1), (2, scheme.beam2)):
        mine = [i for i in table if i["ring"] == ring]
        assert len(mine) == injections
        assert max(i["batches"] * i["bunches_per_batch"] for i in mine) == per_injection
        # Steps from bunch to bunch: 25 ns in a batch, 200 ns to the next, 800 ns to the next injection.
        gaps = np.diff(np.flatnonzero(beam))
        assert sorted(set(gaps) & set(range(1, 33))) == [1, 8, 32]
        assert (gaps >= 32).sum() == injections - 1


def test_lists_in_both_spellings_are_the_injections(tmp_path):
    scheme = read_filling(BEAMS / "25ns_2352b_2340_108bpi_24inj.json")
    for one, two in (("beam1", "beam2"), ("schemebeam1", "schemebeam2")):
        file = tmp_path / f"{one}.json"
        file.write_text(
            json.dumps({one: scheme.beam1.astype(int).tolist(), two: scheme.beam2.astype(int).tolist()})
        )
        again = read_filling(file)
        np.testing.assert_array_equal(again.beam1, scheme.beam1)
        np.testing.assert_array_equal(again.beam2, scheme.beam2)
        assert again.name == one


def lists(first, second=None):
    return {"beam1": first, "beam2": first if second is None else second}


def injection(**changes):
    one = {"ring": 1, "rf_bucket": 1, "batches": 2, "bunches_per_batch": 12, "batch_spacing": 8, **changes}
    return {"injections": [one, {**one, "ring": 2}]}


BUNCH = [1] + [0] * 3563
WRONG = [
    (lists([1] * 3563), "beam1 has 3563 slots; an LHC orbit has 3564"),
    (lists(BUNCH, [0] * 3565), "beam2 has 3565 slots"),
    (lists([2, *BUNCH[1:]]), "beam1 slot 0 is 2; write 0"),
    (lists([[1], *BUNCH[1:]]), "beam1 slot 0 is"),
    (lists("x"), "beam1 has no list"),
    (lists([1] * 3564), "longest gap is 0 slots; leave 119"),
    (lists(BUNCH, BUNCH[::-1]), "no bunches collide"),
    ({**lists(BUNCH), "collisions_ip1_5": 2}, "1 pairs collide at IP1 and IP5, collisions_ip1_5 says 2"),
    ({"beam1": BUNCH}, "no bunches; give beam1 and beam2"),
    ([], "not a JSON object"),
    (injection(rf_bucket=12), "rf_bucket of 1, 11, 21"),
    (injection(ring=3), "ring 1 or 2"),
    (injection(batches=0), "no positive whole number"),
    (injection(batches=True), "no positive whole number"),
    (injection(rf_bucket=35431), "ends at slot 3573; the last is 3563"),
    ({"injections": [injection()["injections"][0]] * 2}, "injection 2 puts bunches where ring 1 has some"),
    ({"injections": [{"ring": 1}]}, "injection 1 is not right; it needs batch_spacing, batches"),
    ({"injections": []}, "no bunches collide"),
]


@pytest.mark.parametrize(("document", "message"), WRONG)
def test_wrong_schemes_are_refused_in_one_line(document, message, tmp_path):
    file = tmp_path / "scheme.json"
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message) as raised:
        read_filling(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert "\n" not in str(raised.value)


def test_what_is_no_json(tmp_path):
    file = tmp_path / "scheme.json"
    file.write_text('{"beam1": [1,]}')
    with pytest.raises(InputError, match=r"scheme.json:1:\d+: not JSON"):
        read_filling(file)
    with pytest.raises(InputError, match="no such filling scheme"):
        read_filling(tmp_path / "none.json")


def test_scheme_of_another_beam():
    scheme = read_filling(BEAMS / "25ns_2352b_2340_108bpi_24inj.json")
    with pytest.raises(InputError, match="has 2340 colliding pairs, the beam 2760; give the scheme of that beam"):
        require_bunches(scheme, 2760)


@given(st.sets(st.integers(0, 3563), min_size=1, max_size=40))
def test_abort_gap_is_the_longest_walk_without_a_bunch(slots):
    filled = np.zeros(3564, np.bool_)
    filled[list(slots)] = True
    twice, longest, run = filled.tolist() * 2, 0, 0
    for bunch in twice:
        run = 0 if bunch else run + 1
        longest = max(longest, run)
    assert FillingScheme("x", filled, filled).abort_gap == longest
    assert ABORT_GAP == 119
