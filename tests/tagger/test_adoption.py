import numpy as np
import pytest
import torch
from torch import nn

from trigsim.base.errors import InputError
from trigsim.tagger import Candidates, TrainConfig, adopt, feature_values, shrink
from trigsim.tagger.config import Epochs, Precision
from trigsim.tagger.evaluation import auc
from trigsim.tagger.feature_table import NAMES

COLUMNS = NAMES[:12]
#: Wide grids and one epoch of tuning: what is left is the folding of units, offsets and order.
FINE = TrainConfig(
    name="own",
    epochs=Epochs(quantise=1),
    learning_rate=1e-9,
    precision=Precision(
        input="ap_fixed<16,4,AP_RND,AP_SAT>", weights=16, activations=16, output="ap_fixed<24,8,AP_RND,AP_SAT>"
    ),
)


@pytest.fixture(scope="module")
def candidates(task):
    x_hw, y = task
    n = len(y)
    one = np.ones(n, np.float32)
    return Candidates(COLUMNS, x_hw, y, np.arange(n), 0 * one, one)


@pytest.fixture(scope="module")
def own(candidates):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 1))
    small = shrink(module, feature_values(candidates.features_hw, COLUMNS), candidates.label, inputs=3)
    return small.module, [COLUMNS[i] for i in small.features]


def float_logits(own, candidates):
    module, features = own
    kept = candidates.features_hw[:, [COLUMNS.index(f) for f in features]]
    with torch.no_grad():
        return module(torch.from_numpy(feature_values(kept, features)).float())[:, 0].numpy()


def test_on_fine_grids_it_is_the_float_network(own, candidates):
    model = adopt(*own, candidates, FINE)
    ours = model.predict(candidates.features_hw[:, model.columns])[:, 0]
    theirs = float_logits(own, candidates)
    inside = np.abs(theirs) < 6  # what a logit of the input format's range can reach without saturation
    assert inside.mean() > 0.9
    assert np.quantile(np.abs(ours - theirs)[inside], 0.98) < 0.02


def test_on_coarse_grids_it_still_separates(own, candidates):
    config = TrainConfig(name="own", epochs=Epochs(quantise=5))
    model = adopt(*own, candidates, config)
    assert model.widths == (3, 16, 1)
    assert model.metrics["auc"] > auc(float_logits(own, candidates), candidates.label) - 0.015


def test_the_order_of_the_inputs_does_not_matter(own, candidates):
    module, features = own
    turned = nn.Sequential(
        *(nn.Linear(m.in_features, m.out_features) if i == 0 else m for i, m in enumerate(module))
    )
    with torch.no_grad():
        turned[0].weight.copy_(module[0].weight[:, [2, 0, 1]])
        turned[0].bias.copy_(module[0].bias)
    same = adopt(turned, [features[i] for i in (2, 0, 1)], candidates, FINE)
    assert same.digest == adopt(module, features, candidates, FINE).digest


@pytest.mark.parametrize(
    ("features", "says"),
    [
        (COLUMNS[:2], "has 3 inputs and 1 outputs"),
        ((COLUMNS[0], COLUMNS[0], COLUMNS[1]), "named twice"),
        ((*COLUMNS[:2], "tj9_pt"), "no feature is called 'tj9_pt'"),
        ((*COLUMNS[:2], NAMES[-1]), f"no '{NAMES[-1]}'"),
    ],
)
def test_what_cannot_be_adopted(own, candidates, features, says):
    with pytest.raises(InputError, match=says):
        adopt(own[0], features, candidates, FINE)
