"""`trigsim orbits`: a menu over real orbits, with dead time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.base.shipped import shipped
from trigsim.cli.common import JsonFlag, Seed, Threads, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(orbits)


def orbits(
    menu: Annotated[Path, typer.Argument(help="Menu YAML; see configs/menus/.")],
    number: Annotated[int, typer.Option("--orbits", min=1, help="Orbits to walk; 11 246 are a second.")] = 20,
    train: Annotated[Path, typer.Option(help="Train YAML: scheme, rules, buffers; see configs/trains/.")] = Path(
        "configs/trains/cms_rules.yaml"
    ),
    scheme: Annotated[
        str | None,
        typer.Option(help="Filling scheme in place of the train's: file, or name in configs/beams/."),
    ] = None,
    prescales: Annotated[Path | None, typer.Option(help="CSV table of prescales; see docs/menu.md.")] = None,
    column: Annotated[str | None, typer.Option(help="Column of that table; its only one by default.")] = None,
    stored: Annotated[
        Path | None, typer.Option(help="Draw crossings from this store of `trigsim run --store`: quick, long runs.")
    ] = None,
    library: Annotated[Path, typer.Option(help="Event library (folder).")] = Path("data/library"),
    beam: Annotated[Path, typer.Option(help="Beam YAML; see configs/beams/.")] = Path(
        "configs/beams/pileup200.yaml"
    ),
    tagger: Annotated[list[str] | None, typer.Option(help="NAME=FOLDER of a tagger that the menu names.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for JSON, CSV, plots and page.")
    ] = None,
    seed: Seed = 1,
    threads: Threads = 0,
    as_json: JsonFlag = False,
) -> None:
    """Walk orbits slot by slot: dead time by cause, and what each algorithm and group loses to it.

    Every crossing is emulated, or with --stored drawn by weight from crossings that are decided by the menu.
    """
    from trigsim.base.config import load  # noqa: PLC0415
    from trigsim.base.files import write_text  # noqa: PLC0415
    from trigsim.base.provenance import provenance  # noqa: PLC0415
    from trigsim.report.orbits import cause_table, loss_table, orbit_sheet, place_table, slot_table  # noqa: PLC0415
    from trigsim.report.sheet import write_sheet  # noqa: PLC0415
    from trigsim.stream.orbit_config import TrainConfig  # noqa: PLC0415
    from trigsim.studies.menu_run import parse_taggers  # noqa: PLC0415
    from trigsim.studies.orbits import emulate_orbits, sample_orbits  # noqa: PLC0415

    bunches = _scheme(scheme)
    inputs = {"menu": menu, "train": train} | ({"prescales": prescales} if prescales else {})
    if stored is not None:
        result = sample_orbits(
            menu, train, stored, orbits=number, scheme=bunches, prescales=prescales, column=column,
            seed=seed, threads=threads,
        )  # fmt: skip
        inputs["store"] = stored / "store.json"
    else:
        result = emulate_orbits(
            menu, train, library, beam, parse_taggers(tagger or []), orbits=number, scheme=bunches,
            prescales=prescales, column=column, seed=seed, threads=threads,
        )  # fmt: skip
        inputs |= {"library": library / "manifest.json", "beam": beam}
    if output is not None:
        inputs["scheme"] = bunches or train.parent / load(train, TrainConfig).scheme
        record = provenance(seed, inputs)
        page = write_sheet(orbit_sheet(result), record, output)
        write_text(output / "by_slot.csv", slot_table(result).csv())
        write_text(output / "by_place.csv", place_table(result).csv())
    if as_json:
        emit_json(result.as_dict())
        return
    screen = console()
    screen.print(f"{result.train}: {result.orbits:,} orbits, {result.seconds:.3g} s of {result.scheme}")
    screen.print(f"Crossings: {result.crossings_from}")
    for table in (cause_table(result), loss_table(result)):
        screen.print(table.rich())
    if output is not None:
        screen.print(f"{page}: the same with plots; JSON, CSV and PNG beside it", soft_wrap=True)


def _scheme(given: str | None) -> Path | None:
    """Return the file of a scheme: a path, or the name of a shipped one."""
    if given is None:
        return None
    named = shipped("beams") / f"{given}.json"
    return named if "/" not in given and named.is_file() else Path(given)
