"""Train a tagger: select k features with a budget, fold the gates away, fine-tune, quantise, measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError
from trigsim.base.provenance import library_versions
from trigsim.numeric.fixed import FixedFormat
from trigsim.numeric.intervals import efficiency
from trigsim.numeric.random import stream_rng
from trigsim.tagger.config import TrainConfig
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.elimination import elimination_epochs
from trigsim.tagger.evaluation import auc, rejection, threshold
from trigsim.tagger.fitting import History, Pace, Sample, fit, seeded
from trigsim.tagger.inputs import InputMap, fit_input_map
from trigsim.tagger.model import Model
from trigsim.tagger.node_budget import NodeBudget
from trigsim.tagger.quantise import QuantisedNetwork
from trigsim.tagger.resize import resize
from trigsim.tagger.subsets import MOST, judging_epochs, most_inputs

#: Shares of the split groups: to train, to choose the best epoch; the rest measures.
TRAIN_SHARE, VALID_SHARE = 0.6, 0.15
EFFICIENCIES = (0.3, 0.5, 0.7)


def train(
    features_hw: NDArray[np.int32],
    label: ArrayLike,
    config: TrainConfig,
    *,
    names: Sequence[str] | None = None,
    group: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    fold: ArrayLike | None = None,
    advance: Callable[[int], None] | None = None,
) -> Model:
    """Train one tagger.

    Parameters
    ----------
    features_hw : int32 array, shape (n, features)
        Hardware integers of the candidates.
    label : array_like, shape (n,)
        1 signal, 0 background.
    config : TrainConfig
    names : sequence of str, optional
        Of the features; ``f0``, ``f1``, … by default.
    group : array_like, shape (n,), optional
        Candidates of one group (collision) are never split between training and measurement.
    weight : array_like, shape (n,), optional
        Positive.
    fold : array_like, shape (n,), optional
        A split that is made already, instead of one by `group`: 0 to train, 1 to choose by, 2 to measure.
    advance : callable, optional
        Called with the number of epochs done; `epochs(config, names)` are to come.

    Returns
    -------
    Model
        Exactly `config.keep` features; `metrics` are from candidates that were not trained on.

    Raises
    ------
    InputError
        Before any training: shapes, types, a constant feature, a budget that cannot be met.
    """
    x_hw, y, w = _checked(features_hw, label, weight)
    names = tuple(names) if names is not None else tuple(f"f{i}" for i in range(x_hw.shape[1]))
    if len(names) != x_hw.shape[1]:
        raise InputError(f"{len(names)} names for {x_hw.shape[1]} features; give one each")
    offered = offered_columns(names, config)
    train_rows, valid_rows, test_rows = split_rows(y, group, fold, config.seed)
    inputs = fit_input_map(
        x_hw[train_rows][:, offered], FixedFormat.parse(config.precision.input), [names[i] for i in offered]
    )
    budget, prices = config.budget([names[i] for i in offered])
    sample = input_sample(x_hw[:, offered], y, w, inputs, config)
    trained, valid = sample.rows(train_rows), sample.rows(valid_rows)

    done = 0

    def report(number: int) -> None:
        nonlocal done
        done += number
        if advance:
            advance(number)

    with seeded(config.seed, "select") as generator:
        chosen, small, history = resize(
            network((len(offered), *config.hidden, 1)),
            trained,
            valid,
            Pace(config.learning_rate, config.batch, generator, report, config.weight_decay),
            inputs=budget,
            nodes=config.nodes,
            total=_total(config),
            prices=prices,
            select=config.epochs.select,
            tune=config.epochs.tune,
            restarts=config.tries,
            elimination=config.elimination,
            search=config.elimination,
            group=None if group is None else np.asarray(group)[np.concatenate([train_rows, valid_rows])],
        )
    quantised, more = quantise_and_tune(small, trained.columns(chosen), valid.columns(chosen), config, report)
    report(epochs(config, names) - done)
    columns = offered[chosen]
    model = Model(
        name=config.name,
        features=tuple(names[i] for i in columns),
        columns=columns,
        inputs=inputs.columns(chosen),
        layers=quantised.layers(),
        history=history + more,
        config=config.model_dump(mode="json"),
        provenance={"libraries": library_versions(), "candidates": len(y), "signal": int(y.sum())},
    )
    found = measure(model, x_hw[test_rows], y[test_rows], config.working_points, w[test_rows])
    return replace(model, metrics=found)


def for_budget(
    config: TrainConfig,
    keep: int,
    nodes: tuple[int, ...] | None = None,
    bits: int | None = None,
    seed: int | None = None,
) -> TrainConfig:
    """Return the training for one budget, the budget in its name.

    Parameters
    ----------
    config : TrainConfig
        What all budgets share.
    keep : int
        Features that stay.
    nodes : tuple of int, optional
        Nodes that stay in each hidden layer; None: as `config` says.
    bits : int, optional
        Width of weights and activations; None: as `config` says.
    seed : int, optional
        None: that of `config`.

    Raises
    ------
    InputError
        If `nodes` does not fit the hidden layers.
    """
    update: dict[str, Any] = {"keep": keep}
    name = f"{config.name}-k{keep}"
    if nodes is not None:
        update |= {"nodes": nodes, "macs": None, "luts": None}
        name += "-n" + "x".join(map(str, nodes))
    if bits is not None:
        update["precision"] = config.precision.model_copy(update={"weights": bits, "activations": bits})
        name += f"-b{bits}"
    if seed is not None and seed != config.seed:
        update["seed"] = seed
        name += f"-s{seed}"
    if nodes is not None and (
        len(nodes) != len(config.hidden) or any(m > n for m, n in zip(nodes, config.hidden, strict=True))
    ):
        raise InputError(f"nodes {list(nodes)} of hidden layers {list(config.hidden)}; keep at most what is there")
    return config.model_copy(update={**update, "name": name})


def train_candidates(
    candidates: Candidates,
    config: TrainConfig,
    *,
    provenance: Mapping[str, Any] | None = None,
    advance: Callable[[int], None] | None = None,
) -> Model:
    """Train on a table of candidates, split as it says or else by collision; see `train`.

    Parameters
    ----------
    candidates : Candidates
    config : TrainConfig
    provenance : mapping, optional
        Added to the model's own.
    advance : callable, optional
    """
    model = train(
        candidates.features_hw,
        candidates.label,
        config,
        names=candidates.names,
        group=candidates.collision,
        weight=candidates.weight,
        fold=candidates.fold,
        advance=advance,
    )
    return replace(model, provenance={**model.provenance, **(provenance or {})})


def epochs(config: TrainConfig, names: Sequence[str]) -> int:
    """Return how many epochs `train` will report on candidates with features of these names.

    Where it searches instead of eliminating it has fewer; the rest is reported at the end.
    """
    offered = offered_columns(names, config)
    hidden = config.epochs.select if config.prunes_nodes else 0
    attempt = (config.epochs.select if config.selects else hidden) + config.epochs.tune
    total = config.tries * attempt + config.epochs.quantise
    others = [0]
    if config.elimination and config.keep is not None and config.keep < len(offered):
        eliminated = elimination_epochs(len(offered), config.keep, config.epochs.tune)
        others.append(eliminated + hidden + config.epochs.tune)
    budget, prices = config.budget([names[i] for i in offered])
    if config.elimination and budget is not None and most_inputs(budget, prices) <= MOST:
        others.append(judging_epochs(config.epochs.tune, config.tries) + config.tries * hidden)
    return total + max(others)


def split(group: NDArray[np.generic], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return rows to train on, to choose the best epoch by, and to measure on; groups are not split."""
    groups, place = np.unique(group, return_inverse=True)
    order = stream_rng(seed, "tagger/split").permutation(len(groups))
    position = np.argsort(order)[place] / len(groups)
    fold = np.searchsorted([TRAIN_SHARE, TRAIN_SHARE + VALID_SHARE], position, side="right")
    train_rows, valid_rows, test_rows = (np.flatnonzero(fold == i) for i in range(3))
    return train_rows, valid_rows, test_rows


def split_rows(
    label: NDArray[np.uint8], group: ArrayLike | None, fold: ArrayLike | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of `split`, or of `fold` where the split is made already; see `train`."""
    if fold is not None:
        return _given_split(np.asarray(fold), label)
    return split(np.arange(len(label)) if group is None else np.asarray(group), seed)


def _given_split(
    fold: NDArray[np.generic], y: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    if fold.shape != y.shape or not np.isin(fold, (0, 1, 2)).all():
        raise InputError(f"folds of shape {fold.shape}; give {len(y)} of 0 (train), 1 (validation) or 2 (test)")
    train_rows, valid_rows, test_rows = (np.flatnonzero(fold == i) for i in range(3))
    for what, rows in (("train", train_rows), ("choose by", valid_rows), ("measure", test_rows)):
        if len(np.unique(y[rows])) < 2:
            raise InputError(f"{len(rows)} candidates to {what}, not of both classes; give some of each")
    return train_rows, valid_rows, test_rows


def measure(
    model: Model,
    features_hw: NDArray[np.int32],
    label: NDArray[np.uint8],
    working_points: Mapping[str, float],
    weight: NDArray[np.float32] | None = None,
) -> dict[str, Any]:
    """Return how the quantised network does on candidates it was not trained on.

    Parameters
    ----------
    model : Model
    features_hw : int32 array, shape (n, features)
        All columns of the feature definition.
    label : uint8 array, shape (n,)
    working_points : mapping
        Name → signal efficiency.
    weight : float32 array, shape (n,), optional
        For the AUC; rejections and efficiencies count candidates.

    Returns
    -------
    dict
        "auc"; "rejection" of background at signal efficiencies; "working_points": the smallest score that
        passes and the efficiencies it has; "candidates".
    """
    score = model.predict_raw(features_hw[:, model.columns])[:, 0]
    points = {}
    for name, wanted in working_points.items():
        cut = int(threshold(score, label, wanted))
        passing = {
            kind: efficiency(int((score[label == y] >= cut).sum()), int((label == y).sum())).as_dict()
            for kind, y in (("signal", 1), ("background", 0))
        }
        points[name] = {"score_hw": cut, **passing}
    return {
        "auc": auc(score, label, weight),
        "rejection": {f"{e:.2f}": rejection(score, label, e).as_dict() for e in EFFICIENCIES},
        "working_points": points,
        "candidates": len(label),
    }


def _checked(
    features_hw: NDArray[np.int32], label: ArrayLike, weight: ArrayLike | None
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.float32]]:
    x, y = np.asarray(features_hw), np.asarray(label)
    if x.ndim != 2 or not np.issubdtype(x.dtype, np.integer):
        raise InputError(f"features are {x.dtype} of shape {x.shape}; give int32 of shape (candidates, features)")
    if y.shape != (len(x),) or not np.isin(y, (0, 1)).all():
        raise InputError(f"labels of shape {y.shape}; give {len(x)} of 0 (background) or 1 (signal)")
    if min(int(y.sum()), int((y == 0).sum())) < 20:
        raise InputError(f"{int(y.sum())} signal and {int((y == 0).sum())} background candidates; give 20 of each")
    w = np.ones(len(x), dtype=np.float32) if weight is None else np.asarray(weight, dtype=np.float32)
    if w.shape != (len(x),) or not (np.isfinite(w) & (w > 0)).all():
        raise InputError("weights must be positive numbers, one a candidate")
    return x.astype(np.int32), y.astype(np.uint8), w


def offered_columns(names: Sequence[str], config: TrainConfig) -> NDArray[np.int64]:
    """Return the features among which `config` may choose, or say why it cannot.

    Raises
    ------
    InputError
        For unknown names, prices that do not match, or a budget beyond what is offered.
    """
    for name in config.exclude:
        if name not in names:
            raise InputError(f"exclude names '{name}', which is no feature; known are {', '.join(names)}")
    offered = np.array([i for i, name in enumerate(names) if name not in config.exclude], dtype=np.int64)
    if config.price_budget is not None and set(config.prices) != {names[i] for i in offered}:
        odd = sorted(set(config.prices) ^ {names[i] for i in offered})
        raise InputError(f"prices must name each feature offered, once; look at {', '.join(odd)}")
    if config.keep is not None and config.keep > len(offered):
        raise InputError(f"keep is {config.keep} of {len(offered)} features; ask for at most {len(offered)}")
    return offered


def input_sample(
    x_hw: NDArray[np.int32], y: NDArray[np.uint8], w: NDArray[np.float32], inputs: InputMap, config: TrainConfig
) -> Sample:
    """Return the network inputs of candidates with their labels and balanced weights."""
    if config.balance == "classes":
        w = w / np.bincount(y, weights=w).astype(np.float32)[y]
    w = w / w.mean(dtype=np.float64).astype(np.float32)
    x = inputs.raw(x_hw).astype(np.float32) * np.float32(inputs.format.lsb)
    return Sample(torch.from_numpy(x), torch.from_numpy(y.astype(np.float32)), torch.from_numpy(w))


def quantise_and_tune(
    small: nn.Sequential,
    trained: Sample,
    valid: Sample,
    config: TrainConfig,
    advance: Callable[[int], None] | None,
) -> tuple[QuantisedNetwork, History]:
    """Put a network on the grids of `config.precision`, prune it, and train it there."""
    layers, bits = len(config.hidden) + 1, config.precision
    quantised = QuantisedNetwork(
        small,
        trained.x,
        weight_bits=config.layer_bits(bits.weights, layers, "weights"),
        activation_bits=config.layer_bits(bits.activations, layers - 1, "activations"),
        input_format=FixedFormat.parse(bits.input),
        output_format=FixedFormat.parse(bits.output),
    )
    if config.prune:
        quantised.prune(config.prune)
    if bits.shared:
        quantised.share(bits.shared)
    penalty = None
    if bits.bit_cost:
        quantised.learn_widths()
        initial = quantised.bit_operations().item()

        def penalty() -> Tensor:
            return bits.bit_cost * quantised.bit_operations() / initial

    with seeded(config.seed, "quantise") as generator:
        history = fit(
            quantised,
            trained,
            valid,
            Pace(config.learning_rate / 3, config.batch, generator, advance, config.weight_decay),
            epochs=config.epochs.quantise,
            phase="quantise",
            fast=quantised.fractions or (),
            boost=10.0,
            penalty=penalty,
            # With a price on bits the best loss is that of the dearest epoch.
            keep_best=penalty is None,
        )
    return quantised, history


def _total(config: TrainConfig) -> NodeBudget | None:
    """Return what the network may cost as a whole, if the training says so."""
    if config.macs is not None:
        return NodeBudget(config.macs)
    if config.luts is None:
        return None
    layers, bits = len(config.hidden) + 1, config.precision
    return NodeBudget(
        config.luts,
        config.layer_bits(bits.weights, layers, "weights"),
        (
            FixedFormat.parse(bits.input).width,
            *config.layer_bits(bits.activations, layers - 1, "activations"),
        ),
    )


def network(widths: Sequence[int]) -> nn.Sequential:
    """Return dense layers of these widths with ReLU between them."""
    layers: list[nn.Module] = []
    for i in range(len(widths) - 1):
        layers += [nn.Linear(widths[i], widths[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
