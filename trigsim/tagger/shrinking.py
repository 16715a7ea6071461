"""Any dense PyTorch classifier, cut to fewer inputs, nodes and bits in one call."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from trigsim.base.errors import InputError
from trigsim.numeric.random import stream_rng
from trigsim.tagger.cancelout import reading_of
from trigsim.tagger.choosing import choose
from trigsim.tagger.dense import dense_layers, fresh
from trigsim.tagger.fitting import History, Pace, Sample, evaluate, fit, seeded
from trigsim.tagger.quantise import fake_quantise, grid_format
from trigsim.tagger.resize import resize

RATE = 3e-3
#: Gradient steps of a phase, and the fewest epochs: small tables are walked through more often.
STEPS, MIN_EPOCHS = 800, 10
RESTARTS = 2
#: Below so many rows no single validation sample is trusted: see `choosing`.
FEW = 2000
VALID_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A smaller network.

    Attributes
    ----------
    features : int64 array
        Columns of x that it reads, ascending.
    module : torch.nn.Sequential
        Reads ``x[:, features]``, unscaled, as float32; dense layers and the activations of the original.
    history : list of dict
        Per epoch: phase, epoch, train and valid loss.
    """

    features: NDArray[np.int64]
    module: nn.Sequential
    history: History


def shrink(
    model: nn.Sequential,
    x: ArrayLike,
    y: ArrayLike,
    *,
    inputs: int | None = None,
    nodes: int | Sequence[int] | None = None,
    bits: int | None = None,
    seed: int = 0,
) -> Shrunk:
    """Cut a classifier to exactly `inputs` inputs and `nodes` hidden nodes, retraining it as it shrinks.

    Parameters
    ----------
    model : torch.nn.Sequential
        Dense layers and elementwise activations, ending in a logit (one output, two classes) or class scores.
        Left as it is. If it is trained already, that is where it starts from.
    x : array_like, shape (n, columns)
        Numbers as they are, in any units; they are standardised on the inside.
    y : array_like, shape (n,)
        Labels, of any type; sorted, they are classes 0, 1, ….
    inputs : int, optional
        Columns that stay; None: all.
    nodes : int or sequence of int, optional
        Nodes that stay in each hidden layer; None: all.
    bits : int, optional
        Width of the weights, 2 to 16: each column of the first layer, and each later layer, is on a fixed-point
        grid of that width. Biases stay float. None: float weights.
    seed : int
        Same seed, same result.

    Returns
    -------
    Shrunk

    Raises
    ------
    InputError
        Before training: shapes, NaN, constant columns, impossible budgets, other layers.
    """
    return shrink_each(model, x, y, inputs=[inputs], nodes=nodes, bits=bits, seed=seed)[0]


def shrink_each(
    model: nn.Sequential,
    x: ArrayLike,
    y: ArrayLike,
    *,
    inputs: Sequence[int | None],
    nodes: int | Sequence[int] | None = None,
    bits: int | None = None,
    seed: int = 0,
) -> list[Shrunk]:
    """Cut a classifier to each of several numbers of inputs; see `shrink`.

    Below `FEW` rows that takes much less time than one after another: gates of all numbers are trained side by
    side, and one elimination passes them all.

    Parameters
    ----------
    model, x, y, nodes, bits, seed
        See `shrink`.
    inputs : sequence of int
        Columns that stay; None: all.

    Returns
    -------
    list of Shrunk
        In the order of `inputs`.
    """
    layers = dense_layers(model)
    _check_front(model)
    table, classes, names = _checked(x, y, layers)
    kept_nodes = _nodes(nodes, layers)
    for number in inputs:
        _check_budgets(number, bits, table.shape[1])
    train_rows, valid_rows = _split(classes, seed)
    centre, scale = _scales(table[train_rows])
    single = layers[-1].out_features == 1
    target = torch.from_numpy(classes.astype(np.float32 if single else np.int64))
    standard = torch.from_numpy(((table - centre) / scale).astype(np.float32))
    sample = Sample(standard, target, torch.ones(len(target)))
    train, valid = sample.rows(train_rows), sample.rows(valid_rows)

    batch = int(np.clip(len(train) // 20, 16, 512))
    epochs = max(MIN_EPOCHS, math.ceil(STEPS / (len(train) // min(batch, len(train)))))
    with seeded(seed, "shrink") as generator:
        pace = Pace(RATE, batch, generator)
        start = _start(model, centre, scale, valid, len(names))
        fewer = sorted({k for k in inputs if k is not None and k < table.shape[1]}) if len(sample) < FEW else []
        chosen = choose(start, sample, pace, fewer, select=epochs, tune=epochs, restarts=RESTARTS) if fewer else {}
        every, made = np.arange(table.shape[1]), []
        for number in inputs:
            columns = every if number is None else chosen.get(number, every)
            one, few = train.columns(columns), valid.columns(columns)
            kept, small, history = resize(
                fresh(reading_of(start, columns)) if number in chosen else start,
                one,
                few,
                pace,
                inputs=None if number in chosen else number,
                nodes=kept_nodes,
                select=epochs,
                tune=epochs,
                restarts=RESTARTS if nodes is not None or (number is not None and number not in chosen) else 1,
            )
            if bits is not None:
                grid = _WeightGrid(small, bits)
                history += fit(grid, one.columns(kept), few.columns(kept), pace, epochs=epochs, phase="quantise")
                small = grid.plain()
            features = columns[kept]
            made.append(Shrunk(features, _unscaled(small, centre[features], scale[features]), history))
    return made


class _WeightGrid(nn.Module):
    """A network whose dense layers have their weights on fixed-point grids."""

    def __init__(self, module: nn.Sequential, bits: int) -> None:
        super().__init__()
        self.module = copy.deepcopy(module)
        self.formats = [grid_format(m.weight, bits, signed=True) for m in dense_layers(self.module)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs with quantised weights."""
        formats = iter(self.formats)
        for layer in self.module:
            if isinstance(layer, nn.Linear):
                x = nn.functional.linear(x, fake_quantise(layer.weight, next(formats)), layer.bias)
            else:
                x = layer(x)
        return x

    def plain(self) -> nn.Sequential:
        """Return the network with its weights set on the grids."""
        with torch.no_grad():
            for layer, fmt in zip(dense_layers(self.module), self.formats, strict=True):
                layer.weight.copy_(fake_quantise(layer.weight, fmt))
        return self.module


def _checked(
    x: ArrayLike, y: ArrayLike, layers: Sequence[nn.Linear]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.generic]]:
    try:
        table = np.asarray(x, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("x is not numbers; encode text columns first") from None
    if table.ndim != 2 or table.shape[1] != layers[0].in_features:
        raise InputError(f"x has shape {table.shape}; the network reads (n, {layers[0].in_features})")
    if not len(table):
        raise InputError("x has no rows; give some")
    labels = np.asarray(y)
    if labels.shape != (len(table),):
        raise InputError(f"y has shape {labels.shape}; give {len(table)} labels, one a row of x")
    bad = np.flatnonzero(~np.isfinite(table).all(axis=0))
    if len(bad):
        raise InputError(f"column {bad[0]} of x has NaN or infinity; fill or drop those rows")
    constant = np.flatnonzero(table.min(axis=0) == table.max(axis=0))
    if len(constant):
        raise InputError(f"column {constant[0]} of x is constant; drop it")
    names, classes = np.unique(labels, return_inverse=True)
    outputs = max(2, layers[-1].out_features)
    if len(names) != outputs:
        raise InputError(f"y has {len(names)} classes and the network tells {outputs} apart; make them agree")
    if np.bincount(classes).min() < 5:
        raise InputError(f"class {names[np.bincount(classes).argmin()]} has fewer than 5 rows; give more")
    return table, classes.astype(np.int64), names


def _check_front(model: nn.Sequential) -> None:
    """Standardising goes into the first dense layer, so nothing that bends may stand before it."""
    front = next(layer for layer in model if not isinstance(layer, (nn.Identity, nn.Dropout)))
    if not isinstance(front, nn.Linear):
        raise InputError(f"{type(front).__name__} stands before the first dense layer; apply it to x instead")


def _nodes(nodes: int | Sequence[int] | None, layers: Sequence[nn.Linear]) -> list[int] | None:
    if nodes is None:
        return None
    widths = [layer.out_features for layer in layers[:-1]]
    wanted = [min(nodes, w) for w in widths] if isinstance(nodes, int) else list(nodes)
    if len(wanted) != len(widths):
        raise InputError(f"{len(wanted)} node budgets for {len(widths)} hidden layers; give one each")
    for m, w in zip(wanted, widths, strict=True):
        if not 1 <= m <= w:
            raise InputError(f"{m} nodes of {w}; keep 1 to {w}")
    return wanted


def _check_budgets(inputs: int | None, bits: int | None, columns: int) -> None:
    if inputs is not None and not 1 <= inputs <= columns:
        raise InputError(f"inputs is {inputs}; keep 1 to {columns}, the number of columns")
    if bits is not None and not 2 <= bits <= 16:
        raise InputError(f"bits is {bits}; use 2 to 16")


def _split(classes: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows to train on and to choose by, every class in both."""
    rng = stream_rng(seed, "tagger/shrink/split")
    train, valid = [], []
    for c in range(classes.max() + 1):
        rows = rng.permutation(np.flatnonzero(classes == c))
        cut = max(1, round(VALID_SHARE * len(rows)))
        valid.append(rows[:cut])
        train.append(rows[cut:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(valid))


def _scales(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return means, and standard deviations rounded to powers of two: grids survive the way back."""
    spread = np.asarray(table.std(axis=0), dtype=np.float64)
    # A column may be constant among the training rows only.
    spread[spread == 0] = 1.0
    return np.asarray(table.mean(axis=0)), np.exp2(np.round(np.log2(spread)))


def _start(
    model: nn.Sequential, centre: NDArray[np.float64], scale: NDArray[np.float64], valid: Sample, classes: int
) -> nn.Sequential:
    """Return the network on standardised columns: the given one if it has learnt something, else a fresh one."""
    given = copy.deepcopy(model)
    first = dense_layers(given)[0]
    with torch.no_grad():
        weight = first.weight.double()
        if first.bias is not None:
            first.bias.copy_(first.bias.double() + weight @ torch.from_numpy(centre))
        first.weight.copy_(weight * torch.from_numpy(scale))
    _, value = evaluate(given, valid)
    if first.bias is not None and value < 0.95 * math.log(classes):
        return given
    for layer in given:
        if isinstance(layer, nn.Linear):
            layer.reset_parameters()
    return given


def _unscaled(small: nn.Sequential, centre: NDArray[np.float64], scale: NDArray[np.float64]) -> nn.Sequential:
    """Return the network on the columns as they are, the standardisation folded into its first layer."""
    plain = copy.deepcopy(small)
    at = next(i for i, layer in enumerate(plain) if isinstance(layer, nn.Linear))
    old = plain[at]
    assert isinstance(old, nn.Linear)
    new = nn.Linear(old.in_features, old.out_features)
    with torch.no_grad():
        weight = old.weight.double() / torch.from_numpy(scale)
        bias = torch.zeros(old.out_features).double() if old.bias is None else old.bias.double()
        new.weight.copy_(weight)
        new.bias.copy_(bias - weight @ torch.from_numpy(centre))
    plain[at] = new
    return plain.eval()
