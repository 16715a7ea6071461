"""Networks of one shape trained side by side: what a step of a small one takes is overhead, not arithmetic."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError
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
    return nn.Sequential(
        *(Stacked(next(stacked)) if isinstance(m, nn.Linear) else copy.deepcopy(m) for m in networks[0])
    )


def parts(group: ArrayLike, number: int, generator: torch.Generator) -> NDArray[np.int64]:
    """Return the part of each row, 0 to `number` - 1, rows of one group in the same; shape as `group`."""
    groups, place = np.unique(np.asarray(group), return_inverse=True)
    drawn: NDArray[np.int64] = torch.randperm(len(groups), generator=generator).numpy()
    return (drawn % number)[place]


def cross_validated(
    networks: Sequence[nn.Sequential],
    columns: ArrayLike,
    sample: Sample,
    part: NDArray[np.int64],
    pace: Pace,
    epochs: int,
) -> NDArray[np.float64]:
    """Return the mean loss of each network on rows that it was not trained on.

    A copy of it is trained without each part, from where it stands and with a falling learning rate; all copies
    take the same rows at the same time.

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
        Each is reported to `pace`, once for all.

    Returns
    -------
    float64 array, shape (networks,)
    """
    number = int(part.max()) + 1
    copies = len(networks) * number
    bank = side_by_side([network for network in networks for _ in range(number)])
    reads = torch.from_numpy(np.repeat(np.asarray(columns, dtype=np.int64), number, axis=0))
    left_out = torch.from_numpy(part)[None] == torch.arange(number).repeat(len(networks))[:, None]
    weight = sample.w * ~left_out
    optimiser = torch.optim.AdamW(bank.parameters(), lr=pace.rate, weight_decay=pace.decay)
    batch = min(pace.batch, len(sample))
    steps = len(sample) // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps)
    by_column = sample.x.T.contiguous()
    bank.train()
    for _ in range(epochs):
        order = torch.randperm(len(sample), generator=pace.generator)
        for rows in order[: steps * batch].view(steps, batch):
            output = bank(by_column[:, rows][reads].transpose(1, 2))
            # The sum over networks: each has the gradient that it would have alone.
            value = copies * loss(output.flatten(0, 1), sample.y[rows].repeat(copies), weight[:, rows].flatten())
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
        if pace.advance:
            pace.advance(1)
    bank.eval()
    found = torch.zeros(copies, dtype=torch.float64)
    with torch.no_grad():
        for rows in torch.chunk(torch.arange(len(sample)), math.ceil(copies * len(sample) / AT_ONCE)):
            output = bank(by_column[:, rows][reads].transpose(1, 2))
            for i, (one, left) in enumerate(zip(output, left_out[:, rows], strict=True)):
                some = rows[left]
                if len(some):
                    found[i] += len(some) * loss(one[left], sample.y[some], sample.w[some])
    losses: NDArray[np.float64] = (found.view(len(networks), number).sum(1) / len(sample)).numpy()
    return losses
