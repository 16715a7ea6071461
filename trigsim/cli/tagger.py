"""`trigsim train` and `trigsim scan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, OutputFolder, emit_json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(train)


def train(
    config: Annotated[Path, typer.Argument(help="Training YAML; see configs/taggers/.")],
    output: OutputFolder = Path("taggers"),
    data: Annotated[
        Path | None,
        typer.Option(help="Data set (folder) or candidates (ROOT, Parquet, npz) instead of those the YAML names."),
    ] = None,
    pile_up: Annotated[float | None, typer.Option(help="Only candidates of this mean pile-up.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Train one tagger for each feature budget: select, fine-tune, quantise, measure."""
    from trigsim.base.config import load  # noqa: PLC0415
    from trigsim.base.progress import progress  # noqa: PLC0415
    from trigsim.base.provenance import provenance  # noqa: PLC0415
    from trigsim.firmware.deploy import deploy  # noqa: PLC0415
    from trigsim.tagger.config import TaggerPlan  # noqa: PLC0415
    from trigsim.tagger.dataset_folder import hashed_file, read_candidates  # noqa: PLC0415
    from trigsim.tagger.training import epochs, for_budget, offered_columns, train_candidates  # noqa: PLC0415

    plan = load(config, TaggerPlan)
    file = data or config.parent / plan.data
    candidates = read_candidates(file, pile_up)
    trainings = [for_budget(plan.training, k) for k in plan.budgets]
    # All budgets are checked before the first is trained.
    for training in trainings:
        offered_columns(candidates.names, training)
    rows = []
    with progress("training", sum(epochs(t, candidates.names) for t in trainings), "epochs") as advance:
        for training in trainings:
            made_from = provenance(training.seed, {"config": config, "candidates": hashed_file(file)})
            model = train_candidates(candidates, training, provenance=made_from, advance=advance)
            model.save(output / model.name)
            deploy(model).save(output / model.name)
            rows.append(
                {
                    "name": model.name,
                    "folder": str(output / model.name),
                    "keep": len(model.features),
                    "features": list(model.features),
                    "widths": list(model.widths),
                    "digest": model.digest,
                    **model.metrics,
                }
            )
    if as_json:
        emit_json({"taggers": rows})
        return
    for row in rows:
        typer.echo(f"{row['name']}: {row['keep']} features, AUC {row['auc']:.4f}, {row['folder']}")
