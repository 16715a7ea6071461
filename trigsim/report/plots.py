"""Plots of a scan, as matplotlib figures; drawn on object interfaces, so that no display or global state is met."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trigsim.base.files import atomic_path
from trigsim.numeric.intervals import Estimate
from trigsim.studies.results import ScanResult

#: Okabe and Ito's colours, told apart by all kinds of sight.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLE: dict[Any, Any] = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "trigsim",
}


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    return figure, figure.add_subplot()


def _points(axes: Axes, x: Sequence[float], estimates: Sequence[Estimate], label: str, number: int) -> None:
    value = np.array([e.value for e in estimates])
    spread = np.array([[e.value - e.low, e.high - e.value] for e in estimates]).T
    colour = COLOURS[number % len(COLOURS)]
    axes.errorbar(x, value, yerr=spread, fmt="o-", ms=4, lw=1.2, capsize=3, color=colour, label=label)


def efficiency_against_inputs(scan: ScanResult) -> Figure:
    """Draw the signal efficiency at the fixed rate for each feature budget."""
    figure, axes = _figure()
    inputs = [len(b.features) for b in scan.budgets]
    label = f"{scan.algorithm} at {scan.fixed_rate_khz:g} kHz"
    _points(axes, inputs, [b.efficiency_at_rate for b in scan.budgets], label, 0)
    axes.set(xlabel="input features", ylabel=f"efficiency for {scan.signal}", ylim=(0, None))
    axes.legend(frameon=False)
    return figure


def separation_against_inputs(scan: ScanResult) -> Figure:
    """Draw the area under the ROC curve for each feature budget."""
    figure, axes = _figure()
    _points(axes, [len(b.features) for b in scan.budgets], [b.auc for b in scan.budgets], "quantised network", 1)
    axes.set(xlabel="input features", ylabel="area under the ROC curve")
    axes.legend(frameon=False)
    return figure


def rate_against_efficiency(scan: ScanResult) -> Figure:
    """Draw what the tagged algorithm's working point buys and costs, one curve a feature budget."""
    figure, axes = _figure()
    for number, budget in enumerate(scan.budgets):
        if budget.curve:
            rate, efficiency = np.array(budget.curve).T
            label = f"{len(budget.features)} inputs"
            axes.plot(rate, efficiency, color=COLOURS[number % len(COLOURS)], lw=1.4, label=label)
    axes.axvline(scan.fixed_rate_khz, color="0.5", lw=0.8, ls=":")
    axes.set(xscale="log", xlabel=f"rate of {scan.algorithm} [kHz]", ylabel=f"efficiency for {scan.signal}")
    axes.legend(frameon=False)
    return figure


def cost_against_inputs(scan: ScanResult) -> Figure:
    """Draw look-up tables and latency for each feature budget."""
    figure, axes = _figure()
    inputs = [len(b.features) for b in scan.budgets]
    axes.plot(inputs, [b.hardware.resources["LUT"] for b in scan.budgets], "o-", color=COLOURS[0], ms=4, lw=1.2)
    axes.set(xlabel="input features", ylabel="LUT (estimate)", ylim=(0, None))
    axes.yaxis.label.set_color(COLOURS[0])
    other = axes.twinx()
    other.spines["right"].set_visible(True)
    other.grid(visible=False)
    other.plot(inputs, [b.hardware.nanoseconds for b in scan.budgets], "s--", color=COLOURS[1], ms=4, lw=1.2)
    other.set(ylabel="latency [ns]", ylim=(0, None))
    other.yaxis.label.set_color(COLOURS[1])
    return figure


#: File stem → what draws it.
SCAN_PLOTS: dict[str, Callable[[ScanResult], Figure]] = {
    "efficiency_against_inputs": efficiency_against_inputs,
    "rate_against_efficiency": rate_against_efficiency,
    "separation_against_inputs": separation_against_inputs,
    "cost_against_inputs": cost_against_inputs,
}


def draw(plot: Callable[[ScanResult], Figure], scan: ScanResult) -> Figure:
    """Return the figure of one plot in the house style."""
    with rc_context(_STYLE):
        return plot(scan)


def svg(figure: Figure) -> str:
    """Return a figure as an SVG element to set into HTML: no XML head, no date, scalable."""
    stream = io.StringIO()
    with rc_context(_STYLE):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    head, tail = text.split(">", 1)
    return re.sub(r' (width|height)="[^"]*"', "", head) + ">" + tail


def save(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG or PDF, by the suffix of `path`."""
    with atomic_path(path) as temporary, rc_context(_STYLE):
        figure.savefig(temporary, dpi=150)
