"""What nobody asks for is not made, and no decision changes for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trigsim.menu import load, loads
from trigsim.objects.settings import ObjectSettings, parameters
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.demand import EVERYTHING, NEVER, Demand, demanded
from trigsim.stream.source import TEST, Source
from trigsim.stream.variant import Variant
from trigsim.studies.setup import builder
from trigsim.tagger.tagger import load_tagger

ROOT = Path(__file__).parents[2]
BEAM = Beam(name="b", mean_pileup=140.0, colliding_bunches=2760, vertex_sigma_z_mm=45.0, vertex_source="assumed")
MENUS = {
    "jets": """
  - {name: Jet40, when: {object: JET, pt_gev: 40}}
  - {name: HT100, when: {object: HT, pt_gev: 100}}""",
    "hard jets": """
  - {name: Jet180, when: {object: JET, pt_gev: 180}}""",
    "electrons": """
  - {name: EG15, when: {object: EG, pt_gev: 15}}
  - {name: EG20x2, when: {objects: [{object: EG, pt_gev: 20, times: 2}]}}""",
    "large": """
  - {name: Fat160, when: {object: FATJET, pt_gev: 160, abs_eta_max: 2.0}}
  - {name: Fat200, when: {object: FATJET, pt_gev: 200, score: {model: hbb, working_point: loose}}}""",
    "near a jet": """
  - name: Apart
    when:
      objects: [{object: JET, pt_gev: 60}]
      remove_overlap: {reference: {object: EG, pt_gev: 12}, dr: [0, 0.4]}""",
    "track jets": """
  - {name: Track, when: {objects: [{object: TRKJET, pt_gev: 20}, {object: FATJET, pt_gev: 250}]}}""",
    "no threshold": """
  - {name: Wide, when: {objects: [{object: FATJET, abs_eta_max: 1.0, pt_gev: 0}]}}""",
}


NOTHING = Demand(NEVER, NEVER, False, NEVER, NEVER, track_jets=False)


def menu(name):
    return loads(f"name: test\nscales: phase2\nalgorithms:{MENUS[name]}\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jets", replace(NOTHING, jets=160, jet_sums=True)),
        ("hard jets", replace(NOTHING, jets=720)),
        ("electrons", replace(NOTHING, electrons=60)),
        ("large", replace(NOTHING, large_jets=640, scored=800)),
        ("near a jet", replace(NOTHING, electrons=48, jets=240)),
        ("track jets", replace(NOTHING, large_jets=0, track_jets=True)),
        ("no threshold", replace(NOTHING, large_jets=0)),
    ],
)
def test_what_a_menu_asks_for(name, expected):
    assert demanded([menu(name)]) == expected


def test_several_menus_ask_for_what_any_does():
    assert demanded([menu("electrons"), menu("large")]) == replace(
        NOTHING, electrons=60, large_jets=640, scored=800
    )


def test_a_threshold_below_the_settings_changes_nothing():
    par = parameters(ObjectSettings())
    assert EVERYTHING.raised(par) == par
    assert Demand(electrons=8, jets=8, large_jets=8).raised(par) == par
    assert Demand(electrons=100).raised(par).eg_min == 200
    assert Demand(jets=720).raised(par).jet_min == par.ht_jet_min
    assert Demand(jets=720, jet_sums=False).raised(par).jet_min == 1440


@pytest.fixture(scope="module")
def made(library):
    source = Source.open(library, BEAM, TEST)
    taggers = {"hbb": load_tagger(ROOT / "data" / "models" / "hbb-k8")}
    build = builder(library.folder, source, ObjectSettings(), wanted_features([taggers["hbb"].columns]))
    plans = [source.rate_plan(k, 200, 7, "test", 0) for k in range(1, len(source.members) - 1)]
    plans.append(source.signal_plan("vh_bb", 0, 200, 7))
    return build, taggers, [(plan, build.build(plan)) for plan in plans]


@pytest.mark.jit
@pytest.mark.parametrize("name", [*MENUS, "phase2"])
def test_decisions_are_the_same(made, name):
    build, taggers, blocks = made
    checked = load(ROOT / "configs" / "menus" / "phase2.yaml") if name == "phase2" else menu(name)
    variant = Variant.bind("v", checked, {model: taggers[model] for model in checked.models})
    quick = replace(build, demand=demanded([checked]))
    passed = 0
    for plan, whole in blocks:
        wanted, bits = variant.decide(whole).bits, variant.decide(quick.build(plan)).bits
        np.testing.assert_array_equal(bits, wanted)
        passed += wanted.any(axis=0)
    assert (passed > 0).sum() >= len(passed) - 3


@pytest.mark.jit
def test_what_is_not_asked_for_is_not_there(made):
    build, _, blocks = made
    plan, whole = blocks[-1]
    none = replace(build, demand=demanded([menu("jets")])).build(plan)
    for kind in ("EG", "FATJET", "TRKJET"):
        assert whole.objects.collections[kind].fields["pt"].any()
        assert not none.objects.collections[kind].fields["pt"].any()
    some = replace(build, demand=Demand(scored=1000)).build(plan)
    pt = some.objects.collections["FATJET"].fields["pt"]
    np.testing.assert_array_equal(pt, whole.objects.collections["FATJET"].fields["pt"])
    assert 0 < len(some.crossing) == (pt >= 1000).sum() < len(whole.crossing)
