from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger import BudgetedCancelOut, CancelOut, Model, fold
from trigsim.tagger.dense import dense_layers
from trigsim.tagger.inputs import InputMap
from trigsim.tagger.node_budget import LUT_PER_BIT_OPERATION, NodeBudget, estimated_luts
from trigsim.tagger.quantise import QuantisedNetwork
from trigsim.tagger.resize import Gated


def test_cancelout_is_the_published_layer():
    layer = CancelOut(3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([4.0, 0.0, -4.0]))
    gates = 1 / (1 + np.exp(-np.array([4.0, 0.0, -4.0])))
    x = torch.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(layer(x).detach().numpy(), x.numpy() * gates, rtol=1e-6)
    assert layer.ranking().tolist() == [0, 1, 2]
    expected = 1e-3 * gates.sum() - 1e-3 * np.var([4.0, 0.0, -4.0])
    assert layer.penalty().item() == pytest.approx(expected, rel=1e-5)


def test_cancelout_penalty_on_raw_weights():
    layer = CancelOut(2, regularisation="weights", l1=0.5, variance=0.25)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([-2.0, 4.0]))
    assert layer.penalty().item() == pytest.approx(0.5 * (1 + 2) - 0.25 * np.var([-1.0, 2.0]))


def test_softmax_gates_are_one_when_equal():
    layer = CancelOut(5, gate="softmax")
    np.testing.assert_allclose(layer.gates().detach().numpy(), np.ones(5), rtol=1e-6)


def test_single_input_has_a_finite_penalty():
    assert np.isfinite(CancelOut(1).penalty().item())


def test_state_is_saved_and_loaded():
    one, two = BudgetedCancelOut(4, keep=2), BudgetedCancelOut(4, keep=2)
    with torch.no_grad():
        one.weight.copy_(torch.tensor([3.0, -1.0, 2.0, 0.0]))
    one.anneal(0.5)
    one.close()
    two.load_state_dict(one.state_dict())
    assert torch.equal(one.gates(), two.gates())
    assert two.selected().tolist() == [0, 2]


@given(n=st.integers(1, 40), data=st.data())
@settings(deadline=None, max_examples=50)
def test_exactly_k_stay(n, data):
    k = data.draw(st.integers(1, n))
    gate = BudgetedCancelOut(n, keep=k)
    # Equal gates must not break exactness.
    with torch.no_grad():
        gate.weight.copy_(
            torch.tensor(data.draw(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=n, max_size=n)))
        )
    chosen = gate.close()
    assert len(chosen) == k == len(set(chosen.tolist()))
    assert int((gate.gates() > 0).sum()) == k
    assert (np.diff(chosen) > 0).all()


def test_price_is_kept():
    gate = BudgetedCancelOut(4, keep=5.0, prices=[4, 3, 2, 1])
    with torch.no_grad():
        gate.weight.copy_(torch.tensor([4.0, 3.0, 2.0, 1.0]))
    # The dearest is the best; then only the cheapest still fits.
    assert gate.close().tolist() == [0, 3]


def test_budget_term_pulls_to_k():
    gate = BudgetedCancelOut(20, keep=5)
    with torch.no_grad():
        gate.weight.copy_(torch.linspace(-1, 1, 20))
    optimiser = torch.optim.Adam(gate.parameters(), lr=0.05)
    for step in range(400):
        gate.anneal(step / 400)
        optimiser.zero_grad()
        gate.penalty().backward()
        optimiser.step()
    gates = gate.gates().detach()
    assert 4.5 < float(gates.sum()) < 8
    assert float((gates * (1 - gates)).max()) < 0.05
    assert gate.selected().tolist() == [15, 16, 17, 18, 19]


@given(seed=st.integers(0, 1000), k=st.integers(1, 6), m=st.integers(1, 8))
@settings(deadline=None, max_examples=30)
def test_exported_network_equals_the_gated_one(seed, k, m):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 2))
    gated = Gated(module, inputs=k, nodes=(m, 3)).eval()
    for gate in gated.budgets:
        nn.init.normal_(gate.weight)
    gated.anneal(0.7)
    columns, small = gated.export()
    x = torch.randn(50, 6)
    torch.testing.assert_close(small(x[:, torch.from_numpy(columns)]), gated(x), rtol=1e-4, atol=1e-6)
    assert [layer.weight.shape for layer in small if isinstance(layer, nn.Linear)] == [(m, k), (3, m), (2, 3)]
    # The other columns are dead.
    other = x.clone()
    other[:, np.setdiff1d(np.arange(6), columns)] += 5
    assert torch.equal(gated(other), gated(x))


@given(seed=st.integers(0, 1000), k=st.integers(1, 6), macs=st.integers(9, 110))
@settings(deadline=None, max_examples=40)
def test_products_stay_within_their_budget_and_the_export_is_the_gated_network(seed, k, macs):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 2))
    gated = Gated(module, inputs=k, total=NodeBudget(macs)).eval()
    for gate in gated.budgets:
        nn.init.normal_(gate.weight)
    gated.anneal(0.7)
    columns, small = gated.export()
    x = torch.randn(50, 6)
    torch.testing.assert_close(small(x[:, torch.from_numpy(columns)]), gated(x), rtol=1e-4, atol=1e-6)
    shapes = [layer.weight.shape for layer in small if isinstance(layer, nn.Linear)]
    assert sum(a * b for a, b in shapes) <= macs
    assert shapes[0][1] == k
    # One more node anywhere would be too many, unless a layer is whole.
    (a, _), (b, _), _ = shapes
    assert any(m * k + n * m + 2 * n > macs for m, n in ((min(a + 1, 8), b), (a, min(b + 1, 5)))) or (a, b) == (
        8,
        5,
    )


def test_training_meets_the_common_budget_before_nodes_are_cut():
    module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
    gated = Gated(module, total=NodeBudget(40))
    optimiser = torch.optim.Adam(gated.parameters(), lr=0.05)
    with torch.no_grad():
        for gate in gated.budgets:
            gate.weight += torch.linspace(-0.5, 0.5, 8)
    for step in range(400):
        gated.anneal(step / 400)
        optimiser.zero_grad()
        gated.penalty().backward()
        optimiser.step()
    one, two = (float(gate.gates().detach().sum()) for gate in gated.budgets)
    assert 35 < 6 * one + one * two + two < 50


def test_impossible_budgets_of_products():
    module = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1))
    with pytest.raises(InputError, match="one node a layer takes 4"):
        Gated(module, total=NodeBudget(3))
    with pytest.raises(InputError, match="give one"):
        Gated(module, nodes=(1,), total=NodeBudget(5))
    with pytest.raises(InputError, match="needs hidden layers"):
        Gated(nn.Sequential(nn.Linear(3, 1)), total=NodeBudget(5))


FORMATS = FixedFormat.parse("ap_fixed<6,2,AP_RND,AP_SAT>"), FixedFormat.parse("ap_fixed<16,6,AP_RND,AP_SAT>")


def quantised(module):
    """The network on its grids: weights of 5, 4 and 3 bits, values of 6, 7 and 7."""
    x, k = torch.randn(200, module[0].in_features), module[0].in_features
    made = QuantisedNetwork(
        module, x, weight_bits=(5, 4, 3), activation_bits=(7, 7), input_format=FORMATS[0], output_format=FORMATS[1]
    )
    inputs = InputMap(np.zeros(k, np.int32), np.zeros(k, np.int32), FORMATS[0])
    return Model("m", tuple(map(str, range(k))), np.arange(k), inputs, made.layers())


def test_estimated_luts_are_bit_operations_in_two_prices():
    torch.manual_seed(0)
    model = quantised(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 1)))
    first = replace(model, layers=model.layers[:1]).bit_operations
    one, other = LUT_PER_BIT_OPERATION
    expected = one * first + other * (model.bit_operations - first)
    assert estimated_luts(model) == pytest.approx(expected)


@given(seed=st.integers(0, 1000), k=st.integers(1, 6), share=st.floats(0.2, 1.1))
@settings(deadline=None, max_examples=30)
def test_luts_stay_within_their_budget_counted_as_the_finished_networks_are(seed, k, share):
    torch.manual_seed(seed)
    module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 1))
    prices = NodeBudget(1, (5, 4, 3), (6, 7, 7)).prices(dense_layers(module))
    full = float(sum(price.sum() for price in prices))
    assert full == pytest.approx(estimated_luts(quantised(module)), rel=1e-5)
    limit = share * full
    gated = Gated(module, inputs=k, total=NodeBudget(limit, (5, 4, 3), (6, 7, 7)))
    for gate in gated.budgets:
        nn.init.normal_(gate.weight)
    gated.anneal(1.0)
    columns, small = gated.export()
    few = gated.gates[1].keep, gated.gates[2].keep
    kept = [gate.selected() for gate in gated.budgets]
    left = [price[np.ix_(out, into)].sum() for price, out, into in zip(prices, [*kept[1:], [0]], kept, strict=True)]
    assert sum(left) <= limit or few == (1, 1)
    assert [layer.out_features for layer in dense_layers(small)[:-1]] == list(few)
    assert len(columns) == k


def test_where_a_layer_is_dearer_it_gives_up_more():
    """Where the values of a layer are four times as wide, products with them cost four times as much."""
    opened = []
    for values in ((6, 4, 16), (6, 16, 4)):
        torch.manual_seed(3)
        module = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 12))
        budget = NodeBudget(0, (6, 6, 6), values)
        full = float(sum(price.sum() for price in budget.prices(dense_layers(module))))
        gated = Gated(module, total=replace(budget, limit=0.4 * full))
        optimiser = torch.optim.Adam([g.weight for g in gated.budgets], lr=0.05)
        for step in range(300):
            gated.anneal(step / 300)
            optimiser.zero_grad()
            gated.penalty().backward()
            optimiser.step()
        opened.append([float(gate.gates().detach().sum()) for gate in gated.budgets])
    assert opened[0][1] < opened[1][1]


def test_the_common_budget_leaves_the_choice_of_inputs_alone():
    module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 1))
    gated, alone = Gated(module, inputs=2, total=NodeBudget(30)), BudgetedCancelOut(6, keep=2)
    for layer in (gated, alone):
        layer.anneal(0.6)
        layer.penalty().backward()
    torch.testing.assert_close(gated.gates[0].weight.grad, alone.weight.grad)
    assert (gated.gates[1].weight.grad > 0).all()


def test_layers_keep_nodes_in_proportion_to_their_gates():
    """Gates that end half open together are a number of nodes, not none."""
    module = nn.Sequential(nn.Linear(6, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 1))
    gated = Gated(module, total=NodeBudget(150))
    with torch.no_grad():
        gated.gates[1].weight.fill_(0.1)  # 20 gates of 0.52
        gated.gates[2].weight.fill_(-1.0)  # 20 gates of 0.27
    _, small = gated.export()
    one, two = (layer.out_features for layer in dense_layers(small)[:-1])
    assert 6 * one + one * two + two <= 150
    assert one / two == pytest.approx(0.52 / 0.27, rel=0.25)


def test_widths_of_another_network_are_refused():
    with pytest.raises(InputError, match="3 layers; give one each"):
        Gated(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 1)),
              total=NodeBudget(100, (5, 4), (6, 7)))  # fmt: skip


def test_fold_of_the_published_layer():
    torch.manual_seed(0)
    gate, after = CancelOut(4), nn.Linear(4, 3)
    nn.init.normal_(gate.weight)
    x = torch.randn(10, 4)
    torch.testing.assert_close(fold(gate, np.arange(4), after)(x), after(gate(x)))


@pytest.mark.parametrize("keep", [0, -1, 5, 1.5])
def test_impossible_budget(keep):
    with pytest.raises(InputError, match="from 1 to 4"):
        BudgetedCancelOut(4, keep=keep)


@pytest.mark.parametrize("prices", [[1, 2], [1, 2, 0, 1], [1, 2, float("nan"), 1]])
def test_impossible_prices(prices):
    with pytest.raises(InputError, match="4 positive numbers"):
        BudgetedCancelOut(4, keep=3, prices=prices)


def test_budget_below_the_cheapest():
    with pytest.raises(InputError, match="cheapest input costs 2"):
        BudgetedCancelOut(2, keep=1, prices=[2, 3])


def test_unknown_options_are_named():
    with pytest.raises(InputError, match="gate 'tanh'"):
        CancelOut(3, gate="tanh")
    with pytest.raises(InputError, match="regularisation 'l2'"):
        CancelOut(3, regularisation="l2")


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(3, 1),
        nn.Sequential(),
        nn.Sequential(nn.Linear(3, 2), nn.ReLU()),
        nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1)),
        nn.Sequential(nn.Linear(3, 2), nn.Linear(3, 1)),
    ],
)
def test_networks_that_cannot_be_resized(module):
    with pytest.raises(InputError):
        Gated(module, inputs=1)


def test_node_budgets_are_one_per_hidden_layer():
    with pytest.raises(InputError, match="1 hidden layers"):
        Gated(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)), nodes=(1, 1))


def test_thrown_gates_are_open_with_their_probability():
    torch.manual_seed(0)
    gate = BudgetedCancelOut(3, keep=2, start=0.0)
    with torch.no_grad():
        gate.weight.copy_(torch.tensor([-1.0, 0.0, 2.0]))
    x = torch.ones(40_000, 3)
    thrown = gate(x)
    assert set(thrown.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(thrown.mean(0).detach().numpy(), gate.gates().detach().numpy(), atol=0.01)
    thrown.sum().backward()
    assert (gate.weight.grad > 0).all()
    # In evaluation nothing is random.
    assert torch.equal(gate.eval()(x)[0], gate.gates())
