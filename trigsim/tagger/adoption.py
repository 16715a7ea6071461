"""A float network of one's own, put on the grids of the hardware: a `Model` like any that `train` gives."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trigsim.base.errors import InputError
from trigsim.base.provenance import library_versions
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.config import TrainConfig
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.dense import dense_layers
from trigsim.tagger.feature_table import FEATURES, NAMES
from trigsim.tagger.inputs import InputMap, fit_input_map
from trigsim.tagger.model import Model
from trigsim.tagger.training import input_sample, measure, quantise_and_tune, split_rows


def feature_values(features_hw: NDArray[np.int32], features: Sequence[str]) -> NDArray[np.float64]:
    """Return features in GeV or as pure numbers, as `adopt` expects networks to read them.

    Parameters
    ----------
    features_hw : int32 array, shape (n, k)
        Hardware integers.
    features : sequence of str
        k names of `FEATURES`.

    Returns
    -------
    float64 array, shape (n, k)
    """
    return features_hw * _lsb(features)


def adopt(module: nn.Sequential, features: Sequence[str], candidates: Candidates, config: TrainConfig) -> Model:
    """Quantise a trained float classifier for the trigger, and tune it on its new grids.

    Parameters
    ----------
    module : torch.nn.Sequential
        Dense layers with ReLU between them, ending in one logit; reads `feature_values`, unscaled. Left as it is.
    features : sequence of str
        k names of `FEATURES`, in the order of the inputs.
    candidates : Candidates
        Set the formats and tune; those of other collisions (of `fold`, if they have it) measure.
    config : TrainConfig
        Name, precision, epochs of the phase "quantise", working points; selection and widths are the module's.

    Returns
    -------
    Model
        Its inputs are in the order of `FEATURES`, as the event loop gives them.

    Raises
    ------
    InputError
        For unknown or repeated features, another shape of network, or candidates without those features.
    """
    layers = dense_layers(module)
    if layers[0].in_features != len(features) or layers[-1].out_features != 1:
        raise InputError(
            f"the network has {layers[0].in_features} inputs and {layers[-1].out_features} outputs; "
            f"give one with {len(features)} inputs, the features named, and one logit"
        )
    if len(set(features)) != len(features):
        raise InputError("a feature is named twice; name each input once")
    _lsb(features)
    order = np.argsort([NAMES.index(name) for name in features])
    names = [features[i] for i in order]
    missing = [name for name in names if name not in candidates.names]
    if missing:
        raise InputError(f"the candidates have no '{missing[0]}'; they have {', '.join(candidates.names)}")
    given = [candidates.names.index(name) for name in names]
    hidden = tuple(layer.out_features for layer in layers[:-1])
    # Only the module says what there is of inputs and nodes.
    chosen = dict.fromkeys(("nodes", "macs", "luts", "keep", "price_budget"))
    config = TrainConfig.model_validate({**config.model_dump(), "hidden": hidden, **chosen})

    x_hw, label = candidates.features_hw[:, given], candidates.label
    train_rows, valid_rows, test_rows = split_rows(label, candidates.collision, candidates.fold, config.seed)
    inputs = fit_input_map(x_hw[train_rows], FixedFormat.parse(config.precision.input), names)
    sample = input_sample(x_hw, label, candidates.weight, inputs, config)
    quantised, history = quantise_and_tune(
        _on_inputs(module, order, inputs, _lsb(names)),
        sample.rows(train_rows),
        sample.rows(valid_rows),
        config,
        None,
    )
    model = Model(
        name=config.name,
        features=tuple(names),
        columns=np.array([NAMES.index(name) for name in names]),
        inputs=inputs,
        layers=quantised.layers(),
        history=history,
        config=config.model_dump(mode="json"),
        provenance={"libraries": library_versions(), "candidates": len(label), "signal": int(label.sum())},
    )
    full = np.zeros((len(test_rows), len(FEATURES)), np.int32)
    full[:, model.columns] = x_hw[test_rows]
    weight = candidates.weight[test_rows]
    return replace(model, metrics=measure(model, full, label[test_rows], config.working_points, weight))


def _lsb(features: Sequence[str]) -> NDArray[np.float64]:
    unknown = [name for name in features if name not in NAMES]
    if unknown:
        raise InputError(f"no feature is called '{unknown[0]}'; the features are {', '.join(NAMES)}")
    return np.array([FEATURES[NAMES.index(name)].scale.lsb for name in features])


def _on_inputs(
    module: nn.Sequential, order: NDArray[np.int64], inputs: InputMap, lsb: NDArray[np.float64]
) -> nn.Sequential:
    """Return the network on the inputs v of the map: a feature is ``lsb * (v * 2**shift + offset)``."""
    moved = copy.deepcopy(module)
    first = dense_layers(moved)[0]
    with torch.no_grad():
        weight = first.weight.double()[:, torch.from_numpy(order)] * torch.from_numpy(lsb)
        bias = torch.zeros(first.out_features).double() if first.bias is None else first.bias.double()
        bias += weight @ torch.from_numpy(inputs.offset.astype(np.float64))
        first.weight.copy_(weight * torch.from_numpy(np.exp2(inputs.shift)))
        first.bias = nn.Parameter(bias.float())
    return moved
