import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_wine
from torch import nn

from trigsim.base.errors import InputError
from trigsim.tagger import shrink, shrink_each, shrinking
from trigsim.tagger.evaluation import auc


def classifier(n_in, n_out=1):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(n_in, 16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, n_out))


def output(found, x):
    with torch.no_grad():
        return found.module(torch.tensor(np.asarray(x)[:, found.features], dtype=torch.float32)).numpy()


@pytest.fixture(scope="module")
def cancer():
    return load_breast_cancer(return_X_y=True)


def test_breast_cancer_with_five_of_thirty_columns(cancer):
    x, y = cancer
    model = classifier(30)
    before = [p.clone() for p in model.parameters()]
    found = shrink(model, x[::2], y[::2], inputs=5, nodes=(6, 4))
    assert len(found.features) == 5
    assert (np.diff(found.features) > 0).all()
    widths = [layer.weight.shape for layer in found.module if isinstance(layer, nn.Linear)]
    assert widths == [(6, 5), (4, 6), (1, 4)]
    assert auc(output(found, x[1::2])[:, 0], y[1::2]) > 0.97
    assert {h["phase"] for h in found.history} == {"select", "tune"}
    assert all(torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))


def test_known_features_are_found_whatever_the_units():
    rng = np.random.default_rng(3)
    z = rng.normal(size=(3000, 10))
    y = np.where(z[:, 2] - z[:, 5] + 0.3 * rng.normal(size=3000) > 0, "signal", "background")
    x = z * 10.0 ** rng.integers(-6, 7, 10) + 10.0 ** rng.integers(-3, 4, 10)
    found = shrink(classifier(10), x, y, inputs=2)
    assert found.features.tolist() == [2, 5]
    assert auc(output(found, x)[:, 0], y == "signal") > 0.98


def test_several_classes(monkeypatch):
    monkeypatch.setattr(shrinking, "STEPS", 400)
    x, y = load_wine(return_X_y=True)
    found = shrink(classifier(13, 3), x, y, inputs=4, nodes=6)
    assert (output(found, x).argmax(1) == y).mean() > 0.9


def test_weights_are_on_grids(cancer, monkeypatch):
    monkeypatch.setattr(shrinking, "STEPS", 300)
    x, y = cancer
    found = shrink(classifier(30), x, y, inputs=6, bits=4)
    for layer in [m for m in found.module if isinstance(m, nn.Linear)]:
        for column in layer.weight.detach().double().numpy().T:
            step = np.min(np.abs(column[column != 0])) if column.any() else 1.0
            # On a grid of four bits: whole multiples of a power of two, at most 8 of them.
            fraction = 2.0 ** np.floor(np.log2(step))
            while not np.allclose(column / fraction, np.round(column / fraction), atol=1e-9):
                fraction /= 2
            assert np.abs(column / fraction).max() <= 8
    assert auc(output(found, x)[:, 0], y) > 0.96


@pytest.mark.parametrize("front", [nn.Identity(), nn.Dropout(0.1)])
def test_what_stands_before_the_first_layer_may_be_nothing(cancer, monkeypatch, front):
    monkeypatch.setattr(shrinking, "STEPS", 50)
    found = shrink(nn.Sequential(front, *classifier(30)), *cancer, inputs=3)
    assert len(found.features) == 3
    assert output(found, cancer[0]).shape == (len(cancer[1]), 1)


def test_an_activation_before_the_first_layer_is_refused(cancer):
    with pytest.raises(InputError, match="Tanh stands before"):
        shrink(nn.Sequential(nn.Tanh(), *classifier(30)), *cancer)


def test_trained_model_is_the_start(cancer):
    x, y = cancer
    first = shrink(classifier(30), x, y)
    again = shrink(first.module, x, y)
    assert again.history[0]["train"] < 0.5 * first.history[0]["train"]


@pytest.mark.parametrize("few", [2000, 0])
def test_several_budgets_at_once(cancer, monkeypatch, few):
    monkeypatch.setattr(shrinking, "STEPS", 40)
    monkeypatch.setattr(shrinking, "FEW", few)
    x, y = cancer
    found = shrink_each(classifier(30), x, y, inputs=[2, 30, None, 8], nodes=(6, 4))
    assert [len(small.features) for small in found] == [2, 30, 30, 8]
    for small in found:
        assert [m.weight.shape[0] for m in small.module if isinstance(m, nn.Linear)] == [6, 4, 1]
        assert auc(output(small, x)[:, 0], y) > 0.85


def test_same_seed_same_network(cancer, monkeypatch):
    monkeypatch.setattr(shrinking, "STEPS", 50)
    x, y = cancer
    one, two = (shrink(classifier(30), x, y, inputs=3, seed=7) for _ in range(2))
    assert one.features.tolist() == two.features.tolist()
    np.testing.assert_array_equal(output(one, x), output(two, x))


def _with(x, column, value):
    x = x.copy()
    x[: 3 if np.isnan(value) else None, column] = value
    return x


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x, y: {"x": _with(x, 4, np.nan), "y": y}, "column 4 of x has NaN"),
        (lambda x, y: {"x": _with(x, 9, 1.0), "y": y}, "column 9 of x is constant"),
        (lambda x, y: {"x": x, "y": y, "inputs": 31}, "keep 1 to 30"),
        (lambda x, y: {"x": x, "y": y, "inputs": 0}, "keep 1 to 30"),
        (lambda x, y: {"x": x, "y": y, "nodes": (3,)}, "2 hidden layers"),
        (lambda x, y: {"x": x, "y": y, "nodes": (3, 9)}, "keep 1 to 8"),
        (lambda x, y: {"x": x, "y": y, "bits": 1}, "2 to 16"),
        (lambda x, y: {"x": x[:, :9], "y": y}, "reads"),
        (lambda x, y: {"x": x, "y": y[:-1]}, "one a row"),
        (lambda x, y: {"x": x, "y": np.arange(len(y)) % 3}, "3 classes"),
        (lambda x, y: {"x": x, "y": np.zeros(len(y))}, "1 classes"),
        (lambda x, y: {"x": [["a"] * 30] * len(y), "y": y}, "encode text"),
    ],
)
def test_bad_input_is_found_before_training(cancer, change, message):
    with pytest.raises(InputError, match=message):
        shrink(classifier(30), **change(*cancer))
