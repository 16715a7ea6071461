"""One self-contained HTML page of any study: paragraphs, plots, tables, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hist import Hist
from markupsafe import Markup
from matplotlib.figure import Figure

import trigsim
from trigsim.base.files import write_json, write_text
from trigsim.report.histograms import write_histograms
from trigsim.report.page import environment, flat
from trigsim.report.plots import save_both, svg
from trigsim.report.tables import Table


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a page shows.

    Attributes
    ----------
    name : str
        Stem of the page and of its JSON.
    title, subtitle : str
        Its heading.
    paragraphs : sequence of str
        What is to be said, above the plots.
    plots : mapping of str to (Figure, str)
        File stem → figure and caption.
    tables : mapping of str to Table
        File stem → table.
    document : mapping
        The numbers, JSON-ready.
    histograms : mapping of str to Hist
        Name → histogram.
    """

    name: str
    title: str
    subtitle: str
    paragraphs: Sequence[str]
    plots: Mapping[str, tuple[Figure, str]]
    tables: Mapping[str, Table]
    document: Mapping[str, Any]
    histograms: Mapping[str, Hist] = field(default_factory=dict)


def write_sheet(sheet: Sheet, provenance: Mapping[str, Any], folder: str | Path) -> Path:
    """Write ``NAME.json``, tables as CSV, plots as PNG and PDF, histograms as UHI JSON and ROOT, and ``NAME.html``.

    Returns
    -------
    Path
        The page.
    """
    folder = Path(folder)
    for name, table in sheet.tables.items():
        write_text(folder / f"{name}.csv", table.csv())
    plots = []
    for name, (figure, caption) in sheet.plots.items():
        save_both(figure, folder / name)
        # The SVG is our own drawing; its text was escaped by matplotlib.
        plots.append({"svg": Markup(svg(figure)), "caption": caption})  # noqa: S704
    write_json(folder / f"{sheet.name}.json", dict(sheet.document))
    write_histograms(sheet.histograms, folder / sheet.name)
    write_json(folder / "provenance.json", dict(provenance))
    page = (
        environment()
        .get_template("sheet.html.j2")
        .render(
            title=sheet.title,
            subtitle=sheet.subtitle,
            paragraphs=sheet.paragraphs,
            plots=plots,
            tables=list(sheet.tables.values()),
            provenance=flat(provenance),
            version=trigsim.__version__,
            numbers=f"{sheet.name}.json",
        )
    )
    write_text(folder / f"{sheet.name}.html", page)
    return folder / f"{sheet.name}.html"
