"""Plots of the studies of stored crossings, as matplotlib figures in the house style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from hist import Hist
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trigsim.numeric.intervals import Estimate
from trigsim.report.plots import _STYLE, COLOURS, _figure, _points
from trigsim.studies.fit import FitResult
from trigsim.studies.overlap import Overlap
from trigsim.studies.rate_table import RateTable
from trigsim.studies.thresholds import Bought, Curve, Offer
from trigsim.studies.turnon import TurnOn

#: Lines of one plot that can still be told apart.
MOST_LINES = len(COLOURS)
#: Rows of a matrix whose names can still be read.
MOST_NAMES = 60


def turn_on_plot(found: Sequence[TurnOn]) -> Figure:
    """Draw turn-ons with their fits, at most seven."""
    with rc_context(_STYLE):
        figure, axes = _figure()
        for number, one in enumerate(found[:MOST_LINES]):
            middle = (one.edges[1:] + one.edges[:-1]) / 2
            # An empty bin says nothing.
            some = [i for i, e in enumerate(one.efficiencies) if (e.low, e.high) != (0.0, 1.0)]
            value = np.array([one.efficiencies[i].value for i in some])
            error = np.array(
                [[v - e.low, e.high - v] for v, e in zip(value, (one.efficiencies[i] for i in some), strict=True)]
            )
            half = np.diff(one.edges)[some] / 2
            colour = COLOURS[number]
            axes.errorbar(middle[some], value, error.T, half, fmt="o", ms=3, lw=1, color=colour, label=one.name)
            if one.fit is not None:
                x = np.linspace(one.edges[0], one.edges[-1], 300)
                axes.plot(x, one.fit(x), color=colour, lw=1.2)
        axes.set(xlabel=_label(found[0].quantity), ylabel=f"efficiency for {found[0].signal}", ylim=(0, 1.05))
        figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=3)
        return figure


def curve_plot(curves: Sequence[Curve]) -> Figure:
    """Draw rate and, on the right, efficiencies against a number."""
    with rc_context(_STYLE):
        figure, axes = _figure()
        for number, curve in enumerate(curves[:MOST_LINES]):
            _points(axes, curve.values, curve.rates, f"{curve.algorithm}, rate", number)
        axes.set(xlabel=curves[0].number, ylabel="rate [kHz]", yscale="log")
        if curves[0].efficiencies:
            other = axes.twinx()
            other.grid(visible=False)
            axes.tick_params(axis="y", which="both", right=False)
            other.tick_params(axis="y", which="both", left=False)
            for number, (signal, gains) in enumerate(curves[0].efficiencies.items(), start=len(curves)):
                _points(other, curves[0].values, gains, f"{curves[0].algorithm}, {signal}", number)
            other.set(ylabel="efficiency", ylim=(0, 1.05))
        figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=2)
        return figure


def _ends(offer: Offer) -> Estimate | None:
    """Return the threshold of an offer; where its upper end is above all tried, that is left out."""
    if offer.threshold is None or offer.low is None:
        return None
    return Estimate(offer.threshold, offer.low, offer.threshold if offer.high is None else offer.high)


def bought_plot(found: Bought) -> Figure:
    """Draw the threshold that each tagger allows against its inputs, beside what is allowed without one."""
    with rc_context(_STYLE):
        figure, axes = _figure()
        none, *tagged = [(one, _ends(one)) for one in found.offers]
        if none[1] is not None:
            axes.axhline(none[1].value, color=COLOURS[0], lw=1.2, label="without")
            axes.axhspan(none[1].low, none[1].high, color=COLOURS[0], alpha=0.15, lw=0)
        some = [(one.inputs, ends) for one, ends in tagged if ends is not None]
        _points(axes, [inputs for inputs, _ in some], [ends for _, ends in some], "with a tagger", 1)
        axes.set(xlabel="input features", ylabel=f"threshold at {found.rate_khz:g} kHz [GeV]")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.legend(frameon=False, loc="outside upper center", ncols=2, title=found.condition)
        return figure


def overlap_plot(found: Overlap) -> Figure:
    """Draw the matrix of shares."""
    with rc_context(_STYLE):
        n = len(found.names)
        size = min(3.0 + 0.22 * n, 16.0)
        figure = Figure(figsize=(size + 1.2, size), layout="constrained")
        axes = figure.add_subplot()
        share = np.where(np.diag(found.rate)[:, None] > 0, found.fraction, np.nan)
        axes.grid(visible=False)
        if n <= MOST_NAMES:
            # A mesh stays a drawing in SVG; it would be a heavy one where the names cannot be read either.
            image: Any = axes.pcolormesh(share, vmin=0, vmax=1, cmap="viridis", edgecolor="white", lw=0.3)
            axes.set_xticks(np.arange(n) + 0.5, found.names, rotation=90, fontsize=7)
            axes.set_yticks(np.arange(n) + 0.5, found.names, fontsize=7)
            axes.invert_yaxis()
            axes.set_aspect("equal")
        else:
            image = axes.imshow(share, vmin=0, vmax=1, cmap="viridis")
        axes.set(xlabel="… that also passes", ylabel="share of the rate of …")
        bar = figure.colorbar(image, ax=axes, shrink=0.8)
        if bar.solids is not None:
            bar.solids.set(rasterized=False, edgecolor="face")
        return figure


def pareto_plot(found: FitResult) -> Figure:
    """Draw what other budgets buy, and where the fitted menu is."""
    with rc_context(_STYLE):
        figure, axes = _figure()
        if found.pareto:
            rate, gain = np.array([(r, e) for r, e, _ in found.pareto]).T
            axes.step(rate, gain, where="post", color=COLOURS[0], lw=1.4, label="best found")
        axes.axvline(found.budget.total, color="0.5", lw=0.8, ls=":", label="budget")
        axes.set(xscale="log", xlabel="total rate [kHz]", ylabel="weighted signal efficiency")
        axes.legend(frameon=False)
        return figure


def pileup_plot(found: Mapping[float, RateTable], names: Sequence[str]) -> Figure:
    """Draw rates after prescale against pile-up, at most seven rows."""
    with rc_context(_STYLE):
        figure, axes = _figure()
        for number, name in enumerate(names[:MOST_LINES]):
            _points(axes, list(found), [table[name].after.rate for table in found.values()], name, number)
        axes.set(xlabel="mean pile-up", ylabel="rate [kHz]", yscale="log")
        figure.legend(frameon=False, fontsize=8, loc="outside right upper")
        return figure


def spectrum_plot(found: Mapping[str, Hist]) -> Figure:
    """Draw the spectra of one field in several samples, each as shares of all."""
    with rc_context(_STYLE):
        figure, axes = _figure()
        for number, (sample, one) in enumerate(found.items()):
            whole = one.values(flow=True).sum() or 1.0
            edges, value, error = one.axes[0].edges, one.values() / whole, np.sqrt(one.variances()) / whole
            colour = COLOURS[number % len(COLOURS)]
            axes.stairs(value, edges, color=colour, lw=1.2, label=sample)
            axes.stairs(
                value + error, edges, baseline=np.maximum(value - error, 0), fill=True, color=colour, alpha=0.2
            )
        first = next(iter(found.values()))
        axes.set(xlabel=first.axes[0].label, ylabel="share of all")
        if all(one.values().max(initial=0.0) > 0 for one in found.values()):
            axes.set(yscale="log")
        axes.legend(frameon=False, fontsize=8)
        return figure


def _label(quantity: str) -> str:
    unit = {"pt": " [GeV]", "hat": " [GeV]", "phi": " [rad]"}.get(quantity.rpartition("_")[2], "")
    return f"generated {quantity.replace('_', ' ')}{unit}"
