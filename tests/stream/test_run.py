"""The event loop on the shipped library: the same for any threads, and the truth where brute force can reach."""

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.candidates import is_resonance, make_candidates, match_pt
from trigsim.stream.pileup import PileupValues
from trigsim.stream.plan import draw_plan
from trigsim.stream.run import stream
from trigsim.stream.source import TEST, TRAIN, Source
from trigsim.stream.variant import Variant
from trigsim.studies.rates import menu_result
from trigsim.studies.setup import builder

MENU = """
name: test
scales: phase2
algorithms:
  - {name: Jet40, groups: [jets], when: {object: JET, pt_gev: 40}}
  - {name: Jet100, groups: [jets], when: {object: JET, pt_gev: 100}}
  - {name: HT100, when: {object: HT, pt_gev: 100}}
"""
BEAM = Beam(name="b", mean_pileup=30.0, colliding_bunches=2760, vertex_sigma_z_mm=45.0, vertex_source="assumed")
pytestmark = pytest.mark.jit


@pytest.fixture(scope="module")
def made(library):
    source = Source.open(library, BEAM, TEST)
    menu = loads(MENU)
    return (
        source,
        builder(library.folder, source, ObjectSettings(), wanted_features([])),
        Variant.bind("v", menu, {}),
    )


def run(made, threads=1, seed=3, crossings=3000):
    source, build, variant = made
    (result,) = stream(
        source, build, [variant], crossings=crossings, signals=("vh_bb",), signal_crossings=300,
        target="Jet100", seed=seed, threads=threads,
    )  # fmt: skip
    return result


def test_identical_for_any_number_of_threads(made):
    one, three = run(made, 1), run(made, 3)
    np.testing.assert_array_equal(one.rates.passes, three.rates.passes)
    np.testing.assert_array_equal(one.efficiencies["vh_bb"].passed, three.efficiencies["vh_bb"].passed)
    assert (run(made, 1, seed=4).rates.passes != one.rates.passes).any()


def test_stratified_rates_agree_with_brute_force(made):
    source, build, variant = made
    result = menu_result(source, run(made, 2, crossings=8000))
    rng = np.random.default_rng(1)
    n = 6000
    plan = draw_plan(source.strata.draw_all(n, rng), source.members, BEAM.vertex_sigma_z_mm, rng)
    passed = variant.decide(build.build(plan)).bits.mean(axis=0)
    for row, fraction in zip(variant.rows, passed, strict=True):
        brute, ours = fraction * BEAM.crossing_rate_khz, result.rates[row]
        error = np.hypot((ours.high - ours.low) / 2, BEAM.crossing_rate_khz * np.sqrt(max(fraction, 1 / n) / n))
        assert abs(brute - ours.value) < 4 * error, row
    assert result.rates["Jet40"].value > 30 * result.rates["Jet100"].value > 0


def test_a_varying_pileup_agrees_with_brute_force(made, library):
    _, _, variant = made
    varied = BEAM.model_copy(update={"mean_pileup": PileupValues(values=(2.0, 40.0), weights=(3.0, 1.0))})
    source = Source.open(library, varied, TEST)
    build = builder(library.folder, source, ObjectSettings(), wanted_features([]))
    result = menu_result(source, run((source, build, variant), 2, crossings=4000))
    rng, n = np.random.default_rng(2), 6000
    plan = draw_plan(source.strata.draw_all(n, rng), source.members, varied.vertex_sigma_z_mm, rng)
    passed = variant.decide(build.build(plan)).bits.mean(axis=0)
    for row, fraction in zip(variant.rows, passed, strict=True):
        ours = result.rates[row]
        error = np.hypot((ours.high - ours.low) / 2, varied.crossing_rate_khz * np.sqrt(max(fraction, 1 / n) / n))
        assert abs(fraction * varied.crossing_rate_khz - ours.value) < 4 * error, row
    assert source.strata.probability[-1] == pytest.approx(0.75 * np.exp(-2), rel=1e-6)


def test_rows_and_groups(made):
    _source, _, variant = made
    result = run(made)
    assert variant.rows == ("Jet40", "Jet100", "HT100", "group jets", "total")
    assert result.rates.drawn.sum() >= 3000
    passes = result.rates.passes.sum(axis=(1, 2))
    assert passes[0] == passes[3] <= passes[4]


def test_sides_of_the_split_share_no_hard_collision(library):
    train, test = (Source.open(library, BEAM, side) for side in (TRAIN, TEST))
    assert not set(train.members[1]) & set(test.members[1])
    assert not set(train.signals["vh_bb"]) & set(test.signals["vh_bb"])
    np.testing.assert_array_equal(train.members[0], test.members[0])


def test_unknown_signal_and_target(made):
    source, build, variant = made
    more = {"crossings": 1, "signal_crossings": 1, "seed": 1, "threads": 1}
    with pytest.raises(InputError, match="no signal 'x'; it has vh_bb"):
        stream(source, build, [variant], signals=("x",), target="total", **more)
    with pytest.raises(InputError, match="no row 'x'"):
        stream(source, build, [variant], signals=(), target="x", **more)


def test_candidates_are_signal_and_matched_background(library):
    source = Source.open(library, BEAM, TRAIN)
    build = builder(library.folder, source, ObjectSettings(), wanted_features([np.arange(39)]))
    found = make_candidates(source, build, ("vh_bb", "hj_bb"), 200, 400, seed=1, threads=2)
    signal = found.label == 1
    assert signal.sum() >= 200
    assert set(np.unique(found.collision[signal])) <= {*source.signals["vh_bb"], *source.signals["hj_bb"]}
    assert found.weight[~signal].mean() == pytest.approx(1.0, rel=1e-4)
    # The Higgs peaks at its mass and multijets do not: the median mass of signal is near 125 GeV.
    mass = found.features_hw[:, found.names.index("fat_mass")]
    assert np.median(mass[signal]) > 1.3 * np.average(mass[~signal], weights=found.weight[~signal])


def test_turned_and_mirrored_resonances_are_found_again(library):
    quiet = BEAM.model_copy(update={"mean_pileup": 0.0})
    source = Source.open(library, quiet, TEST)
    build = builder(library.folder, source, ObjectSettings(), wanted_features([]))
    plan = source.signal_plan("vh_bb", 0, 300, 1)
    block = build.build(plan)
    found = is_resonance(source, plan, block)
    mirrored = plan.mirror[plan.offsets[:-1]][block.crossing]
    for side in (mirrored, ~mirrored):
        # A quarter of the large-R jets here hold a whole Higgs; by chance it would be one in fifty.
        assert found[side].mean() > 0.18


def test_no_jet_is_the_resonance_where_there_is_none(library):
    source = Source.open(library, BEAM, TEST)
    build = builder(library.folder, source, ObjectSettings(), wanted_features([]))
    hardest = len(source.members) - 1
    plan = source.rate_plan(hardest, 50, 1, "test", 0)
    block = build.build(plan)
    assert len(block.crossing) > 20
    assert not is_resonance(source, plan, block).any()


def test_matching_gives_the_signals_spectrum():
    rng = np.random.default_rng(0)
    signal, background = rng.integers(600, 2400, 5000), rng.integers(600, 4000, 20000)
    keep, weight = match_pt(signal.astype(np.int32), background.astype(np.int32))
    one, edges = np.histogram(signal, np.arange(600, 2401, 400), density=True)
    two, _ = np.histogram(background[keep], edges, weights=weight, density=True)
    np.testing.assert_allclose(one, two, rtol=0.1)
