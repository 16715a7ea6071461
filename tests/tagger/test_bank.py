import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from trigsim.base.errors import InputError
from trigsim.tagger.bank import cross_validated, parts, side_by_side
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
