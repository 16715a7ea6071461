import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trigsim.base.errors import InputError
from trigsim.tagger.bank import StackedGates, cross_validated, gated_choices, parts, side_by_side, stratified
from trigsim.tagger.cancelout import BudgetedCancelOut
from trigsim.tagger.fitting import Pace, Sample, evaluate, fit, seeded
from trigsim.tagger.training import network


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("between", [nn.Tanh(), nn.Identity(), nn.Dropout(0.5)])
def test_each_network_sees_its_own_rows(bias, between):
    torch.manual_seed(0)
    alike = [nn.Sequential(nn.Linear(3, 5, bias=bias), between, nn.Linear(5, 2)) for _ in range(4)]
    bank, x = side_by_side(alike).eval(), torch.randn(4, 7, 3)
    expected = torch.stack([one.eval()(rows) for one, rows in zip(alike, x, strict=True)])
    torch.testing.assert_close(bank(x), expected)


def test_networks_of_other_shapes_are_refused():
    with pytest.raises(InputError, match="2 networks whose dense layers have 2 shapes"):
        side_by_side([network((3, 4, 1)), network((2, 4, 1))])
    with pytest.raises(InputError, match="0 networks"):
        side_by_side([])


@given(group=st.lists(st.integers(-5, 5), min_size=1, max_size=60), number=st.integers(2, 5))
def test_groups_stay_together_and_parts_are_even(group, number):
    part = parts(group, number, torch.Generator().manual_seed(0))
    together = {g: set(part[np.array(group) == g].tolist()) for g in group}
    assert all(len(found) == 1 for found in together.values())
    counts = np.bincount([found.pop() for found in together.values()], minlength=number)
    assert counts.max() - counts.min() <= 1


@pytest.fixture(scope="module")
def copies():
    """Column 0 decides, 1 is noise."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(600, 2)).astype(np.float32)
    y = (x[:, 0] + 0.3 * rng.normal(size=600) > 0).astype(np.float32)
    return Sample(torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(rng.uniform(0.5, 1.5, 600)).float())


@pytest.mark.parametrize("classes", [1, 2])
def test_losses_are_those_of_networks_trained_alone(copies, classes):
    """One after another, on the same batches, with the weights of a part set to zero."""
    sample = copies if classes == 1 else Sample(copies.x, copies.y.long(), copies.w)
    torch.manual_seed(1)
    networks = [network((1, 6, classes)) for _ in range(2)]
    part = parts(np.arange(600) // 3, 2, torch.Generator().manual_seed(3))
    done = []
    with seeded(0, "test") as generator:
        pace = Pace(1e-2, 50, generator, done.append, 0.1)
        losses = cross_validated(networks, [[0], [1]], sample, part, pace, 3)
    assert done == [1, 1, 1]
    for column, (start, loss) in enumerate(zip(networks, losses, strict=True)):
        total = 0.0
        for left in (0, 1):
            out = torch.from_numpy(part == left)
            alone = network((1, 6, classes))
            alone.load_state_dict(start.state_dict())
            seen = Sample(sample.x[:, [column]], sample.y, sample.w * ~out)
            with seeded(0, "test") as generator:
                pace = Pace(1e-2, 50, generator, None, 0.1)
                fit(alone, seen, seen, pace, epochs=3, phase="alone", keep_best=False)
            total += float(out.sum()) * evaluate(alone, sample.columns([column]).rows(out.numpy()))[1]
        assert loss == pytest.approx(total / 600, rel=1e-4)
    assert losses[0] < losses[1] - 0.1


def test_many_rows_are_evaluated_in_turns(copies, monkeypatch):
    found = []
    for at_once in (2**19, 100):
        monkeypatch.setattr("trigsim.tagger.bank.AT_ONCE", at_once)
        torch.manual_seed(1)
        with seeded(0, "test") as generator:
            part = parts(np.arange(600), 3, generator)
            found.append(cross_validated([network((1, 4, 1))], [[0]], copies, part, Pace(1e-2, 50, generator), 1))
    np.testing.assert_allclose(*found, rtol=1e-6)


@given(rows=st.integers(20, 100), classes=st.integers(2, 4), number=st.integers(2, 5))
def test_each_class_is_spread_over_the_parts(rows, classes, number):
    y = torch.arange(rows) % classes
    part = stratified(y, number, torch.Generator().manual_seed(1))
    counts = np.array([np.bincount(part[y == c], minlength=number) for c in range(classes)])
    assert (counts.max(axis=1) - counts.min(axis=1) <= 1).all()
    assert counts.sum() == rows


@pytest.mark.parametrize("t", [0.0, 0.4, 0.9])
def test_stacked_gates_are_gates(t):
    torch.manual_seed(0)
    keeps, weights = (2, 5), torch.randn(2, 6)
    stacked, x, alone = StackedGates(6, keeps), torch.randn(2, 9, 6), []
    for keep, weight in zip(keeps, weights, strict=True):
        gate = BudgetedCancelOut(6, keep=keep)
        gate.weight.data = weight.clone()
        alone.append(gate)
    stacked.weight.data = weights[:, None].clone()
    for gate in (stacked, *alone):
        gate.anneal(t)
    penalties = [gate.penalty() for gate in alone]
    torch.testing.assert_close(stacked.penalty(), sum(penalties))
    stacked.penalty().backward()
    sum(penalties).backward()
    torch.testing.assert_close(stacked.weight.grad[:, 0], torch.stack([gate.weight.grad for gate in alone]))
    assert [c.tolist() for c in stacked.chosen()] == [gate.selected().tolist() for gate in alone]
    expected = torch.stack([gate.eval()(rows) for gate, rows in zip(alone, x, strict=True)])
    torch.testing.assert_close(stacked.eval()(x), expected)


def test_gates_of_several_budgets_find_what_decides(copies):
    noise = torch.randn(600, 5, generator=torch.Generator().manual_seed(0))
    sample = Sample(torch.cat([copies.x, noise], dim=1), copies.y, copies.w)
    with seeded(0, "test") as generator:
        some = [network((7, 8, 1)) for _ in range(3)]
        found = gated_choices(some, [1, 2, 4], sample, Pace(1e-2, 50, generator), 15)
    assert [len(columns) for columns in found] == [1, 2, 4]
    assert all(0 in columns for columns in found)
