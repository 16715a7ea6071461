"""Plots of the report of a run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from trigsim.numeric.intervals import Estimate
from trigsim.report.plots import _STYLE, COLOURS

#: Rows that a plot of rates shows, the largest.
MOST_ROWS = 40


def rates_plot(rates: Mapping[str, Estimate]) -> Figure:
    """Draw the rate of each row with its interval, the largest first."""
    rows = sorted((row for row in rates if rates[row].value > 0), key=lambda row: -rates[row].value)[:MOST_ROWS]
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.4, 1.0 + 0.22 * max(len(rows), 3)), layout="constrained")
        axes = figure.add_subplot()
        value = np.array([rates[row].value for row in rows])
        error = np.array([[rates[row].value - rates[row].low, rates[row].high - rates[row].value] for row in rows])
        if len(rows):
            axes.errorbar(value, range(len(rows)), xerr=error.T, fmt="o", ms=4, lw=1, capsize=2, color=COLOURS[0])
            axes.set(xscale="log")
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
        axes.invert_yaxis()
        axes.set(xlabel="rate [kHz]")
    return figure


def budgets_plot(used: Mapping[str, Estimate], allowed: Mapping[str, float]) -> Figure:
    """Draw what each row uses before what it may."""
    rows = list(used)
    with rc_context(_STYLE):
        figure = Figure(figsize=(5.4, 1.0 + 0.36 * max(len(rows), 3)), layout="constrained")
        axes = figure.add_subplot()
        for place, row in enumerate(rows):
            one, limit = used[row], allowed.get(row)
            if limit is not None:
                axes.barh(place, limit, height=0.8, color="0.88", label="allowed")
            over = limit is not None and one.value > limit
            error = [[one.value - one.low], [one.high - one.value]]
            axes.barh(place, one.value, height=0.45, color=COLOURS[1 if over else 0])
            axes.errorbar(one.value, place, xerr=error, color="0.25", lw=0.9, capsize=2)
        axes.set_yticks(range(len(rows)), rows, fontsize=8)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set(xlabel="rate [kHz]", xlim=(0, None))
    return figure
