"""Walks over orbits: intervals that know of correlation, and both sources of crossings agreeing."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from trigsim.base.config import load, parse
from trigsim.base.errors import InputError
from trigsim.stream.deadtime import DeadTime
from trigsim.stream.orbit_config import TrainConfig
from trigsim.studies.batches import library_variance, ratio, variance
from trigsim.studies.menu_run import run_menu
from trigsim.studies.orbits import emulate_orbits, sample_orbits

ROOT = Path(__file__).parents[2]
MENU = """
name: test
scales: phase2
algorithms:
  - {name: Jet40, groups: [jets], prescale: 2, when: {object: JET, pt_gev: 40}}
  - {name: HT150, groups: [sums], when: {object: HT, pt_gev: 150}}
"""
EMPTY = """
name: test
scales: phase2
conditions: {a: {object: HT, pt_gev: 150}}
algorithms:
  - {name: Quiet, when: not a}
"""
BEAM = """
name: test
mean_pileup: 60.0
colliding_bunches: 120
vertex_sigma_z_mm: 45.0
vertex_source: assumed
"""
TRAIN = """
name: test
scheme: scheme.json
dead_time:
  source: assumed
  simple_bx: 2
  rules: [{accepts: 2, window_bx: 40}]
  buffers: [{name: b, depth: 3, service_bx: 30, source: assumed}]
"""


def test_shipped_trains_are_read():
    for file in (ROOT / "configs" / "trains").glob("*.yaml"):
        config = load(file, TrainConfig)
        assert (file.parent / config.scheme).is_file()


def test_example_of_the_page_is_read():
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "trains.md").read_text(), re.S).group(1)
    config = parse(text, "trains.md").validate(TrainConfig)
    assert DeadTime.of(config.dead_time).causes[0] == "simple 4 BX"


def test_interval_of_correlated_counts_covers():
    # Bursts of ten: ten times the variance of independent counts.
    rng = np.random.default_rng(1)
    covered = narrow = 0
    for _ in range(400):
        bursts = rng.poisson(3.0, 40)
        estimate = ratio(10 * bursts, np.full(40, 100))
        covered += estimate.low <= 0.3 <= estimate.high
        narrow += estimate.high - estimate.low < 2 * np.sqrt(0.3 / 4000)
    assert 0.62 < covered / 400 < 0.74
    assert narrow < 4


def test_few_counts_and_few_batches_are_never_narrower_than_independent_ones():
    nothing = ratio(np.zeros(40, int), np.full(40, 100))
    assert (nothing.low, nothing.value) == (0.0, 0.0)
    assert 4e-4 < nothing.high < 5e-4
    one = ratio(np.array([30]), np.array([100]))
    assert one.low < 0.26
    assert one.high > 0.34
    rate = ratio(np.array([0]), np.array([10]), 2.0, "kHz")
    assert rate.high == pytest.approx(2 * 1.8410 / 10, rel=1e-3)
    assert ratio(np.zeros(3, int), np.zeros(3, int)).high == 1.0


def test_variance_of_the_library_is_what_statistics_leave():
    rng = np.random.default_rng(3)
    truth = 0.3 + 0.02 * rng.standard_normal(4000)
    replicas = rng.poisson(truth * 1000)
    nominal = rng.poisson(0.3 * 1000, 200)
    found = library_variance(replicas, np.full(4000, 1000), variance(nominal, np.full(200, 1000)), 200.0)
    assert np.sqrt(found) == pytest.approx(0.02, rel=0.1)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orbits")
    bunches = np.zeros(3564, int)
    bunches[:40] = bunches[50:90] = bunches[100:140] = 1
    (folder / "scheme.json").write_text(json.dumps({"beam1": bunches.tolist(), "beam2": bunches.tolist()}))
    for name, text in (("menu", MENU), ("beam", BEAM), ("train", TRAIN)):
        (folder / f"{name}.yaml").write_text(text)
    run_menu(
        folder / "menu.yaml", ROOT / "data" / "library", folder / "beam.yaml", {},
        signals=(), crossings=3000, signal_crossings=1, store=folder / "store",
    )  # fmt: skip
    return folder


def emulated(folder, orbits=60, threads=2):
    library, beam = ROOT / "data" / "library", folder / "beam.yaml"
    return emulate_orbits(
        folder / "menu.yaml", folder / "train.yaml", library, beam, {}, orbits=orbits, threads=threads
    )


@pytest.mark.jit
def test_emulated_and_drawn_orbits_agree(files):
    full = emulated(files)
    drawn = sample_orbits(files / "menu.yaml", files / "train.yaml", files / "store", orbits=1500, threads=2)
    assert full.crossings_from == "full emulation"
    assert drawn.crossings_from.startswith("words drawn by weight from")
    for row, one in full.rows.items():
        two = drawn.rows[row]
        for name in ("raw", "fired", "kept", "lost", "share"):
            a, b = getattr(one, name), getattr(two, name)
            error = np.hypot(a.high - a.low, b.high - b.low) / 2
            assert abs(a.value - b.value) < 4 * error, (row, name)
        assert one.fired.value == pytest.approx(one.kept.value + one.lost.value)
    assert full.rows["Jet40"].raw.value == pytest.approx(2 * full.rows["Jet40"].fired.value, rel=0.05)
    assert 0.02 < full.rows["total"].share.value < 0.9
    assert set(full.causes) == {"simple 2 BX", "2 in 40 BX", "buffer b"}
    assert sum(full.occupancy["buffer b"]) == pytest.approx(1.0)
    assert len(full.occupancy["buffer b"]) == 4
    assert sum(place.triggers for place in full.by_place) == sum(t for t, _ in full.by_slot)
    assert len(full.by_place) == 40
    json.dumps(full.as_dict(), allow_nan=False)


@pytest.mark.jit
def test_results_do_not_depend_on_threads(files):
    assert emulated(files, 4, 1).as_dict() == emulated(files, 4, 3).as_dict()
    one, two = (
        sample_orbits(files / "menu.yaml", files / "train.yaml", files / "store", orbits=60, threads=threads)
        for threads in (1, 3)
    )
    assert one.as_dict() == two.as_dict()


@pytest.mark.jit
@pytest.mark.parametrize(
    ("menu", "train", "message"),
    [
        (MENU.replace("pt_gev: 40}", "pt_gev: 40, bx: -1}"), TRAIN, "looks at neighbouring crossings"),
        (MENU, TRAIN + "timing: {JET: {early: 0.1, source: assumed}}", "objects out of time"),
        (MENU, TRAIN + "single_beam_collisions: 0.1", "single-beam collisions"),
        (EMPTY, TRAIN, "passes empty crossings"),
        (MENU, TRAIN.replace("simple_bx: 2", "simple_bx: -2"), "train.yaml:6:3: dead_time.simple_bx"),
        (MENU, TRAIN + "timing: {HT: {early: 0.1, source: assumed}}", "train.yaml:9"),
        (MENU, TRAIN + "timing: {JET: {early: 0.7, late: 0.6, source: assumed}}", "exceed 1; lower them"),
    ],
)  # fmt: skip
def test_what_stored_crossings_do_not_know_is_refused(files, tmp_path, menu, train, message):
    (tmp_path / "menu.yaml").write_text(menu)
    (tmp_path / "train.yaml").write_text(train)
    (tmp_path / "scheme.json").write_text((files / "scheme.json").read_text())
    with pytest.raises(InputError, match=message) as raised:
        sample_orbits(tmp_path / "menu.yaml", tmp_path / "train.yaml", files / "store", orbits=1)
    assert "\n" not in str(raised.value)


@pytest.mark.jit
def test_prescales_of_a_column(files, tmp_path):
    table = tmp_path / "prescales.csv"
    table.write_text("name,low,high\nJet40,4,1\nHT150,0,1\n")
    common = {"orbits": 100, "prescales": table}
    trains = (files / "menu.yaml", files / "train.yaml", files / "store")
    found = {column: sample_orbits(*trains, column=column, **common).rows for column in ("low", "high")}
    assert found["low"]["HT150"].fired.value == 0
    for column, factor in (("low", 4), ("high", 1)):
        row = found[column]["Jet40"]
        assert row.raw.value == pytest.approx(factor * row.fired.value, rel=0.02)
    for column, message in (("x", "no column 'x'; choose one of low, high"), (None, "several columns")):
        with pytest.raises(InputError, match=message):
            sample_orbits(*trains, column=column, **common)
    with pytest.raises(InputError, match="of which table"):
        sample_orbits(*trains, column="low", orbits=1)


@pytest.mark.jit
def test_scheme_of_another_beam_is_refused(files):
    scheme = ROOT / "configs" / "beams" / "25ns_2760b_2760_288bpi_13inj.json"
    with pytest.raises(InputError, match="has 2760 colliding pairs, the beam 120"):
        sample_orbits(files / "menu.yaml", files / "train.yaml", files / "store", orbits=1, scheme=scheme)
