"""Says in which precision each step of a network computes, and what given data make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trigsim.emulator.exact import evaluate
from trigsim.emulator.model import Dense, Step
from trigsim.numeric.fixed import FixedFormat, Overflow, Raw

if TYPE_CHECKING:
    from trigsim.emulator.network import Network


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step on given data.

    Attributes
    ----------
    name : str
        Of the layer ("input" for the cast of the features).
    kind : str
        Of the step.
    result : FixedFormat
        Its format.
    accumulator : FixedFormat or None
        Of a dense layer, unless exact.
    low, high : float
        Range of the results.
    format_low, format_high : float
        Range of the format.
    overflowing : float
        Share of values that the format saturates or wraps.
    sum_overflowing : float
        Share of sums beyond the accumulator, 0 for other steps.
    """

    name: str
    kind: str
    result: FixedFormat
    accumulator: FixedFormat | None
    low: float
    high: float
    format_low: float
    format_high: float
    overflowing: float
    sum_overflowing: float

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping; formats as C++ spells them."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: str(value) if isinstance(value, FixedFormat) else value for name, value in told.items()}

    def __str__(self) -> str:
        sums = "" if self.accumulator is None else f" sums in {self.accumulator}"
        lost = "" if not self.sum_overflowing else f", {100 * self.sum_overflowing:.3g}% of sums overflow"
        return (
            f"{self.name} ({self.kind}):{sums} to {self.result}: {self.low:g} to {self.high:g} of "
            f"{self.format_low:g} to {self.format_high:g}, {100 * self.overflowing:.3g}% {_verb(self.result)}{lost}"
        )


def _verb(form: FixedFormat) -> str:
    return "wrap" if form.overflow == Overflow.WRAP else "saturate"


def explain(network: Network, x: NDArray[np.float64]) -> tuple[StepReport, ...]:
    """Return a report on the cast of the features x, shape (n, n_inputs), and on each step."""
    form = network.input_format
    raw = form.from_float(x)
    wide = _wide(form).from_float(x)
    reports = [_report("input", "cast", form, None, raw, wide, 0.0)]
    values: list[Raw] = [raw]
    for step in network.steps:
        sources = [values[i] for i in step.inputs]
        formats = [network.formats[i] for i in step.inputs]
        result = evaluate(step, sources, formats)
        beyond = evaluate(replace(step, result=_wide(step.result)), sources, formats)
        accumulator, lost = None, 0.0
        if isinstance(step, Dense) and step.accumulator is not None:
            accumulator, lost = step.accumulator, _lost_sums(step, step.accumulator, sources, formats)
        kind = type(step).__name__.lower()
        reports.append(_report(step.name, kind, step.result, accumulator, result, beyond, lost))
        values.append(result)
    return tuple(reports)


def _wide(form: FixedFormat) -> FixedFormat:
    """Return the widest format of the same last bit, which only overflows where nothing sensible is left."""
    return FixedFormat(64, 64 - form.fraction, True, form.rounding, Overflow.SAT)


def _lost_sums(
    step: Dense, accumulator: FixedFormat, sources: Sequence[Raw], formats: Sequence[FixedFormat]
) -> float:
    """Return the share of final sums that a wide accumulator would hold and this one does not."""
    wide: Step = replace(step, accumulator=_wide(accumulator), result=_wide(accumulator))
    return _share(evaluate(wide, sources, formats), accumulator)


def _share(raw: Raw, form: FixedFormat) -> float:
    return float(np.mean((raw < form.minimum) | (raw > form.maximum))) if raw.size else 0.0


def _report(
    name: str,
    kind: str,
    form: FixedFormat,
    accumulator: FixedFormat | None,
    result: Raw,
    wide: Raw,
    lost: float,
) -> StepReport:
    seen = form.to_float([result.min(), result.max()]) if result.size else np.zeros(2)
    ends = form.to_float([form.minimum, form.maximum])
    low, high, least, most = (float(v) for v in (*seen, *ends))
    return StepReport(name, kind, form, accumulator, low, high, least, most, _share(wide, form), lost)
