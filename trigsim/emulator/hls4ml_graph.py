"""Reads the integer network out of an hls4ml model graph: what hls4ml decided, nothing guessed."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.emulator.adders import read_adders, read_input_formats
from trigsim.emulator.model import (
    Activation,
    Concatenate,
    Constant,
    Dense,
    Merge,
    Quantise,
    Scale,
    Softmax,
    Step,
    Table,
)
from trigsim.emulator.network import Network
from trigsim.emulator.order import accumulation_order
from trigsim.numeric.fixed import FixedFormat

BACKENDS = ("vivado", "vitis", "vivadoaccelerator")
#: Layers that hand on their input unchanged.
_PASSING = ("Reshape", "Flatten", "Clone", "Repack")
_MERGES = ("add", "subtract", "multiply", "average", "maximum", "minimum")
#: The C library's own functions: the C++ fills its tables with them, so only they agree to the last bit.
_LIBM = ctypes.CDLL(None)


class _UnsupportedError(Exception):
    """Why a layer cannot be emulated."""


def from_hls4ml(model: Any) -> Network:
    """Return the integer network that the firmware of an hls4ml `ModelGraph` computes.

    Parameters
    ----------
    model : hls4ml.model.ModelGraph
        Converted for the Vivado or Vitis back end; need not be compiled.

    Returns
    -------
    Network
        Whose `predict` gives what ``model.predict`` gives, bit for bit.

    Raises
    ------
    InputError
        Naming the layer that is not supported, and why.
    """
    backend = str(model.config.get_config_value("Backend")).lower()
    if backend not in BACKENDS:
        raise InputError(f"hls4ml back end '{backend}' is not emulated; convert with backend='Vitis' or 'Vivado'")
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise InputError("the model has several inputs or outputs; join them into one each")
    if not any(layer.get_attr("function_cpp") for layer in model.get_layers()):
        raise InputError("the model graph has no C++ yet; make it with hls4ml.converters.convert_from_…")
    reader = _Reader(model)
    for layer in model.get_layers():
        try:
            reader.read(layer)
        except (_UnsupportedError, InputError) as reason:
            raise InputError(f"layer '{layer.name}' ({layer.class_name}): {reason}") from None
    return reader.network()


class _Reader:
    def __init__(self, model: Any) -> None:
        self.model = model
        self.stream = str(model.config.get_config_value("IOType")) == "io_stream"
        self.steps: list[Step] = []
        self.tensors: dict[str, int] = {}
        self.formats: list[FixedFormat] = []
        self.sizes: list[int] = []

    def network(self) -> Network:
        (output,) = self.model.outputs
        if self.tensors.get(output) != len(self.steps):
            raise InputError(f"output '{output}' of the model is not its last layer; remove what follows it")
        return Network(self.formats[0], self.sizes[0], tuple(self.steps))

    def read(self, layer: Any) -> None:
        kind = layer.class_name
        if kind == "Input":
            if self.formats:
                raise _UnsupportedError("a second input; join the inputs into one")
            self._add(layer, None)
        elif kind in _PASSING:
            for name in layer.outputs:
                self.tensors[name] = self.tensors[layer.inputs[0]]
        elif kind in _READERS:
            self._add(layer, _READERS[kind](self, layer))
        else:
            known = ", ".join(sorted(_READERS))
            raise _UnsupportedError(f"this kind of layer is not emulated; those that are: {known}")

    def _add(self, layer: Any, step: Step | None) -> None:
        variable = layer.get_output_variable()
        if step is not None:
            self.steps.append(step)
        self.formats.append(_format(variable.type))
        self.sizes.append(int(variable.size()))
        for name in layer.outputs:
            self.tensors[name] = len(self.formats) - 1

    def insert(self, step: Step) -> int:
        """Add a step that is no layer of its own, of the size of its input; return its tensor."""
        self.steps.append(step)
        self.formats.append(step.result)
        self.sizes.append(self.sizes[step.inputs[0]])
        return len(self.steps)

    def common(self, layer: Any) -> tuple[str, tuple[int, ...], FixedFormat]:
        """Return what every step has: name, inputs, format of the result."""
        inputs = tuple(self.tensors[name] for name in layer.inputs)
        for name, tensor in zip(layer.inputs, inputs, strict=True):
            if _format(layer.get_input_variable(name).type) != self.formats[tensor]:
                raise _UnsupportedError(f"'{name}' is read in another format than it was written in")
        return layer.name, inputs, _format(layer.get_output_variable().type)

    def source(self, layer: Any) -> FixedFormat:
        return self.formats[self.tensors[layer.inputs[0]]]

    def size(self, layer: Any) -> int:
        return self.sizes[self.tensors[layer.inputs[0]]]


def _format(named_type: Any) -> FixedFormat:
    """Return the format of an hls4ml type; refuse what is no fixed point."""
    precision = named_type.precision
    kind = type(precision).__name__
    if not any(word in kind for word in ("FixedPrecisionType", "IntegerPrecisionType")):
        raise _UnsupportedError(f"type '{named_type.name}' is {kind}; use ap_fixed or ap_int")
    form = FixedFormat.parse(str(precision))
    if form.width == 64 and not form.signed:
        raise _UnsupportedError(f"type '{named_type.name}' is unsigned of 64 bits; use 63")
    return form


def _is_xnor_like(named_type: Any) -> bool:
    """Whether hls4ml's C++ takes the type for a binary ±1 (``ap_uint<1>``)."""
    precision = named_type.precision
    return "Integer" in type(precision).__name__ and precision.width == 1 and not precision.signed


def _weights(layer: Any, name: str) -> Constant:
    """Return weights as the C++ has them: written as decimal text, read as double, cast to their type."""
    variable = layer.get_weights(name)
    if not isinstance(variable.data, np.ndarray):
        raise _UnsupportedError(f"'{name}' is compressed; switch compression off")
    form = _format(variable.type)
    texts = [variable.precision_fmt.format(value) for value in variable.data.ravel()]
    values = np.array([float(text) for text in texts]).reshape(variable.data.shape)
    return Constant(form.from_float(values), form)


def _scalar(value: Any, named_type: Any) -> Constant:
    """Return one constant as the C++ reads it from its printed form."""
    form = _format(named_type)
    return Constant(form.from_float([float(str(value))]), form)


def _dense(reader: _Reader, layer: Any) -> Step:
    n_in, n_out = reader.size(layer), int(layer.get_output_variable().size())
    if int(layer.get_attr("n_in")) != n_in or int(layer.get_attr("n_out")) != n_out:
        raise _UnsupportedError("it runs over several positions of a multi-dimensional input; flatten it first")
    strategy = str(layer.get_attr("strategy")).lower()
    if strategy == "distributed_arithmetic":
        return _distributed(reader, layer, n_in, n_out)
    weight_type = layer.get_weights("weight").type
    if _is_xnor_like(layer.get_input_variable().type) or _is_xnor_like(weight_type):
        raise _UnsupportedError("ap_uint<1> stands for ±1 here; use a wider type")
    weight, bias = _weights(layer, "weight"), _weights(layer, "bias")
    if layer.get_attr("_weights_transposed"):
        weight = Constant(weight.raw.T, weight.format)
    weight = _ternary(_shaped(weight, (n_in, n_out)), weight_type)
    accumulator = _format(layer.get_attr("accum_t"))
    if strategy == "latency":
        order = np.arange(n_in)
    elif strategy == "resource":
        order = accumulation_order(n_in, n_out, int(layer.get_attr("reuse_factor")))
    else:
        raise _UnsupportedError(f"strategy '{strategy}'; use latency, resource or distributed_arithmetic")
    return Dense(*reader.common(layer), weight, bias, accumulator, order)


def _distributed(reader: _Reader, layer: Any, n_in: int, n_out: int) -> Step:
    code = str(layer.get_attr("da_codegen"))
    name, inputs, result = reader.common(layer)
    if each := read_input_formats(code):
        if len(each) != n_in:
            raise _UnsupportedError(f"it quantises {len(each)} of its {n_in} inputs")
        inputs = (reader.insert(Quantise(f"{name}_inputs", inputs, _holding(each), each)),)
    source = reader.steps[inputs[0] - 1] if inputs[0] else None
    grids = source.grids() if isinstance(source, Quantise) else None
    weight, bias = read_adders(code, n_in, n_out, reader.formats[inputs[0]], grids)
    return Dense(name, inputs, result, weight, bias, None, np.arange(n_in))


def _holding(each: Sequence[FixedFormat | None]) -> FixedFormat:
    """Return the narrowest format that holds all numbers of each format."""
    forms = [form for form in each if form is not None] or [FixedFormat(1, 1)]
    signed = any(form.signed for form in forms)
    integer = max(form.integer + (signed and not form.signed) for form in forms)
    return FixedFormat(max(integer + max(form.fraction for form in forms), 1), integer, signed)


def _quantiser(reader: _Reader, layer: Any) -> Step:
    """Read what HGQ2's quantiser with a format for each element became: a line of C++ for each."""
    code, size = str(layer.get_attr("mask_fn_codegen")), reader.size(layer)
    lines = re.findall(r"out\[(\d+)\] = (?:(ap_u?fixed<[^<>]+>)\(inp\[(\d+)\]\)|0);", code)
    if [int(out) for out, _, _ in lines] != list(range(size)) or any(form and a != b for a, form, b in lines):
        raise _UnsupportedError("its C++ is not one cast for each element; use hls4ml 1.3 with io_parallel")
    each = tuple(FixedFormat.parse(form) if form else None for _, form, _ in lines)
    return Quantise(*reader.common(layer), each)


def _shaped(constant: Constant, shape: tuple[int, ...]) -> Constant:
    return Constant(np.ascontiguousarray(constant.raw).reshape(shape), constant.format)


def _ternary(weight: Constant, named_type: Any) -> Constant:
    """Apply hls4ml's product for ``ap_int<2>`` weights, which takes all but 0 and -1 for +1."""
    precision = named_type.precision
    if "Integer" in type(precision).__name__ and precision.width == 2 and precision.signed:
        return Constant(np.where((weight.raw == 0) | (weight.raw == -1), weight.raw, 1), weight.format)
    return weight


def _scale(reader: _Reader, layer: Any) -> Step:
    if _is_xnor_like(layer.get_input_variable().type) or _is_xnor_like(layer.get_weights("scale").type):
        raise _UnsupportedError("ap_uint<1> stands for ±1 here; use a wider type")
    n = reader.size(layer)
    scale, bias = _weights(layer, "scale"), _weights(layer, "bias")
    scale = _ternary(scale, layer.get_weights("scale").type)
    each = (Constant(np.resize(c.raw.ravel(), n), c.format) for c in (scale, bias))
    return Scale(*reader.common(layer), *each)


def _activation(reader: _Reader, layer: Any) -> Step:
    function = str(layer.get_attr("activation")).lower()
    if function in ("linear", "relu"):
        return Activation(*reader.common(layer), "linear" if function == "linear" else "relu")
    if function in ("sigmoid", "tanh"):
        return _table(reader, layer, function)
    raise _UnsupportedError(f"activation '{function}'; use linear, relu, sigmoid, tanh, hard_sigmoid, … or softmax")


def _parametrised(reader: _Reader, layer: Any) -> Step:
    function = layer._get_act_function_name()
    kinds = {"leaky_relu": "slope", "thresholded_relu": "threshold"}
    if function not in kinds:
        raise _UnsupportedError(f"activation '{function}'; use leaky_relu or thresholded_relu")
    constant = _scalar(layer.get_attr("activ_param", 1.0), layer.get_attr("param_t"))
    return Activation(*reader.common(layer), kinds[function], (constant,))  # type: ignore[arg-type]


def _prelu(reader: _Reader, layer: Any) -> Step:
    slope = _weights(layer, "param")
    return Activation(*reader.common(layer), "slope", (_shaped(slope, (reader.size(layer),)),))


def _hard(reader: _Reader, layer: Any) -> Step:
    function = str(layer.get_attr("activation")).lower()
    slope = _scalar(layer.get_attr("slope"), layer.get_attr("slope_t"))
    shift = _scalar(layer.get_attr("shift"), layer.get_attr("shift_t"))
    if max(slope.format.fraction + reader.source(layer).fraction, shift.format.fraction) < 0:
        raise _UnsupportedError("its formats cannot hold 1; give slope or shift fractional bits")
    if function not in ("hard_sigmoid", "hard_tanh"):
        raise _UnsupportedError(f"activation '{function}'; use hard_sigmoid or hard_tanh")
    return Activation(*reader.common(layer), function, (slope, shift))  # type: ignore[arg-type]


def _c_function(name: str) -> Callable[[float], float]:
    function = getattr(_LIBM, name)
    function.restype = ctypes.c_float
    function.argtypes = [ctypes.c_float]
    return function  # type: ignore[no-any-return]


def _mapped(name: str, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply the C library's float function `name`."""
    function = _c_function(name)
    return np.array([function(v) for v in x.tolist()], dtype=np.float32)


def _span_values(size: int, half_span: float) -> NDArray[np.float32]:
    """Return the arguments at which hls4ml tabulates, float32 as in the C++."""
    middle = np.arange(size, dtype=np.float32).astype(np.float64) - float(np.float32(size)) / 2.0
    return (2 * half_span * middle / float(np.float32(size))).astype(np.float32)


def _table(reader: _Reader, layer: Any, function: str) -> Step:
    size, form = int(layer.get_attr("table_size")), _format(layer.get_attr("table_t"))
    if function == "tanh":
        values, span = _mapped("tanhf", _span_values(size, 4.0)).astype(np.float64), 8
    else:
        exponential = _mapped("expf", -_span_values(size, 8.0))
        inverse = 1.0 / (np.float32(1) + exponential).astype(np.float64)
        values, span = inverse.astype(np.float32).astype(np.float64), 16
    return Table(*reader.common(layer), Constant(form.from_float(values), form), span)


def _finite(x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return x as float64; an infinity becomes a power of two that wraps and saturates like it."""
    wide = x.astype(np.float64)
    return np.where(np.isinf(wide), np.copysign(2.0**1000, wide), wide)


def _top_values(form: FixedFormat, size: int, layer: Any, what: str) -> NDArray[np.float32]:
    """Return the numbers that stand for each index made of the top bits of `form`."""
    bits = max(1, (size - 1).bit_length())
    if bits > form.width or size != 1 << bits:
        raise _UnsupportedError(
            f"{what} table of {size} entries is addressed by {form}; use 2**k, k at most its width"
        )
    pattern = np.arange(size, dtype=np.int64) << (form.width - bits)
    raw = np.where(form.signed & (pattern > form.maximum), pattern - (1 << form.width), pattern)
    return form.to_float(raw).astype(np.float32)


def _softmax(reader: _Reader, layer: Any) -> Step:
    common = reader.common(layer)
    code = str(layer.get_attr("config_cpp"))

    def number(name: str) -> float:
        found = re.search(rf"\b{name} = (-?[0-9.e+-]+);", code)
        if not found:
            raise _UnsupportedError(f"its configuration has no {name}; use hls4ml 1.3")
        return float(found[1])

    def alias(name: str) -> FixedFormat:
        found = re.search(rf"typedef (.+) {name};", code)
        if not found:
            raise _UnsupportedError(f"its configuration has no {name}; use hls4ml 1.3")
        for attribute in layer.attributes.values():
            if getattr(attribute, "name", None) == found[1] and hasattr(attribute, "precision"):
                return _format(attribute)
        return FixedFormat.parse(found[1])

    if number("n_slice") != reader.size(layer):
        raise _UnsupportedError("it runs over a part of a multi-dimensional input; flatten it first")
    kind = re.search(r"softmax_implementation::(\w+);", code)
    implementation = kind[1] if kind else "?"
    if implementation not in ("latency", "stable", "legacy", "argmax"):
        raise _UnsupportedError(f"implementation '{implementation}'; use latency, stable, legacy or argmax")
    accumulator, total = alias("accum_t"), alias("inv_inp_t")
    if implementation == "argmax":
        nothing = Constant(np.zeros(0, dtype=np.int64), accumulator)
        return Softmax(*common, "argmax", nothing, nothing, None, accumulator, total)
    sizes = int(number("exp_table_size")), int(number("inv_table_size"))
    if implementation == "legacy":
        return _softmax_legacy(common, (1024, 1024) if reader.stream else sizes, accumulator)
    difference = alias("inp_norm_t") if implementation == "stable" else None
    argument = _top_values(difference or reader.source(layer), sizes[0], layer, "exponential")
    scaled = argument * np.float32(number("exp_scale"))
    exponential, inverse = alias("exp_table_t"), alias("inv_table_t")
    with np.errstate(divide="ignore"):
        reciprocal = np.float32(1) / _top_values(total, sizes[1], layer, "inverse")
    return Softmax(
        *common,
        implementation,  # type: ignore[arg-type]
        Constant(exponential.from_float(_finite(_mapped("expf", -scaled if difference else scaled))), exponential),
        Constant(inverse.from_float(_finite(reciprocal)), inverse),
        difference,
        accumulator,
        total,
    )


def _softmax_legacy(
    common: tuple[str, tuple[int, ...], FixedFormat], sizes: tuple[int, int], accumulator: FixedFormat
) -> Step:
    # The template leaves out table_t: the C++ falls back on the type of its base, activ_config.
    form = FixedFormat(18, 8)
    exponential = _mapped("expf", _span_values(sizes[0], 8.0)).astype(np.float64)
    argument = (64.0 * np.arange(sizes[1]) / float(np.float32(sizes[1]))).astype(np.float32).astype(np.float64)
    inverse = np.divide(1.0, argument, out=np.zeros_like(argument), where=argument > 0)
    tables = [Constant(form.from_float(v), form) for v in (exponential, inverse)]
    return Softmax(*common, "legacy", tables[0], tables[1], None, accumulator, form)


def _merge(reader: _Reader, layer: Any) -> Step:
    operation = str(layer.get_attr("op")).lower()
    if operation not in _MERGES:
        raise _UnsupportedError(f"operation '{operation}'; use {', '.join(_MERGES)}")
    _same_sizes(reader, layer.inputs)
    return Merge(*reader.common(layer), operation)  # type: ignore[arg-type]


def _same_sizes(reader: _Reader, names: Sequence[str]) -> None:
    sizes = [reader.sizes[reader.tensors[name]] for name in names]
    if len(set(sizes)) != 1:
        raise _UnsupportedError(f"it merges tensors of sizes {sizes}; make them equal")


def _concatenate(reader: _Reader, layer: Any) -> Step:
    for name in layer.inputs:
        if sum(extent > 1 for extent in layer.get_input_variable(name).shape) > 1:
            raise _UnsupportedError("it joins multi-dimensional tensors; flatten them first")
    return Concatenate(*reader.common(layer))


_READERS: dict[str, Callable[[_Reader, Any], Step]] = {
    "Dense": _dense,
    "FixedPointQuantizer": _quantiser,
    "BatchNormalization": _scale,
    "ApplyAlpha": _scale,
    "Activation": _activation,
    "ParametrizedActivation": _parametrised,
    "PReLU": _prelu,
    "HardActivation": _hard,
    "Softmax": _softmax,
    "Merge": _merge,
    "Concatenate": _concatenate,
}
