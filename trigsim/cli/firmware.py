"""`trigsim firmware` and `trigsim compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, OutputFolder, emit_json

ModelFolder = Annotated[Path, typer.Argument(help="Folder of a trained model (model.json).")]
TargetFile = Annotated[Path | None, typer.Option("--config", "-c", help="Target YAML; see configs/firmware/.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(no_args_is_help=True, help="HLS project, resources and latency of a model.")
    group.command()(build)
    app.add_typer(group, name="firmware")


def build(
    model: ModelFolder,
    output: OutputFolder = Path("hls"),
    config: TargetFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the HLS project of a model, with golden vectors, and say what it takes."""
    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.firmware.build import build as write  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.firmware.resources import estimate  # noqa: PLC0415
    from trigsim.tagger.model import load  # noqa: PLC0415

    target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
    trained = load(model)
    folder = write(trained, output, target)
    resources = estimate(trained, target)
    if as_json:
        emit_json({"project": str(folder), "model": trained.digest, "resources": resources.as_dict()})
        return
    typer.echo(f"{trained.name}: HLS project in {folder}")
    for name, figure in resources.figures.items():
        share = resources.shares.get(name)
        of = "" if share is None else f"  {100 * share:.2f}% of {resources.part}"
        typer.echo(f"  {name:<9}{figure.value:>10g} {figure.unit}{of}")
    typer.echo(f"  from: {resources.figures['cycles'].source}")
