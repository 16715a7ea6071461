"""`trigsim firmware` and `trigsim compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, OutputFolder, Seed, emit_json

ModelFolder = Annotated[Path, typer.Argument(help="Folder of a trained model (model.json).")]
TargetFile = Annotated[Path | None, typer.Option("--config", "-c", help="Target YAML; see configs/firmware/.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(no_args_is_help=True, help="HLS project, resources and latency of a model.")
    group.command()(build)
    app.add_typer(group, name="firmware")
    app.command()(compare)


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


def compare(
    model: ModelFolder,
    inputs: Annotated[int, typer.Option("--inputs", "-n", min=2, help="How many inputs to draw.")] = 10_000,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Keep the project, and a reproducer of a mismatch, here.")
    ] = None,
    config: TargetFile = None,
    seed: Seed = 0,
    as_json: JsonFlag = False,
) -> None:
    """Compare emulator and C simulation of a model, bit by bit; exit 1 where they differ."""
    import tempfile  # noqa: PLC0415

    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.base.errors import CheckFailed  # noqa: PLC0415
    from trigsim.firmware.compare import compare_model  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.tagger.model import load  # noqa: PLC0415

    target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
    with tempfile.TemporaryDirectory(prefix="trigsim-compare-") as scratch:
        found = compare_model(load(model), inputs, output or scratch, target, seed)
    if as_json:
        emit_json(found.as_dict())
    else:
        for name, count in found.layers:
            typer.echo(f"  {name:<16}{count:>8} mismatches")
        typer.echo(f"{found.inputs} inputs, {found.outputs} output mismatches against csim")
    if not found.exact:
        raise CheckFailed(f"emulator and csim differ: {found.first or 'in the output'}")
