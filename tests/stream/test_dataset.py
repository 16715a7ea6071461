"""Data sets of candidates: the same however they were made, split by collision, matched in pT."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import uproot

from trigsim.base.errors import InputError
from trigsim.stream.candidates import PT_EDGES
from trigsim.stream.dataset import make_dataset
from trigsim.stream.dataset_parts import Stream, Workshop
from trigsim.stream.dataset_plan import load_plan
from trigsim.studies.setup import d0_resolution
from trigsim.tagger.dataset import SPLITS
from trigsim.tagger.dataset_folder import read_candidates, read_manifest

ROOT = Path(__file__).parents[2]
CONFIG = f"""
name: test
library: {ROOT}/data/library
beams: [{ROOT}/configs/beams/pileup0.yaml, quiet.yaml]
signals: [vh_bb, hj_bb]
background: [qcd200, qcd400, qcd800]
candidates: {{train: 120, validation: 30, test: 60}}
max_weight: 5
pilot: 256
chunk: 128
seed: 4
"""
QUIET = "{name: q, mean_pileup: 3.0, colliding_bunches: 2760, vertex_sigma_z_mm: 45.0, vertex_source: assumed}"
pytestmark = pytest.mark.jit


def planned(folder, text=CONFIG):
    (folder / "quiet.yaml").write_text(QUIET)
    (folder / "dataset.yaml").write_text(text)
    return load_plan(folder / "dataset.yaml")


def made(folder, name, **more):
    plan = planned(folder)
    return make_dataset(plan, d0_resolution(plan.library.folder), folder / name, **more)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    made(folder, "whole", threads=1)
    return folder


@pytest.fixture(scope="module")
def tables(folder):
    """Columns of each split, from Parquet."""
    files = {split: pq.read_table(folder / "whole" / f"{split}.parquet") for split in SPLITS}
    return {s: {name: table[name].to_numpy() for name in table.column_names} for s, table in files.items()}


def test_a_stopped_run_goes_on_to_the_same_bytes(folder, monkeypatch):
    whole, calls = Workshop.candidates, []

    def stops(self, stream, part):
        calls.append(stream)
        if len(calls) >= 30:
            raise KeyboardInterrupt
        return whole(self, stream, part)

    monkeypatch.setattr(Workshop, "candidates", stops)
    with pytest.raises(KeyboardInterrupt):
        made(folder, "stopped", threads=2)
    monkeypatch.setattr(Workshop, "candidates", whole)
    assert not (folder / "stopped" / "train.parquet").exists()
    (damaged, *_) = sorted((folder / "stopped").glob(".parts/*/*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    one, two = read_manifest(folder / "whole"), made(folder, "stopped", threads=2, resume=True)
    assert one.made == two.made
    for split in SPLITS:
        assert one.splits[split].content == two.splits[split].content
        assert one.splits[split].files["parquet"] == two.splits[split].files["parquet"]
    assert not (folder / "stopped" / ".parts").exists()


def test_the_seed_decides(folder, tables):
    (folder / "quick.yaml").write_text(
        CONFIG.replace("train: 120", "train: 9").replace("30, test: 60", "9, test: 9").replace(", quiet.yaml]", "]")
    )
    shown = []
    for seed in (4, 5):
        plan = load_plan(folder / "quick.yaml", seed=seed)
        make_dataset(plan, d0_resolution(plan.library.folder), folder / f"seed{seed}", threads=1)
        shown.append(read_candidates(folder / f"seed{seed}").features_hw)
    assert shown[0].shape != shown[1].shape or (shown[0] != shown[1]).any()
    # What is asked for more of is the same for longer.
    first = {
        tuple(row) for row in np.stack([tables["train"][n] for n in read_candidates(folder / "seed4").names], 1)
    }
    mine = read_candidates(folder / "seed4")
    assert {tuple(row) for row in mine.features_hw[(mine.fold == 0) & (mine.label == 1)]} <= first


def test_what_is_there_is_not_overwritten(folder):
    with pytest.raises(InputError, match="holds a data set already"):
        made(folder, "whole")
    assert made(folder, "whole", resume=True) == read_manifest(folder / "whole")


def test_splits_share_no_collision(tables):
    hard = {split: set(table["collision"]) for split, table in tables.items()}
    assert not hard["train"] & hard["validation"]
    assert not (hard["train"] | hard["validation"]) & hard["test"]


def test_reuse_counts_the_crossings_of_a_collision(folder, tables):
    collision = np.concatenate([t["collision"] for t in tables.values()])
    crossing = np.concatenate([t["crossing"] for t in tables.values()])
    reuse = np.concatenate([t["reuse"] for t in tables.values()])
    for number in np.unique(collision)[::37]:
        mine = collision == number
        # Candidates for which there is no signal are left out after the counting.
        assert len(np.unique(crossing[mine])) <= reuse[mine][0]
    manifest = read_manifest(folder / "whole")
    out = manifest.made["left_out_for_want_of_signal_in_their_pt_bin"]
    assert sum(r.candidates for r in manifest.splits.values()) == len(collision) == 4 * 210 - out
    _, where = np.unique(crossing, return_index=True)
    assert abs(len(where) - np.unique(np.stack([collision, reuse]), axis=1)[1].sum()) <= out
    assert manifest.made["collisions"] == pytest.approx(len(np.unique(collision)), abs=out)


def test_collisions_are_those_of_their_stratum(folder, tables):
    strata = read_manifest(folder / "whole").made["strata"]
    for table in tables.values():
        for column, stratum in ((i, strata[i]) for i in np.unique(table["stratum"])):
            mine = table["collision"][table["stratum"] == column] - stratum["first"]
            assert mine.min() >= 0
            assert mine.max() < stratum["collisions"]
            assert (table["label"][table["stratum"] == column] == stratum["name"].endswith("_bb")).all()
        signal = table["label"] == 1
        assert (table["resonance_pt"][signal] > 0).all()
        assert (table["resonance_pt"][~signal] == 0).all()
        assert (table["n_collisions"][table["pile_up"] == 0] == 1).all()
        # The jet has about the pT of the resonance that it holds.
        ratio = table["fat_pt"][signal] * 0.25 / table["resonance_pt"][signal]
        assert 0.9 < np.median(ratio) < 1.1


def test_multijets_have_the_pt_spectrum_of_the_signal(tables):
    for table in tables.values():
        for pile_up in (0, 3):
            mine = table["pile_up"] == pile_up
            signal, other = mine & (table["label"] == 1), mine & (table["label"] == 0)
            pt = table["fat_pt"] * 0.25
            one, _ = np.histogram(pt[signal], PT_EDGES)
            two, _ = np.histogram(pt[other], PT_EDGES, weights=table["weight"][other].astype(float))
            matched = two > 0
            np.testing.assert_allclose(two[matched], one[matched], rtol=1e-4)
            assert one[matched].sum() > 0.8 * one.sum()


def test_root_and_parquet_hold_the_same(folder, tables):
    manifest = read_manifest(folder / "whole")
    for split, table in tables.items():
        with uproot.open(folder / "whole" / f"{split}.root") as file:
            columns = file["candidates"].arrays(library="np")
            assert json.loads(file["features"]) == [f.model_dump() for f in manifest.features]
        assert columns.keys() == table.keys()
        for name, column in table.items():
            np.testing.assert_array_equal(columns[name], column)
            assert columns[name].dtype == column.dtype
    schema = pq.read_schema(folder / "whole" / "train.parquet")
    assert schema.field("fat_pt").metadata[b"lsb"] == b"0.25"


def test_a_data_set_is_read_with_its_split(folder, tables):
    found = read_candidates(folder / "whole", pile_up=3)
    for fold, split in enumerate(SPLITS):
        mine = tables[split]["pile_up"] == 3
        assert (found.fold == fold).sum() == mine.sum()
        np.testing.assert_array_equal(found.features_hw[found.fold == fold][:, 0], tables[split]["fat_pt"][mine])
    assert len(read_candidates(folder / "whole")) == sum(len(t["label"]) for t in tables.values())
    with pytest.raises(InputError, match="no candidates at pile-up 60"):
        read_candidates(folder / "whole", pile_up=60)


def test_a_damaged_file_is_noticed(folder, tmp_path):
    for file in (folder / "whole").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "test.parquet").open("r+b") as file:
        file.seek(200)
        file.write(b"xx")
    with pytest.raises(InputError, match="not the file of the manifest"):
        read_candidates(tmp_path)
    (tmp_path / "test.parquet").unlink()
    with pytest.raises(InputError, match="no such file of the data set"):
        read_candidates(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError, match="make the data set again"):
        read_candidates(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("qcd400,", "qcd401,", "dataset.yaml:6:22: the library has no such stratum 'qcd401' for background"),
        ("qcd400,", "soft,", "no such stratum 'soft' for background"),
        ("[vh_bb, hj_bb]", "[vh_bb, vh_bb]", "signals names one thing twice"),
        (", quiet.yaml]", ", quiet.yaml, ./quiet.yaml]", "dataset.yaml:4:.*a second beam of pile-up 3"),
        ("train: 120", "train: 0", "candidates.train is 0"),
        ("max_weight: 5", "max_wieght: 5", "dataset.yaml:8:1: unknown key 'max_wieght'; did you mean 'max_weight'"),
    ],
)
def test_bad_configurations_say_where(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message):
        planned(tmp_path, CONFIG.replace(old, new))


def test_a_library_without_jets_is_said_to_be_so(tmp_path):
    plan = planned(tmp_path, CONFIG.replace("[qcd200, qcd400, qcd800]", "[qcd20]"))
    with pytest.raises(InputError, match="no multijet"):
        make_dataset(plan, d0_resolution(plan.library.folder), tmp_path / "out")


def test_labels_of_streams_are_unique():
    streams = [Stream(1, p, s, n, True, 5) for p in (0.0, 0.5) for s in SPLITS for n in ("a", "b")]
    assert len({s.label for s in streams}) == len(streams)
