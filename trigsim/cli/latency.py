"""`trigsim latency`: from the collision to the accept, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, console, emit_json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(latency)


def latency(
    config: Annotated[Path, typer.Argument(help="Pipeline YAML; see configs/latency/.")],
    tagger: Annotated[
        list[Path] | None, typer.Option(help="Model folder; again for a table by feature budget.")
    ] = None,
    firmware: Annotated[Path, typer.Option(help="Target YAML of the network.")] = Path(
        "configs/firmware/vu13p.yaml"
    ),
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for page, timeline, CSV and JSON.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Schedule a trigger: clocks of each stage, changes of clock, shares of the budgets, cost of input features.

    The timeline is that of the first tagger.
    """
    from trigsim.base.config import load  # noqa: PLC0415
    from trigsim.base.provenance import provenance  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.report.latency import budget_table, group_table, latency_sheet, stage_table  # noqa: PLC0415
    from trigsim.report.sheet import write_sheet  # noqa: PLC0415
    from trigsim.studies.latency import latency_by_budget, pipeline_latency, tagger_facts  # noqa: PLC0415
    from trigsim.tagger.model import load as load_model  # noqa: PLC0415

    target = load(firmware, FirmwareConfig)
    facts = [tagger_facts(load_model(folder), target) for folder in tagger or []]
    budgets = latency_by_budget(config, facts)
    first = budgets[0].latency if budgets else pipeline_latency(config)
    sheet = latency_sheet(first, budgets)
    page = None
    if output is not None:
        models = {f"tagger {folder.name}": folder / "model.json" for folder in tagger or []}
        page = write_sheet(sheet, provenance(None, {"pipeline": config, "firmware": firmware, **models}), output)
    if as_json:
        emit_json(sheet.document)
        return
    screen = console()
    tables = [stage_table(first), group_table(first), *([budget_table(budgets)] if budgets else [])]
    for table in tables:
        screen.print(table.rich())
    if page is not None:
        screen.print(f"{page}: the same with the timeline; JSON, CSV and PNG beside it", soft_wrap=True)
