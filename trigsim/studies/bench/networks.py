"""The networks that the emulator is measured on, with drawn weights."""

from __future__ import annotations

import itertools

import numpy as np

from trigsim.numeric.fixed import FixedFormat
from trigsim.numeric.random import stream_rng
from trigsim.tagger.inputs import InputMap
from trigsim.tagger.model import Layer, Model

#: Nodes per layer; the last is the public jet-tagging network (J. Duarte et al., JINST 13 (2018) P07027).
SIZES = ((39, 16, 8, 1), (39, 32, 16, 1), (39, 64, 32, 32, 1), (16, 64, 32, 32, 5))


def drawn_model(sizes: tuple[int, ...], kept: float, bits: int = 8) -> Model:
    """Return a quantised network with drawn weights, of which a share `kept` is not zero.

    Inputs, weights and activations have `bits` bits, sums are exact.
    """
    rng = stream_rng(0, f"bench/{'-'.join(map(str, sizes))}/{kept}")
    source = FixedFormat.parse(f"ap_fixed<{bits},4,AP_RND,AP_SAT>")
    fraction = source.fraction
    layers = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        last = i == len(sizes) - 2
        weight = FixedFormat.parse(f"ap_fixed<{bits},1,AP_RND,AP_SAT>")
        bias = FixedFormat(bits + fraction, bits - weight.fraction)
        result = FixedFormat.parse("ap_fixed<16,6,AP_RND,AP_SAT>" if last else f"ap_ufixed<{bits},4,AP_RND,AP_SAT>")
        values = rng.normal(0, 0.3, (n_out, n_in)) * (rng.random((n_out, n_in)) < kept)
        layers.append(
            Layer(
                weight=weight.quantise(values),
                bias=bias.quantise(rng.normal(0, 0.2, n_out)),
                weight_format=weight,
                bias_format=bias,
                activation="linear" if last else "relu",
                result_format=result,
            )
        )
        fraction = result.fraction
    k = sizes[0]
    inputs = InputMap(np.zeros(k, dtype=np.int32), np.zeros(k, dtype=np.int32), source)
    return Model("bench", tuple(f"f{i}" for i in range(k)), np.arange(k), inputs, tuple(layers))


def multiply_accumulates(model: Model, *, zeros: bool = True) -> int:
    """Return the products of one inference, with or without those of zero weights."""
    return sum(layer.weight.size if zeros else int((layer.weight != 0).sum()) for layer in model.layers)
