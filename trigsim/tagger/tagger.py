"""What the event loop runs: kept features in, integer score out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import existing, write_json
from trigsim.emulator import Network
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.inputs import InputMap
from trigsim.tagger.model import Model

VERSION = 1
TAGGER_FILE = "tagger.json"
NETWORK_FILE = "network.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class Tagger:
    """A network as the hardware computes it, with the features it reads and its working points.

    Attributes
    ----------
    name : str
    features : tuple of str
        Names of the k features, in the order of the inputs.
    columns : int64 array, shape (k,)
        Their numbers in the full feature definition, ascending.
    inputs : InputMap
        `offset`, `shift` and format of the inputs.
    network : emulator.Network
        k inputs, one output.
    working_points : mapping of str to int
        Name → smallest score that passes.
    model : str
        Digest of the `Model` it was made from.
    """

    name: str
    features: tuple[str, ...]
    columns: NDArray[np.int64]
    inputs: InputMap
    network: Network
    working_points: Mapping[str, int]
    model: str

    def __post_init__(self) -> None:
        k = len(self.features)
        if not (
            k == len(self.columns) == len(self.inputs) == self.network.n_inputs and self.network.n_outputs == 1
        ):
            raise InputError(
                f"{k} features for a network of {self.network.n_inputs} inputs and "
                f"{self.network.n_outputs} outputs; one output and as many inputs as features are needed"
            )
        if self.inputs.format != self.network.input_format:
            raise InputError(f"inputs are {self.inputs.format}, the network reads {self.network.input_format}")
        if self.network.output_format.width > 32:
            raise InputError(f"scores are {self.network.output_format}; use at most 32 bits")

    @property
    def offset(self) -> NDArray[np.int32]:
        """Subtracted from each feature, int32 (k,)."""
        return self.inputs.offset

    @property
    def shift(self) -> NDArray[np.int32]:
        """Binary digits each difference is shifted right by (negative: left), int32 (k,)."""
        return self.inputs.shift

    @property
    def score_format(self) -> FixedFormat:
        """Format of the score: a logit is ``score * score_format.lsb``."""
        return self.network.output_format

    def score_hw(self, features_hw: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the integer scores, int32 of shape (n,).

        Parameters
        ----------
        features_hw : int32 array, shape (n, k)
            The kept features, in the order of `features`.
        """
        score: NDArray[np.int32] = self.network.predict_hw(self.inputs.raw(features_hw))[:, 0].astype(np.int32)
        return score

    def save(self, folder: str | Path) -> None:
        """Write `tagger.json` and the network into `folder`, beside the model it was made from."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.network.save(folder / NETWORK_FILE)
        write_json(
            folder / TAGGER_FILE,
            {
                "format": "trigsim-tagger",
                "version": VERSION,
                "name": self.name,
                "features": list(self.features),
                "columns": self.columns.tolist(),
                "offset": self.offset.tolist(),
                "shift": self.shift.tolist(),
                "input_format": str(self.inputs.format),
                "score_format": str(self.score_format),
                "working_points": dict(self.working_points),
                "network": NETWORK_FILE,
                "model": self.model,
            },
        )


def from_model(model: Model, network: Network) -> Tagger:
    """Return the tagger of a model and of the network that hls4ml made of it."""
    points = model.metrics.get("working_points", {})
    return Tagger(
        name=model.name,
        features=model.features,
        columns=model.columns,
        inputs=model.inputs,
        network=network,
        working_points={name: int(point["score_hw"]) for name, point in points.items()},
        model=model.digest,
    )


def load_tagger(folder: str | Path) -> Tagger:
    """Read a tagger from its folder.

    Raises
    ------
    InputError
        If a file is missing, damaged or of another version.
    """
    folder = existing(folder, "tagger folder")
    file = existing(folder / TAGGER_FILE, "tagger file")
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["format"] != "trigsim-tagger" or document["version"] != VERSION:
            raise InputError(f"not a tagger of version {VERSION}; make one with `trigsim train`", file)
        return Tagger(
            name=str(document["name"]),
            features=tuple(document["features"]),
            columns=np.array(document["columns"], dtype=np.int64),
            inputs=InputMap(
                np.array(document["offset"], dtype=np.int32),
                np.array(document["shift"], dtype=np.int32),
                FixedFormat.parse(document["input_format"]),
            ),
            network=Network.load(existing(folder / NETWORK_FILE, "network file")),
            working_points={str(k): int(v) for k, v in document["working_points"].items()},
            model=str(document["model"]),
        )
    except InputError as failure:
        raise InputError(failure.problem, failure.file or file) from None
    except (KeyError, TypeError, ValueError, UnicodeDecodeError, AttributeError) as failure:
        raise InputError(f"damaged ({type(failure).__name__}: {failure}); make it again", file) from None
