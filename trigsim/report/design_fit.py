"""Table and plot of the search for a tagger that fits a part."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trigsim.report.plots import _STYLE, COLOURS, save
from trigsim.report.tables import Table
from trigsim.studies.design_fit import Design, DesignFit


def design_table(found: DesignFit) -> Table:
    """Return all designs, best first; ● the best that fits, ○ the smallest that is as good."""
    upstream = bool(found.upstream_source)
    header = ("", "inputs", "nodes", "bits", f"efficiency at {found.fixed_rate_khz:g} kHz", "latency [ns]")
    header += ("LUT", f"share of {found.limits.part.name}", *(("features [assumed]",) if upstream else ()), "fits")
    rows = []
    for design in found.designs:
        mark = ("●" if design is found.best else "") + ("○" if design is found.cheapest else "")
        cells = [mark, str(design.inputs), "-".join(map(str, design.nodes)), str(design.bits)]
        cells += [design.efficiency.numbers, f"{design.nanoseconds:.1f}", f"{design.lut:.0f}"]
        cells.append(f"{design.share:.3%} {design.binding.upper()}")
        cells += [f"{design.upstream_share or 0:.3%}"] if upstream else []
        rows.append((*cells, "yes" if design.fits(found.limits) else "no"))
    title = (
        f"{found.algorithm} for {found.signal} within {found.limits.share:.2%} of {found.limits.part.name} "
        f"and {found.limits.latency_ns:g} ns"
    )
    return Table(title, header, tuple(rows))


def write_plot(found: DesignFit, path: str | Path) -> None:
    """Draw efficiency against share and against latency, limits and front marked, as PNG or PDF."""
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.4), layout="constrained")
        share, latency = figure.subplots(1, 2, sharey=True)
        _scatter(share, found, lambda d: 100 * d.needs, 100 * found.limits.share)
        front = found.front
        share.plot(
            [100 * d.needs for d in front], [d.efficiency.value for d in front], "-", lw=1.2, color=COLOURS[0]
        )
        share.set(xlabel=f"share of {found.limits.part.name}, estimate [%]", xlim=(0, None))
        share.set(ylabel=f"efficiency at {found.fixed_rate_khz:g} kHz")
        _scatter(latency, found, lambda d: d.nanoseconds, found.limits.latency_ns)
        latency.set(xlabel="latency, estimate [ns]", xlim=(0, None))
    save(figure, path)


def _scatter(axes: Axes, found: DesignFit, value: Callable[[Design], float], limit: float) -> None:
    for fits, colour in ((True, COLOURS[0]), (False, "0.6")):
        some = [d for d in found.designs if d.fits(found.limits) is fits]
        if some:
            estimates = [d.efficiency for d in some]
            spread = np.array([[e.value - e.low, e.high - e.value] for e in estimates]).T
            axes.errorbar(
                [value(d) for d in some], [e.value for e in estimates], yerr=spread,
                fmt="o", ms=4, lw=0.8, capsize=2, color=colour,
            )  # fmt: skip
    axes.axvline(limit, color="0.5", lw=0.8, ls=":")
    axes.plot(value(found.best), found.best.efficiency.value, "*", ms=14, mfc="none", color="black")
