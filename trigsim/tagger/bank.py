"""Networks of one shape trained side by side: what a step of a small one takes is overhead, not arithmetic."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError
from trigsim.tagger.cancelout import BudgetedCancelOut
from trigsim.tagger.dense import dense_layers
from trigsim.tagger.fitting import Pace, Sample, loss

#: Rows times networks that are evaluated at once: 64 MB of the widest activations.
AT_ONCE = 2**19


class Stacked(nn.Module):
    """Dense layers of one shape as one layer: (layers, rows, inputs) → (layers, rows, outputs).

    Parameters
    ----------
    layers : sequence of torch.nn.Linear
        Copied.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().T for layer in layers]))
        biases = [layer.bias.detach()[None] for layer in layers if layer.bias is not None]
        self.bias = nn.Parameter(torch.stack(biases)) if biases else None

    def forward(self, x: Tensor) -> Tensor:
        """Return what each layer makes of its own rows."""
        return x @ self.weight if self.bias is None else torch.baddbmm(self.bias, x, self.weight)


def side_by_side(networks: Sequence[nn.Sequential]) -> nn.Sequential:
    """Return networks that are alike but for their weights as one over stacked copies of them; see `Stacked`."""
    dense = [dense_layers(network) for network in networks]
    shapes = {tuple((*layer.weight.shape, layer.bias is None) for layer in layers) for layers in dense}
    if len(shapes) != 1:
        raise InputError(f"{len(networks)} networks whose dense layers have {len(shapes)} shapes; give some of one")
    stacked = iter(zip(*dense, strict=True))
    bank = nn.Sequential(
        *(Stacked(next(stacked)) if isinstance(m, nn.Linear) else copy.deepcopy(m) for m in networks[0])
    )
    for one, layer in pairwise(bank):
        if isinstance(one, Stacked) and isinstance(layer, nn.ReLU):
            # No second array of all nodes of all networks: that is a fifth of the time.
            layer.inplace = True
    return bank


def parts(group: ArrayLike, number: int, generator: torch.Generator) -> NDArray[np.int64]:
    """Return the part of each row, 0 to `number` - 1, rows of one group in the same; shape as `group`."""
    groups, place = np.unique(np.asarray(group), return_inverse=True)
    drawn: NDArray[np.int64] = torch.randperm(len(groups), generator=generator).numpy()
    return (drawn % number)[place]


class StackedGates(BudgetedCancelOut):
    """Budgeted gates of several networks over the same inputs, each with its own number that stays.

    Parameters
    ----------
    n : int
        Inputs.
    keeps : sequence of int
        How many stay, one a network.
    """

    def __init__(self, n: int, keeps: Sequence[int]) -> None:
        super().__init__(n, keep=n)
        self.keeps = torch.tensor([float(k) for k in keeps])
        self.weight = nn.Parameter(self.weight.detach().repeat(len(keeps), 1, 1))

    def penalty(self) -> Tensor:
        """Return the sum over the networks of the terms of `BudgetedCancelOut.penalty`."""
        g, t = self.gates()[:, 0], float(self.progress)
        n = g.shape[1]
        allowed = n + (self.keeps - n) * min(1.0, t / self.ramp)
        budget = (g.sum(1) - allowed) ** 2 / allowed.clamp(min=1.0)
        return (self.budget * budget + self.binarise * t * (g * (1 - g)).sum(1)).sum()

    def chosen(self) -> list[NDArray[np.int64]]:
        """Return the inputs with the largest gates of each network, ascending."""
        orders = torch.argsort(self.weight.detach()[:, 0], descending=True, stable=True).numpy()
        return [np.sort(order[: int(k)]) for order, k in zip(orders, self.keeps, strict=True)]


def gated_choices(
    networks: Sequence[nn.Sequential], keeps: Sequence[int], sample: Sample, pace: Pace, epochs: int
) -> list[NDArray[np.int64]]:
    """Train each network behind budgeted gates, side by side, and return the inputs that each keeps, ascending."""
    n = sample.x.shape[1]
    gates = StackedGates(n, keeps)
    reads = np.tile(np.arange(n), (len(networks), 1))
    weight = sample.w.expand(len(networks), -1)
    train_side_by_side(side_by_side(networks), reads, sample, weight, pace, epochs, gates)
    return gates.chosen()


def train_side_by_side(
    bank: nn.Sequential,
    reads: ArrayLike,
    sample: Sample,
    weight: Tensor,
    pace: Pace,
    epochs: int,
    gates: StackedGates | None = None,
) -> None:
    """Train stacked networks in place; all take the same rows at the same time.

    Parameters
    ----------
    bank : torch.nn.Sequential
        See `side_by_side`.
    reads : array_like of int, shape (networks, inputs)
        Columns of `sample` that each reads.
    sample : Sample
    weight : Tensor, shape (networks, rows)
        Instead of that of `sample`; 0 for rows that a network is not to see.
    pace : Pace
    epochs : int
        Each is reported to `pace`, once for all. The learning rate falls as a cosine.
    gates : StackedGates, optional
        In front of the networks. They learn three times as fast, and the learning rate stays.
    """
    networks, columns = len(weight), torch.from_numpy(np.asarray(reads, dtype=np.int64))
    groups = [{"params": list(bank.parameters()), "lr": pace.rate, "weight_decay": pace.decay}]
    if gates is not None:
        groups.append({"params": [gates.weight], "lr": 3 * pace.rate, "weight_decay": 0.0})
    optimiser = torch.optim.AdamW(groups)
    batch = min(pace.batch, len(sample))
    steps = len(sample) // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps) if gates is None else None
    by_column = sample.x.T.contiguous()
    bank.train()
    for epoch in range(epochs):
        order = torch.randperm(len(sample), generator=pace.generator)
        for step, rows in enumerate(order[: steps * batch].view(steps, batch)):
            x = by_column[:, rows][columns].transpose(1, 2)
            if gates is not None:
                gates.anneal((epoch + step / steps) / epochs)
                x = gates(x)
            output = bank(x).flatten(0, 1)
            # The sum over networks: each has the gradient that it would have alone.
            value = networks * loss(output, sample.y[rows].repeat(networks), weight[:, rows].flatten())
            if gates is not None:
                value = value + gates.penalty()
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if schedule is not None:
                schedule.step()
        if pace.advance:
            pace.advance(1)
    bank.eval()


def stratified(y: Tensor, number: int, generator: torch.Generator) -> NDArray[np.int64]:
    """Return the part of each row, 0 to `number` - 1, every class spread over all parts; shape as `y`."""
    order = torch.randperm(len(y), generator=generator)
    order = order[torch.argsort(y[order], stable=True)]
    part = torch.empty(len(y), dtype=torch.int64)
    part[order] = torch.arange(len(y)) % number
    found: NDArray[np.int64] = part.numpy()
    return found


def cross_validated(
    networks: Sequence[nn.Sequential],
    columns: ArrayLike,
    sample: Sample,
    part: NDArray[np.int64],
    pace: Pace,
    epochs: int,
) -> NDArray[np.float64]:
    """Return the mean loss of each network on rows that it was not trained on.

    A copy of it is trained without each part, from where it stands; see `train_side_by_side`.

    Parameters
    ----------
    networks : sequence of torch.nn.Sequential
        Of one shape; left as they are.
    columns : array_like of int, shape (networks, inputs)
        Columns of `sample` that each reads.
    sample : Sample
    part : int64 array, shape (rows,)
        See `parts`; at least two.
    pace : Pace
    epochs : int

    Returns
    -------
    float64 array, shape (networks,)
    """
    number = int(part.max()) + 1
    copies = len(networks) * number
    bank = side_by_side([network for network in networks for _ in range(number)])
    reads = np.repeat(np.asarray(columns, dtype=np.int64), number, axis=0)
    left_out = torch.from_numpy(part)[None] == torch.arange(number).repeat(len(networks))[:, None]
    train_side_by_side(bank, reads, sample, sample.w * ~left_out, pace, epochs)
    by_column = sample.x.T.contiguous()
    found = torch.zeros(copies, dtype=torch.float64)
    with torch.no_grad():
        for rows in torch.chunk(torch.arange(len(sample)), math.ceil(copies * len(sample) / AT_ONCE)):
            output = bank(by_column[:, rows][torch.from_numpy(reads)].transpose(1, 2))
            for i, (one, left) in enumerate(zip(output, left_out[:, rows], strict=True)):
                some = rows[left]
                if len(some):
                    found[i] += len(some) * loss(one[left], sample.y[some], sample.w[some])
    losses: NDArray[np.float64] = (found.view(len(networks), number).sum(1) / len(sample)).numpy()
    return losses
