"""`trigsim run`: a menu over crossings, to rates and efficiencies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigsim.base.errors import CheckFailed
from trigsim.cli import texts
from trigsim.cli.common import JsonFlag, Seed, Threads, console, emit_json

if TYPE_CHECKING:
    from trigsim.studies.results import MenuResult


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
    train: Annotated[
        Path | None, typer.Option(help="Train YAML, as configs/trains/cms_rules.yaml: what dead time takes.")
    ] = None,
    orbits: Annotated[int, typer.Option(min=1, help="Orbits to find it in; 11 246 are a second.")] = 5000,
    budget: Annotated[str | None, typer.Option(help="Total rate that the page allows, as 750kHz.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="GROUP=RATE that the page allows it.")] = None,
    latency: Annotated[Path, typer.Option(help="Pipeline YAML of the page's latency.")] = Path(
        "configs/latency/phase2.yaml"
    ),
    firmware: Annotated[Path, typer.Option(help="Target YAML of the page's resources.")] = Path(
        "configs/firmware/vu13p.yaml"
    ),
    check: Annotated[
        int, typer.Option(min=0, help="Inputs and crossings to compare with C simulations, on the page; 0: none.")
    ] = 0,
    seed: Seed = 1,
    threads: Threads = 0,
    as_json: JsonFlag = False,
) -> None:
    """Stream crossings through a menu: rate of every algorithm and group, efficiency of every signal.

    With -o a page is written too: overlaps, turn-ons, budgets, latency, resources, checks; exit 1 if one fails.
    """
    from trigsim.report.run_report import require_rows, run_report  # noqa: PLC0415
    from trigsim.studies.menu_run import parse_taggers, run_menu  # noqa: PLC0415

    taggers = parse_taggers(tagger or [])
    allowed = {f"group {name}": rate for name, rate in texts.limits(group).items()}
    allowed |= {} if budget is None else {"total": texts.khz(budget)}
    require_rows(menu, list(allowed))
    result = run_menu(
        menu, library, beam, taggers,
        signals=tuple(signal or ()), crossings=crossings, signal_crossings=signal_crossings,
        target=target, seed=seed, scheduler=scheduler, threads=workers or threads, store=store, store_all=store_all,
        exact_overlay=exact_overlay, state=output, resume=resume, checkpoint_seconds=checkpoint_every,
        train=train, orbits=orbits, details=output is not None,
    )  # fmt: skip
    report, page, document = None, None, result.as_dict()
    if output is not None:
        from trigsim.base.provenance import provenance  # noqa: PLC0415
        from trigsim.report.run import run_sheet  # noqa: PLC0415
        from trigsim.report.sheet import write_sheet  # noqa: PLC0415

        report = run_report(
            result, menu, taggers, library, beam,
            target=target, budgets=allowed, latency=latency, firmware=firmware, check=check, seed=seed,
        )  # fmt: skip
        inputs = {"menu": menu, "library": library / "manifest.json", "beam": beam}
        inputs |= {"firmware": firmware, "latency": latency} if report.latency else {}
        inputs |= {"train": train} if train else {}
        sheet = run_sheet(report)
        page, document = write_sheet(sheet, provenance(seed, inputs), output), dict(sheet.document)
    if as_json:
        emit_json(document)
    else:
        _show(result, menu, target, page)
    if report is not None and report.differ:
        raise CheckFailed("; ".join(f"{one.what}: {one.differ} of {one.compared} differ" for one in report.differ))


def _show(result: MenuResult, menu: Path, target: str, page: Path | None) -> None:
    from trigsim.report.tables import menu_table  # noqa: PLC0415
    from trigsim.studies.rates import live_time_s  # noqa: PLC0415

    worth = f"as precise on {target} as {live_time_s(result.rates[target]):.3g} s of LHC"
    title = f"{menu.stem}: {result.crossings:,} crossings, {worth}"
    console().print(menu_table(result, title).rich())
    if result.orbits is not None:
        lost = result.orbits.rows["total"].share
        console().print(f"Dead time takes {lost.value:.2%} [{lost.low:.2%}, {lost.high:.2%}] of what is accepted")
    if page is not None:
        console().print(f"{page}: the same as a page; JSON, CSV, plots and histograms beside it", soft_wrap=True)
