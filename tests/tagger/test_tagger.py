import json

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.firmware.deploy import deploy
from trigsim.tagger import load_tagger
from trigsim.tagger.tagger import TAGGER_FILE


@pytest.fixture(scope="module")
def tagger(model):
    return deploy(model)


def test_scores_are_the_models(tagger, model, task):
    x = task[0][:, model.columns]
    score = tagger.score_hw(x)
    assert score.dtype == np.int32
    np.testing.assert_array_equal(score, model.predict_raw(x)[:, 0])


def test_working_points(tagger, model):
    points = tagger.working_points
    assert points["tight"] > points["medium"] > points["loose"]
    assert model.metrics["working_points"]["medium"]["signal"]["value"] == pytest.approx(0.5, abs=0.02)


def test_saved_tagger_is_the_same(tagger, task, tmp_path):
    tagger.save(tmp_path)
    again = load_tagger(tmp_path)
    assert again.features == tagger.features
    assert again.working_points == dict(tagger.working_points)
    x = task[0][:, tagger.columns]
    np.testing.assert_array_equal(again.score_hw(x), tagger.score_hw(x))


def test_loading_needs_no_torch(tagger, tmp_path):
    import subprocess
    import sys

    tagger.save(tmp_path)
    code = "import sys; from trigsim.tagger import load_tagger; load_tagger(sys.argv[1]); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=9), "not a tagger of version"),
        (lambda d: d["features"].pop(), "one output and as many inputs"),
        (lambda d: d.update(input_format="ap_fixed<9,3,AP_RND,AP_SAT>"), "the network reads"),
        (lambda d: d.pop("shift"), "damaged"),
    ],
)
def test_edited_tagger_is_refused(tagger, tmp_path, change, message):
    tagger.save(tmp_path)
    file = tmp_path / TAGGER_FILE
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    with pytest.raises(InputError, match=message):
        load_tagger(tmp_path)


def test_bit_operations_count_the_bits_between_the_first_and_the_last(model):
    count, width = 0, model.inputs.format.width
    for layer in model.layers:
        for raw in np.abs(np.rint(layer.weight / layer.weight_format.lsb)).astype(int).ravel():
            count += len(bin(raw)[2:].strip("0")) * width
        width = layer.result_format.width
    assert model.bit_operations == count > 0
