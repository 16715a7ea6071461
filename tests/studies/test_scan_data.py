"""A scan trains with the data set that it is given: of its pile-up, with its split, and with the 39 features."""

from pathlib import Path

import numpy as np
import pytest

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.base.files import sha256
from trigsim.studies.scan import _trained
from trigsim.studies.scan_config import ScanConfig
from trigsim.tagger.config import Epochs, TrainConfig
from trigsim.tagger.dataset_folder import read_candidates

ROOT = Path(__file__).parents[2]
SCAN = ROOT / "configs" / "scans" / "demo.yaml"
SAMPLE = ROOT / "data" / "samples" / "candidates"


def test_a_scan_trains_with_a_data_set(tmp_path):
    epochs = Epochs(select=1, tune=8, quantise=2)
    quick = TrainConfig(name="q", keep=3, hidden=(8,), batch=128, epochs=epochs, restarts=1)
    (model,) = _trained(load(SCAN, ScanConfig), [quick], SCAN, tmp_path, 1, SAMPLE)
    whole = read_candidates(SAMPLE)
    assert model.metrics["candidates"] == ((whole.pile_up == 200) & (whole.fold == 2)).sum()
    assert model.metrics["auc"] > 0.7
    assert model.provenance["inputs"]["candidates"]["sha256"] == sha256(SAMPLE / "manifest.json")


def test_other_features_are_refused(tmp_path):
    np.savez(tmp_path / "c.npz", a=np.arange(40), label=np.arange(40) % 2, pile_up=np.full(40, 200.0))
    with pytest.raises(InputError, match="candidates of 1 other features"):
        _trained(load(SCAN, ScanConfig), [], SCAN, tmp_path, 1, tmp_path / "c.npz")
