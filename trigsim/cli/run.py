"""`trigsim run`: a menu over crossings, to rates and efficiencies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, Seed, Threads, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(run)


def run(
    menu: Annotated[Path, typer.Argument(help="Menu YAML; see configs/menus/.")],
    library: Annotated[Path, typer.Option(help="Event library (folder).")] = Path("data/library"),
    beam: Annotated[Path, typer.Option(help="Beam YAML; see configs/beams/.")] = Path(
        "configs/beams/pileup200.yaml"
    ),
    tagger: Annotated[list[str] | None, typer.Option(help="NAME=FOLDER of a tagger that the menu names.")] = None,
    signal: Annotated[list[str] | None, typer.Option(help="Signal stratum; may be given again.")] = None,
    crossings: Annotated[int, typer.Option(min=1, help="Beam crossings to stream.")] = 100_000,
    signal_crossings: Annotated[int, typer.Option(min=1, help="Crossings of each signal, at most.")] = 100_000,
    target: Annotated[str, typer.Option(help="Row whose rate is to be most precise.")] = "total",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder for rates as JSON and CSV.")] = None,
    store: Annotated[Path | None, typer.Option(help="New folder for the crossings; see docs/studies.md.")] = None,
    store_all: Annotated[bool, typer.Option("--store-all", help="Store what the menu does not read too.")] = False,
    scheduler: Annotated[
        str, typer.Option(help="threads, processes, tcp://HOST:PORT of a Dask scheduler, or a site YAML.")
    ] = "threads",
    workers: Annotated[
        int, typer.Option(min=0, help="Threads, processes or jobs; 0 is one per core, or what the site says.")
    ] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a run into the same folder ended.")] = False,
    checkpoint_every: Annotated[float, typer.Option(min=0, help="Seconds between checkpoints, with -o.")] = 20.0,
    exact_overlay: Annotated[
        bool,
        typer.Option("--exact-overlay", help="Draw each soft collision on its own: slower, no re-use of blocks."),
    ] = False,
    seed: Seed = 1,
    threads: Threads = 0,
    as_json: JsonFlag = False,
) -> None:
    """Stream crossings through a menu: rate of every algorithm and group, efficiency of every signal."""
    from trigsim.base.files import write_json, write_text  # noqa: PLC0415
    from trigsim.base.provenance import write_provenance  # noqa: PLC0415
    from trigsim.report.tables import menu_table  # noqa: PLC0415
    from trigsim.studies.menu_run import parse_taggers, run_menu  # noqa: PLC0415
    from trigsim.studies.rates import live_time_s  # noqa: PLC0415

    taggers = parse_taggers(tagger or [])
    result = run_menu(
        menu, library, beam, taggers,
        signals=tuple(signal or ()), crossings=crossings, signal_crossings=signal_crossings,
        target=target, seed=seed, scheduler=scheduler, threads=workers or threads, store=store, store_all=store_all,
        exact_overlay=exact_overlay, state=output, resume=resume, checkpoint_seconds=checkpoint_every,
    )  # fmt: skip
    if output is not None:
        table = menu_table(result, menu.stem)
        write_json(output / "run.json", result.as_dict())
        write_text(output / "run.csv", table.csv())
        write_provenance(output, seed, {"menu": menu, "library": library / "manifest.json", "beam": beam})
    if as_json:
        emit_json(result.as_dict())
        return
    worth = f"as precise on {target} as {live_time_s(result.rates[target]):.3g} s of LHC"
    title = f"{menu.stem}: {result.crossings:,} crossings, {worth}"
    console().print(menu_table(result, title).rich())
