"""Any dense classifier, cut to k inputs and m nodes a layer by budgeted gates, while it trains."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError
from trigsim.tagger.cancelout import BUDGET, RAMP, BudgetedCancelOut, fold
from trigsim.tagger.elimination import eliminate
from trigsim.tagger.fitting import History, Pace, Sample, evaluate, fit

#: Activations that work node by node, so that a node may leave.
ELEMENTWISE = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Hardtanh,
    nn.ReLU6,
    nn.Softplus,
)


def dense_layers(module: nn.Sequential) -> list[nn.Linear]:
    """Return the dense layers of a checked network.

    Raises
    ------
    InputError
        If there is another kind of layer, no dense layer, an activation at the end or widths that disagree.
    """
    if not isinstance(module, nn.Sequential):
        raise InputError(f"the network is a {type(module).__name__}; give a torch.nn.Sequential")
    for i, layer in enumerate(module):
        if not isinstance(layer, (nn.Linear, nn.Identity, nn.Dropout, *ELEMENTWISE)):
            raise InputError(f"layer {i} is {type(layer).__name__}; use dense layers and elementwise activations")
    layers = [layer for layer in module if isinstance(layer, nn.Linear)]
    if not layers or not isinstance(module[-1], nn.Linear):
        raise InputError("the network must end in a dense layer that gives a logit or class scores")
    for one, two in pairwise(layers):
        if one.out_features != two.in_features:
            raise InputError(
                f"a layer of {one.out_features} nodes feeds one of {two.in_features} inputs; make them equal"
            )
    return layers


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
    macs : int, optional
        Instead of `nodes`: multiply-accumulates that the exported network may have; training decides which layer
        gives up how many nodes.
    """

    def __init__(
        self,
        module: nn.Sequential,
        *,
        inputs: float | None = None,
        nodes: Sequence[int] | None = None,
        prices: ArrayLike | None = None,
        macs: int | None = None,
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
        self.macs, self.progress = macs, 0.0
        if macs is not None:
            if nodes is not None:
                raise InputError("nodes and macs are both given; give one")
            if len(layers) == 1:
                raise InputError("a budget of multiply-accumulates needs hidden layers; give inputs instead")
            least = layers[0].in_features if inputs is None else 1 if prices is not None else inputs
            fewest = self._macs([least, *(1 for _ in layers[1:])])
            if macs < fewest:
                raise InputError(f"macs is {macs}; one node a layer takes {fewest:g}, allow at least that")
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

    def penalty(self) -> Tensor:
        """Return the sum of the gates' terms, and that of the common budget if there is one."""
        terms = [g.penalty() for g in self.budgets]
        if self.macs is not None:
            layers = dense_layers(self.module)
            full = self._macs([layer.in_features for layer in layers])
            allowed = full + (self.macs - full) * min(1.0, self.progress / RAMP)
            expected = self._macs(
                [
                    gate.gates().sum() if isinstance(gate, BudgetedCancelOut) else layer.in_features
                    for gate, layer in zip(self.gates, layers, strict=True)
                ]
            )
            # In units of what a node costs on average, as the gates' own terms are in units of an input.
            node = full / sum(layer.in_features for layer in layers[1:])
            terms.append(torch.as_tensor(BUDGET * ((expected - allowed) / node) ** 2 / max(1.0, allowed / node)))
        return torch.stack(terms).sum() if terms else torch.zeros(())

    def _macs(self, widths: Sequence[Any]) -> Any:
        """Return the products of dense layers that read so many values each."""
        outputs = dense_layers(self.module)[-1].out_features
        return sum(a * b for a, b in pairwise([*widths, outputs]))

    def _share_out(self) -> None:
        """Give each hidden layer the nodes that it keeps: the least open leave until the products fit."""
        assert self.macs is not None
        first, hidden = self.gates[0], self.budgets
        inputs = dense_layers(self.module)[0].in_features
        if isinstance(first, BudgetedCancelOut):
            inputs, hidden = len(first.selected()), hidden[1:]
        widths = [inputs, *(len(gate.weight) for gate in hidden)]
        order = sorted((float(w), i) for i, gate in enumerate(hidden, start=1) for w in gate.weight.detach())
        for _, i in order:
            if self._macs(widths) <= self.macs:
                break
            widths[i] = max(1, widths[i] - 1)
        for gate, width in zip(hidden, widths[1:], strict=True):
            gate.keep = width

    def export(self) -> tuple[NDArray[np.int64], nn.Sequential]:
        """Close the gates and return the inputs that stay, sorted, and the plain, smaller network on those.

        Its outputs equal this network's, up to float rounding.
        """
        if self.macs is not None:
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
    macs: int | None = None,
    select: int,
    tune: int,
    restarts: int = 1,
    elimination: bool = True,
) -> tuple[NDArray[np.int64], nn.Sequential, History]:
    """Select inputs and nodes, export, fine-tune; of several tries that of the best validation loss is kept.

    Parameters
    ----------
    module : torch.nn.Sequential
        Where the first try starts; left as it is. Others start from new random weights: tries from the same weights
        choose much the same inputs.
    train, valid : Sample
    pace : Pace
    inputs, nodes, prices, macs
        See `Gated`; without any budget only fine-tuning is left.
    select, tune : int
        Epochs with gates, and of the exported network.
    restarts : int
        Tries with gates, at least 1.
    elimination : bool
        Whether there is one more, whose inputs are chosen by `elimination.eliminate`. Not with prices. Gates look
        for what helps a small subset, elimination for what a large one can spare: which is better depends on the
        task (docs/resizing.md), and the validation loss tells.

    Returns
    -------
    columns : int64 array
        Inputs that stay, sorted.
    small : torch.nn.Sequential
        The plain network on those.
    history : list of dict
        Of the try that was kept.
    """

    def attempt(start: nn.Sequential, columns: NDArray[np.int64], gates: Mapping[str, Any]) -> Try:
        """Close gates and tune, on some of the columns."""
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
        some, few = some.columns(kept), few.columns(kept)
        history += fit(small, some, few, pace, epochs=tune, phase="tune")
        return Try(evaluate(small, few)[1], columns[kept], small, history)

    n = train.x.shape[1]
    hidden = {"nodes": nodes, "macs": macs}
    tries = [
        attempt(
            module if number == 0 else _fresh(module), np.arange(n), {"inputs": inputs, "prices": prices, **hidden}
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


def _fresh(module: nn.Sequential) -> nn.Sequential:
    """Return the network with new initial weights."""
    fresh = copy.deepcopy(module)
    for layer in dense_layers(fresh):
        layer.reset_parameters()
    return fresh


def _rows(layer: nn.Linear, rows: NDArray[np.int64]) -> nn.Linear:
    """Return `layer` with only those nodes."""
    index = torch.from_numpy(rows)
    small = nn.Linear(layer.in_features, len(rows), bias=layer.bias is not None)
    with torch.no_grad():
        small.weight.copy_(layer.weight[index])
        if layer.bias is not None:
            small.bias.copy_(layer.bias[index])
    return small
