"""A dense network as an ONNX model, written directly: the format is protobuf, and a few fields suffice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.tagger.model import Model


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    content = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    shape = b"".join(_number(1, size) for size in values.shape)
    return shape + _number(2, 1) + _bytes(8, name) + _bytes(9, values.astype("<f4").tobytes())


def _value(name: str, size: int) -> bytes:
    shape = _bytes(1, _bytes(2, "n")) + _bytes(1, _number(1, size))
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, 1) + _bytes(2, shape)))


def _node(kind: str, inputs: list[str], output: str) -> bytes:
    return b"".join(_bytes(1, name) for name in inputs) + _bytes(2, output) + _bytes(4, kind)


def onnx_model(model: Model) -> bytes:
    """Return the float32 network of `model`, input "x", output "y", as a serialised ONNX model (opset 13)."""
    nodes, tensors, source = [], [], "x"
    for i, layer in enumerate(model.layers):
        target = "y" if i == len(model.layers) - 1 else f"h{i}"
        tensors += [
            _tensor(f"w{i}", layer.weight.T.astype(np.float32)),
            _tensor(f"b{i}", layer.bias.astype(np.float32)),
        ]
        nodes.append(_node("MatMul", [source, f"w{i}"], f"m{i}"))
        relu = layer.activation == "relu"
        nodes.append(_node("Add", [f"m{i}", f"b{i}"], f"a{i}" if relu else target))
        if relu:
            nodes.append(_node("Relu", [f"a{i}"], target))
        source = target
    graph = b"".join(_bytes(1, node) for node in nodes) + _bytes(2, "bench")
    graph += b"".join(_bytes(5, tensor) for tensor in tensors)
    graph += _bytes(11, _value("x", model.widths[0])) + _bytes(12, _value("y", model.widths[-1]))
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))
