"""A small trained network, made without training: firmware cares for its bits only."""

import itertools

import numpy as np
import pytest

from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.inputs import InputMap
from trigsim.tagger.model import Layer, Model


def _model(widths=(6, 8, 4, 1), *, weight_bits=6, activation_bits=6, input_bits=8, seed=0, name="tagger"):
    rng = np.random.default_rng(seed)
    source = FixedFormat.parse(f"ap_fixed<{input_bits},3,AP_RND,AP_SAT>")
    layers = []
    fraction = source.fraction
    for i, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        last = i == len(widths) - 2
        weight = FixedFormat.parse(f"ap_fixed<{weight_bits},1,AP_RND,AP_SAT>")
        fraction += weight.fraction
        bias = FixedFormat.parse(f"ap_fixed<{fraction + 2},2,AP_RND,AP_SAT>")
        result = FixedFormat.parse(
            "ap_fixed<16,6,AP_RND,AP_SAT>" if last else f"ap_ufixed<{activation_bits},2,AP_RND,AP_SAT>"
        )
        layers.append(
            Layer(
                weight=weight.quantise(rng.normal(0, 0.5, (n_out, n_in))),
                bias=bias.quantise(rng.normal(0, 0.3, n_out)),
                weight_format=weight,
                bias_format=bias,
                activation="linear" if last else "relu",
                result_format=result,
            )
        )
        fraction = result.fraction
    k = widths[0]
    return Model(
        name=name,
        features=tuple(f"f{i}" for i in range(k)),
        columns=np.arange(k),
        inputs=InputMap(np.arange(k, dtype=np.int32) * 10, np.full(k, 4, np.int32), source),
        layers=tuple(layers),
    )


@pytest.fixture(scope="session")
def make_model():
    return _model


@pytest.fixture(scope="session")
def small():
    return _model()
