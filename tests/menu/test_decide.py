"""The compiled menu against the oracle, on random conditions and crossings."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.menu import oracle
from tests.menu.strategies import SLOTS, conditions, families, overlaps, pairs, rows
from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.objects.model import Collection, TriggerObjects

JET40 = {"object": "JET", "pt_gev": 40}


def objects_of(crossings):
    collections = {
        kind: Collection(
            {
                field: np.array([[o[field] for o in row[kind]] for row in crossings], dtype=np.int32)
                for field in crossings[0][kind][0]
            }
        )
        for kind in SLOTS
    }
    return TriggerObjects(collections, np.zeros((len(crossings), 4), dtype=np.uint64))


def menu_of(written, scales="cms_run3"):
    algorithms = [{"name": f"a{i}", "when": condition} for i, condition in enumerate(written)]
    return loads(json.dumps({"name": "test", "scales": scales, "algorithms": algorithms}))


class Padded:
    """Rows with the neighbours that a mode sees."""

    def __init__(self, crossings, mode):
        self.crossings, self.mode = crossings, mode

    def of(self, at):
        return _Around(self, at)


class _Around:
    def __init__(self, padded, at):
        self.padded, self.at = padded, at

    def __getitem__(self, row):
        crossings, mode = self.padded.crossings, self.padded.mode
        if row == self.at:
            return crossings[row]
        # An absent crossing has empty slots, which are zeros.
        absent = {kind: [dict.fromkeys(o, 0) for o in objects] for kind, objects in crossings[0].items()}
        if mode == "independent":
            return absent
        if mode == "cyclic":
            return crossings[row % len(crossings)]
        return crossings[row] if 0 <= row < len(crossings) else absent


def check(crossings, written, mode):
    decided = menu_of(written).compile().decide(objects_of(crossings), rows=mode)
    padded = Padded(crossings, mode)
    for i, condition in enumerate(written):
        expected = [oracle.holds(condition, padded.of(at), at) for at in range(len(crossings))]
        assert decided[:, i].tolist() == expected, (condition, mode)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    crossings=st.lists(rows, min_size=1, max_size=5),
    written=st.lists(conditions, min_size=1, max_size=6),
    mode=st.sampled_from(["independent", "consecutive", "cyclic"]),
)
def test_every_condition_is_the_oracles(crossings, written, mode):
    check(crossings, written, mode)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(crossings=st.lists(rows, min_size=1, max_size=4), written=families())
def test_conditions_that_entail_each_other_are_the_oracles(crossings, written):
    check(crossings, written, "independent")


#: With eight slots or more the slots near an object are looked for by vectors.
WIDE = {"MU": 8, "EG": 12, "TAU": 9, "JET": 17}


def widened(row, places):
    """Return a crossing with its objects at some of more slots."""
    found = dict(row)
    for kind, slots in WIDE.items():
        empty = dict.fromkeys(row[kind][0], 0)
        found[kind] = [dict(empty) for _ in range(slots)]
        for place, one in zip(places.permutation(slots), row[kind], strict=False):
            found[kind][place] = one
    return found


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    crossings=st.lists(rows, min_size=1, max_size=3),
    written=st.lists(
        st.one_of(pairs(), overlaps().filter(lambda c: len(c["objects"]) <= 2)), min_size=1, max_size=4
    ),
    seed=st.integers(0, 1000),
    mode=st.sampled_from(["independent", "cyclic"]),
)
def test_pairs_among_many_slots_are_the_oracles(crossings, written, seed, mode):
    places = np.random.default_rng(seed)
    check([widened(row, places) for row in crossings], written, mode)


def test_neighbours_across_the_turn_are_near():
    """Also where bins of one object are four of the other."""
    phis = {"JET": (0, 1, 4, 71, 72, 140, 143), "EG": (0, 3, 71, 72, 143), "MU": (0, 1, 3, 286, 560, 575)}
    near = [
        {"objects": [JET40, {"object": kind, "pt_gev": 5}], key: window}
        for kind in ("EG", "MU")
        for key, window in {"dr": [0, 0.2], "dphi_rad": [0, 0.1], "deta": [0, 0.3]}.items()
    ]
    near += [{"objects": [JET40], "remove_overlap": {"reference": {"object": "MU", "pt_gev": 5}, "dr": [0, 0.2]}}]
    crossings, empty = [], {"pt": 0, "eta": 0, "phi": 0}
    for i, jet in enumerate(phis["JET"]):
        for eg, mu in zip([*phis["EG"], 100], phis["MU"], strict=True):
            row = {kind: [dict(empty) for _ in range(slots)] for kind, slots in WIDE.items()}
            row |= {kind: [dict(empty)] for kind in ("ETM", "HTT")}
            row["JET"][i] = {"pt": 100, "eta": -3, "phi": jet}
            row["EG"][11 - i] = {"pt": 100, "eta": i - 5, "phi": eg}
            row["MU"][i] = {"pt": 100, "eta": 4 * i - 20, "phi": mu}
            crossings.append(row)
    check(crossings, near, "independent")


def test_the_harder_object_of_a_mass_is_bounded_exactly():
    """Masses just above and below what pt, angles and a cut on delta eta allow, with equal legs and others."""
    rng = np.random.default_rng(3)
    low, high = {"object": "JET", "pt_gev": 5}, {"object": "JET", "pt_gev": 20}
    written = [
        {"objects": legs, "mass_gev": [least, 1000], **cut}
        for legs in ([low, low], [low, high])
        for least, cut in ((20, {}), (45, {"deta": [0, 1.5]}), (45, {"deta": [0, 0.05]}), (46, {"deta": [0, 0]}))
    ]
    written += [{"objects": [low, low], "mass_t_gev": [least, 1000]} for least in (45, 46)]
    crossings = []
    for _ in range(60):
        row = {kind: [{"pt": 0, "eta": 0, "phi": 0} for _ in range(slots)] for kind, slots in WIDE.items()}
        row |= {kind: [{"pt": 0, "eta": 0, "phi": 0}] for kind in ("ETM", "HTT")}
        for slot in range(3):
            pt, eta, phi = rng.integers(42, 49), rng.integers(-1, 2), rng.choice([0, 0, 71, 72])
            row["JET"][slot] = {"pt": int(pt), "eta": int(eta), "phi": int(phi)}
        crossings.append(row)
    check(crossings, written, "independent")


def test_threads_and_blocks_do_not_matter():
    rng = np.random.default_rng(1)
    n = 3000

    def collection(slots, **ranges):
        return Collection({f: rng.integers(a, b, (n, slots), dtype=np.int32) for f, (a, b) in ranges.items()})

    calo = {"pt": (0, 120), "eta": (-115, 115), "phi": (0, 144)}
    data = TriggerObjects(
        {"JET": collection(12, **calo), "EG": collection(12, **calo)}, rng.integers(0, 16, (n, 4), dtype=np.uint64)
    )
    menu = loads(
        json.dumps(
            {
                "name": "test",
                "scales": "cms_run3",
                "externals": {"B": 1},
                "algorithms": [
                    {"name": "near", "when": {"objects": [JET40, {"object": "EG", "pt_gev": 50}], "dr": [0, 0.4]}},
                    {"name": "before", "when": {"object": "JET", "pt_gev": 59, "bx": -2}},
                    {"name": "after", "when": {"external": "B", "bx": 1}},
                ],
            }
        )
    ).compile()  # fmt: skip
    assert menu.reach == (2, 1)
    whole = menu.decide(data, rows="consecutive")
    assert whole.any(axis=0).all()
    assert not whole.all(axis=0).any()
    assert (menu.decide(data, rows="consecutive", threads=4) == whole).all()
    # Blocks that overlap by the reach join without a seam.
    pieces = []
    for start in range(0, n, 700):
        low, high = max(start - 2, 0), min(start + 701, n)
        part = TriggerObjects(
            {k: Collection({f: a[low:high] for f, a in c.fields.items()}) for k, c in data.collections.items()},
            data.externals[low:high],
        )
        pieces.append(menu.decide(part, rows="consecutive", margin=(start - low, high - min(start + 700, n))))
    assert (np.concatenate(pieces) == whole).all()
    # Alone, a crossing has no neighbours.
    alone = menu.decide(data, rows="independent")
    assert not alone[:, 1:].any()
    assert (alone[:, 0] == whole[:, 0]).all()
    cyclic = menu.decide(data, rows="cyclic")
    assert (cyclic[2:-1] == whole[2:-1]).all()
    assert cyclic[0, 1] == (data.collections["JET"].fields["pt"][-2] >= 118).any()


@pytest.mark.parametrize(("jets", "muons"), [(30, 8), (17, 3), (16, 1), (12, 1)])
def test_any_number_of_slots_is_the_oracles(jets, muons):
    """Slots are words of 16 or 62 bits; 1, 8 and 12 of them are spread in ways of their own."""
    rng = np.random.default_rng(jets)

    def row():
        found = {kind: [] for kind in SLOTS}
        for kind, number in (("JET", jets), ("MU", muons)):
            for _ in range(number):
                there = {"pt": int(rng.choice([0, 0, 20, 81])), "eta": int(rng.integers(-90, 90)), "phi": 0}
                found[kind].append({**there, "charge": int(rng.integers(2)), "charge_valid": 1, "phi": 100})
        return found

    crossings = [row() for _ in range(20)]
    jet, low = {"object": "JET", "pt_gev": 40, "eta": [[-1.305, 5.0]]}, {"object": "JET", "pt_gev": 10}
    written = [
        {"objects": [jet, {"object": "JET", "pt_gev": 10, "eta": [[-5.0, 1.305]]}]},
        {"objects": [{**low, "pt_gev": 40.5, "eta": [[-2.61, -0.87]], "times": 2}]},
        {"objects": [jet, {**jet, "eta": [[-5.0, 0.0]]}], "deta": [2.5, 5]},
        {"objects": [low, {"object": "MU", "pt_gev": 5}], "deta": [0, 0.01]},
        {"objects": [low], "remove_overlap": {"reference": {"object": "MU", "pt_gev": 5}, "deta": [0, 2.0]}},
    ]
    collections = {
        kind: Collection(
            {
                f: np.array([[o[f] for o in r[kind]] for r in crossings], dtype=np.int32)
                for f in crossings[0][kind][0]
            }
        )
        for kind in ("JET", "MU")
    }
    objects = TriggerObjects(collections, np.zeros((len(crossings), 4), dtype=np.uint64))
    decided = menu_of(written).compile().decide(objects)
    expected = [[oracle.holds(c, {at: r}, at) for c in written] for at, r in enumerate(crossings)]
    assert decided.tolist() == expected
    assert (decided.any(axis=0) & ~decided.all(axis=0)).sum() >= 3


@pytest.mark.parametrize(("charges", "signs"), [("opposite", (0, 1)), ("opposite", (1, 0)), ("same", (1, 1))])
def test_either_leg_may_have_either_sign(charges, signs):
    condition = {"objects": [{"object": "MU", "pt_gev": 20}, {"object": "MU", "pt_gev": 3}], "charges": charges}
    muons = {"pt": [60, 20], "charge": list(signs), "charge_valid": [1, 1]}
    fields = {name: np.array([values], dtype=np.int32) for name, values in muons.items()}
    data = TriggerObjects({"MU": Collection(fields)}, np.zeros((1, 4), np.uint64))
    assert menu_of([condition]).compile().decide(data)[0, 0]
    other = {**condition, "charges": "same" if charges == "opposite" else "opposite"}
    assert not menu_of([other]).compile().decide(data)[0, 0]


def test_charges_that_no_choice_meets_never_hold():
    """Also beside other conditions, and turned round."""
    plus, minus = ({"object": "MU", "pt_gev": 3, "charge": sign} for sign in ("positive", "negative"))
    never = {"objects": [plus, minus], "charges": "same"}
    muons = {"pt": [[20, 20]], "charge": [[0, 1]], "charge_valid": [[1, 1]]}
    data = TriggerObjects(
        {"MU": Collection({f: np.array(a, dtype=np.int32) for f, a in muons.items()})}, np.zeros((1, 4), np.uint64)
    )
    text = {"name": "test", "scales": "cms_run3", "conditions": {"never": never, "plus": plus}}
    text["algorithms"] = [
        {"name": f"a{i}", "when": when} for i, when in enumerate(("never", "not never", "plus or never"))
    ]
    assert loads(json.dumps(text)).compile().decide(data)[0].tolist() == [False, True, True]


def test_twelve_objects_of_mixed_kinds():
    condition = {
        "objects": [
            {"object": "JET", "pt_gev": 10, "times": 6},
            {"object": "EG", "pt_gev": 5, "eta": [[-2.523, 0.0]], "times": 2},
            {"object": "EG", "pt_gev": 5, "eta": [[0.0, 2.523]], "times": 2},
            {"object": "EG", "pt_gev": 9, "times": 2},
        ]
    }
    menu = menu_of([condition]).compile()

    def decide(n_jets, eta):
        jets = {"pt": np.where(np.arange(12) < n_jets, 20, 0)[None].astype(np.int32)}
        eg = {"pt": np.full((1, len(eta)), 18, dtype=np.int32), "eta": np.array([eta], dtype=np.int32)}
        data = TriggerObjects({"JET": Collection(jets), "EG": Collection(eg)}, np.zeros((1, 4), dtype=np.uint64))
        return menu.decide(data)[0, 0]

    assert decide(6, [-3, -3, 3, 3, 100, 100])
    assert decide(7, [-3, -3, 3, 3, -3, 3])
    assert not decide(5, [-3, -3, 3, 3, 100, 100])
    # Enough of each, but not all at once.
    assert not decide(6, [-3, -3, 3, 100, 100, 100])
    assert not decide(6, [-3, -3, 3, 3, 100])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "the data has no JET"),
        ({"JET": {"eta": np.zeros((2, 1), np.int32)}}, "no field 'pt' of JET"),
        ({"JET": {"pt": np.zeros((2, 1), np.int64)}}, "must be int32"),
        ({"JET": {"pt": np.full((2, 1), 4000, np.int32)}}, "JET pt 4000 in row 0 is outside 0..2047"),
        ({"JET": {"pt": np.zeros((2, 80), np.int32)}}, "at most 62"),
        ({"JET": {"pt": np.zeros((3, 1), np.int32)}}, "int32 of 2 rows"),
    ],
)
def test_bad_data_is_refused(fields, problem):
    menu = menu_of([{"object": "JET", "pt_gev": 10}]).compile()
    data = TriggerObjects({k: Collection(f) for k, f in fields.items()}, np.zeros((2, 4), np.uint64))
    with pytest.raises(InputError, match=problem):
        menu.decide(data)


def test_a_tagger_score_is_cut_at_its_working_point():
    text = """
name: test
scales: phase2
algorithms:
  - {name: point, when: {object: FATJET, pt_gev: 100, score: {model: hbb, working_point: tight}}}
  - {name: raw, when: {object: FATJET, pt_gev: 100, score: {model: hbb, hw: -3}}}
  - {name: real, when: {object: FATJET, pt_gev: 100, score: {model: hbb, value: 0.3}}}
"""
    menu = loads(text)
    assert menu.models == ("hbb",)
    tagger = SimpleNamespace(working_points={"tight": 100_000}, score_format=SimpleNamespace(lsb=1 / 4096))
    compiled = menu.compile(models={"hbb": tagger})
    scores = np.array([[99_999], [100_000], [-4], [-3], [1228], [1229], [2**31 - 1], [-(2**31)]], dtype=np.int32)
    fields = {"pt": np.full((8, 1), 400, dtype=np.int32), "score_hbb": scores}
    data = TriggerObjects({"FATJET": Collection(fields)}, np.zeros((8, 4), dtype=np.uint64))
    decided = compiled.decide(data)
    for name, least in (("point", 100_000), ("raw", -3), ("real", 1229)):
        assert decided[:, compiled.names.index(name)].tolist() == (scores[:, 0] >= least).tolist()
    with pytest.raises(InputError, match="tagger 'hbb' is not given"):
        menu.compile()
    with pytest.raises(InputError, match="no working point 'tight'; it has none"):
        menu.compile(models={"hbb": SimpleNamespace(working_points={}, score_format=tagger.score_format)})


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_cut_that_another_condition_lacks_does_not_reach_it(order):
    """Same legs, and one more cut in one of the two: each is decided by its own cuts only."""
    legs = [{"object": "MU", "pt_gev": 3}, {"object": "MU", "pt_gev": 3}]
    plain = {"objects": legs, "mass_gev": [0, 150]}
    strict = [
        {**plain, "charges": "opposite"},
        {**plain, "mass_gev": [140, 150]},
        {**plain, "deta": [0.5, 1]},
        {**plain, "remove_overlap": {"reference": {"object": "MU", "pt_gev": 200}, "dr": [0, 0.1]}},
    ]
    fields = {"pt": 20, "eta": 3, "phi": 5, "charge": 1, "charge_valid": 1}
    muons = {name: np.array([[value, value]], dtype=np.int32) for name, value in fields.items()}
    muons["phi"][0, 1] = 200
    data = TriggerObjects({"MU": Collection(muons)}, np.zeros((1, 4), dtype=np.uint64))
    for other in strict:
        written = [plain, other][order]
        decided = menu_of(written).compile().decide(data)[0]
        assert decided.tolist() == [True, False][order]


@pytest.mark.parametrize("kinds", [("JET", "JET"), ("MU", "MU"), ("MU", "JET")])
def test_pairs_on_their_limits_and_around_half_a_turn_are_the_oracles(kinds):
    """A value equal to a limit passes; random windows seldom meet it. Phi goes all the way round."""
    steps = [576 if kind == "MU" else 144 for kind in kinds]
    fields = {"pt": 100, "charge": 0, "charge_valid": 1}
    crossings, windows = [], {}
    for deta in range(40):
        for i in range(steps[1]):
            pair = [{**fields, "eta": 0, "phi": 0}, {**fields, "eta": deta, "phi": i}]
            dr2 = oracle.Pair(*zip(kinds, pair, strict=True)).dr2()
            limit = (dr2 / 1e6) ** 0.5
            exact = dr2 > 0 and dr2 % 1000 == 0 and math.ceil(limit * limit * 1000) * 1000 == dr2
            if exact or deta == 0:
                crossings.append(pair)
            if exact:
                windows.setdefault(limit, None)
    assert len(windows) > 3
    at = range(len(crossings))
    rows = [
        {kind: [o for k, o in zip(kinds, pair, strict=True) if k == kind] for kind in set(kinds)}
        for pair in crossings
    ]
    legs = [{"object": kind, "pt_gev": 5} for kind in kinds]
    written = [{"objects": legs, "dr": [0.0, limit]} for limit in list(windows)[:20]]
    written += [{"objects": legs, "dphi_rad": [low, low + 0.02]} for low in (3.0, 3.05, 3.08, 3.1, 3.12, 3.13)]
    data = {
        kind: Collection(
            {f: np.array([[o[f] for o in row[kind]] for row in rows], dtype=np.int32) for f in crossings[0][0]}
        )
        for kind in set(kinds)
    }
    decided = menu_of(written).compile().decide(TriggerObjects(data, np.zeros((len(rows), 4), np.uint64)))
    for i, condition in enumerate(written):
        assert decided[:, i].tolist() == [oracle.holds(condition, rows[a : a + 1], 0) for a in at], condition


RARE = {"mass_upt_gev": [10, 50], "mass_over_dr_gev": [10, 25], "pair_pt_gev": [20, 45], "mass_t_gev": [10, 40]}


def test_quantities_that_no_recorded_vector_checks_are_the_oracles():
    """Two random muons each, with windows that about half of them meet, also beside a removed overlap."""
    rng = np.random.default_rng(3)
    ranges = {"pt": (5, 90), "upt": (1, 60), "eta": (-150, 150), "phi": (0, 576), "charge": (0, 2)}
    muons = [
        [{f: int(rng.integers(*r)) for f, r in ranges.items()} | {"charge_valid": 1} for _ in "ab"]
        for _ in range(300)
    ]
    leg = {"object": "MU", "pt_gev": 1}
    written = [{"objects": [leg, leg], key: window} for key, window in RARE.items()]
    for overlap in ({"deta": [0.5, 2]}, {"dphi_rad": [0.5, 2]}, {"dr": [0, 1]}):
        # Of two muons one is the reference: two others are not to be had.
        written += [
            {"objects": [leg, leg][:n], "remove_overlap": {"reference": {**leg, "pt_gev": 10}, **overlap}}
            for n in (1, 2)
        ]
        jets = {"object": "JET", "pt_gev": 1}
        written.append({"objects": [jets, {**jets, "pt_gev": 5}], "remove_overlap": {"reference": leg, **overlap}})
    jets = [
        [{"pt": 20, **{f: int(rng.integers(*r)) for f, r in (("eta", (-60, 60)), ("phi", (0, 144)))}} for _ in "ab"]
        for _ in muons
    ]
    data = {
        kind: Collection({f: np.array([[o[f] for o in row] for row in rows], dtype=np.int32) for f in rows[0][0]})
        for kind, rows in (("MU", muons), ("JET", jets))
    }
    decided = menu_of(written).compile().decide(TriggerObjects(data, np.zeros((300, 4), np.uint64)))
    for i, condition in enumerate(written):
        expected = [oracle.holds(condition, [{"MU": m, "JET": j}], 0) for m, j in zip(muons, jets, strict=True)]
        assert decided[:, i].tolist() == expected, condition
    assert (decided[:, : len(RARE)].mean(axis=0) > 0.15).all()
    assert (decided[:, : len(RARE)].mean(axis=0) < 0.85).all()


def test_a_notebook_shows_menus():
    menu = menu_of([JET40, {"objects": [JET40, {"object": "EG", "pt_gev": 5}], "dr": [0, 0.4]}])
    shown, compiled = menu._repr_html_(), menu.compile()._repr_html_()
    assert shown.count("<tr>") == compiled.count("<tr>") == 3
    assert "<td>JET ≥ 40</td>" in shown
    assert "JET + EG" not in shown
    assert "looks at JET: pt, eta, phi; EG: pt, eta, phi" in compiled
