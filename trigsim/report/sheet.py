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
class Section:
    """A part of a page.

    Attributes
    ----------
    title : str
    paragraphs : sequence of str
    plots : mapping of str to (Figure, str)
        File stem → figure and caption.
    tables : mapping of str to Table
        File stem → table.
    more : mapping of str to Table
        The same, of tables that are written beside the page and not shown on it.
    marks : sequence of (bool, str)
        Whether it is well, and what.
    """

    title: str
    paragraphs: Sequence[str] = ()
    plots: Mapping[str, tuple[Figure, str]] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    more: Mapping[str, Table] = field(default_factory=dict)
    marks: Sequence[tuple[bool, str]] = ()


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
    sections : sequence of Section
        What follows, each under its own heading.
    """

    name: str
    title: str
    subtitle: str
    paragraphs: Sequence[str]
    plots: Mapping[str, tuple[Figure, str]]
    tables: Mapping[str, Table]
    document: Mapping[str, Any]
    histograms: Mapping[str, Hist] = field(default_factory=dict)
    sections: Sequence[Section] = ()


def write_sheet(sheet: Sheet, provenance: Mapping[str, Any], folder: str | Path) -> Path:
    """Write ``NAME.html``, ``NAME.json`` with the numbers, tables, plots, and histograms.

    Tables are CSV and together ``tables.json``, plots are PNG and PDF, histograms UHI JSON and ROOT.

    Returns
    -------
    Path
        The page.
    """
    folder = Path(folder)
    written = [sheet.tables, *(some for s in sheet.sections for some in (s.tables, s.more))]
    tables = {name: table for some in written for name, table in some.items()}
    write_json(folder / f"{sheet.name}.json", dict(sheet.document))
    write_json(folder / "tables.json", {name: table.as_dict() for name, table in tables.items()})
    write_histograms(sheet.histograms, folder / sheet.name)
    write_json(folder / "provenance.json", dict(provenance))
    for name, table in tables.items():
        write_text(folder / f"{name}.csv", table.csv())
    page = (
        environment()
        .get_template("sheet.html.j2")
        .render(
            title=sheet.title,
            subtitle=sheet.subtitle,
            paragraphs=sheet.paragraphs,
            plots=_drawn(sheet.plots, folder),
            sections=[
                {
                    "title": section.title,
                    "id": section.title.lower().replace(" ", "-"),
                    "paragraphs": section.paragraphs,
                    "marks": section.marks,
                    "plots": _drawn(section.plots, folder),
                    "tables": list(section.tables.values()),
                }
                for section in sheet.sections
            ],
            tables=list(sheet.tables.values()),
            provenance=flat(provenance),
            version=trigsim.__version__,
            numbers=f"{sheet.name}.json",
        )
    )
    write_text(folder / f"{sheet.name}.html", page)
    return folder / f"{sheet.name}.html"


def _drawn(plots: Mapping[str, tuple[Figure, str]], folder: Path) -> list[dict[str, str]]:
    """Write plots as files; return them as the templates show them."""
    drawn = []
    for name, (figure, caption) in plots.items():
        save_both(figure, folder / name)
        # The SVG is our own drawing; its text was escaped by matplotlib.
        drawn.append({"svg": Markup(svg(figure)), "caption": caption})  # noqa: S704
    return drawn
