"""What the studies of stored crossings share: option types, and how their results are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trigsim.cli.common import console, emit_json

if TYPE_CHECKING:
    from hist import Hist
    from matplotlib.figure import Figure

    from trigsim.report.tables import Table
    from trigsim.studies.store import Store

MenuFile = Annotated[Path, typer.Argument(metavar="MENU", help="Menu YAML.")]
StoreFolder = Annotated[Path, typer.Option("--store", help="Crossings of `trigsim run MENU --store DIR`.")]
Signals = Annotated[list[str] | None, typer.Option(help="Signal; may be given again. By default all.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Folder for JSON, CSV and PNG.")]
Values = Annotated[str, typer.Option(help="A,B,… or LOW:HIGH:STEP, both ends included.")]


def give(
    name: str,
    document: Mapping[str, Any],
    tables: Mapping[str, Table],
    figures: Mapping[str, Figure],
    output: Path | None,
    as_json: bool,
    show: Sequence[str] = (),
    histograms: Mapping[str, Hist] | None = None,
) -> None:
    """Write what was found into the output folder, and print it as JSON or as tables (`show`, by default all)."""
    from trigsim.base.files import write_json, write_text  # noqa: PLC0415
    from trigsim.report.histograms import write_histograms  # noqa: PLC0415
    from trigsim.report.plots import save_both  # noqa: PLC0415

    if output is not None:
        write_json(output / f"{name}.json", dict(document))
        for stem, table in tables.items():
            write_text(output / f"{stem}.csv", table.csv())
        for stem, figure in figures.items():
            save_both(figure, output / stem)
        write_histograms(histograms or {}, output / name)
    if as_json:
        emit_json(document)
        return
    for stem in show or tables:
        console().print(tables[stem].rich())


def signals_of(store: Store, given: Sequence[str] | None) -> tuple[str, ...]:
    """Return the signals that are asked for, by default all."""
    return tuple(given) if given else tuple(store.manifest.signals)
