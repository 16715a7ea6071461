"""One self-contained HTML page of a scan: inline SVG, no scripts, light and dark, printable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

import trigsim
from trigsim.base.files import write_json, write_text
from trigsim.report.histograms import write_histograms
from trigsim.report.plots import SCAN_PLOTS, draw, save_both, svg
from trigsim.report.tables import (
    beside_tables,
    features_table,
    hardware_table,
    label,
    latency_table,
    menu_table,
    performance_table,
)
from trigsim.studies.results import BudgetResult, ScanResult

_CAPTIONS = {
    "efficiency_against_inputs": "What each feature budget selects at the same rate.",
    "rate_against_efficiency": "The working point's price: efficiency against rate as the score cut moves.",
    "separation_against_inputs": "Separation of the quantised networks on test candidates; the star is the "
    "plateau: the fewest inputs within one standard error of the best.",
    "separation_against_cost": "What separation costs; the line is the front that no other budget beats in both.",
    "latency": "What each feature budget takes, from its features to the score, at the clock of the network.",
    "choice_of_features": "How often each feature was kept.",
}


def write_scan(scan: ScanResult, provenance: Mapping[str, Any], folder: str | Path) -> Path:
    """Write `scan.json`, the tables as CSV, the plots as PNG and PDF, histograms, and `report.html`.

    Parameters
    ----------
    scan : ScanResult
        What to show.
    provenance : mapping
        The record of `base.provenance.provenance`.
    folder : path
        Where to.

    Returns
    -------
    Path
        The page.
    """
    folder = Path(folder)
    tables = [performance_table(scan), hardware_table(scan), *beside_tables(scan), features_table(scan)]
    tables += [
        menu_table(b.menu, f"The menu with {label(scan, b)}: {b.menu.crossings:,} crossings at {scan.beam}")
        for b in scan.budgets
    ]
    others = [f"hardware_{one.name.lower()}" for one in scan.budgets[0].hardware.beside]
    names = ["performance", "hardware", *others, "features", *(f"menu_{stem(scan, b)}" for b in scan.budgets)]
    for name, table in zip(names, tables, strict=True):
        write_text(folder / f"{name}.csv", table.csv())
    plots: list[dict[str, str]] = []
    latency: list[dict[str, str]] = []
    for name, plot in SCAN_PLOTS.items():
        figure = draw(plot, scan)
        save_both(figure, folder / name)
        # The SVG is our own drawing; its text was escaped by matplotlib.
        shown = latency if name == "latency" else plots
        shown.append({"svg": Markup(svg(figure)), "caption": _CAPTIONS[name]})  # noqa: S704
    write_text(folder / "latency.csv", latency_table(scan).csv())
    write_json(folder / "scan.json", scan.as_dict())
    write_histograms(scan.histograms(), folder / "scan")
    write_json(folder / "provenance.json", dict(provenance))
    compared = sum(b.csim_inputs for b in scan.budgets)
    differ = sum(b.csim_mismatches for b in scan.budgets)
    page = (
        environment()
        .get_template("page.html.j2")
        .render(
            title=scan.name,
            subtitle=f"mean pile-up {scan.mean_pileup:g}, "
            f"{scan.crossing_rate_khz / 1e3:.2f} MHz of colliding bunches",
            summary=_summary(scan),
            equal=differ == 0,
            equality=f"Emulator against hls4ml C simulation: {differ} of {compared:,} outputs differ.",
            tables=tables,
            hardware_source=f"Latency and resources: {scan.hardware_source}.",
            plots=plots,
            latency=latency,
            latency_table=latency_table(scan),
            provenance=flat(provenance),
            version=trigsim.__version__,
            numbers="scan.json",
        )
    )
    write_text(folder / "report.html", page)
    return folder / "report.html"


def stem(scan: ScanResult, budget: BudgetResult) -> str:
    """Return what tells a budget from the others in a file name."""
    return label(scan, budget).replace(", ", "_").replace(" ", "_")


def _summary(scan: ScanResult) -> str:
    fewest, most = scan.budgets[0], scan.budgets[-1]
    return (
        f"At {scan.fixed_rate_khz:g} kHz, {scan.algorithm} keeps {most.efficiency_at_rate} of {scan.signal} with "
        f"{len(most.features)} inputs and {fewest.efficiency_at_rate} with {len(fewest.features)}."
    )


def environment() -> jinja2.Environment:
    """Return the templates; everything is escaped, and nothing may be left out."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("trigsim.report"), autoescape=True, undefined=jinja2.StrictUndefined
    )


def flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return a nested record as rows of name and text."""
    rows = []
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            rows += flat(value, f"{name} › ")
        else:
            rows.append((name, "–" if value is None else str(value)))
    return rows
