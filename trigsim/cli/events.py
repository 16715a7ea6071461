"""`trigsim generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, OutputFolder, Workers, emit_json


def generate(
    config: Annotated[Path, typer.Argument(help="Sample configuration, YAML; see docs/generate.md.")],
    output: OutputFolder,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the configuration's seed.")] = None,
    workers: Workers = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run was stopped.")] = False,
    json: JsonFlag = False,
) -> None:
    """Make an event library with Pythia 8 and a parametrised detector."""
    from trigsim.events.generate import generate as make  # noqa: PLC0415
    from trigsim.events.plan import load_plan  # noqa: PLC0415

    library = make(load_plan(config, seed), output, workers, resume)
    if json:
        emit_json(library.manifest.model_dump(mode="json"))
        return
    for s in library.strata:
        more = f", each read out {s.readouts} times" if s.readouts > 1 else ""
        sigma = f"{s.sigma_mb:.6g} +- {s.sigma_error_mb:.2g} mb"
        typer.echo(f"{s.name:16} {s.kind:10} {s.events:9} events  {sigma}{more}")


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(generate)
