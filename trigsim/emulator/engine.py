"""Runs a network's plan on many events: quantisation, kernels, threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numba import config as numba_config
from numpy.typing import NDArray

from trigsim.emulator import kernels, vnni_kernels
from trigsim.emulator.layout import Plan
from trigsim.emulator.model import Step
from trigsim.emulator.plan import make_plan
from trigsim.emulator.stage import NoPlanError
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding

#: Events that a thread treats at a time: enough to hide Python, few enough for the second-level cache.
_PART = 4096
#: Beyond this a scaled float may overflow on its way into the format; then the general path takes over.
_MODERATE = {np.dtype(np.float32): 2.0**60, np.dtype(np.float64): 2.0**900}
_MODES = {mode: number for number, mode in enumerate(Rounding)}


def have_vnni() -> bool:
    """Whether the VNNI kernels can run here: the CPU has them, and numba compiles."""
    return vnni_kernels.HAS_VNNI and not numba_config.DISABLE_JIT


@dataclass(frozen=True, slots=True)
class Engine:
    """The fast part of a network.

    Attributes
    ----------
    plan : Plan
        What the kernels do.
    source : FixedFormat
        Format of the input.
    n_outputs : int
        Size of the plan's output.
    result : FixedFormat
        Its format.
    """

    plan: Plan
    source: FixedFormat
    n_outputs: int
    result: FixedFormat

    def floats(self, x: NDArray[Any]) -> NDArray[np.float64] | None:
        """Return outputs for float features (n, n_inputs), None where the general path has to look at them."""
        form = self.source
        if not _quantisable(form, x.dtype):
            return None
        out = np.empty((len(x), self.n_outputs))
        low = form.minimum
        if form.overflow == Overflow.SAT_SYM and form.signed:
            low = min(form.minimum + 1, -1)
        wraps = (1 + form.signed) if form.overflow == Overflow.WRAP else 0
        told = (_MODES[form.rounding], wraps, low, form.maximum, form.width, self.plan.offset)
        integer = np.int32 if x.dtype == np.float32 else np.int64
        limit = np.array(_MODERATE[x.dtype], dtype=x.dtype).view(integer)[()]
        mask, scale = integer(np.iinfo(integer).max), x.dtype.type(2.0**form.fraction)

        def part(first: int, last: int) -> bool:
            flat = np.ascontiguousarray(x[first:last]).reshape(-1)
            room, numbers = self._room(last - first)
            if kernels.quantise(flat, flat.view(integer), mask, limit, scale, *told, numbers):
                return True
            self._run(room, self.result.lsb, out[first:last])
            return False

        return None if any(_in_threads(part, len(x), None)) else out

    def raw(self, x: NDArray[Any], threads: int | None = None) -> NDArray[np.int64]:
        """Return raw outputs for raw features within the range of the input format, (n, n_inputs)."""
        out = np.empty((len(x), self.n_outputs), dtype=np.int64)

        def part(first: int, last: int) -> None:
            room, numbers = self._room(last - first)
            np.subtract(x[first:last].reshape(-1), self.plan.offset, out=numbers, casting="unsafe")
            self._run(room, 1, out[first:last])

        _in_threads(part, len(x), threads)
        return out

    def _room(self, n: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return memory for the inputs of n events, as the kernels take it and as flat numbers."""
        size = self.plan.n_inputs
        if not self.plan.vnni:
            numbers = np.empty(n * size, dtype=self.plan.arrays[4].dtype)
            return numbers, numbers
        kind = np.dtype(np.int16 if self.plan.sixteen else np.uint8)
        room = np.empty((n + vnni_kernels.EVENTS) * size * kind.itemsize + 64, dtype=np.uint8)
        return room, room[: n * size * kind.itemsize].view(kind)

    def _run(self, room: NDArray[Any], lsb: float, out: NDArray[Any]) -> None:
        run = kernels.run_vnni if self.plan.vnni else kernels.run_plain
        run(room, len(out), *self.plan.arrays, lsb, out)


def make_engine(
    steps: tuple[Step, ...], formats: tuple[FixedFormat, ...], sizes: tuple[int, ...], *, vnni: bool | None = None
) -> Engine | None:
    """Return the engine of a network's leading steps, None if even the first is beyond the kernels.

    Parameters
    ----------
    steps, formats, sizes : tuple
        Of the network.
    vnni : bool, optional
        Default: if the machine has it.
    """
    try:
        plan = make_plan(steps, formats, sizes[0], vnni=have_vnni() if vnni is None else vnni)
    except NoPlanError:
        return None
    return Engine(plan, formats[0], sizes[plan.steps], formats[plan.steps])


def _quantisable(form: FixedFormat, kind: np.dtype[Any]) -> bool:
    """Whether the quantising kernel knows the format's modes and is exact with floats of this type."""
    wraps = form.overflow == Overflow.WRAP and not form.saturation_bits
    if not (wraps or form.overflow in (Overflow.SAT, Overflow.SAT_SYM)):
        return False
    # Scaled up by a power of two a float stays exact; the fitted number has to be, too, and fit 31 bits.
    return 0 <= form.fraction <= 60 and form.width <= (22 if kind == np.float32 else 30)


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="trigsim-emulator")


def _in_threads(part: Callable[[int, int], Any], n: int, threads: int | None) -> list[Any]:
    """Call ``part(first, last)`` for consecutive ranges of n events; the kernels free the GIL."""
    ranges = [(start, min(start + _PART, n)) for start in range(0, n, _PART)]
    workers = min(threads or os.cpu_count() or 1, len(ranges))
    if workers <= 1:
        return [part(*each) for each in ranges]
    return list(_pool(workers).map(lambda each: part(*each), ranges))
