"""`Network`: a quantised network as integers, and its evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trigsim.base.errors import InputError
from trigsim.base.html import html_table
from trigsim.emulator.engine import Engine, make_engine
from trigsim.emulator.exact import evaluate
from trigsim.emulator.explain import StepReport, explain
from trigsim.emulator.model import Activation, Concatenate, Dense, Step
from trigsim.numeric.fixed import FixedFormat, Raw

#: Events that the exact path treats at once, to bound its memory.
_CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Network:
    """A feed-forward network in integers: `steps` in the order of evaluation, the last one gives the output.

    Attributes
    ----------
    input_format : FixedFormat
        Into which features are cast.
    n_inputs : int
        Number of features.
    steps : tuple of Step
        Step i reads the tensors it names (0 is the input) and gives tensor i + 1.
    """

    input_format: FixedFormat
    n_inputs: int
    steps: tuple[Step, ...]
    _cache: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to other processes without the machine code, which is made anew there."""
        return Network, (self.input_format, self.n_inputs, self.steps)

    @property
    def output_format(self) -> FixedFormat:
        """Format of the output."""
        return self.steps[-1].result if self.steps else self.input_format

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return self.sizes[-1]

    @property
    def formats(self) -> tuple[FixedFormat, ...]:
        """Format of each tensor, the input first."""
        return (self.input_format, *(step.result for step in self.steps))

    @property
    def sizes(self) -> tuple[int, ...]:
        """Size of each tensor, the input first."""
        sizes = [self.n_inputs]
        for step in self.steps:
            if isinstance(step, Dense):
                sizes.append(len(step.bias.raw))
            elif isinstance(step, Concatenate):
                sizes.append(sum(sizes[i] for i in step.inputs))
            else:
                sizes.append(sizes[step.inputs[0]])
        return tuple(sizes)

    def _repr_html_(self) -> str:
        """Return a table of the layers, for notebooks: sizes, weights that are not zero, formats."""
        rows = [["input", "cast", str(self.n_inputs), "", "", str(self.input_format)]]
        for step, size in zip(self.steps, self.sizes[1:], strict=True):
            read = " + ".join(str(self.sizes[tensor]) for tensor in step.inputs)
            kept, sums = "", ""
            if isinstance(step, Dense):
                kept = f"{np.count_nonzero(step.weight.raw)} of {step.weight.raw.size} in {step.weight.format}"
                sums = str(step.accumulator or "exact")
            kind = step.function if isinstance(step, Activation) else type(step).__name__.lower()
            rows.append([step.name, kind, f"{read} → {size}", kept, sums, str(step.result)])
        header = ["layer", "kind", "shape", "weights kept", "sums in", "result"]
        return html_table(f"network of {self.n_inputs} inputs and {self.n_outputs} outputs", header, rows)

    def predict(self, x: ArrayLike) -> NDArray[np.float64]:
        """Return the outputs, bit for bit those of the firmware.

        Parameters
        ----------
        x : array_like of float32 or float64, shape (n, n_inputs)
            Features; NaN and infinities are refused.

        Returns
        -------
        float64 array, shape (n, n_outputs)
        """
        features = self._features(x)
        engine = self._engine()
        if engine is not None and engine.plan.steps == len(self.steps):
            fast = engine.floats(features)
            if fast is not None:
                return fast
        return self.output_format.to_float(self._evaluate(self.input_format.from_float(features), None))

    def predict_hw(self, x: ArrayLike, threads: int | None = 1) -> NDArray[np.int64]:
        """Return raw outputs in `output_format` for raw features in `input_format`.

        Parameters
        ----------
        x : array_like of integers, shape (n, n_inputs)
            Within the range of `input_format`.
        threads : int or None
            At most so many threads (None: all cores); the interpreter is free meanwhile.

        Returns
        -------
        int64 array, shape (n, n_outputs)
        """
        return self._evaluate(self._raw(x), threads)

    def _evaluate(self, raw: NDArray[Any], threads: int | None) -> NDArray[np.int64]:
        """Run the fast part by its kernels and the rest exactly."""
        engine = self._engine()
        covered = 0
        if engine is not None:
            raw, covered = engine.raw(raw, threads), engine.plan.steps
        if covered == len(self.steps):
            return raw
        out = np.empty((len(raw), self.n_outputs), dtype=np.int64)
        for start in range(0, len(raw), _CHUNK):
            *_, last = self._values(raw[start : start + _CHUNK], covered)
            out[start : start + _CHUNK] = last
        return out

    def _engine(self) -> Engine | None:
        if "engine" not in self._cache:
            self._cache["engine"] = make_engine(self.steps, self.formats, self.sizes)
        engine: Engine | None = self._cache["engine"]
        return engine

    def trace(self, x: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """Return the output of every step by its name, as hls4ml's `trace` does; parameters as `predict`."""
        return {
            step.name: step.result.to_float(raw)
            for step, raw in zip(
                self.steps, self.trace_hw(self.input_format.from_float(self._features(x))), strict=True
            )
        }

    def trace_hw(self, x: ArrayLike) -> list[NDArray[np.int64]]:
        """Return the raw output of every step for raw features; parameters as `predict_hw`."""
        raw = self._raw(x)
        parts = [list(self._values(raw[s : s + _CHUNK]))[1:] for s in range(0, max(len(raw), 1), _CHUNK)]
        return [np.concatenate(chunks) for chunks in zip(*parts, strict=True)]

    def explain(self, x: ArrayLike) -> tuple[StepReport, ...]:
        """Return, for the input and each step, its precision and what the features x make of it.

        Each report prints as one line: formats, observed range against the format's, share of values that
        saturate or wrap. Parameters as `predict`.
        """
        return explain(self, self._features(x).astype(np.float64))

    def _values(self, raw: Raw, done: int = 0) -> Iterator[Raw]:
        """Yield `raw`, tensor number `done`, and the raw result of each step after it."""
        values, formats = {done: raw}, self.formats
        yield raw
        for number, step in enumerate(self.steps[done:], start=done + 1):
            values[number] = evaluate(step, [values[i] for i in step.inputs], [formats[i] for i in step.inputs])
            yield values[number]

    def _features(self, x: ArrayLike) -> NDArray[Any]:
        array = np.asarray(x)
        if array.dtype not in (np.float32, np.float64):
            raise InputError(f"features are {array.dtype}; give float32 or float64")
        return self._shaped(array)

    def _raw(self, x: ArrayLike) -> NDArray[np.int64]:
        array = np.asarray(x)
        if array.dtype.kind not in "iu":
            raise InputError(f"raw features are {array.dtype}; give integers")
        self._shaped(array)
        form = self.input_format
        if array.size and (int(array.min()) < form.minimum or int(array.max()) > form.maximum):
            raise InputError(f"a raw feature is beyond {form}; keep {form.minimum} to {form.maximum}")
        return array if array.dtype in (np.int32, np.int64) else array.astype(np.int64)

    def _shaped(self, array: NDArray[Any]) -> NDArray[Any]:
        if array.ndim != 2 or array.shape[1] != self.n_inputs:
            raise InputError(f"features have shape {array.shape}; give (n, {self.n_inputs})")
        return array

    def save(self, path: str | Path) -> None:
        """Write the network to a file; see `docs/network-format.md`."""
        from trigsim.emulator.files import save  # noqa: PLC0415 - files read and write networks

        save(self, path)

    @staticmethod
    def load(path: str | Path) -> Network:
        """Read a network that `save` wrote; a damaged or foreign file is an `InputError`."""
        from trigsim.emulator.files import load  # noqa: PLC0415

        return load(path)
