"""Any dense classifier, cut to k inputs and m nodes a layer by budgeted gates, while it trains."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError
from trigsim.tagger.cancelout import BUDGET, RAMP, BudgetedCancelOut, fold, reading_of
from trigsim.tagger.dense import dense_layers, fresh
from trigsim.tagger.elimination import eliminate
from trigsim.tagger.fitting import History, Pace, Sample, evaluate, fit
from trigsim.tagger.node_budget import NodeBudget
from trigsim.tagger.subsets import best_subset, searchable

#: Part of training after which what products cost is looked up anew.
REPRICE = 0.01


class Gated(nn.Module):
    """A network with a budgeted gate before its first layer and behind each hidden activation.

    Parameters
    ----------
    module : torch.nn.Sequential
        Dense layers and elementwise activations; copied.
    inputs : float or None
        Inputs that stay (or what they may cost together, with `prices`); None: no gate.
    nodes : sequence of int or None
        Nodes that stay in each hidden layer; None: no gates.
    prices : array_like, optional
        Of the inputs; see `BudgetedCancelOut`.
    total : NodeBudget, optional
        Instead of `nodes`: what the exported network may cost; training decides which layer gives up what.
    """

    def __init__(
        self,
        module: nn.Sequential,
        *,
        inputs: float | None = None,
        nodes: Sequence[int] | None = None,
        prices: ArrayLike | None = None,
        total: NodeBudget | None = None,
    ) -> None:
        super().__init__()
        layers = dense_layers(module)
        if nodes is not None and len(nodes) != len(layers) - 1:
            raise InputError(f"{len(nodes)} node budgets for {len(layers) - 1} hidden layers; give one each")
        self.module = copy.deepcopy(module)
        # Gate i stands before dense layer i.
        self.gates = nn.ModuleList(nn.Identity() for _ in layers)
        if inputs is not None:
            self.gates[0] = BudgetedCancelOut(layers[0].in_features, keep=inputs, prices=prices)
        for i, m in enumerate(nodes or (), start=1):
            self.gates[i] = BudgetedCancelOut(layers[i].in_features, keep=m)
        self.total, self.progress = total, 0.0
        if total is not None:
            if nodes is not None:
                raise InputError(f"nodes and {total.unit} are both given; give one")
            if len(layers) == 1:
                raise InputError(f"a budget of {total.unit} needs hidden layers; give inputs instead")
            self.costs, self._priced_at = _means(total.prices(layers)), 0.0
            least = layers[0].in_features if inputs is None else 1 if prices is not None else int(inputs)
            fewest = self._cheapest(least)
            if total.limit < fewest:
                takes = math.ceil(fewest)
                raise InputError(
                    f"{total.unit} is {total.limit:g}; one node a layer takes {takes}, allow at least that"
                )
            for i, layer in enumerate(layers[1:], start=1):
                # No budget of their own: that of all of them together is in `penalty`.
                self.gates[i] = BudgetedCancelOut(layer.in_features, keep=layer.in_features, budget=0.0)

    @property
    def budgets(self) -> list[BudgetedCancelOut]:
        """The gates that are there."""
        return [g for g in self.gates if isinstance(g, BudgetedCancelOut)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of the gated network."""
        gate = iter(self.gates)
        for layer in self.module:
            x = layer(next(gate)(x)) if isinstance(layer, nn.Linear) else layer(x)
        return x

    def anneal(self, t: float) -> None:
        """Set how far training is in all gates, from 0 to 1."""
        self.progress = t
        for gate in self.budgets:
            gate.anneal(t)
        if self.total is not None and t >= self._priced_at + REPRICE:
            self.costs, self._priced_at = _means(self.total.prices(dense_layers(self.module))), t

    def penalty(self) -> Tensor:
        """Return the sum of the gates' terms, and that of the common budget if there is one."""
        terms = [g.penalty() for g in self.budgets]
        if self.total is not None:
            full = float(sum(cost.sum() for cost in self.costs))
            allowed = full + (self.total.limit - full) * min(1.0, self.progress / RAMP)
            opened = [g.gates() if isinstance(g, BudgetedCancelOut) else None for g in self.gates]
            # What closing a node saves is taken as in the whole network. With what it saves now, a layer that has
            # become narrow would get narrower, its nodes being dear to the wide one. Inputs have their own budget.
            sums = [float(cost.sum()) for cost in self.costs]
            saved = [
                (sums[i - 1] + sums[i]) / self.costs[i].shape[1] * gates.sum()
                for i, gates in enumerate(opened)
                if i > 0 and gates is not None
            ]
            pressure = torch.stack(saved).sum()
            expected = self._cost(opened).detach() + (pressure - pressure.detach())
            # In units of what a node costs on average, as the gates' own terms are in units of an input.
            node = full / sum(cost.shape[1] for cost in self.costs[1:])
            terms.append(torch.as_tensor(BUDGET * ((expected - allowed) / node) ** 2 / max(1.0, allowed / node)))
        return torch.stack(terms).sum() if terms else torch.zeros(())

    def _cost(self, opened: Sequence[Tensor | None]) -> Tensor:
        """Return what all products cost, each as far as its ends are open; None: all of a layer's inputs are."""
        wide = [torch.ones(c.shape[1]) if g is None else g for c, g in zip(self.costs, opened, strict=True)]
        ends = [*wide[1:], torch.ones(self.costs[-1].shape[0])]
        return torch.stack([out @ cost @ x for out, cost, x in zip(ends, self.costs, wide, strict=True)]).sum()

    def _cheapest(self, inputs: int) -> float:
        """Return about what a network of so many inputs and one node a layer costs: products of the mean price."""
        counts = [inputs, *(1 for _ in self.costs[1:]), self.costs[-1].shape[0]]
        return sum(a * b * float(cost.mean()) for (a, b), cost in zip(pairwise(counts), self.costs, strict=True))

    def _share_out(self) -> None:
        """Give each hidden layer the nodes that it keeps, as many as fit, in proportion to the sums of its gates.

        Not all gates in one order: nodes of a layer are alike, and their gates may end half open together.
        """
        assert self.total is not None
        layers = dense_layers(self.module)
        self.costs = self.total.prices(layers)
        opened = [torch.ones(layer.in_features) for layer in layers]
        first = self.gates[0]
        if isinstance(first, BudgetedCancelOut):
            opened[0] = _open(first)
        hidden = {i: g for i, g in enumerate(self.gates) if i > 0 and isinstance(g, BudgetedCancelOut)}
        wanted = {i: max(float(gate.gates().detach().sum()), 1e-3) for i, gate in hidden.items()}
        kept = dict.fromkeys(hidden, 1)
        for i, gate in hidden.items():
            gate.keep = 1
            opened[i] = _open(gate)
        while True:
            for i in sorted(hidden, key=lambda i: kept[i] / wanted[i]):
                before, gate = opened[i], hidden[i]
                if kept[i] == len(gate.weight):
                    continue
                gate.keep = kept[i] + 1
                opened[i] = _open(gate)
                if float(self._cost(opened)) <= self.total.limit:
                    kept[i] += 1
                    break
                gate.keep, opened[i] = kept[i], before
            else:
                return

    def export(self) -> tuple[NDArray[np.int64], nn.Sequential]:
        """Close the gates and return the inputs that stay, sorted, and the plain, smaller network on those.

        Its outputs equal this network's, up to float rounding.
        """
        if self.total is not None:
            self._share_out()
        small = copy.deepcopy(self.module)
        layers = [(i, layer) for i, layer in enumerate(small) if isinstance(layer, nn.Linear)]
        columns = np.arange(layers[0][1].in_features)
        for number, ((i, layer), gate) in enumerate(zip(layers, self.gates, strict=True)):
            if not isinstance(gate, BudgetedCancelOut):
                continue
            kept = gate.close()
            small[i] = fold(gate, kept, layer)
            if number == 0:
                columns = kept
            else:
                before, producer = layers[number - 1][0], small[layers[number - 1][0]]
                assert isinstance(producer, nn.Linear)
                small[before] = _rows(producer, kept)
        return columns, small


def resize(
    module: nn.Sequential,
    train: Sample,
    valid: Sample,
    pace: Pace,
    *,
    inputs: float | None,
    nodes: Sequence[int] | None,
    prices: ArrayLike | None = None,
    total: NodeBudget | None = None,
    select: int,
    tune: int,
    restarts: int = 1,
    elimination: bool = True,
    search: bool = True,
    group: ArrayLike | None = None,
) -> tuple[NDArray[np.int64], nn.Sequential, History]:
    """Select inputs and nodes, export, fine-tune; of several tries that of the best validation loss is kept.

    Parameters
    ----------
    module : torch.nn.Sequential
        Where the first try starts; left as it is. Others start from new random weights: tries from the same weights
        choose much the same inputs.
    train, valid : Sample
    pace : Pace
    inputs, nodes, prices, total
        See `Gated`; without any budget only fine-tuning is left.
    select, tune : int
        Epochs with gates, and of the exported network.
    restarts : int
        Tries with gates, at least 1.
    elimination : bool
        Whether there is one more, whose inputs are chosen by `elimination.eliminate`. Not with prices. Gates look
        for what helps a small subset, elimination for what a large one can spare: which is better depends on the
        task (docs/resizing.md), and the validation loss tells.
    search : bool
        Whether instead, where so few may stay that all subsets can be looked at (`subsets.searchable`), all tries
        are on the best of the likeliest subsets and those that gates choose; see `subsets.best_subset`.
    group : array_like of int, shape (rows of train, then of valid), optional
        Rows of one group are not independent; the search leaves them out together. None: each row is its own.

    Returns
    -------
    columns : int64 array
        Inputs that stay, sorted.
    small : torch.nn.Sequential
        The plain network on those.
    history : list of dict
        Of the try that was kept.
    """

    def closed(
        start: nn.Sequential, columns: NDArray[np.int64], gates: Mapping[str, Any]
    ) -> tuple[NDArray[np.int64], nn.Sequential, History]:
        """Train with gates on some of the columns, and export."""
        gated, history = Gated(start, **gates), []
        some, few = train.columns(columns), valid.columns(columns)
        if gated.budgets:
            history = fit(
                gated,
                some,
                few,
                pace,
                epochs=select,
                phase="select",
                fast=[g.weight for g in gated.budgets],
                penalty=gated.penalty,
                on_step=gated.anneal,
                cosine=False,
                keep_best=False,
            )
        kept, small = gated.export()
        return columns[kept], small, history

    def attempt(start: nn.Sequential, columns: NDArray[np.int64], gates: Mapping[str, Any]) -> Try:
        """Close gates and tune, on some of the columns."""
        kept, small, history = closed(start, columns, gates)
        some, few = train.columns(kept), valid.columns(kept)
        history += fit(small, some, few, pace, epochs=tune, phase="tune")
        return Try(evaluate(small, few)[1], kept, small, history)

    n = train.x.shape[1]
    hidden = {"nodes": nodes, "total": total}
    group = np.arange(len(train) + len(valid)) if group is None else np.asarray(group)
    if search and inputs is not None and searchable(len(np.unique(group)), n, inputs, prices):
        # Hidden gates wait: what they close depends on the columns.
        hints = [
            closed(fresh(module) if number else module, np.arange(n), {"inputs": inputs, "prices": prices})[0]
            for number in range(restarts)
        ]
        columns = best_subset(module, train.joined(valid), pace, tune, inputs, prices, hints, group)
        found = [attempt(fresh(reading_of(module, columns)), columns, hidden) for _ in range(restarts)]
        return min(found, key=lambda t: t.loss)[1:]
    tries = [
        attempt(
            module if number == 0 else fresh(module), np.arange(n), {"inputs": inputs, "prices": prices, **hidden}
        )
        for number in range(restarts)
    ]
    if elimination and inputs is not None and prices is None and inputs < n:
        columns, start = eliminate(module, train, valid, pace, int(inputs), tune)
        tries.append(attempt(start, columns, hidden))
    best = min(tries, key=lambda t: t.loss)
    return best.columns, best.small, best.history


class Try(NamedTuple):
    """One way to the budgets."""

    loss: float
    columns: NDArray[np.int64]
    small: nn.Sequential
    history: History


def _open(gate: BudgetedCancelOut) -> Tensor:
    """Return 1 for what a gate would keep, 0 for the rest."""
    return torch.zeros(len(gate.weight)).scatter_(0, torch.from_numpy(gate.selected()), 1.0)


def _means(costs: Sequence[Tensor]) -> list[Tensor]:
    """Return the mean of each layer in place of its prices: what matters has large weights, so would cost most."""
    return [torch.full_like(cost, float(cost.mean())) for cost in costs]


def _rows(layer: nn.Linear, rows: NDArray[np.int64]) -> nn.Linear:
    """Return `layer` with only those nodes."""
    index = torch.from_numpy(rows)
    small = nn.Linear(layer.in_features, len(rows), bias=layer.bias is not None)
    with torch.no_grad():
        small.weight.copy_(layer.weight[index])
        if layer.bias is not None:
            small.bias.copy_(layer.bias[index])
    return small
