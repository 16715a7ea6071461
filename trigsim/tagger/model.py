"""A trained, resized, quantised tagger as a file: grid weights, formats, kept features, input map.

One folder holds `model.json` and `weights.safetensors` (the raw integers). Both are versioned; the weights are
hashed, and every number is checked against its format on reading.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, existing, sha256, write_json
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.inputs import InputMap

VERSION = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "weights.safetensors"

Activation = Literal["relu", "linear"]


def significant_bits(raw: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bits of integers from the leading to the last one, 0 for a zero; any shape."""
    size = np.abs(raw).astype(np.int64)
    # The last set bit is x & -x.
    odd = size // np.maximum(size & -size, 1)
    bits: NDArray[np.int64] = np.ceil(np.log2(odd + 1)).astype(np.int64)
    return bits


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A dense layer and its activation.

    Attributes
    ----------
    weight : float64 array, shape (out, in)
        On the grid of `weight_format`.
    bias : float64 array, shape (out,)
        On the grid of `bias_format`.
    weight_format, bias_format : FixedFormat
    activation : {"relu", "linear"}
    result_format : FixedFormat
        What the exact sum, after the activation, is cast to.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    weight_format: FixedFormat
    bias_format: FixedFormat
    activation: Activation
    result_format: FixedFormat

    def __post_init__(self) -> None:
        for what, values, fmt in (
            ("weight", self.weight, self.weight_format),
            ("bias", self.bias, self.bias_format),
        ):
            if not np.array_equal(fmt.quantise(values), values):
                raise InputError(f"a {what} is not on the grid of {fmt}; quantise it first")

    def accumulator(self, source: FixedFormat) -> FixedFormat:
        """Return a format in which no sum of products and bias, whole or partial, can overflow or lose a bit.

        Parameters
        ----------
        source : FixedFormat
            Of the layer's inputs.
        """
        fraction = max(source.fraction + self.weight_format.fraction, self.bias_format.fraction)
        largest = max(-source.minimum, source.maximum) * source.lsb
        bound = float((np.abs(self.weight).sum(axis=1) * largest + np.abs(self.bias)).max())
        # Strictly below 2**(integer - 1): the bound itself must fit.
        integer = int(np.floor(np.log2(max(bound, 2.0**-fraction)))) + 2
        return FixedFormat(max(integer + fraction, 2), integer)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A quantised tagger.

    Attributes
    ----------
    name : str
    features : tuple of str
        Names of the kept features, in the order of the network's inputs.
    columns : int64 array, shape (k,)
        Their numbers in the feature definition it was trained on, ascending.
    inputs : InputMap
    layers : tuple of Layer
    metrics : dict
        What was measured on candidates not trained on ("auc", …).
    history : list of dict
        Losses per phase and epoch.
    config : dict
        The training configuration.
    provenance : dict
        See `base.provenance`.
    """

    name: str
    features: tuple[str, ...]
    columns: NDArray[np.int64]
    inputs: InputMap
    layers: tuple[Layer, ...]
    metrics: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        k = len(self.features)
        if not (k == len(self.columns) == len(self.inputs) and k > 0 and self.layers):
            raise InputError(
                f"{k} names, {len(self.columns)} columns, {len(self.inputs)} input maps; give one each"
            )
        widths = [k, *(len(layer.bias) for layer in self.layers)]
        for (n_in, n_out), layer in zip(pairwise(widths), self.layers, strict=True):
            if layer.weight.shape != (n_out, n_in):
                raise InputError(f"weights of shape {layer.weight.shape} where ({n_out}, {n_in}) is needed")

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, hidden nodes, outputs."""
        return (len(self.features), *(len(layer.bias) for layer in self.layers))

    @property
    def output_format(self) -> FixedFormat:
        """Format of the outputs."""
        return self.layers[-1].result_format

    def predict_raw(self, features_hw: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the outputs as integers on the grid of `output_format`, by exact integer sums.

        Parameters
        ----------
        features_hw : int32 array, shape (n, k)
            The kept features only.

        Returns
        -------
        int64 array, shape (n, outputs)
        """
        return self.predict_inputs(self.inputs.raw(features_hw))

    def predict_inputs(self, x: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the outputs for raw network inputs, int64 of shape (n, k) on the grid of the input format."""
        source = self.inputs.format
        for layer in self.layers:
            exact = layer.accumulator(source)
            weight = layer.weight_format.from_float(layer.weight)
            spare = exact.fraction - source.fraction - layer.weight_format.fraction
            bias = layer.bias_format.from_float(layer.bias) << (exact.fraction - layer.bias_format.fraction)
            sums = ((x @ weight.T) << spare) + bias
            if layer.activation == "relu":
                sums = np.maximum(sums, 0)
            x, source = layer.result_format.cast_exact(sums, exact.fraction, exact.width), layer.result_format
        return x

    def predict(self, features_hw: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the outputs (logits), float64 of shape (n, outputs); see `predict_raw`."""
        return self.output_format.to_float(self.predict_raw(features_hw))

    @property
    def bit_operations(self) -> int:
        """Sum over weights of (bits from the leading to the last one) x (bits of the input).

        The effective bit operations of HGQ (Sun et al., arXiv 2405.00645); what training calls by the same name
        counts the bits that a weight may have, this those that it has.
        """
        total, source = 0, self.inputs.format
        for layer in self.layers:
            bits = significant_bits(layer.weight_format.from_float(layer.weight))
            total += int(bits.sum()) * source.width
            source = layer.result_format
        return total

    @property
    def digest(self) -> str:
        """SHA-256 of all that decides what the model computes: 64 hexadecimal digits."""
        described = hashlib.sha256(json.dumps(self._arithmetic(), sort_keys=True).encode())
        for name, array in sorted(self._raw_weights().items()):
            described.update(name.encode() + array.tobytes())
        return described.hexdigest()

    def _arithmetic(self) -> dict[str, Any]:
        return {
            "features": list(self.features),
            "columns": self.columns.tolist(),
            "input": {
                "format": str(self.inputs.format),
                "offset": self.inputs.offset.tolist(),
                "shift": self.inputs.shift.tolist(),
            },
            "layers": [
                {
                    "weight_format": str(layer.weight_format),
                    "bias_format": str(layer.bias_format),
                    "activation": layer.activation,
                    "result_format": str(layer.result_format),
                }
                for layer in self.layers
            ],
        }

    def _raw_weights(self) -> dict[str, NDArray[np.int32]]:
        raw = {}
        for i, layer in enumerate(self.layers):
            raw[f"layer{i}.weight"] = layer.weight_format.from_float(layer.weight).astype(np.int32)
            raw[f"layer{i}.bias"] = layer.bias_format.from_float(layer.bias).astype(np.int32)
        return raw

    def save(self, folder: str | Path) -> None:
        """Write the model into `folder`, made if need be."""
        folder = Path(folder)
        with atomic_path(folder / WEIGHTS_FILE) as path:
            save_file(self._raw_weights(), path)
        document = {
            "format": "trigsim-model",
            "version": VERSION,
            "name": self.name,
            **self._arithmetic(),
            "weights": {"file": WEIGHTS_FILE, "sha256": sha256(folder / WEIGHTS_FILE)},
            "digest": self.digest,
            "metrics": self.metrics,
            "config": self.config,
            "provenance": self.provenance,
            "history": self.history,
        }
        write_json(folder / MODEL_FILE, document)


def load(folder: str | Path) -> Model:
    """Read a model from its folder.

    Raises
    ------
    InputError
        If a file is missing, of another kind or version, damaged, or its parts disagree.
    """
    folder = existing(folder, "model folder")
    file = existing(folder / MODEL_FILE, "model file")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as failure:
        raise InputError(f"not JSON: {failure}; train the model again", file) from None
    if not isinstance(document, dict) or document.get("format") != "trigsim-model":
        raise InputError("not a trigsim model; make one with `trigsim train`", file)
    if document.get("version") != VERSION:
        raise InputError(f"version {document.get('version')}; this trigsim reads version {VERSION}", file)
    weights = existing(folder / WEIGHTS_FILE, "weights file")
    try:
        if sha256(weights) != document["weights"]["sha256"]:
            raise InputError("not the weights that model.json names (its hash differs); copy both files", weights)
        model = _assemble(document, load_file(weights))
        if model.digest != document["digest"]:
            raise InputError("was edited by hand (its digest differs); train or export it again", file)
    except InputError as failure:
        raise InputError(failure.problem, failure.file or file) from None
    except (KeyError, TypeError, ValueError, SafetensorError) as failure:
        raise InputError(f"damaged ({type(failure).__name__}: {failure}); train the model again", file) from None
    return model


def _assemble(document: dict[str, Any], raw: dict[str, NDArray[np.int32]]) -> Model:
    layers = []
    for i, described in enumerate(document["layers"]):
        weight_format = FixedFormat.parse(described["weight_format"])
        bias_format = FixedFormat.parse(described["bias_format"])
        if described["activation"] not in ("relu", "linear"):
            raise InputError(f"activation '{described['activation']}' of layer {i}; known are relu and linear")
        layers.append(
            Layer(
                weight=weight_format.to_float(raw[f"layer{i}.weight"]),
                bias=bias_format.to_float(raw[f"layer{i}.bias"]),
                weight_format=weight_format,
                bias_format=bias_format,
                activation=described["activation"],
                result_format=FixedFormat.parse(described["result_format"]),
            )
        )
    given = document["input"]
    return Model(
        name=str(document["name"]),
        features=tuple(document["features"]),
        columns=np.array(document["columns"], dtype=np.int64),
        inputs=InputMap(
            np.array(given["offset"], dtype=np.int32),
            np.array(given["shift"], dtype=np.int32),
            FixedFormat.parse(given["format"]),
        ),
        layers=tuple(layers),
        metrics=document["metrics"],
        history=document["history"],
        config=document["config"],
        provenance=document["provenance"],
    )
