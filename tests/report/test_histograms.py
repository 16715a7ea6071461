"""Written histograms are read back as they were, by others' readers."""

import json

import numpy as np
import pytest
import uhi.io.json
import uproot
from hist import Hist

from tests.report.results import made_up
from trigsim.report.histograms import to_uhi, write_histograms
from trigsim.studies import histograms


def test_both_files_hold_every_value_and_variance(tmp_path):
    rng = np.random.default_rng(1)
    found = {
        **made_up().histograms(),
        "a group/total": histograms.binned([1.0, 2.0, 4.0], [1.0, 2.0], [0.5, 0.25], over="pt [GeV]", label="kHz"),
        "slots": histograms.counted(rng.integers(0, 9, 30), first=1, over="slot", label="triggers"),
        "pairs": histograms.matrix(rng.random((2, 2)), rng.random((2, 2)), ["a", "b"], label="kHz"),
        "flow": histograms.filled(
            np.arange(9.0), np.arange(9), np.ones(9), [2.0, 3.0], lsb=None, over="x", label="n"
        ),
    }
    write_histograms(found, tmp_path / "all")
    document = json.loads((tmp_path / "all.uhi.json").read_text(), object_hook=uhi.io.json.object_hook)
    assert to_uhi(found) == json.loads((tmp_path / "all.uhi.json").read_text())
    with uproot.open(tmp_path / "all.root") as file:
        assert len(file.keys()) == len(document) == len(found)
        for name, ours in found.items():
            stem = name.replace(" ", "_").replace("/", "_")
            again, root = Hist(document[stem]), file[stem]
            assert again == ours
            assert again.label == ours.label
            np.testing.assert_array_equal(root.values(), ours.values())
            np.testing.assert_allclose(root.variances(), ours.variances(), rtol=1e-15)
            labels = root.axis(0).labels()
            if labels is None:
                np.testing.assert_array_equal(root.axis(0).edges(), ours.axes[0].edges)
            else:
                assert list(labels) == list(ours.axes[0])
        assert file["flow"].values(flow=True).tolist() == [2.0, 1.0, 6.0]


def test_json_follows_the_published_schema():
    fastjsonschema = pytest.importorskip("fastjsonschema")
    schema = pytest.importorskip("uhi.schema")
    document = to_uhi(made_up().histograms())
    schema.validate(document)
    next(iter(document.values()))["storage"]["type"] = "?"
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        schema.validate(document)


def test_nothing_is_written_where_there_is_nothing(tmp_path):
    write_histograms({}, tmp_path / "none")
    assert not list(tmp_path.iterdir())
