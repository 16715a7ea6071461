"""The one training loop of this room: minibatches, Adam, one thread, the same result for the same seed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trigsim.numeric.random import stream_rng

History = list[dict[str, float | str]]


@dataclass(frozen=True, slots=True)
class Sample:
    """Network inputs, targets and weights as tensors.

    Attributes
    ----------
    x : float32 Tensor, shape (n, inputs)
    y : Tensor, shape (n,)
        float32 in {0, 1} for a network with one output, int64 class numbers for one with more.
    w : float32 Tensor, shape (n,)
        Mean 1.
    """

    x: Tensor
    y: Tensor
    w: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def columns(self, index: Any) -> Sample:
        """Return the sample with only those input columns."""
        return Sample(self.x[:, torch.as_tensor(np.asarray(index))].contiguous(), self.y, self.w)

    def joined(self, other: Sample) -> Sample:
        """Return the rows of both, these first."""
        return Sample(*(torch.cat(pair) for pair in ((self.x, other.x), (self.y, other.y), (self.w, other.w))))

    def rows(self, index: Any) -> Sample:
        """Return the sample with only those rows."""
        i = torch.as_tensor(np.asarray(index))
        return Sample(self.x[i], self.y[i], self.w[i])


@contextmanager
def seeded(seed: int, stream: str) -> Iterator[torch.Generator]:
    """Run the block on one thread with torch's random numbers from one stream, and put both back.

    Small networks gain nothing from threads, and sums in a fixed order make training reproducible.

    Yields
    ------
    torch.Generator
        For shuffles; initial weights are drawn from the global generator, seeded alike.
    """
    drawn = stream_rng(seed, f"tagger/{stream}").integers(0, 2**62, size=2)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(drawn[0]))
            yield torch.Generator().manual_seed(int(drawn[1]))
    finally:
        torch.set_num_threads(threads)


def loss(output: Tensor, y: Tensor, w: Tensor) -> Tensor:
    """Return the weighted cross entropy of logits, shape (n, 1), or class scores, shape (n, classes)."""
    if output.shape[1] == 1:
        return nn.functional.binary_cross_entropy_with_logits(output[:, 0], y, w)
    return (nn.functional.cross_entropy(output, y, reduction="none") * w).mean()


def evaluate(module: nn.Module, sample: Sample) -> tuple[Tensor, float]:
    """Return outputs and mean loss in evaluation mode, without gradients."""
    training = module.training
    module.eval()
    with torch.no_grad():
        output = module(sample.x)
        value = float(loss(output, sample.y, sample.w))
    module.train(training)
    return output, value


@dataclass(frozen=True, slots=True)
class Pace:
    """How a network is trained.

    Attributes
    ----------
    rate : float
        Adam's learning rate.
    batch : int
        Rows a step.
    generator : torch.Generator
        Of the shuffles.
    advance : callable, optional
        Called with 1 after each epoch.
    decay : float
        Decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101); gates and widths have none.
    """

    rate: float
    batch: int
    generator: torch.Generator
    advance: Callable[[int], None] | None = None
    decay: float = 0.0


def fit(
    module: nn.Module,
    train: Sample,
    valid: Sample,
    pace: Pace,
    *,
    epochs: int,
    phase: str,
    fast: Iterable[nn.Parameter] = (),
    boost: float = 3.0,
    penalty: Callable[[], Tensor] | None = None,
    on_step: Callable[[float], None] | None = None,
    cosine: bool = True,
    keep_best: bool = True,
) -> History:
    """Train `module` in place.

    Parameters
    ----------
    module : torch.nn.Module
        (n, inputs) → (n, 1) logits or (n, classes) scores.
    train, valid : Sample
        What the gradient sees, and what tells which epoch was best.
    pace : Pace
    epochs : int
        Passes over `train`.
    phase : str
        Named in the history.
    fast : iterable of Parameter
        Those that learn `boost` times as fast (gates, widths).
    boost : float
    penalty : callable, optional
        Term to add to the loss.
    on_step : callable, optional
        Called with the share of training done, in [0, 1), before each step.
    cosine : bool
        Whether the learning rate falls to zero as a cosine.
    keep_best : bool
        End with the weights of the best validation loss.

    Returns
    -------
    list of dict
        Per epoch: phase, epoch, train and valid loss.
    """
    boosted = list(fast)
    known = {id(p) for p in boosted}
    slow = [p for p in module.parameters() if id(p) not in known and p.requires_grad]
    groups = [
        {"params": slow, "lr": pace.rate, "weight_decay": pace.decay},
        {"params": boosted, "lr": boost * pace.rate, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups)
    batch = min(pace.batch, len(train))
    steps = len(train) // batch
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs * steps) if cosine else None
    module.train()
    history: History = []
    best, kept = np.inf, None
    for epoch in range(epochs):
        order = torch.randperm(len(train), generator=pace.generator)
        total = 0.0
        for step in range(steps):
            if on_step:
                on_step((epoch + step / steps) / epochs)
            rows = order[step * batch : (step + 1) * batch]
            value = loss(module(train.x[rows]), train.y[rows], train.w[rows])
            total += value.item()
            if penalty:
                value = value + penalty()
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if schedule:
                schedule.step()
        _, validation = evaluate(module, valid)
        history.append({"phase": phase, "epoch": epoch, "train": total / steps, "valid": validation})
        if keep_best and validation < best:
            best, kept = validation, copy.deepcopy(module.state_dict())
        if pace.advance:
            pace.advance(1)
    if kept is not None:
        module.load_state_dict(kept)
    module.eval()
    return history
