"""Plots of a scan, as matplotlib figures; drawn on object interfaces, so that no display or global state is met."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mplhep
import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trigsim.base.files import atomic_path
from trigsim.numeric.intervals import Estimate
from trigsim.report.tables import label
from trigsim.studies.results import COSTS, BudgetResult, ScanResult

#: Okabe and Ito's colours, told apart by all kinds of sight.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Of mplhep's style that carries no experiment's name: ticks inwards on all sides, names at the ends of axes.
_HEP = ("xtick.", "ytick.", "xaxis.", "yaxis.", "legend.frameon")
_STYLE: dict[Any, Any] = {
    **{key: value for key, value in mplhep.style.ROOT.items() if key.startswith(_HEP)},
    # For letters of 10 points, not of 26; axes of names have no ticks between them.
    **{f"{axis}tick.{which}.size": size for axis in "xy" for which, size in (("major", 5), ("minor", 2.5))},
    **{f"{axis}tick.{key}": value for axis in "xy" for key, value in (("major.pad", 4), ("minor.visible", False))},
    "font.size": 10,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "trigsim",
}


def _figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.minorticks_on()
    return figure, axes


def _points(axes: Axes, x: Sequence[float], estimates: Sequence[Estimate], label: str, number: int) -> None:
    value = np.array([e.value for e in estimates])
    spread = np.array([[e.value - e.low, e.high - e.value] for e in estimates]).reshape(-1, 2).T
    colour = COLOURS[number % len(COLOURS)]
    axes.errorbar(x, value, yerr=spread, fmt="o-", ms=4, lw=1.2, capsize=3, color=colour, label=label)


def _series(scan: ScanResult) -> list[tuple[str, list[BudgetResult]]]:
    """Return the budgets that differ in inputs only, series by series, with what tells the series apart."""
    series: dict[tuple[tuple[int, ...], int], list[BudgetResult]] = {}
    for budget in scan.budgets:
        series.setdefault((budget.nodes, budget.bits), []).append(budget)
    names = {key: f"{'-'.join(map(str, key[0]))} nodes, {key[1]} bits" for key in series}
    return [(names[key], budgets) for key, budgets in series.items()]


def efficiency_against_inputs(scan: ScanResult) -> Figure:
    """Draw the signal efficiency at the fixed rate for each budget."""
    figure, axes = _figure()
    for number, (name, budgets) in enumerate(_series(scan)):
        inputs = [len(b.features) for b in budgets]
        _points(axes, inputs, [b.efficiency_at_rate for b in budgets], name, number)
    axes.set(xlabel="input features", ylabel=f"efficiency for {scan.signal}", ylim=(0, None))
    axes.legend(frameon=False, title=f"{scan.algorithm} at {scan.fixed_rate_khz:g} kHz")
    return figure


def separation_against_inputs(scan: ScanResult) -> Figure:
    """Draw the area under the ROC curve for each budget: mean of the seeds, each seed as a dot, the plateau."""
    figure, axes = _figure()
    for number, (name, budgets) in enumerate(_series(scan)):
        inputs = [len(b.features) for b in budgets]
        _points(axes, inputs, [b.auc_of_seeds for b in budgets], name, number)
        if len(budgets[0].seeds) > 1:
            colour = COLOURS[number % len(COLOURS)]
            for k, budget in zip(inputs, budgets, strict=True):
                aucs = [one.auc for one in budget.seeds]
                axes.plot([k] * len(aucs), aucs, ".", ms=3, alpha=0.5, color=colour)
    plateau = scan.plateau
    axes.plot(
        len(plateau.features), plateau.auc_of_seeds.value, "*", ms=14, mfc="none", color="black", label="plateau"
    )
    axes.set(xlabel="input features", ylabel="area under the ROC curve")
    axes.legend(frameon=False)
    return figure


def choice_of_features(scan: ScanResult) -> Figure:
    """Draw how often each feature was kept at each number of inputs, over all seeds, nodes and bits."""
    numbers = sorted({len(b.features) for b in scan.budgets})
    kept = [[one.features for b in scan.budgets if len(b.features) == k for one in b.seeds] for k in numbers]
    share = {
        name: [sum(name in some for some in trainings) / len(trainings) for trainings in kept]
        for name in dict.fromkeys(f for trainings in kept for some in trainings for f in some)
    }
    names = sorted(share, key=lambda name: (-sum(share[name]), name))
    figure = Figure(figsize=(5.4, 1.2 + 0.19 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    axes.grid(visible=False)
    # A mesh, not an image: it stays a drawing in SVG.
    image = axes.pcolormesh(
        [share[name] for name in names], cmap="Blues", vmin=0, vmax=1, edgecolor="white", lw=0.5
    )
    axes.set_xticks(np.arange(len(numbers)) + 0.5, [str(k) for k in numbers])
    axes.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=7)
    axes.invert_yaxis()
    axes.set(xlabel="input features")
    bar = figure.colorbar(image, ax=axes, label=f"share of {len(kept[0])} trainings", shrink=0.6)
    if bar.solids is not None:
        bar.solids.set(rasterized=False, edgecolor="face")
    return figure


def rate_against_efficiency(scan: ScanResult) -> Figure:
    """Draw what the tagged algorithm's working point buys and costs, one curve a feature budget.

    Bars are one standard deviation: of the efficiency at the fixed rate, side by side about it, and of the rate
    at the fixed efficiency.
    """
    figure, axes = _figure()
    middle = (len(scan.budgets) - 1) / 2
    for number, budget in enumerate(scan.budgets):
        if budget.curve:
            rate, efficiency = np.array(budget.curve).T
            colour = COLOURS[number % len(COLOURS)]
            axes.plot(rate, efficiency, color=colour, lw=1.4, label=label(scan, budget))
            bar: dict[str, Any] = {"fmt": "o", "ms": 2.5, "lw": 1.0, "capsize": 2, "color": colour}
            at, kept = scan.fixed_rate_khz * 1.06 ** (number - middle), budget.efficiency_at_rate
            axes.errorbar(at, kept.value, yerr=[[kept.value - kept.low], [kept.high - kept.value]], **bar)
            cost = budget.rate_at_efficiency
            if cost is not None:
                at = scan.fixed_efficiency + 0.008 * (number - middle)
                axes.errorbar(cost.value, at, xerr=[[cost.value - cost.low], [cost.high - cost.value]], **bar)
    axes.axvline(scan.fixed_rate_khz, color="0.5", lw=0.8, ls=":")
    axes.set(xscale="log", xlabel=f"rate of {scan.algorithm} [kHz]", ylabel=f"efficiency for {scan.signal}")
    axes.legend(frameon=False)
    return figure


def separation_against_cost(scan: ScanResult) -> Figure:
    """Draw the area under the ROC curve against what each budget costs, with the front that none beats."""
    figure = Figure(figsize=(3.2 * len(COSTS), 3.4), layout="constrained")
    for number, (axes, (name, cost)) in enumerate(
        zip(figure.subplots(1, len(COSTS), sharey=True), COSTS.items(), strict=True)
    ):
        colour = COLOURS[number]
        estimates = [b.auc_of_seeds for b in scan.budgets]
        value = [e.value for e in estimates]
        spread = np.array([[e.value - e.low, e.high - e.value] for e in estimates]).T
        costs = [cost(b) for b in scan.budgets]
        axes.errorbar(costs, value, yerr=spread, fmt="o", ms=3, lw=0.8, capsize=2, color=colour, alpha=0.5)
        front = scan.pareto(cost)
        axes.plot([cost(b) for b in front], [b.auc_of_seeds.value for b in front], "-", lw=1.4, color=colour)
        axes.plot(cost(scan.plateau), scan.plateau.auc_of_seeds.value, "*", ms=14, mfc="none", color="black")
        axes.set(xlabel=name if name == "bit operations" else f"{name}, estimate", xlim=(0, 1.06 * max(costs)))
        if number == 0:
            axes.set(ylabel="area under the ROC curve")
    return figure


def latency_of_budgets(scan: ScanResult) -> Figure:
    """Draw what each budget takes: its features, where they were counted, and its network."""
    figure = Figure(figsize=(5.4, 1.2 + 0.3 * max(len(scan.budgets), 3)), layout="constrained")
    axes = figure.add_subplot()
    for place, budget in enumerate(scan.budgets):
        hardware, start = budget.hardware, 0.0
        clock_ns = hardware.nanoseconds / max(hardware.cycles, 1)
        before = [one for one in hardware.beside if one.name == "features"]
        parts = [("features", before[0].cycles * clock_ns, COLOURS[5])] if before else []
        for name, ns, colour in [*parts, ("network", hardware.nanoseconds, COLOURS[0])]:
            axes.barh(place, ns, left=start, height=0.6, color=colour, label=None if place else name)
            start += ns
    axes.axvline(
        scan.budgets[0].hardware.budget_ns, color="#b3261e", lw=1.2, ls="--", label="budget of the network"
    )
    axes.set_yticks(range(len(scan.budgets)), [label(scan, b) for b in scan.budgets], fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set(xlabel="latency, estimate [ns]", xlim=(0, None))
    axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
    return figure


#: File stem → what draws it.
SCAN_PLOTS: dict[str, Callable[[ScanResult], Figure]] = {
    "efficiency_against_inputs": efficiency_against_inputs,
    "rate_against_efficiency": rate_against_efficiency,
    "separation_against_inputs": separation_against_inputs,
    "separation_against_cost": separation_against_cost,
    "latency": latency_of_budgets,
    "choice_of_features": choice_of_features,
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
    # A PDF would say when it was made.
    metadata = {"CreationDate": None} if Path(path).suffix == ".pdf" else None
    with atomic_path(path) as temporary, rc_context(_STYLE):
        figure.savefig(temporary, dpi=150, metadata=metadata)


def save_both(figure: Figure, stem: str | Path) -> None:
    """Write a figure as ``STEM.png`` and ``STEM.pdf``."""
    for suffix in (".png", ".pdf"):
        save(figure, Path(stem).with_name(Path(stem).name + suffix))
