"""Layers that learn which of their inputs matter, and a form that ends with exactly k of them.

`CancelOut` is the published layer (Borisov et al., ICANN 2019, doi 10.1007/978-3-030-30484-3_6; reference code
github unnir/CancelOut). `BudgetedCancelOut` is trigsim's own: see docs/resizing.md for its equations.
"""

from __future__ import annotations

import copy
import math
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError

Gate = Literal["sigmoid", "softmax"]
Regularisation = Literal["gates", "weights"]


class CancelOut(nn.Module):
    """The published layer: every input times a learnt gate, ``y = x * g(w)``.

    It ranks; it does not select. A sigmoid gate is never zero, and the layer after it can undo a small gate
    with a large weight.

    Parameters
    ----------
    n : int
        Inputs (last dimension of x).
    gate : {"sigmoid", "softmax"}
        g. The softmax is scaled by n, so that equal gates are 1.
    regularisation : {"gates", "weights"}
        Which published penalty `penalty` is: on the gates as in the PyTorch reference code,
        ``l1 * |g(w)|_1 - variance * var(w)``; or on the raw weights as in the paper and the Keras reference
        code, ``l1 * |w / n|_1 - variance * var(w / n)``, which pulls sigmoid gates to 0.5.
    l1, variance : float
        Strengths; 0.001 in the reference code.
    start : float
        Initial w; 4 in the reference code.
    """

    def __init__(
        self,
        n: int,
        *,
        gate: Gate = "sigmoid",
        regularisation: Regularisation = "gates",
        l1: float = 1e-3,
        variance: float = 1e-3,
        start: float = 4.0,
    ) -> None:
        super().__init__()
        if n < 1:
            raise InputError(f"CancelOut over {n} inputs; give at least 1")
        if gate not in ("sigmoid", "softmax"):
            raise InputError(f"gate '{gate}' is unknown; use 'sigmoid' or 'softmax'")
        if regularisation not in ("gates", "weights"):
            raise InputError(f"regularisation '{regularisation}' is unknown; use 'gates' or 'weights'")
        self.gate, self.regularisation = gate, regularisation
        self.l1, self.variance = l1, variance
        self.weight = nn.Parameter(torch.full((n,), float(start)))

    def gates(self) -> Tensor:
        """Return the gates, shape (n,)."""
        if self.gate == "softmax":
            return torch.softmax(self.weight, 0) * len(self.weight)
        return torch.sigmoid(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, shape (..., n), times the gates."""
        return x * self.gates()

    def penalty(self) -> Tensor:
        """Return the term to add to the training loss."""
        w = self.weight if self.regularisation == "gates" else self.weight / len(self.weight)
        size = self.gates() if self.regularisation == "gates" else w
        # The variance of a single weight is zero, not NaN.
        return self.l1 * size.abs().sum() - self.variance * w.var(correction=0)

    def ranking(self) -> NDArray[np.int64]:
        """Return the inputs from the largest gate to the smallest, shape (n,)."""
        return _ranking(self.gates())

    def extra_repr(self) -> str:
        """Return what `repr` shows."""
        return f"{len(self.weight)}, gate={self.gate}, regularisation={self.regularisation}"


#: Strength of the budget term, and where in training the budget is reached.
BUDGET, RAMP = 4.0, 0.8


class BudgetedCancelOut(nn.Module):
    """Gates of which exactly `keep` stay open, the number (or price) being the user's.

    The gates are ``g = sigmoid(s * w)``. While training, each gate of each row is thrown open or shut at
    random, open with probability g, and the gradient passes as through a soft gate (binary concrete, Maddison
    et al., arXiv 1611.00712, straight through). So the network meets many subsets of about the allowed size,
    w learns what an input adds to them, and no large weight behind a small gate can cheat. In evaluation
    ``y = x * g``. Call `anneal(t)` with t going from 0 to 1: the slope s rises geometrically, which makes the
    gates certain, and the budget falls from everything to `keep` over the first `ramp` of the way, so that
    inputs leave one after another while the network adapts. Add `penalty()` to the loss. Then `close()` keeps
    the best `keep` inputs exactly, `fold` puts their gates into the next dense layer, and no gate remains.

    Parameters
    ----------
    n : int
        Inputs (last dimension of x).
    keep : int or float
        How many stay (exactly), or, with `prices`, what those that stay may cost together.
    prices : array_like of shape (n,), optional
        What each input costs to compute (LUT, ns, …), positive. None: one each.
    budget, binarise : float
        Strengths of the budget term ``(sum p g - allowed)**2`` and of ``t * sum g (1 - g)``.
    slope : tuple of float
        s at t = 0 and at t = 1.
    ramp : float
        The budget reaches `keep` at this t.
    temperature : float
        Softness of the gradient of a thrown gate.
    start : float
        Initial w.
    """

    def __init__(
        self,
        n: int,
        *,
        keep: float,
        prices: ArrayLike | None = None,
        budget: float = BUDGET,
        binarise: float = 0.1,
        slope: tuple[float, float] = (1.0, 12.0),
        ramp: float = RAMP,
        temperature: float = 0.5,
        start: float = 2.0,
    ) -> None:
        super().__init__()
        cost = _prices(n, keep, prices)
        self.keep, self.priced = keep, prices is not None
        self.budget, self.binarise, self.slope, self.ramp = budget, binarise, slope, ramp
        self.temperature = temperature
        self.weight = nn.Parameter(torch.full((n,), float(start)))
        self.price: Tensor
        self.progress: Tensor
        self.mask: Tensor
        self.register_buffer("price", torch.from_numpy(cost))
        self.register_buffer("progress", torch.zeros(()))
        self.register_buffer("mask", torch.ones(n))

    def anneal(self, t: float) -> None:
        """Set how far training is, 0 at the start and 1 at the end."""
        self.progress.fill_(min(max(t, 0.0), 1.0))

    def _logits(self) -> Tensor:
        low, high = self.slope
        s: float = low * (high / low) ** float(self.progress)
        return s * self.weight

    def gates(self) -> Tensor:
        """Return the gates, shape (n,); exactly 0 where closed."""
        return torch.sigmoid(self._logits()) * self.mask

    def forward(self, x: Tensor) -> Tensor:
        """Return x, shape (..., n), times the gates, or times thrown ones in training mode."""
        if not self.training:
            return x * self.gates()
        noise = torch.empty_like(x).uniform_(1e-6, 1 - 1e-6).logit()
        soft = torch.sigmoid((self._logits() + noise) / self.temperature)
        thrown = soft + ((soft > 0.5).to(soft) - soft).detach()
        return x * thrown * self.mask

    def penalty(self) -> Tensor:
        """Return the budget and binarising terms, to add to the training loss."""
        g = self.gates()
        total, t = float(self.price.sum()), float(self.progress)
        allowed = total + (self.keep - total) * min(1.0, t / self.ramp)
        # In units of the mean price, and by the number allowed: a budget of 2 is held as tightly as one of 30.
        mean = total / len(g)
        excess = ((self.price * g).sum() - allowed) / mean
        budget = excess**2 / max(1.0, allowed / mean)
        return self.budget * budget + self.binarise * t * (g * (1 - g)).sum()

    def selected(self) -> NDArray[np.int64]:
        """Return the inputs that would stay, sorted: top k by gate, or greedily by gate within the price."""
        order = _ranking(torch.where(self.mask > 0, self.weight, -math.inf))
        if not self.priced:
            return np.sort(order[: int(self.keep)])
        price = self.price.numpy()
        chosen: list[int] = []
        left = float(self.keep)
        for i in order:
            if price[i] <= left and self.mask[i] > 0:
                chosen.append(int(i))
                left -= float(price[i])
        return np.sort(np.array(chosen, dtype=np.int64))

    def close(self) -> NDArray[np.int64]:
        """Close all gates but the selected ones, for good, and return those, sorted."""
        chosen = self.selected()
        mask = torch.zeros_like(self.mask)
        mask[torch.from_numpy(chosen)] = 1
        self.mask.copy_(mask)
        return chosen

    def ranking(self) -> NDArray[np.int64]:
        """Return the inputs from the largest gate to the smallest, shape (n,)."""
        return _ranking(self.weight)

    def extra_repr(self) -> str:
        """Return what `repr` shows."""
        return f"{len(self.weight)}, keep={self.keep}" + (", priced" if self.priced else "")


def fold(gate: CancelOut | BudgetedCancelOut, columns: NDArray[np.int64], after: nn.Linear) -> nn.Linear:
    """Return `after` reading only `columns` of what `gate` reads, the gates multiplied into its weights.

    Parameters
    ----------
    gate : CancelOut or BudgetedCancelOut
        The layer in front.
    columns : int64 array
        Inputs that stay.
    after : torch.nn.Linear
        The layer behind, n inputs.

    Returns
    -------
    torch.nn.Linear
        ``len(columns)`` inputs; on those columns its output equals ``after(gate(x))`` up to float rounding
        if all other gates are closed.
    """
    if after.in_features != len(gate.weight):
        raise InputError(
            f"the layer has {after.in_features} inputs and the gate {len(gate.weight)}; they must agree"
        )
    folded = reading(after, columns)
    with torch.no_grad():
        folded.weight.mul_(gate.gates()[torch.from_numpy(np.asarray(columns, dtype=np.int64))])
    return folded


def reading(layer: nn.Linear, columns: ArrayLike) -> nn.Linear:
    """Return `layer` with only those of its inputs."""
    index = torch.from_numpy(np.asarray(columns, dtype=np.int64))
    few = nn.Linear(len(index), layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        few.weight.copy_(layer.weight[:, index])
        if layer.bias is not None:
            few.bias.copy_(layer.bias)
    return few


def reading_of(module: nn.Sequential, columns: ArrayLike) -> nn.Sequential:
    """Return a copy of the network that reads only those of its inputs."""
    few = copy.deepcopy(module)
    at = next(i for i, layer in enumerate(few) if isinstance(layer, nn.Linear))
    first = few[at]
    assert isinstance(first, nn.Linear)
    few[at] = reading(first, columns)
    return few


def _ranking(gates: Tensor) -> NDArray[np.int64]:
    order: NDArray[np.int64] = torch.argsort(gates.detach(), descending=True, stable=True).numpy()
    return order


def _prices(n: int, keep: float, prices: ArrayLike | None) -> NDArray[np.float32]:
    """Return checked prices, ones if there are none."""
    if n < 1:
        raise InputError(f"a budget over {n} inputs; give at least 1")
    if prices is None:
        if keep != int(keep) or not 1 <= keep <= n:
            raise InputError(f"keep is {keep}; give a whole number from 1 to {n}, the number of inputs")
        return np.ones(n, dtype=np.float32)
    cost = np.asarray(prices, dtype=np.float32)
    if cost.shape != (n,) or not (np.isfinite(cost) & (cost > 0)).all():
        raise InputError(f"prices must be {n} positive numbers, one an input")
    if not cost.min() <= keep:
        raise InputError(f"keep is {keep} but the cheapest input costs {cost.min():g}; allow more")
    return cost
