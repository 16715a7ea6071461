"""A tiny library of two read-outs: its split, a data set of it, and a run of it, all by collision."""

from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.stream.runs import MENU, recipe
from trigsim.stream.beam import Beam
from trigsim.stream.block import wanted_features
from trigsim.stream.candidates import make_candidates
from trigsim.stream.dataset import VALIDATION_EVERY, make_dataset, open_sources
from trigsim.stream.dataset_plan import load_plan
from trigsim.stream.parallel import in_order
from trigsim.stream.run import stream_worker
from trigsim.stream.source import TEST, TRAIN, Source
from trigsim.studies.menu_run import run_menu
from trigsim.studies.setup import builder, d0_resolution
from trigsim.studies.store import Store
from trigsim.tagger.dataset import SPLITS
from trigsim.tagger.dataset_folder import read_candidates, read_manifest

pytest.importorskip("pythia8mc", reason="needs the extra `generate`", exc_type=ImportError)

from trigsim.events.generate import generate
from trigsim.events.library import Library
from trigsim.events.plan import load_plan as load_sample

CONFIGS = Path(__file__).parents[2] / "configs"
#: Collisions of a stratum of the library, all of which but the softest are read out twice.
EVENTS = {"soft": 150, "qcd200": 60, "qcd400": 60, "qcd800": 40}
SIGNALS = {"vh_bb": 50, "hj_bb": 50}
ALL = EVENTS | SIGNALS
BEAM = Beam(name="b", mean_pileup=3.0, colliding_bunches=2760, vertex_sigma_z_mm=45.0, vertex_source="assumed")


# Without multiple interactions, which take most of Pythia's time.
SAMPLE = """\
name: tiny
detector: {configs}/detectors/outer_tracker.yaml
seed: 5
settings: {{ParticleDecays:limitCylinder: true, ParticleDecays:xyMax: 1290, ParticleDecays:zMax: 3154}}
strata:
  - {{name: soft, kind: inelastic, events: {soft}, pt_hat: [0, 200], process: {{SoftQCD:nonDiffractive: true}}}}
  - &hard
    name: qcd200
    kind: inelastic
    events: {qcd200}
    readouts: 2
    pt_hat: [200, 400]
    process: {{HardQCD:all: true, PartonLevel:MPI: false}}
  - {{<<: *hard, name: qcd400, events: {qcd400}, pt_hat: [400, 800]}}
  - {{<<: *hard, name: qcd800, events: {qcd800}, pt_hat: [800, null]}}
  - &signal
    name: vh_bb
    kind: signal
    events: {vh_bb}
    readouts: 2
    pt_hat: [200, null]
    process: {{HiggsSM:ffbar2HW: true, 25:onMode: off, 25:onIfMatch: 5 -5, PartonLevel:MPI: false}}
    truth: {{resonance: 25, quarks: [5]}}
  - <<: *signal
    name: hj_bb
    events: {hj_bb}
    process: {{HiggsSM:qg2Hq(l:t): true, 25:onMode: off, 25:onIfMatch: 5 -5, PartonLevel:MPI: false}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readouts")
    (folder / "sample.yaml").write_text(SAMPLE.format(configs=CONFIGS, **ALL))
    generate(load_sample(folder / "sample.yaml"), folder / "library", workers=1)
    return folder


@pytest.fixture(scope="module")
def library(folder):
    return Library.open(folder / "library")


def of_event(library, source):
    """Stratum and number, from the files, of the collision of each in the pool."""
    strata = (*library.inelastic, *library.signals)
    return np.array([(k, i // s.readouts) for k, s in enumerate(strata) for i in range(s.entries)])


def test_sides_share_no_collision_and_hold_all_of_its_readouts(library):
    train, test = (Source.open(library, BEAM, side) for side in (TRAIN, TEST))
    where = of_event(library, train)
    np.testing.assert_array_equal(np.unique(where, axis=0, return_inverse=True)[1].ravel(), train.collision)
    np.testing.assert_array_equal(train.members[0], np.arange(150))
    for k in range(1, len(EVENTS)):
        for side, source in enumerate((train, test)):
            numbers, times = np.unique(where[source.members[k], 1], return_counts=True)
            assert (where[source.members[k], 0] == k).all()
            assert set(numbers % 2) == {side}
            assert (times == 2).all()
            assert source.sizes[k] == len(numbers) == library.inelastic[k].events // 2
    for k, name in enumerate(train.signals, len(EVENTS)):
        for side, source in enumerate((train, test)):
            some = where[source.signals[name]]
            # Each collision once before any comes again, so that the first so many crossings are independent.
            n = source.signal_collisions(name)
            assert n == 25
            np.testing.assert_array_equal(some[:n], [(k, 2 * i + side) for i in range(n)])
            np.testing.assert_array_equal(some[n:], some[:n])
            assert (source.signals[name][n:] == source.signals[name][:n] + 1).all()


@pytest.fixture(scope="module")
def plan(library, folder):
    text = (CONFIGS / "datasets" / "tiny.yaml").read_text().replace("../beams", f"{CONFIGS}/beams")
    (folder / "tiny.yaml").write_text(text)
    return load_plan(folder / "tiny.yaml", library.folder)


def test_splits_of_a_data_set_are_by_collision(library, plan):
    sources = open_sources(plan)
    by_split = {split: sources[200.0, split] for split in SPLITS}
    for k in range(1, len(EVENTS)):
        hard = {split: set(s.collision[s.members[k]].tolist()) for split, s in by_split.items()}
        first = by_split["train"].collision[np.flatnonzero(of_event(library, by_split["train"])[:, 0] == k)[0]]
        even = list(range(first, first + library.inelastic[k].events, 2))
        assert hard["validation"] == set(even[VALIDATION_EVERY - 1 :: VALIDATION_EVERY])
        assert hard["train"] == set(even) - hard["validation"]
        assert hard["test"] == {e + 1 for e in even}
        for source in by_split.values():
            assert len(source.members[k]) == 2 * source.sizes[k]


@pytest.fixture(scope="module")
def tables(plan, folder):
    make_dataset(plan, d0_resolution(plan.library.folder), folder / "tiny", threads=1)
    return {split: pq.read_table(folder / "tiny" / f"{split}.parquet").to_pydict() for split in SPLITS}


@pytest.mark.jit
def test_a_data_set_of_it_splits_and_counts_by_collision(folder, library, tables):
    manifest = read_manifest(folder / "tiny")
    tables = {split: {n: np.array(c) for n, c in table.items()} for split, table in tables.items()}
    hard = {split: set(table["collision"].tolist()) for split, table in tables.items()}
    assert not hard["train"] & hard["validation"]
    assert not (hard["train"] | hard["validation"]) & hard["test"]
    strata = {s["name"]: s for s in manifest.made["strata"]}
    assert [s["collisions"] for s in strata.values()] == [s.events for s in (*library.inelastic, *library.signals)]
    assert [s["first"] for s in strata.values()] == np.cumsum([0, *(s["collisions"] for s in strata.values())])[
        :-1
    ].tolist()
    assert {s["readouts"] for name, s in strata.items() if name != "soft"} == {2}
    joined = {n: np.concatenate([t[n] for t in tables.values()]) for n in tables["train"]}
    names = np.array(list(strata))[joined["stratum"]]
    for name, some in strata.items():
        mine = names == name
        number = joined["collision"][mine] - some["first"]
        assert ((number >= 0) & (number < some["collisions"])).all()
    # Both read-outs of a collision are there, and count as re-use of the one.
    signal = joined["label"] == 1
    both = 0
    for number in np.unique(joined["collision"][signal]):
        mine = joined["collision"] == number
        assert len(np.unique(joined["crossing"][mine])) == joined["reuse"][mine][0]
        assert len(np.unique(joined["reuse"][mine])) == len(np.unique(joined["resonance_pt"][mine])) == 1
        both += len(np.unique(joined["readout"][mine])) == 2
    assert both > 10
    assert set(joined["readout"].tolist()) == {0, 1}
    # The truth columns are those of the library's entry.
    loaded = library.load("vh_bb")
    mine = names == "vh_bb"
    entry = (joined["collision"][mine] - strata["vh_bb"]["first"]) * 2 + joined["readout"][mine]
    np.testing.assert_array_equal(joined["resonance_pt"][mine], loaded.resonance_pt[entry])
    np.testing.assert_array_equal(joined["pt_hat"][mine], loaded.pt_hat[entry])
    assert manifest.made["collisions"] <= sum(ALL.values())
    # What reads candidates takes the number of the read-out for no feature.
    assert len(read_candidates(folder / "tiny").names) == 39


@pytest.mark.jit
def test_a_run_and_its_store_number_collisions(folder, library):
    (folder / "menu.yaml").write_text(MENU[: MENU.index("  - {name: Fat")])
    (folder / "beam.yaml").write_text(BEAM.model_dump_json())
    result = run_menu(
        folder / "menu.yaml", folder / "library", folder / "beam.yaml", {}, signals=("vh_bb",), crossings=2000,
        signal_crossings=1000, target="Jet100", threads=1, store=folder / "store",
    )  # fmt: skip
    # Each signal collision once: the interval of an efficiency takes them for independent.
    assert result.efficiencies["vh_bb"]["Jet40"].value > 0.5
    store = Store.open(folder / "store")
    source = Source.open(library, BEAM, TEST)
    beam, signal = (
        pq.read_table([folder / "store" / p.file for p in store.manifest.parts if p.sample == s])
        for s in ("beam", "vh_bb")
    )
    assert len(signal) == 25
    np.testing.assert_array_equal(signal["event"].to_numpy(), np.arange(1, 50, 2))
    np.testing.assert_array_equal(signal["resonance_pt"].to_numpy(), library.load("vh_bb").resonance_pt[2::4])
    sizes = np.array(store.manifest.collisions)
    assert sizes.sum() == sum(source.sizes) + 1
    stratum, event = (beam[name].to_numpy() for name in ("stratum", "event"))
    for k in range(len(sizes) - 1):
        assert event[stratum == k].max(initial=0) < sizes[k]
        # All of them come up: were they numbers of read-outs, half would lie beyond.
        assert len(np.unique(event[stratum == k])) > 0.5 * min(sizes[k], (stratum == k).sum())
    assert sum(store.manifest.classes.size) == sum(source.sizes)


@pytest.mark.jit
def test_scores_and_candidates_name_collisions(folder, tmp_path):
    made = recipe(tmp_path, library=folder / "library")
    worker = made.open()
    (result,) = stream_worker(
        worker, partial(in_order, worker.answer, threads=1), crossings=3000, signal_crossings=1000, target="Jet100"
    )
    source = worker.source
    hard = set(source.collision[np.concatenate(source.members)].tolist())
    scored = np.concatenate(result.beam_scores.event)
    assert len(scored) > 100
    assert set(scored.tolist()) <= hard
    assert result.efficiencies["vh_bb"].drawn == 25
    source = Source.open(Library.open(folder / "library"), BEAM, TRAIN)
    every = builder(folder / "library", source, made.objects, wanted_features([np.arange(39)]))
    found = make_candidates(source, every, ("vh_bb", "hj_bb"), 200, 200, 1, threads=1)
    numbers = {
        1: set(source.collision[np.concatenate([*source.signals.values()])].tolist()),
        0: set(source.collision[np.concatenate(source.members[1:])].tolist()),
    }
    for label, known in numbers.items():
        mine = found.collision[found.label == label]
        assert set(mine.tolist()) <= known
        assert len(mine) > 20
