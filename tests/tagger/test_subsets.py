import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trigsim.base.errors import InputError
from trigsim.tagger import shrink, shrinking, subsets
from trigsim.tagger.config import Epochs, TrainConfig
from trigsim.tagger.evaluation import auc
from trigsim.tagger.fitting import Pace, Sample, seeded
from trigsim.tagger.resize import resize
from trigsim.tagger.subset_kernels import binned_losses
from trigsim.tagger.subsets import best_subset, bins, likeliest, most_inputs, searchable
from trigsim.tagger.training import epochs, network, train


def sample(x, y, w=None):
    weight = np.ones(len(x)) if w is None else w
    return Sample(*(torch.from_numpy(np.asarray(a, dtype=np.float32)) for a in (x, y, weight)))


def halves(x, y):
    cut = 3 * len(x) // 4
    return sample(x[:cut], y[:cut]), sample(x[cut:], y[cut:])


def exclusive(rows, columns, pair, seed=0):
    """Noise, of which two columns decide together, by the sign of their product, and none alone."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, columns))
    y = (x[:, pair[0]] * x[:, pair[1]] + 0.1 * rng.normal(size=rows) > 0).astype(np.float32)
    return x, y


def seed(number=0):
    return torch.Generator().manual_seed(number)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(5, 60), number=st.integers(2, 4), size=st.integers(1, 3), classes=st.integers(2, 4),
    parts=st.integers(2, 4), draw=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_losses_are_those_of_the_formula(rows, number, size, classes, parts, draw):
    rng = np.random.default_rng(draw)
    codes = rng.integers(0, number, (5, rows)).astype(np.uint8)
    y, part = rng.integers(0, classes, rows), rng.integers(0, parts, rows)
    w, prior = rng.uniform(0.2, 3, rows), rng.dirichlet(np.ones(classes)) + 1e-3
    some = np.array([rng.permutation(5)[:size] for _ in range(3)])
    losses = np.empty(3)
    binned_losses(codes, number, some, part, parts, y, w, prior, 1.5, losses)
    for subset, loss in zip(some, losses, strict=True):
        each = np.empty(rows)
        for r in range(rows):
            others = (part != part[r]) & (codes[subset] == codes[subset, r][:, None]).all(axis=0)
            right = w[others & (y == y[r])].sum() + 1.5 * prior[y[r]]
            each[r] = -np.log(right / (w[others].sum() + 1.5))
        assert loss == pytest.approx(np.average(each, weights=w), rel=1e-9)


@pytest.mark.jit
def test_two_that_decide_only_together_are_found_among_39():
    x, y = exclusive(4000, 39, (11, 30))
    alone = np.argsort([-abs(auc(column, y) - 0.5) for column in x.T])
    assert not {11, 30} & set(alone[:8])
    assert likeliest(sample(x, y), seed(), 2)[0].tolist() == [11, 30]
    found = {}
    for search in (True, False):
        with seeded(0, "test") as generator:
            found[search], _, _ = resize(
                network((39, 16, 1)), *halves(x, y), Pace(3e-3, 128, generator),
                inputs=2, nodes=None, select=2, tune=4, search=search, elimination=False,
            )  # fmt: skip
    assert found[True].tolist() == [11, 30]
    assert found[False].tolist() != [11, 30]


@pytest.mark.jit
def test_three_that_decide_only_together_are_found():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(6000, 14))
    y = (x[:, 2] * x[:, 5] * x[:, 9] > 0).astype(np.float32)
    assert likeliest(sample(x, y), seed(), 3)[0].tolist() == [2, 5, 9]


def test_what_is_dear_stays_out():
    x, y = exclusive(1200, 5, (1, 3))
    y = np.where(np.abs(x[:, 2]) > 1.5, x[:, 2] > 0, y)
    prices = [1.0, 2.0, 2.0, 3.0, 1.0]
    within = {budget: [c.tolist() for c in likeliest(sample(x, y), seed(), budget, prices)] for budget in (3, 5)}
    for budget, found in within.items():
        assert all(sum(prices[i] for i in columns) <= budget for columns in found)
        assert len({tuple(columns) for columns in found}) == len(found)
    assert within[5][0] == [1, 3]
    assert within[3][0] in ([2], [0, 2], [2, 4])
    with seeded(0, "test") as generator:
        columns, small, _ = resize(
            network((5, 16, 1)), *halves(x, y), Pace(3e-3, 32, generator),
            inputs=5.0, prices=prices, nodes=None, select=1, tune=16,
        )  # fmt: skip
    assert sum(prices[i] for i in columns) <= 5
    assert columns.tolist() == [1, 3]
    assert small[0].in_features == 2


def test_a_budget_holds_as_many_of_the_cheapest_as_fit():
    assert most_inputs(3, None) == 3
    assert most_inputs(3.0, [2.0, 1.0, 1.0, 1.0]) == 3
    assert most_inputs(2.9, [2.0, 1.0, 1.0, 1.0]) == 2
    assert searchable(2000, 39, 3)
    assert not searchable(2000, 39, 4)
    assert not searchable(2000, 2, 2)
    assert not searchable(1000, 39, 3)


@given(rows=st.integers(1, 10**6), size=st.integers(1, 3))
def test_cells_have_rows(rows, size):
    number = bins(rows, size)
    assert number <= subsets.MOST_BINS
    assert number**size * subsets.CELL <= rows
    assert number == subsets.MOST_BINS or (number + 1) ** size * subsets.CELL > min(rows, subsets.ROWS)


def test_units_do_not_matter_and_rare_values_count():
    x, y = exclusive(400, 4, (0, 2))
    # One row in forty is one, the rest zero: no quantile divides them.
    x[:, 1] = np.arange(400) % 40 == 0
    first = [c.tolist() for c in likeliest(sample(x, y), seed(), 2)]
    assert first[0] == [0, 2]
    assert [c.tolist() for c in likeliest(sample(np.exp(x) * 7, y), seed(), 2)] == first
    assert likeliest(sample(x, x[:, 1]), seed(), 1)[0].tolist() == [1]


def test_the_same_generator_gives_the_same_subsets():
    x, y = exclusive(400, 6, (0, 2))
    one, two, other = ([c.tolist() for c in likeliest(sample(x, y), seed(s), 2)] for s in (1, 1, 2))
    assert one == two
    assert one != other
    assert len(one) == 15


def test_work_is_bounded_and_hints_are_heard(monkeypatch):
    x, y = exclusive(1200, 9, (4, 7))
    monkeypatch.setattr(subsets, "SUBSETS", 10)
    monkeypatch.setattr(subsets, "ROWS", 1100)
    alone = likeliest(sample(x, y), seed(), 2)
    hinted = likeliest(sample(x, y), seed(), 2, hints={4, 7})
    assert len(alone) == len(hinted) == 10
    assert hinted[0].tolist() == [4, 7]
    # Pairs of five columns, then the triples of the five that have the best partners.
    triples = likeliest(sample(x, y), seed(), 3, hints={4, 7})
    assert len(triples) == 10
    assert {4, 7} <= set(triples[0].tolist())


def test_several_classes(monkeypatch):
    monkeypatch.setattr(shrinking, "STEPS", 100)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1200, 6))
    # Column 3 tells class 0 from the others; 1 and 4 tell those apart, together.
    y = np.where(x[:, 3] > 0, 0, 1 + (x[:, 1] * x[:, 4] > 0))
    whole = Sample(torch.from_numpy(x).float(), torch.from_numpy(y), torch.ones(1200))
    assert likeliest(whole, seed(), 3)[0].tolist() == [1, 3, 4]
    found = shrink(nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)), x, y, inputs=3)
    assert len(found.features) == 3
    assert 3 in found.features
    assert found.module[-1].out_features == 3


def repeated(events=400, times=30, seed=0):
    """Events that come often: column 0 decides them a little, 1 to 3 only tell which it is."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, events)
    x = rng.normal(size=(events, 4))
    x[:, 0] = np.where(rng.uniform(size=events) < 0.7, y, 1 - y)
    x, y, group = (np.repeat(a, times, axis=0) for a in (x, y, np.arange(events)))
    return sample(x, y), group


def test_rows_of_one_event_are_left_out_together():
    rows, group = repeated()
    assert 0 not in likeliest(rows, seed(), 2)[0]
    first = {}
    for part in (0, 1):
        found = likeliest(rows, seed(part), 2, group=group)
        first[part] = [c.tolist() for c in found[:3]]
    assert all(0 in columns for listed in first.values() for columns in listed)
    with pytest.raises(InputError, match=r"groups have shape \(11999,\); give one a row, \(12000,\)"):
        likeliest(rows, seed(), 2, group=group[:-1])


def test_networks_tell_the_likeliest_apart(monkeypatch):
    rows, group = repeated()
    with seeded(0, "test") as generator:
        pace, module = Pace(1e-2, 512, generator), network((4, 8, 1))
        monkeypatch.setattr(subsets, "LISTED", 0)
        hints = [np.array([1, 2]), np.array([0, 3])]
        assert best_subset(module, rows, pace, 6, 2, hints=hints, group=group).tolist() == [0, 3]
        # Without groups, what tells events apart wins.
        monkeypatch.setattr(subsets, "LISTED", 3)
        assert 0 not in likeliest(rows, generator, 2)[0]
        assert 0 in best_subset(module, rows, pace, 6, 2, group=group)
        # Subsets of several sizes are compared.
        prices = [2.0, 1.0, 1.0, 1.0]
        assert 0 in best_subset(module, rows, pace, 6, 2.0, prices, group=group)


@pytest.mark.parametrize("update", [{"keep": 2}, {"keep": None, "price_budget": 2.0}, {"keep": 2, "nodes": (8, 4)}])
def test_progress_ends_where_it_was_said_to(task, quick, update):
    prices = {f"f{i}": 1.0 for i in range(12)} if "price_budget" in update else {}
    brief = {"epochs": Epochs(select=2, tune=5, quantise=1)}
    config = TrainConfig(**{**quick.model_dump(), **brief, **update, "prices": prices})
    done = []
    made = train(*task, config, advance=done.append)
    assert sum(done) == epochs(config, [f"f{i}" for i in range(12)])
    assert set(made.features) < {"f1", "f4", "f7"}


@pytest.mark.parametrize(
    ("rows", "budget", "prices", "message"),
    [
        (400, 0, None, "holds 0 of 5"),
        (400, 4, None, "holds 4 of 5"),
        (400, 2.0, [1.0, 1.0], "5 positive numbers"),
        (400, 2.0, [1.0, 1.0, 0.0, 1.0, 1.0], "5 positive numbers"),
        (400, 0.5, [1.0] * 5, "holds 0 of 5"),
        (400, 4.0, [1.0] * 5, "holds 4 of 5"),
        (300, 2, None, "300 independent rows are too few for 2 inputs; give 360"),
    ],
)
def test_bad_input_is_found_before_the_search(rows, budget, prices, message):
    with pytest.raises(InputError, match=message):
        likeliest(sample(*exclusive(rows, 5, (0, 1))), seed(), budget, prices)
