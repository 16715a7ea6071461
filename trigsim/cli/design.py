"""`trigsim firmware features` and `trigsim firmware fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, Threads, console, emit_json

Costs = Annotated[
    Path | None, typer.Option(help="What operations take; default configs/firmware/feature_costs.yaml.")
]


def features(
    part: Annotated[str, typer.Option(help="FPGA that prices are shares of.")] = "xcvu13p",
    costs: Costs = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the prices here, as a training YAML takes them.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what computing each feature takes: operations of its formula, all else assumed."""
    from trigsim.base.config import load  # noqa: PLC0415
    from trigsim.base.files import write_text  # noqa: PLC0415
    from trigsim.firmware.feature_cost import DEFAULT_COSTS, FeatureCosts, cost, prices, source  # noqa: PLC0415
    from trigsim.firmware.parts import part as find_part  # noqa: PLC0415
    from trigsim.report.tables import Table  # noqa: PLC0415
    from trigsim.tagger.feature_table import NAMES  # noqa: PLC0415

    on, given = find_part(part), load(costs or DEFAULT_COSTS, FeatureCosts)
    priced, origin = prices(given, on, NAMES), source(given)
    if output is not None:
        lines = "".join(f"  {name}: {price:.6g}\n" for name, price in priced.items())
        write_text(output, f"# Per cent of {on.name}. {origin}\nprices:\n{lines}")
    alone = {name: cost(given, [name]) for name in NAMES}
    every = cost(given, NAMES)
    if as_json:
        rows = [{"feature": n, **c.resources, "cycles": c.cycles, "price": priced[n]} for n, c in alone.items()]
        document = {"part": on.name, "source": origin, "features": rows}
        emit_json({**document, "all": {**every.resources, "cycles": every.cycles}})
        return
    header = ("feature", "LUT", "FF", "DSP", "BRAM", "cycles", f"price [% {on.name}]", "from")
    cells = [
        (name, *(f"{value:g}" for value in c.resources.values()), str(c.cycles), f"{priced[name]:.4f}", "assumed")
        for name, c in alone.items()
    ]
    last = (
        "all, shared steps once",
        *(f"{v:g}" for v in every.resources.values()),
        str(every.cycles),
        "",
        "assumed",
    )
    console().print(Table("Computing each feature alone", header, (*cells, last)).rich())
    typer.echo(origin)


def fit(
    part: Annotated[str, typer.Option(help="FPGA: XCVU9P, XCVU13P, XCKU115, XC7VX690T, XC7Z020.")],
    latency: Annotated[float, typer.Option(help="What the network may take, ns.")],
    share: Annotated[float, typer.Option(help="What it may take of each resource of the part, per cent.")],
    scan: Annotated[list[Path], typer.Option(help="Output folder of `trigsim scan`; may be given again.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for fit.json, CSV and plot.")
    ] = None,
    upstream: Annotated[
        bool, typer.Option("--features", help="Count the computing of the features too (assumed).")
    ] = False,
    costs: Costs = None,
    refine: Annotated[int, typer.Option(min=0, help="Rounds in which neighbours of the best are trained.")] = 0,
    config: Annotated[Path | None, typer.Option(help="The scan's YAML; --refine needs it.")] = None,
    threads: Threads = 0,
    as_json: JsonFlag = False,
) -> None:
    """Find the inputs, nodes and bits of the highest signal efficiency at fixed rate within part and latency."""
    from trigsim.base.config import load  # noqa: PLC0415
    from trigsim.base.errors import InputError  # noqa: PLC0415
    from trigsim.base.files import write_json, write_text  # noqa: PLC0415
    from trigsim.firmware.feature_cost import DEFAULT_COSTS, FeatureCosts  # noqa: PLC0415
    from trigsim.report.design_fit import design_table, write_plot  # noqa: PLC0415
    from trigsim.studies.design_fit import fit as find  # noqa: PLC0415
    from trigsim.studies.design_fit import limits  # noqa: PLC0415

    given = load(costs or DEFAULT_COSTS, FeatureCosts) if upstream or costs else None
    found = find(scan, limits(part, latency, share), given)
    if refine:
        if config is None:
            raise InputError("--refine trains as the scan did; give its YAML with --config")
        from trigsim.studies.design_refine import refine as train  # noqa: PLC0415

        found = train(config, scan, found, output or scan[0], refine, given, threads)
    if output is not None:
        write_json(output / "fit.json", found.as_dict())
        write_text(output / "fit.csv", design_table(found).csv())
        write_plot(found, output / "fit.png")
    if as_json:
        emit_json(found.as_dict())
        return
    console().print(design_table(found).rich())
    best, cheapest = found.best, found.cheapest
    typer.echo(f"● best: {best.inputs} inputs, {'-'.join(map(str, best.nodes))} nodes, {best.bits} bits")
    if cheapest is not best:
        as_good = f"{cheapest.inputs} inputs, {'-'.join(map(str, cheapest.nodes))} nodes, {cheapest.bits} bits"
        typer.echo(f"○ within its interval and smaller: {as_good}")
    for source in sorted({d.source for d in found.designs} | {found.upstream_source} - {""}):
        typer.echo(f"from: {source}")
