"""Network files: safetensors with a JSON description, versioned and hashed (`docs/network-format.md`)."""

from __future__ import annotations

import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, existing
from trigsim.emulator.check import check
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
from trigsim.numeric.fixed import FixedFormat

FORMAT = "trigsim-network"
VERSION = 1
MAX_BYTES = 256 * 2**20
_KINDS: dict[str, type[Any]] = {
    "dense": Dense,
    "scale": Scale,
    "activation": Activation,
    "table": Table,
    "softmax": Softmax,
    "merge": Merge,
    "concatenate": Concatenate,
    "quantise": Quantise,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def save(network: Network, path: str | Path) -> None:
    """Write `network` to `path`, whole or not at all."""
    tensors: dict[str, NDArray[np.int64]] = {}
    steps = [_describe(step, i, tensors) for i, step in enumerate(network.steps)]
    description = {
        "format": FORMAT,
        "version": VERSION,
        "input": {"format": str(network.input_format), "size": network.n_inputs},
        "steps": steps,
    }
    text = json.dumps(description, separators=(",", ":"))
    with atomic_path(path) as temporary:
        content = save_tensors(tensors, {"description": text, "sha256": _hash(text, tensors)})
        temporary.write_bytes(_in_order(content))


def load(path: str | Path) -> Network:
    """Read a network; it is data only, nothing in it is run.

    Raises
    ------
    InputError
        If the file is missing, no network file, of another version, damaged, or inconsistent.
    """
    file = existing(path, "network file")
    try:
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"larger than {MAX_BYTES // 2**20} MiB; a network file is small")
        content = file.read_bytes()
        tensors = load_tensors(content)
        text, digest = _metadata(content)
        if _hash(text, tensors) != digest:
            raise InputError("its hash does not match its content; it is damaged, get it again")
        network = _network(json.loads(text), tensors)
        check(network)
    except InputError as error:
        raise InputError(error.problem, file) from None
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        raise InputError(
            f"no trigsim network, or a damaged one ({reason}); write one with Network.save", file
        ) from None
    return network


def _in_order(content: bytes) -> bytes:
    """Return a safetensors file with its header sorted: the library's order differs each time."""
    told, data = _parts(content)
    header = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


def _parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the header of a safetensors file, and the bytes of its tensors."""
    end = 8 + int.from_bytes(content[:8], "little")
    return json.loads(content[8:end]), content[end:]


def _metadata(content: bytes) -> tuple[str, str]:
    metadata = _parts(content)[0]["__metadata__"]
    return str(metadata["description"]), str(metadata["sha256"])


def _hash(text: str, tensors: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 over the description and each tensor's name, type, shape and bytes, by name."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name])
        digest.update(f"\0{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _describe(step: Step, number: int, tensors: dict[str, NDArray[np.int64]]) -> dict[str, Any]:
    def value(name: str, item: Any) -> Any:
        if isinstance(item, FixedFormat):
            return str(item)
        if isinstance(item, Constant):
            return {"raw": value(name, item.raw), "format": str(item.format)}
        if isinstance(item, np.ndarray):
            tensors[f"{number}.{name}"] = np.ascontiguousarray(item, dtype="<i8")
            return f"{number}.{name}"
        if isinstance(item, tuple):
            return [value(f"{name}.{i}", part) for i, part in enumerate(item)]
        return item

    told = {field.name: value(field.name, getattr(step, field.name)) for field in fields(step)}
    return {"kind": _NAMES[type(step)], **told}


def _network(description: Any, tensors: Mapping[str, NDArray[Any]]) -> Network:
    if description.get("format") != FORMAT:
        raise InputError("no trigsim network; write one with Network.save")
    if description.get("version") != VERSION:
        raise InputError(f"version {description.get('version')} of the format; this trigsim reads {VERSION}")
    steps = []
    for told in description["steps"]:
        kind = told.pop("kind")
        if kind not in _KINDS:
            raise InputError(f"layer '{told.get('name')}' is of unknown kind '{kind}'; update trigsim")
        hints = typing.get_type_hints(_KINDS[kind])
        if set(told) != set(hints):
            raise InputError(f"layer '{told.get('name')}' has other keys than {sorted(hints)}")
        steps.append(_KINDS[kind](**{key: _restore(item, hints[key], tensors) for key, item in told.items()}))
    source = description["input"]
    return Network(FixedFormat.parse(source["format"]), _int(source["size"]), tuple(steps))


def _int(value: Any) -> int:
    if type(value) is not int:
        raise InputError(f"{value!r} stands where an integer belongs")
    return value


def _restore(item: Any, hint: Any, tensors: Mapping[str, NDArray[Any]]) -> Any:
    """Turn a described value back into what the type `hint` wants."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is FixedFormat:
        return FixedFormat.parse(item)
    if hint is Constant:
        return Constant(_array(item["raw"], tensors), FixedFormat.parse(item["format"]))
    if origin is np.ndarray:
        return _array(item, tensors)
    if origin is tuple:
        return tuple(_restore(part, arguments[0], tensors) for part in item)
    if type(None) in arguments:
        return None if item is None else _restore(item, arguments[0], tensors)
    if hint is int:
        return _int(item)
    if not isinstance(item, str) or (origin is typing.Literal and item not in arguments):
        raise InputError(f"{item!r} stands where {arguments or 'text'} belongs")
    return item


def _array(name: str, tensors: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    array = tensors[name]
    if array.dtype != np.int64:
        raise InputError(f"tensor '{name}' is {array.dtype}; int64 belongs there")
    return array
