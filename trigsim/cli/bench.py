"""`trigsim bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigsim.cli.common import JsonFlag, emit_json

if TYPE_CHECKING:
    from trigsim.studies.bench.model import Bench


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(no_args_is_help=True, help="Measure speed, ours and others', in one run.")
    group.command("emulator")(emulator)
    group.command("menu")(menu)
    group.command("events")(events)
    group.command("stream")(stream)
    app.add_typer(group, name="bench")


def emulator(
    dense_only: Annotated[bool, typer.Option("--dense-only", help="Leave out the half-pruned networks.")] = False,
    seconds: Annotated[float, typer.Option(min=0.01, help="About how long each measurement takes.")] = 1.0,
    as_json: JsonFlag = False,
) -> None:
    """Measure inferences per second of the emulator and of hls4ml, csim, da4ml, torch and ONNX Runtime."""
    from trigsim.studies.bench.emulator import bench_emulator  # noqa: PLC0415

    _show(bench_emulator(pruned=not dense_only, seconds=seconds), as_json)


def menu(
    menu_file: Annotated[Path, typer.Option("--menu", help="L1Menu XML of the 2024 menu.")],
    vectors: Annotated[Path, typer.Option(help="uGT vector of that menu.")],
    crossings: Annotated[int, typer.Option(min=1, help="Crossings to decide for each figure.")] = 1_000_000,
    threads: Annotated[int, typer.Option(min=1, help="Threads to decide with.")] = 2,
    as_json: JsonFlag = False,
) -> None:
    """Measure crossings per second of a CMS menu, and of twenty of its seeds against awkward + vector."""
    from trigsim.studies.bench.menu import bench_menu  # noqa: PLC0415

    _show(bench_menu(menu_file, vectors, crossings=crossings, threads=threads), as_json)


def events(
    library: Annotated[Path, typer.Option(help="Event library (folder).")] = Path("data/library"),
    share: Annotated[float, typer.Option(min=0.001, max=100, help="Share of a full-size run.")] = 1.0,
    as_json: JsonFlag = False,
) -> None:
    """Measure generation against bare Pythia, objects and features of a crossing, clustering against FastJet."""
    from trigsim.studies.bench.events import bench_events  # noqa: PLC0415

    _show(bench_events(library, share), as_json)


def stream(
    library: Annotated[Path, typer.Option(help="Event library (folder).")] = Path("data/library"),
    menu_file: Annotated[Path, typer.Option("--menu", help="Menu YAML.")] = Path("configs/menus/phase2.yaml"),
    tagger: Annotated[Path, typer.Option(help="Folder of the tagger that the menu names.")] = Path(
        "data/models/hbb-k8"
    ),
    share: Annotated[float, typer.Option(min=0.001, max=100, help="Share of a full-size run.")] = 1.0,
    as_json: JsonFlag = False,
) -> None:
    """Measure crossings per second by stage at pile-up 60 and 200, seconds to a precision, and memory."""
    from trigsim.studies.bench.stream import bench_stream  # noqa: PLC0415

    _show(bench_stream(library, menu_file, tagger, share), as_json)


def _show(found: Bench, as_json: bool) -> None:
    if as_json:
        emit_json(found.as_dict())
        return
    cases = max((len(row.case) for row in found.rows), default=0)
    names = max((len(row.what) for row in found.rows), default=0)
    for row in found.rows:
        ratio = "" if row.ratio is None else f"   trigsim is {row.ratio:.3g} times faster"
        typer.echo(f"{row.case:<{cases}}  {row.what:<{names}}{row.value:>12.4g} {row.unit}{ratio}")
