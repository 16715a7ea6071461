"""Cuts that nothing can meet are refused, at their place, for every key of the grammar."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.grammar import Cuts, ObjectCondition, Overlap
from trigsim.menu.legs import THRESHOLDS, field_scale
from trigsim.menu.scales import TOLERANCE, load_scales

SCALES = {name: load_scales(name) for name in ("cms_run3", "phase2")}
JET, MU = {"object": "JET", "pt_gev": 40}, {"object": "MU", "pt_gev": 5}
WINDOWS = ("eta", "phi_rad", "upt_gev", "mass_gev", "index")
NUMBERS = ("iso", "quality", "ip", "displaced")
PAIR_KEYS = tuple(key for key in ObjectCondition.model_fields if key.startswith(("d", "mass", "pair")))


def menu_of(condition, scales="cms_run3"):
    document = {"name": "m", "scales": scales, "conditions": {"c": condition}}
    return loads(json.dumps({**document, "algorithms": [{"name": "a", "when": "c"}]}))


def refusal(condition, scales="cms_run3"):
    with pytest.raises(InputError) as caught:
        menu_of(condition, scales).compile()
    return str(caught.value)


@pytest.mark.parametrize(
    ("condition", "problem"),
    [
        ({"object": "JET", "pt_gev": -5}, "threshold -5 is below the scale, which starts at 0; raise it"),
        ({"object": "MU", "pt_gev": -1}, "below the scale, which starts at -0.5"),
        ({"object": "JET", "pt_gev": 1025}, "above the scale, which ends at 1024; lower it"),
        ({"object": "TOWERCOUNT", "count": -1}, "below the scale"),
        ({"object": "CICADA", "score_min": -0.5}, "below the scale"),
        ({"object": "CICADA", "score_min": 256}, "above the scale"),
        ({**JET, "eta": [-9, 9]}, "reaches beyond the scale, -5 to 5; keep it inside"),
        ({**JET, "eta": [2, 1]}, "give minimum <= maximum"),
        ({**JET, "eta": [1.0, 1.0]}, "holds no bin; widen it"),
        ({**JET, "abs_eta_max": 7}, "reaches beyond the scale"),
        ({**MU, "phi_rad": [-1, 1]}, "reaches beyond the scale, 0 to 6.28319"),
        ({**MU, "upt_gev": [300, 400]}, "holds no bin"),
        ({**MU, "index": [100, 128]}, "no range of numbers within 0..127"),
        ({**MU, "iso": [4]}, r"iso \[4, 4\] is no range of numbers within 0..3"),
        ({**JET, "displaced": [2]}, "within 0..1"),
        ({"objects": [JET, JET], "deta": [11, 12]}, "no pair has deta of 11, at most 10; lower the minimum"),
        ({"objects": [JET, JET], "deta": [-1, 1]}, "give 0 <= minimum <= maximum"),
        ({"objects": [JET, MU], "dphi_rad": [3.2, 4]}, "at most 3.1416"),
        ({"objects": [JET, JET], "dr": [20, 30]}, "at most 10.482"),
        ({"objects": [JET, JET], "mass_gev": [1e6, 1e7]}, "at most 1.5194e[+]05"),
        ({"objects": [MU, MU], "mass_upt_gev": [1e6, 1e7]}, "at most"),
        ({"objects": [MU, MU], "mass_t_gev": [1e6, 1e7]}, "at most"),
        ({"objects": [MU, MU], "mass_over_dr_gev": [1e12, 1e13]}, "lower its minimum"),
        ({"objects": [MU, MU], "pair_pt_gev": [1e9, 1e10]}, "lower its minimum"),
        ({"objects": [JET], "remove_overlap": {"reference": MU, "dr": [20, 30]}}, "no pair has dr"),
        (
            {"objects": [JET], "remove_overlap": {"reference": {**MU, "pt_gev": -2}, "dr": [0, 1]}},
            "below the scale",
        ),
    ],
)
def test_impossible_cuts_are_refused(condition, problem):
    assert re.search(rf"^<text>:1:\d+: .*{problem}", refusal(condition))


WILD = st.one_of(
    st.sampled_from([-1e300, -1e9, -7.0, -0.5, 0.0, 0.001, 3.1, 6.3, 40.0, 1e9, 1e300]), st.floats(-10, 3000)
)
WHOLE = st.one_of(st.integers(-3, 300), st.sampled_from([-(1 << 70), -(1 << 31), 1 << 31, 1 << 70]))
PAIRS = st.tuples(WILD, WILD).map(sorted).map(list)


@st.composite
def wild_conditions(draw):
    """Return the name of a scale set and a condition whose kinds fit, but whose numbers may be anything."""
    name = draw(st.sampled_from(sorted(SCALES)))
    kinds = SCALES[name].objects
    kind = draw(st.sampled_from(sorted(k for k, scales in kinds.items() if "flag" not in scales.fields)))
    fields = kinds[kind].fields
    key = next(key for key, field in THRESHOLDS.items() if field in fields)
    leg = {"object": kind, key: draw(WHOLE if key == "count" else WILD)}
    cuts = {
        "eta": ("eta", PAIRS),
        "abs_eta_max": ("eta", WILD),
        "phi_rad": ("phi", PAIRS),
        "upt_gev": ("upt", PAIRS),
        "mass_gev": ("mass", PAIRS),
        "index": ("index", st.tuples(WHOLE, WHOLE).map(list)),
        "n_track_jets_min": ("n_track_jets", WHOLE),
        **{cut: (cut, st.lists(WHOLE, min_size=1, max_size=2)) for cut in NUMBERS},
    }
    possible = sorted(cut for cut, (field, _) in cuts.items() if field in fields)
    if possible and draw(st.booleans()):
        cut = draw(st.sampled_from(possible))
        return name, {**leg, key: 0 if key == "count" else 5.0, cut: draw(cuts[cut][1])}
    if {"eta", "phi"} <= set(fields) and draw(st.booleans()):
        pair = draw(st.sampled_from([k for k in PAIR_KEYS if k != "mass_upt_gev" or "upt" in fields]))
        return name, {"objects": [{**leg, key: 5.0}] * 2, pair: draw(PAIRS)}
    return name, leg


@settings(max_examples=200, deadline=None)
@given(wild_conditions())
def test_what_is_accepted_can_be_met(drawn):
    name, condition = drawn
    try:
        menu = menu_of(condition, name)
        menu.compile()
    except InputError as refused:
        assert re.match(r"<text>:1:\d+: .+", str(refused)), refused
        return
    (resolved,) = menu.programs()["a"]
    for leg in resolved.legs:
        kind = SCALES[name].objects[leg.object]
        for field, intervals in leg.passes:
            low, high = field_scale(kind, field).numbers
            assert intervals, field
            assert all(low <= first <= last <= high for first, last in intervals)
    threshold = condition.get("pt_gev", 0)
    assert threshold >= (-0.5 if name == "cms_run3" and condition.get("object") == "MU" else 0) - TOLERANCE
    for pair in resolved.pairs:
        assert all(low <= high and high >= 0 for _, (low, high) in pair.limits)


def test_every_key_of_the_grammar_is_tried():
    tried = {*WINDOWS, *NUMBERS, "abs_eta_max", "n_track_jets_min"}
    assert set(Cuts.model_fields) - tried == {"charge", "score"}
    assert set(ObjectCondition.model_fields) - set(PAIR_KEYS) == {"objects", "charges", "remove_overlap"}
    assert set(Overlap.model_fields) - set(PAIR_KEYS) == {"reference"}


@pytest.mark.parametrize("score", [{"hw": 1 << 40}, {"hw": -(1 << 40)}, {"value": 1e300}])
def test_scores_beyond_32_bits_are_refused(score):
    leg = {"object": "FATJET", "pt_gev": 200, "score": {"model": "hbb", **score}}
    menu = None
    try:
        menu = menu_of(leg, "phase2")
    except InputError as refused:
        assert "within" in str(refused)
    if menu is not None:
        from types import SimpleNamespace

        tagger = SimpleNamespace(working_points={}, score_format=SimpleNamespace(lsb=2.0**-8))
        with pytest.raises(InputError, match="within"):
            menu.compile(models={"hbb": tagger})


@pytest.mark.parametrize(("constant", "score"), [(1 << 40, 3), (0, 1 << 31)])
def test_networks_get_numbers_of_32_bits(constant, score):
    network = {"inputs": [{"object": "JET", "fields": [{"field": "pt"}, {"constant": constant}]}]}
    document = {"name": "m", "scales": "cms_run3", "networks": {"n": network}}
    document["algorithms"] = [{"name": "a", "when": {"network": "n", "score_min": score}}]
    with pytest.raises(InputError, match=r"<text>:1:\d+: .*does not fit 32 bits"):
        loads(json.dumps(document))
