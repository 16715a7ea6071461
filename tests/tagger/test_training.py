import json
from itertools import pairwise

import numpy as np
import pytest
import torch

from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger import load, train
from trigsim.tagger.config import Precision, TrainConfig
from trigsim.tagger.evaluation import auc
from trigsim.tagger.model import MODEL_FILE, WEIGHTS_FILE
from trigsim.tagger.node_budget import estimated_luts
from trigsim.tagger.quantise import fake_quantise
from trigsim.tagger.training import split


def test_finds_the_relevant_features(model):
    assert model.features == ("f1", "f4", "f7")
    assert model.widths == (3, 16, 8, 1)
    assert model.metrics["auc"] > 0.82


def test_same_seed_same_model(task, quick, model):
    again = train(*task, quick)
    assert again.digest == model.digest
    assert train(*task, quick.model_copy(update={"seed": 5})).digest != model.digest


def test_training_leaves_torch_as_it_was(task, quick):
    torch.manual_seed(3)
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    train(*task, quick.model_copy(update={"keep": None}))
    assert torch.equal(before, torch.random.get_rng_state())
    assert threads == torch.get_num_threads()


def test_nodes_and_weights_are_pruned(task, quick):
    small = train(*task, quick.model_copy(update={"nodes": (6, 4), "prune": 0.5}))
    assert small.widths == (3, 6, 4, 1)
    weights = np.concatenate([layer.weight.ravel() for layer in small.layers])
    assert (weights == 0).mean() >= 0.49
    assert small.metrics["auc"] > 0.8


def test_products_are_budgeted(task, quick):
    small = train(*task, quick.model_copy(update={"macs": 60}))
    assert sum(a * b for a, b in pairwise(small.widths)) <= 60
    assert small.metrics["auc"] > 0.8


def test_estimated_luts_are_budgeted(task, quick, model):
    whole = estimated_luts(model)
    small = train(*task, quick.model_copy(update={"luts": round(0.4 * whole)}))
    # Quantised training goes on after nodes have left: bits of single weights move, the sum hardly.
    assert 0.25 * whole < estimated_luts(small) < 0.44 * whole
    assert small.widths[1:] < model.widths[1:]
    assert small.metrics["auc"] > 0.8


@pytest.mark.parametrize("bits", [4, 6, (3, 5, 7)])
def test_everything_lands_on_its_grid(task, quick, bits):
    precision = Precision(weights=bits, activations=5, input="ap_fixed<6,2,AP_RND,AP_SAT>")
    made = train(*task, quick.model_copy(update={"precision": precision}))
    wanted = (bits,) * 3 if isinstance(bits, int) else bits
    for layer, width in zip(made.layers, wanted, strict=True):
        assert layer.weight_format.width == width
        np.testing.assert_array_equal(layer.weight_format.quantise(layer.weight), layer.weight)
        np.testing.assert_array_equal(layer.bias_format.quantise(layer.bias), layer.bias)
    assert [layer.result_format.width for layer in made.layers] == [5, 5, 16]


def test_fake_quantise_is_the_fixed_format():
    fmt = FixedFormat.parse("ap_fixed<6,2,AP_RND,AP_SAT>")
    x = torch.linspace(-4, 4, 4001, requires_grad=True)
    y = fake_quantise(x, fmt)
    np.testing.assert_array_equal(y.detach().double(), fmt.quantise(x.detach().double().numpy()))
    y.sum().backward()
    inside = (x > -2) & (x < fmt.maximum * fmt.lsb)
    np.testing.assert_array_equal(x.grad.numpy(), inside.float().numpy())


def test_float64_evaluation_agrees_with_integers(model, task):
    """Two ways to compute the same bits: float64 with FixedFormat.quantise, and integer sums."""
    x, _ = task
    x = x[:, model.columns]
    a = model.inputs.raw(x) * model.inputs.format.lsb
    for layer in model.layers:
        a = a @ layer.weight.T + layer.bias
        if layer.activation == "relu":
            a = np.maximum(a, 0)
        a = layer.result_format.quantise(a)
    np.testing.assert_array_equal(model.predict(x), a)


def test_split_keeps_groups_together():
    group = np.repeat(np.arange(300), 4)
    folds = split(group, 0)
    assert sorted(np.concatenate(folds)) == list(range(1200))
    assert [len(set(group[f])) for f in folds] == pytest.approx([180, 45, 75], abs=1)
    assert not set(group[folds[0]]) & set(group[folds[2]])


def test_saved_model_is_the_same(model, task, tmp_path):
    model.save(tmp_path)
    again = load(tmp_path)
    assert again.digest == model.digest
    assert again.config == model.config
    x = task[0][:, model.columns]
    np.testing.assert_array_equal(again.predict_raw(x), model.predict_raw(x))


def _edit(folder, change):
    file = folder / MODEL_FILE
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=2), "version 2"),
        (lambda d: d.update(format="other"), "not a trigsim model"),
        (lambda d: d["features"].pop(), "names"),
        (lambda d: d["layers"].pop(), "damaged|names|digest"),
        (lambda d: d["input"]["offset"].__setitem__(0, 9999), "edited by hand"),
        (lambda d: d["layers"][0].update(weight_format="ap_fixed<0,9>"), "width 0"),
        (lambda d: d.pop("input"), "damaged"),
    ],
)
def test_edited_model_is_refused(model, tmp_path, change, message):
    model.save(tmp_path)
    _edit(tmp_path, change)
    with pytest.raises(InputError, match=message):
        load(tmp_path)


def test_swapped_weights_are_refused(model, task, quick, tmp_path):
    model.save(tmp_path / "a")
    train(*task, quick.model_copy(update={"seed": 9})).save(tmp_path / "b")
    (tmp_path / "b" / WEIGHTS_FILE).replace(tmp_path / "a" / WEIGHTS_FILE)
    with pytest.raises(InputError, match="hash differs"):
        load(tmp_path / "a")


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(InputError, match="no such model folder"):
        load(tmp_path / "none")
    with pytest.raises(InputError, match="no such model file"):
        load(tmp_path)
    (tmp_path / MODEL_FILE).write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y, c: (x, y, c.model_copy(update={"keep": 13})), "at most 12"),
        (lambda x, y, c: (x, y[:-1], c), "labels"),
        (lambda x, y, c: (x, y + 1, c), "labels"),
        (lambda x, y, c: (x.astype(float), y, c), "int32"),
        (lambda x, y, c: (x * 0 + 1, y, c), "in every candidate"),
        (lambda x, y, c: (x, y * 0, c), "20 of each"),
        (lambda x, y, c: (x, y, c.model_copy(update={"exclude": ("nothing",)})), "no feature"),
    ],
)
def test_bad_input_is_found_before_training(task, quick, change, message):
    with pytest.raises(InputError, match=message):
        train(*change(*task, quick))


def test_excluded_features_are_not_chosen(task, quick):
    made = train(*task, quick.model_copy(update={"exclude": ("f1",)}))
    assert "f1" not in made.features
    assert 2 in made.columns  # the noisy copy takes its place


@pytest.mark.parametrize(
    "bad",
    [
        {"keep": 0},
        {"hidden": [8], "nodes": [9]},
        {"hidden": [8], "nodes": [2, 2]},
        {"hidden": [8], "nodes": [2], "macs": 9},
        {"macs": 9, "luts": 900},
        {"luts": 0},
        {"precision": {"weights": [8, 8]}},
        {"precision": {"input": "ap_fixed<8,3>"}},
        {"precision": {"input": "float"}},
        {"prune": 1.0},
    ],
)
def test_config_refuses(bad):
    with pytest.raises(ValueError, match="validation error"):
        TrainConfig.model_validate_json(json.dumps(bad))


def test_auc_against_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    score, y, w = rng.integers(0, 9, 500), rng.integers(0, 2, 500), rng.uniform(0.1, 2, 500)
    assert auc(score, y, w) == pytest.approx(roc_auc_score(y, score, sample_weight=w))


def test_shared_weights_take_few_values(task, quick):
    made = train(*task, quick.model_copy(update={"precision": Precision(shared=3), "prune": 0.3}))
    for layer in made.layers:
        assert len(np.unique(layer.weight)) <= 8
    assert made.metrics["auc"] > 0.8


def test_price_on_bits_makes_weights_short(task, quick, model):
    from trigsim.tagger.coding import effective_bits

    longer = quick.epochs.model_copy(update={"quantise": 30})
    made = train(*task, quick.model_copy(update={"precision": Precision(bit_cost=1.0), "epochs": longer}))
    assert effective_bits(made).sum() < 0.6 * effective_bits(model).sum()
    assert made.metrics["auc"] > 0.8


def test_dear_features_are_left_out(task, quick):
    prices = {f"f{i}": 1.0 for i in range(12)} | {"f4": 10.0}
    update = {"keep": None, "price_budget": 3.0, "prices": prices}
    made = train(*task, quick.model_copy(update=update))
    assert "f4" not in made.features
    assert {"f1", "f7"} <= set(made.features)
    with pytest.raises(InputError, match="look at f11"):
        prices.pop("f11")
        train(*task, quick.model_copy(update={**update, "prices": prices}))
