"""The shipped sample is what its configuration makes of the shipped library: same settings, same first parts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from trigsim.base.files import sha256
from trigsim.stream.dataset import open_workshop
from trigsim.stream.dataset_parts import SHIFT, Stream
from trigsim.stream.dataset_plan import load_plan
from trigsim.studies.setup import d0_resolution
from trigsim.tagger.dataset_folder import read_manifest
from trigsim.tagger.features import NAMES

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "samples" / "candidates"


def test_the_sample_is_whole_and_small():
    manifest = read_manifest(SAMPLE)
    for record in manifest.splits.values():
        for file in record.files.values():
            assert sha256(SAMPLE / file.file) == file.sha256
    assert sum(f.stat().st_size for f in SAMPLE.iterdir()) < 5e6
    assert manifest.splits.keys() == {"train", "validation", "test"}
    plan = load_plan(ROOT / "configs" / "datasets" / "sample.yaml")
    assert manifest.made["config"] == plan.config.model_dump(mode="json")
    for what in ("config", "beams", "library"):
        assert manifest.made["facts"][what] == plan.facts[what]


@pytest.mark.jit
def test_its_first_parts_are_made_again(tmp_path):
    manifest = read_manifest(SAMPLE)
    plan = load_plan(ROOT / "configs" / "datasets" / "sample.yaml")
    shop = open_workshop(plan, d0_resolution(plan.library.folder), tmp_path)
    told = manifest.made["matching"]["200"]["ratio"]
    ratio = {(200.0, name): np.array(values) for name, values in told.items()}
    shop = replace(shop, ratio=ratio)
    table = pq.read_table(SAMPLE / "test.parquet")
    crossing = table["crossing"].to_numpy()
    shipped = np.stack([table[name].to_numpy() for name in (*NAMES, "collision", "n_collisions")], axis=1)
    for stratum in ("hj_bb", "qcd200"):
        wanted = {"pile_up": 200.0, "split": "test", "stratum": stratum}
        ((number, record),) = (
            (i, s) for i, s in enumerate(manifest.made["streams"], 1) if wanted.items() <= s.items()
        )
        stream = Stream(number, 200.0, "test", stratum, stratum.endswith("bb"), 0)
        found = min(shop.candidates(stream, 0), record["candidates"])
        part = {name: column[:found] for name, column in shop.load(stream, 0).items()}
        ours = np.concatenate(
            [part["features_hw"], part["collision"][:, None], part["n_collisions"][:, None]], axis=1
        )
        mine = (crossing >= number << SHIFT) & (crossing < (number << SHIFT) + plan.config.chunk)
        assert mine.sum() == found > 100, "the objects or features changed: make the sample again (docs/dataset.md)"
        np.testing.assert_array_equal(np.unique(shipped[mine], axis=0), np.unique(ours, axis=0))
        np.testing.assert_array_equal(np.sort(crossing[mine]), np.sort(part["crossing"]))
