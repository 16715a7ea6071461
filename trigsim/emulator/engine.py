"""Runs a network's plan on many events: quantisation, kernels, threads."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator import machine_code, native
from trigsim.emulator.codes import MODES
from trigsim.emulator.layout import NativePlan, PortablePlan, native_plan, portable_plan
from trigsim.emulator.machine_inputs import MODERATE
from trigsim.emulator.model import Step
from trigsim.emulator.plan import prove
from trigsim.emulator.stage import NoPlanError, lowest
from trigsim.numeric.fixed import FixedFormat, Overflow

Arithmetic: TypeAlias = Literal["vnni", "vector", "portable"]

#: Events that a thread treats at a time: few enough to share the work evenly, enough to hide Python; whole blocks.
_LEAST, _MOST = 1024, 8192
_LLVM = {"f4": "float", "f8": "double", "i4": "i32", "i8": "i64"}


def arithmetics() -> tuple[Arithmetic, ...]:
    """Return what can run here, fastest first: VNNI dot products, LLVM's own vectors, the portable kernels."""
    if not native.available():
        return ("portable",)
    return ("vnni", "vector", "portable") if native.has_vnni() else ("vector", "portable")


@dataclass(frozen=True, slots=True)
class Engine:
    """The fast part of a network.

    Attributes
    ----------
    plan : NativePlan or PortablePlan
        What is computed, and by what.
    source : FixedFormat
        Format of the input.
    n_outputs : int
        Size of the plan's output.
    result : FixedFormat
        Its format.
    """

    plan: NativePlan | PortablePlan
    source: FixedFormat
    n_outputs: int
    result: FixedFormat
    _made: dict[str, Callable[[NDArray[Any], NDArray[Any]], int]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def floats(self, x: NDArray[Any], threads: int | None = None) -> NDArray[np.float64] | None:
        """Return outputs for float features (n, n_inputs), None where the general path has to look at them."""
        if not _quantisable(self.source, x.dtype):
            return None
        out = np.empty((len(x), self.n_outputs))
        run = self._run(_LLVM[x.dtype.str[1:]])
        beyond = _in_threads(lambda first, last: run(x[first:last], out[first:last]), len(x), threads)
        return None if any(beyond) else out

    def raw(self, x: NDArray[Any], threads: int | None = None) -> NDArray[np.int64]:
        """Return raw outputs for raw features in range, int32 or int64 (n, n_inputs)."""
        out = np.empty((len(x), self.n_outputs), dtype=np.int64)
        run = self._run(_LLVM[x.dtype.str[1:]])
        _in_threads(lambda first, last: run(x[first:last], out[first:last]), len(x), threads)
        return out

    def _run(self, kind: str) -> Callable[[NDArray[Any], NDArray[Any]], int]:
        """Return what fills outputs from inputs of an LLVM type, and says whether some of them are beyond it."""
        if kind not in self._made:
            self._made[kind] = (
                self._native(self.plan, kind) if isinstance(self.plan, NativePlan) else self._portable(self.plan)
            )
        return self._made[kind]

    def _native(self, plan: NativePlan, kind: str) -> Callable[[NDArray[Any], NDArray[Any]], int]:
        opaque = native.opaque_operands()
        code = machine_code.assembly(plan.layers, self.source, plan.offset, kind, vnni=plan.vnni, opaque=opaque)
        function, size = native.function(code), machine_code.room_bytes(plan.layers)
        tables = [table.ctypes.data for table in (plan.tables.starts, plan.tables.pairs)]
        tables += [table.ctypes.data for table in (plan.tables.bias, plan.tables.data)]
        lsb = self.result.lsb

        def run(x: NDArray[Any], out: NDArray[Any]) -> int:
            x = np.ascontiguousarray(x)
            room = np.empty(size + 64, dtype=np.uint8)
            at = room.ctypes.data
            return function(x.ctypes.data, len(x), *tables, at + -at % 64, lsb, out.ctypes.data)

        return run

    def _portable(self, plan: PortablePlan) -> Callable[[NDArray[Any], NDArray[Any]], int]:
        from trigsim.emulator import kernels  # noqa: PLC0415 - numba takes a second to load

        number = plan.arrays[4].dtype

        def run(x: NDArray[Any], out: NDArray[Any]) -> int:
            numbers, beyond, lsb = x.ravel(), False, 1.0
            if x.dtype.kind == "f":
                numbers, lsb = np.empty(x.size, dtype=number), self.result.lsb
                beyond = _quantise(self.source, np.ascontiguousarray(x).ravel(), numbers)
            if not beyond:
                scale = lsb if out.dtype.kind == "f" else 1
                kernels.run(numbers.astype(number, copy=False), len(x), *plan.arrays, scale, out)
            return beyond

        return run


def make_engine(
    steps: tuple[Step, ...],
    formats: tuple[FixedFormat, ...],
    sizes: tuple[int, ...],
    arithmetic: Arithmetic | None = None,
) -> Engine | None:
    """Return the engine of a network's leading steps, None if even the first is beyond the kernels.

    Parameters
    ----------
    steps, formats, sizes : tuple
        Of the network.
    arithmetic : str, optional
        One of `arithmetics`; default: the fastest. Sums beyond 32 bits are left to the portable kernels.
    """
    try:
        stages, covered = prove(steps, formats, sizes[0])
    except NoPlanError:
        return None
    chosen = arithmetic or arithmetics()[0]
    plan = None if chosen == "portable" else native_plan(stages, covered, vnni=chosen == "vnni")
    return Engine(plan or portable_plan(stages, covered), formats[0], sizes[covered], formats[covered])


def _quantisable(form: FixedFormat, kind: np.dtype[Any]) -> bool:
    """Whether the quantising code knows the format's modes and is exact with floats of this type."""
    wraps = form.overflow == Overflow.WRAP and not form.saturation_bits
    if not (wraps or form.overflow in (Overflow.SAT, Overflow.SAT_SYM)):
        return False
    # Scaled up by a power of two a float stays exact; the fitted number has to be, too, and fit 31 bits.
    return 0 <= form.fraction <= 60 and form.width <= (22 if kind == np.float32 else 30)


def _quantise(form: FixedFormat, x: NDArray[Any], out: NDArray[Any]) -> bool:
    """Fill `out` with the raw integers of flat floats; return whether some of them are beyond it."""
    from trigsim.emulator import kernels  # noqa: PLC0415

    wraps = (1 + form.signed) if form.overflow == Overflow.WRAP else 0
    integer = np.int32 if x.dtype == np.float32 else np.int64
    limit = np.array(MODERATE[_LLVM[x.dtype.str[1:]]], dtype=x.dtype).view(integer)[()]
    mask, scale = integer(np.iinfo(integer).max), x.dtype.type(2.0**form.fraction)
    told = MODES[form.rounding], wraps, lowest(form), form.maximum, form.width
    return bool(kernels.quantise(x, x.view(integer), mask, limit, scale, *told, out))


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="trigsim-emulator")


def _in_threads(part: Callable[[int, int], int], n: int, threads: int | None) -> list[int]:
    """Call ``part(first, last)`` for consecutive ranges of n events; the kernels free the GIL."""
    workers = threads or os.cpu_count() or 1
    size = min(max(_LEAST, -(-n // (4 * workers * _LEAST)) * _LEAST), _MOST)
    starts = range(0, n, size)
    if workers <= 1 or len(starts) <= 1:
        return [part(0, n)]
    left = deque(starts)

    def work() -> list[int]:
        seen: list[int] = []
        while True:
            try:
                start = left.popleft()
            except IndexError:
                return seen
            seen.append(part(start, min(start + size, n)))

    helpers = [_pool(workers - 1).submit(work) for _ in range(min(workers, len(starts)) - 1)]
    return [*work(), *itertools.chain.from_iterable(helper.result() for helper in helpers)]
