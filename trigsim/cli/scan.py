"""`trigsim scan`: one row for each feature budget."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, OutputFolder, Threads, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(scan)


def scan(
    config: Annotated[Path, typer.Argument(help="Scan YAML; see configs/scans/.")],
    output: OutputFolder = Path("out/scan"),
    pretrained: Annotated[
        Path | None, typer.Option(help="Folder of trained models, one a budget, instead of training.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data set (folder) or candidates to train with, instead of making them.")
    ] = None,
    rtl: Annotated[
        int,
        typer.Option(min=0, help="Simulate each budget's RTL on so many inputs and map it by Yosys; 0: no RTL."),
    ] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where a scan into the same folder was stopped.")
    ] = False,
    threads: Threads = 0,
    as_json: JsonFlag = False,
) -> None:
    """Train (or load), quantise, compare with csim, stream and report each feature budget."""
    from trigsim.base.config import load  # noqa: PLC0415
    from trigsim.base.provenance import provenance  # noqa: PLC0415
    from trigsim.report.page import write_scan  # noqa: PLC0415
    from trigsim.report.tables import beside_tables, hardware_table, performance_table  # noqa: PLC0415
    from trigsim.studies.scan import scan as run_scan  # noqa: PLC0415
    from trigsim.studies.scan_config import ScanConfig  # noqa: PLC0415
    from trigsim.tagger.dataset_folder import hashed_file  # noqa: PLC0415

    result = run_scan(config, output, pretrained, threads, data, rtl, resume)
    settings = load(config, ScanConfig)
    given = {} if data is None else {"candidates": hashed_file(data)}
    record = provenance(settings.seed, {**settings.inputs(config), **given})
    page = write_scan(result, record, output)
    if as_json:
        emit_json(result.as_dict())
        return
    screen = console()
    for table in (performance_table(result), hardware_table(result), *beside_tables(result)):
        screen.print(table.rich())
    screen.print(f"Latency and resources: {result.hardware_source}")
    screen.print(f"{page}: the same with plots; scan.json, CSV and PNG beside it", soft_wrap=True)
