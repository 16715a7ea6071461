"""Networks that look at a whole crossing: a declared input map in front of a quantised network.

The network is an `emulator.Network`; what stands around it (offset and shift of each input, how the outputs
become one score) is `QuantisedScore`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.base.manifest import first_fault
from trigsim.emulator import Network
from trigsim.emulator.model import Activation, Constant, Dense, Step
from trigsim.menu.grammar import InputGroup
from trigsim.numeric.fixed import FixedFormat
from trigsim.objects.model import Collection

MAX_JSON = 16 * 2**20


class CrossingNetwork(Protocol):
    """What the menu needs of a network."""

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""

    def scores(self, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the integer score of each row of ``(n, n_inputs)`` hardware integers."""


def gather(groups: Sequence[InputGroup], collections: Mapping[str, Collection], n: int) -> NDArray[np.int64]:
    """Return the inputs of n crossings by the input map.

    Parameters
    ----------
    groups : sequence of InputGroup
        The first slots of each kind of object, field by field; slots that the data lacks count as empty.
    collections : mapping
        Objects of n crossings.
    n : int
        Crossings.

    Returns
    -------
    int64 array of shape (n, inputs)
    """
    columns: list[NDArray[np.int64]] = []
    for group in groups:
        if group.object not in collections:
            raise InputError(f"the data has no {group.object}, which a network looks at")
        collection = collections[group.object]
        missing = [f.field for f in group.fields if f.field is not None and f.field not in collection.fields]
        if missing:
            raise InputError(f"the data has no field '{missing[0]}' of {group.object}, which a network looks at")
        for slot in range(group.slots):
            for field in group.fields:
                if field.field is None or slot >= collection.shape[1]:
                    columns.append(np.full(n, field.constant or 0, dtype=np.int64))
                else:
                    columns.append(collection.fields[field.field][:, slot].astype(np.int64) >> field.shift)
    return np.stack(columns, axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class QuantisedScore:
    """A quantised network as a condition of the menu sees it.

    Attributes
    ----------
    network : emulator.Network
        Its raw inputs are ``((x - offset) << 5) >> shift``, arithmetic, or x itself where there is no offset.
    offset, shift : int64 array of shape (n_inputs,), or None
        A negative shift is to the left.
    score : {"output", "squares"}
        The only output, or the sum of ``y * y >> 2`` over the outputs, modulo 2**18.
    """

    network: Network
    offset: NDArray[np.int64] | None = None
    shift: NDArray[np.int64] | None = None
    score: Literal["output", "squares"] = "output"

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return self.network.n_inputs

    def scores(self, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the integer score of each row of ``(n, n_inputs)`` hardware integers."""
        if inputs.ndim != 2 or inputs.shape[1] != self.n_inputs:
            raise InputError(f"the input map gives {inputs.shape[-1]} inputs; the network takes {self.n_inputs}")
        raw = inputs
        if self.offset is not None and self.shift is not None:
            centred = (inputs - self.offset) << INPUT_DIGITS
            raw = (centred << np.maximum(-self.shift, 0)) >> np.maximum(self.shift, 0)
        outputs = self.network.predict_hw(raw)
        if self.score == "output":
            return outputs[:, 0]
        squares: NDArray[np.int64] = (outputs * outputs >> 2).sum(axis=1) % (1 << 18)
        return squares


#: Binary digits that inputs get before they are shifted.
INPUT_DIGITS = 5
Ints = Annotated[tuple[Annotated[int, Field(ge=-(1 << 20), le=1 << 20)], ...], Field(min_length=1)]


class _Axol1tl(Config):
    """The numbers of an AXOL1TL encoder: weights and biases in units of 1/8, row-major [input][output]."""

    model: str
    shape: tuple[int, int, int, int]
    w: tuple[Ints, Ints, Ints]
    b: tuple[Ints, Ints, Ints]
    offset: Ints
    shift: Annotated[tuple[Annotated[int, Field(ge=-20, le=20)], ...], Field(min_length=1)]
    note: str = ""

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        for i, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            if len(w) != self.shape[i] * self.shape[i + 1] or len(b) != self.shape[i + 1]:
                raise ValueError(f"layer {i + 1} does not have the numbers that shape {self.shape} asks for")
        if len(self.offset) != self.shape[0] or len(self.shift) != self.shape[0]:
            raise ValueError(f"offset and shift need {self.shape[0]} numbers each")
        return self


#: Formats of AXOL1TL v4: what is shortened is rounded half to even, what is too large is clamped.
_WEIGHT = FixedFormat.parse("ap_fixed<32,29>")
_AXOL1TL_INPUT = FixedFormat.parse("ap_fixed<48,43>")
_AXOL1TL_CAST = FixedFormat.parse("ap_fixed<8,6,AP_RND_CONV,AP_SAT>")
_AXOL1TL_LAYERS = tuple(
    FixedFormat.parse(text)
    for text in (
        "ap_ufixed<10,6,AP_RND_CONV,AP_SAT>",
        "ap_ufixed<10,6,AP_RND_CONV,AP_SAT>",
        "ap_fixed<10,7,AP_RND_CONV,AP_SAT>",
    )
)


def load_network(path: str | Path) -> QuantisedScore:
    """Read a network: a file that `emulator.Network.save` wrote, or the JSON of an AXOL1TL v4 encoder.

    Raises
    ------
    InputError
        If it is neither, or damaged; or if a network of one output is needed and it has more.
    """
    path = Path(path)
    if path.suffix != ".json":
        network = Network.load(path)
        if network.n_outputs != 1:
            raise InputError(f"the network has {network.n_outputs} outputs; a score is one", path)
        return QuantisedScore(network)
    if not path.is_file():
        raise InputError("no such file; check the path", path)
    if path.stat().st_size > MAX_JSON:
        raise InputError(f"larger than {MAX_JSON // 2**20} MiB; this is no network", path)
    try:
        numbers = _Axol1tl.model_validate_json(path.read_bytes())
    except ValidationError as failure:
        raise InputError(f"no AXOL1TL network: {first_fault(failure)}; check the file", path) from None
    return _axol1tl(numbers)


def _axol1tl(numbers: _Axol1tl) -> QuantisedScore:
    steps: list[Step] = [Activation("cast", (0,), _AXOL1TL_CAST, "linear")]
    for i, result in enumerate(_AXOL1TL_LAYERS):
        n_in, n_out = numbers.shape[i], numbers.shape[i + 1]
        weight = np.array(numbers.w[i], dtype=np.int64).reshape(n_in, n_out)
        bias = np.array(numbers.b[i], dtype=np.int64)
        steps.append(
            Dense(
                f"layer{i + 1}",
                (i + 1,),
                result,
                Constant(weight, _WEIGHT),
                Constant(bias, _WEIGHT),
                None,
                np.arange(n_in),
            )
        )
    return QuantisedScore(
        Network(_AXOL1TL_INPUT, numbers.shape[0], tuple(steps)),
        np.array(numbers.offset, dtype=np.int64),
        np.array(numbers.shift, dtype=np.int64),
        "squares",
    )
