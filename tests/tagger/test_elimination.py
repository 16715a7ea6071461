import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trigsim.tagger.bank import stratified
from trigsim.tagger.elimination import cuts, eliminate, eliminate_folded, elimination_epochs, importance
from trigsim.tagger.fitting import Pace, Sample, seeded
from trigsim.tagger.resize import resize
from trigsim.tagger.training import network


@given(n=st.integers(1, 300), keep=st.integers(1, 300))
def test_cuts_lead_to_exactly_what_stays(n, keep):
    left = cuts(n, keep)
    assert left == sorted(left, reverse=True)
    assert left[-1:] == ([keep] if keep < n else [])


@pytest.fixture(scope="module")
def copies():
    """Columns 0 and 1 decide, 2 and 3 are copies of them with noise, the rest is noise."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=(3000, 8)).astype(np.float32)
    z[:, 2:4] = 0.9 * z[:, :2] + 0.4 * z[:, 2:4]
    y = (z[:, 0] * z[:, 1] + 0.1 * rng.normal(size=3000) > 0).astype(np.float32)
    whole = Sample(torch.from_numpy(z), torch.from_numpy(y), torch.ones(3000))
    return whole.rows(np.arange(2000)), whole.rows(np.arange(2000, 3000))


def test_what_decides_stays_and_its_copies_leave(copies):
    done = []
    with seeded(0, "test") as generator:
        pace = Pace(3e-3, 64, generator, done.append)
        columns, small = eliminate(network((8, 16, 1)), *copies, pace, 2, 16)
    assert columns.tolist() == [0, 1]
    assert small[0].in_features == 2
    assert sum(done) == elimination_epochs(8, 2, 16)


def test_shuffling_noise_costs_nothing(copies):
    with seeded(0, "test") as generator:
        _, small = eliminate(network((8, 16, 1)), *copies, Pace(3e-3, 64, generator), 8, 16)
        rise = importance(small, copies[1], generator)
    assert rise[:2].min() > 10 * np.abs(rise[4:]).max()


def test_one_elimination_over_parts_passes_all_budgets(copies):
    done = []
    with seeded(0, "test") as generator:
        pace, sample = Pace(3e-3, 64, generator, done.append), copies[0].joined(copies[1])
        part = stratified(sample.y, 3, generator)
        found = eliminate_folded(network((8, 16, 1)), sample, part, pace, [2, 4], 16)
    assert found[2].tolist() == [0, 1]
    assert set(found[4]) > {0, 1}
    assert len(found[4]) == 4
    assert sum(done) == elimination_epochs(8, 2, 16)


def test_the_better_of_gates_and_elimination_is_kept(copies):
    losses = {}
    for elimination in (False, True):
        with seeded(0, "test") as generator:
            columns, _, history = resize(
                network((8, 16, 1)), *copies, Pace(3e-3, 64, generator),
                inputs=2, nodes=None, select=6, tune=8, elimination=elimination,
            )  # fmt: skip
        losses[elimination] = min(h["valid"] for h in history if h["phase"] == "tune")
        assert len(columns) == 2
    assert losses[True] <= losses[False]
