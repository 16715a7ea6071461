"""YAML in, checked pydantic models out, and every error at its line and column.

Plain PyYAML reads `on` as true and `1e3` as text, keeps the last of two equal keys, and expands aliases
without limit. Here the YAML 1.2 core types are read, duplicate keys are refused, `<<` merges are kept, and
size, depth and expanded nodes are bounded.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from trigsim.base.errors import InputError

MAX_BYTES = 16 * 2**20
MAX_NODES = 300_000
#: Values that stand in the text once may stand in the data so many times more.
MAX_REPEATED = 50_000
MAX_DEPTH = 64

Location = tuple[int | str, ...]
Model = TypeVar("Model", bound=BaseModel)

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*)|0x[0-9a-fA-F]+|0b[01]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_BASES = {"0x": 16, "0b": 2}
#: Tags that PyYAML gives of itself; any other was written by hand.
_TAGS = {
    f"tag:yaml.org,2002:{kind}"
    for kind in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge", "value")
}


class Config(BaseModel):
    """Base of everything read from YAML: strict types, no unknown keys, immutable."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Parser(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Composes nodes only; scalars are resolved in `_scalar`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document as plain data, which remembers where each value stood.

    Attributes
    ----------
    file : Path
        Where it was read from.
    data : object
        Dicts, lists, str, int, float, bool, None.
    marks : dict
        Location (keys and indices from the top) → (line, column), from 1.
    """

    file: Path
    data: Any
    marks: dict[Location, tuple[int, int]] = field(repr=False)

    def error(self, where: Sequence[int | str], problem: str) -> InputError:
        """Return an `InputError` at the nearest known place of location `where`."""
        line, column = self.marks[self._known(where)]
        return InputError(problem, self.file, line, column)

    def validate(self, model: type[Model]) -> Model:
        """Return the document as a checked `model`.

        Raises
        ------
        InputError
            Naming the place of the first value that does not fit.
        """
        try:
            # By way of JSON, where strict mode lets a list be a tuple and a string an enumeration member.
            return model.model_validate_json(json.dumps(self.data))
        except ValidationError as failure:
            # A misspelt key also leaves the right one missing: name the misspelling.
            first = min(failure.errors(), key=lambda e: e["type"] != "extra_forbidden")
            raise self.error(first["loc"], _sentence(first, self._known(first["loc"]), model)) from None

    def _known(self, where: Sequence[int | str]) -> Location:
        """Drop the parts of a pydantic location that are not in the document (names of union members)."""
        known: Location = ()
        for part in where:
            if (*known, part) in self.marks:
                known = (*known, part)
        return known


def _sentence(error: Any, where: Location, model: type[BaseModel]) -> str:
    place = ".".join(str(p) for p in where) or "the document"
    if error["type"] == "extra_forbidden":
        names = sorted(_field_names(model.model_json_schema()))
        # Units are what people leave away: pt is pt_gev.
        near = [n for n in names if n.startswith(f"{where[-1]}_")]
        near = near or difflib.get_close_matches(str(where[-1]), names, n=1)
        return f"unknown key '{where[-1]}'; " + (f"did you mean '{near[0]}'?" if near else "remove it")
    if error["type"] == "missing":
        return f"{place}: key '{error['loc'][-1]}' is missing; add it"
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}" + _got(error["input"])


def _got(value: Any) -> str:
    return f"; got {value!r}" if isinstance(value, str | int | float | bool | None) else ""


def _field_names(schema: Any) -> set[str]:
    if isinstance(schema, dict):
        own = set(schema.get("properties", ()))
        return own.union(*(_field_names(v) for v in schema.values()))
    if isinstance(schema, list):
        return set().union(*(_field_names(v) for v in schema))
    return set()


def _scalar(node: yaml.ScalarNode) -> Hashable:
    text = node.value
    if not _plain(node):
        return str(text)
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if len(text) <= 64:
        if _INTEGER.fullmatch(text):
            base = _BASES.get(text[:2], 10)
            return int(text.replace("_", ""), base)
        if _FLOAT.fullmatch(text):
            return float(
                text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".nan", "nan")
            )
    return str(text)


def _plain(node: yaml.ScalarNode) -> bool:
    return node.style is None or node.style == ""


class _Builder:
    """Turns composed nodes into plain data and notes where each stood."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.marks: dict[Location, tuple[int, int]] = {}
        self.open: set[int] = set()
        self.seen: set[int] = set()
        self.nodes = self.repeated = 0

    def fail(self, node: yaml.Node, problem: str) -> InputError:
        return InputError(problem, self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def build(self, node: yaml.Node, where: Location) -> Any:
        self.nodes += 1
        self.repeated += id(node) in self.seen
        self.seen.add(id(node))
        if self.nodes > MAX_NODES:
            raise self.fail(node, f"more than {MAX_NODES} values; a configuration is small text")
        if self.repeated > MAX_REPEATED:
            raise self.fail(node, f"aliases expand to more than {MAX_REPEATED} values; use fewer")
        if len(where) > MAX_DEPTH:
            raise self.fail(node, f"nested deeper than {MAX_DEPTH} levels; flatten it")
        if id(node) in self.open:
            raise self.fail(node, "an alias refers to a value that contains it; break the cycle")
        if node.tag not in _TAGS:
            raise self.fail(node, f"tag {node.tag} is not read here; remove it")
        self.marks[where] = (node.start_mark.line + 1, node.start_mark.column + 1)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.ScalarNode):
                return _scalar(node)
            if isinstance(node, yaml.SequenceNode):
                return [self.build(child, (*where, i)) for i, child in enumerate(node.value)]
            assert isinstance(node, yaml.MappingNode)
            return self.mapping(node, where)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.MappingNode, where: Location) -> dict[Any, Any]:
        merged: dict[Any, Any] = {}
        own: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.fail(key_node, "a key must be a plain word; quote it or simplify it")
            if key_node.value == "<<" and _plain(key_node):
                for parent in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    if not isinstance(parent, yaml.MappingNode):
                        raise self.fail(parent, "'<<' merges a mapping; give an alias of one")
                    merged = {**self.build(parent, where), **merged}
                continue
            # A key that looks like a number or a truth value is still a name.
            key = str(key_node.value)
            if key in own:
                raise self.fail(key_node, f"key '{key}' is given twice; keep one")
            own[key] = self.build(value_node, (*where, key))
            self.marks[(*where, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        return {**merged, **own}


def read(path: str | Path) -> Document:
    """Read a YAML file as plain data with positions.

    Parameters
    ----------
    path : path
        One YAML document, UTF-8, at most `MAX_BYTES`.

    Returns
    -------
    Document
        The data and where each value stood.

    Raises
    ------
    InputError
        If the file is missing, too large, not YAML, has a key twice, a cycle, or explodes.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("no such file; check the path", file)
    if file.stat().st_size > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 2**20} MiB; a configuration is small text", file)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as failure:
        raise InputError(f"byte {failure.start} is not UTF-8; save it as UTF-8", file) from None
    return parse(text, file)


def parse(text: str, file: str | Path = "<text>") -> Document:
    """Read YAML `text`; `file` is what errors call it. See `read`."""
    file = Path(file)
    # Each value but the first follows one of these: count them before nodes fill the memory.
    if sum(text.count(mark) for mark in ",:\n") > 4 * MAX_NODES:
        raise InputError(f"more than {MAX_NODES} values; a configuration is small text", file)
    loader = _Parser(text)
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as failure:
        mark = failure.problem_mark or failure.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise InputError(f"not YAML: {failure.problem}; check indentation and colons", file, *place) from None
    except (yaml.YAMLError, RecursionError) as failure:
        raise InputError(f"not YAML: {str(failure) or 'nested too deep'}; check it", file) from None
    finally:
        loader.dispose()
    if node is None:
        raise InputError("empty; see docs/ for an example to start from", file, 1, 1)
    builder = _Builder(file)
    data = builder.build(node, ())
    return Document(file, data, builder.marks)


def load(path: str | Path, model: type[Model]) -> Model:
    """Read a YAML file as a checked `model`; see `read` and `Document.validate`."""
    return read(path).validate(model)
