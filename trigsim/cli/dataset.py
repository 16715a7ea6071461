"""`trigsim dataset`: candidates to train and measure on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from trigsim.cli.common import JsonFlag, OutputFolder, Threads, emit_json

if TYPE_CHECKING:
    from trigsim.tagger.dataset_folder import Manifest


class _MakesByDefault(TyperGroup):
    """`trigsim dataset CONFIG` is `trigsim dataset make CONFIG`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Name the command where the first word names none."""
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["make", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(cls=_MakesByDefault, help="Make data sets of candidates.", no_args_is_help=True)
    group.command("make")(make)
    group.command("import")(import_)
    app.add_typer(group, name="dataset")


def make(
    config: Annotated[Path, typer.Argument(help="Data set YAML; see configs/datasets/.")],
    output: OutputFolder,
    library: Annotated[Path | None, typer.Option(help="Event library, instead of the YAML's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Replaces the configuration's seed.")] = None,
    threads: Threads = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run was stopped.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make signal and pT-matched multijet candidates from an event library; `make` may be left out."""
    from trigsim.stream.dataset import make_dataset  # noqa: PLC0415
    from trigsim.stream.dataset_plan import load_plan  # noqa: PLC0415
    from trigsim.studies.setup import d0_resolution  # noqa: PLC0415

    plan = load_plan(config, library, seed)
    manifest = make_dataset(plan, d0_resolution(plan.library.folder), output, threads, resume)
    _tell(manifest, output, as_json)
    if not as_json:
        typer.echo(f"from {manifest.made['collisions']:,} distinct collisions")


def import_(
    map_file: Annotated[Path, typer.Argument(metavar="MAP", help="Map YAML; see configs/datasets/maps/.")],
    files: Annotated[list[Path], typer.Argument(help="ROOT files.")],
    output: OutputFolder,
    as_json: JsonFlag = False,
) -> None:
    """Make candidates of someone else's ntuples: branches to features, label and split by a map."""
    from trigsim.tagger.foreign import import_dataset  # noqa: PLC0415

    manifest = import_dataset(map_file, files, output)
    _tell(manifest, output, as_json)
    if not as_json:
        for what, number in manifest.made["counts"].items():
            typer.echo(f"{number:12,} {what}")


def _tell(manifest: Manifest, output: Path, as_json: bool) -> None:
    if as_json:
        emit_json(manifest.model_dump(mode="json"))
        return
    for split, record in manifest.splits.items():
        files = ", ".join(f"{f.file} {f.bytes / 1e6:.1f} MB" for f in record.files.values())
        typer.echo(f"{output}: {split}: {record.candidates:,} candidates, {record.signal:,} signal: {files}")
