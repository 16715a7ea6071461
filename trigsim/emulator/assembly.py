"""Writes LLVM assembly: names for values, labels for loops, constants spelled out."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

#: Numbers that one vector holds.
LANES = 16


def vector(kind: str) -> str:
    """Return the type of a vector of `kind`."""
    return f"<{LANES} x {kind}>"


VECTOR = vector("i32")


def real(kind: str, value: float) -> str:
    """Return a constant of type "float" or "double", which `value` fits, in LLVM's exact spelling."""
    if kind == "float" and struct.unpack("f", struct.pack("f", value))[0] != value:
        raise ValueError(f"{value!r} is no float32")
    return f"0x{struct.pack('>d', value).hex().upper()}"


def constant(value: int | str, kind: str = "i32") -> str:
    """Return a vector in which every number is `value`."""
    return f"<{', '.join([f'{kind} {value}'] * LANES)}>"


class Assembly:
    """A module in the making: `value` and `do` append instructions to the function that is open."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._declared: dict[str, str] = {}
        self._count = 0
        self._block = "entry"

    def text(self) -> str:
        """Return the module."""
        return "\n".join([*self._declared.values(), *self._lines]) + "\n"

    def _name(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def do(self, instruction: str) -> None:
        """Append an instruction without a value."""
        self._lines.append(f"  {instruction}")

    def value(self, instruction: str) -> str:
        """Append an instruction and return its value."""
        name = f"%{self._name()}"
        self.do(f"{name} = {instruction}")
        return name

    def call(self, result: str, function: str, *arguments: tuple[str, str]) -> str:
        """Append a call of an LLVM intrinsic with arguments (type, value)."""
        self._declared[function] = f"declare {result} @{function}({', '.join(kind for kind, _ in arguments)})"
        return self.value(f"call {result} @{function}({', '.join(' '.join(each) for each in arguments)})")

    @contextmanager
    def function(self, name: str, result: str, arguments: str, attributes: str = "internal") -> Iterator[None]:
        """Open a function; the block ends with its return."""
        self._block = "entry"
        self._lines.append(f"define {attributes} {result} @{name}({arguments}) #0 {{\nentry:")
        yield
        self._lines.append("}\n")

    @contextmanager
    def loop(
        self, stop: str, step: int = 1, carried: Sequence[tuple[str, str]] = ()
    ) -> Iterator[tuple[str, list[str], Callable[[Sequence[str]], None]]]:
        """Loop from 0 to `stop` (i64).

        Yields the index, the carried values (given as type and start), and what to call at the end with their
        next ones. The carried values are also those after the loop.
        """
        label = self._name()
        index, before = f"%{label}.i", self._block
        values = [f"%{label}.{number}" for number in range(len(carried))]
        self.do(f"br label %{label}.head")
        self._lines.append(f"{label}.head:")
        self.do(f"{index} = phi i64 [ 0, %{before} ], [ {index}n, %{label}.next ]")
        for name, (kind, start) in zip(values, carried, strict=True):
            self.do(f"{name} = phi {kind} [ {start}, %{before} ], [ {name}n, %{label}.next ]")
        more = self.value(f"icmp slt i64 {index}, {stop}")
        self.do(f"br i1 {more}, label %{label}.body, label %{label}.exit")
        self._lines.append(f"{label}.body:")
        self._block = f"{label}.body"

        def carry(new: Sequence[str]) -> None:
            for name, (kind, _), value in zip(values, carried, new, strict=True):
                self.do(f"{name}n = bitcast {kind} {value} to {kind}")

        yield index, values, carry
        self.do(f"br label %{label}.next")
        self._lines.append(f"{label}.next:")
        self.do(f"{index}n = add i64 {index}, {step}")
        self.do(f"br label %{label}.head")
        self._lines.append(f"{label}.exit:")
        self._block = f"{label}.exit"

    def at(self, pointer: str, index: str, kind: str = "i8") -> str:
        """Return the address of element `index` (i64)."""
        return self.value(f"getelementptr {kind}, ptr {pointer}, i64 {index}")

    def splat(self, value: str, kind: str = "i32") -> str:
        """Return a vector in which every number is the given one."""
        one = self.value(f"insertelement {vector(kind)} poison, {kind} {value}, i64 0")
        return self.value(
            f"shufflevector {vector(kind)} {one}, {vector(kind)} poison, <{LANES} x i32> zeroinitializer"
        )

    def limited(self, value: str, low: int | None, high: int | None) -> str:
        """Return int32 numbers clipped to low..high; None is no limit."""
        for name, limit in (("smax", low), ("smin", high)):
            if limit is not None:
                value = self.call(VECTOR, f"llvm.{name}.v16i32", (VECTOR, value), (VECTOR, constant(limit)))
        return value


def numbers(values: Iterable[int]) -> str:
    """Return a constant vector of int32 with the type, as the indices of a shuffle."""
    spelled = [f"i32 {value}" for value in values]
    return f"<{len(spelled)} x i32> <{', '.join(spelled)}>"


def wrapped(code: Assembly, v: str, spare: int, signed: bool, mask: int) -> str:
    """Return int32 numbers without their top `spare` bits: sign-extended, or only those of `mask`."""
    if not signed:
        return code.value(f"and {VECTOR} {v}, {constant(mask)}")
    return code.value(f"ashr {VECTOR} {code.value(f'shl {VECTOR} {v}, {constant(spare)}')}, {constant(spare)}")
