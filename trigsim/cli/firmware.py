"""`trigsim firmware` and `trigsim compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigsim.cli.common import JsonFlag, OutputFolder, Seed, emit_json
from trigsim.cli.design import features, fit
from trigsim.cli.menu_firmware import Networks, Taggers, Vectors, compare_menu, is_menu, menu

if TYPE_CHECKING:
    from trigsim.firmware.compare import Comparison
    from trigsim.firmware.resources import Resources

ModelFolder = Annotated[Path, typer.Argument(help="Folder of a trained model (model.json).")]
TargetFile = Annotated[Path | None, typer.Option("--config", "-c", help="Target YAML; see configs/firmware/.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(no_args_is_help=True, help="HLS project, resources and latency of a model.")
    group.command()(build)
    group.command()(rtl)
    group.command()(synth)
    group.command()(report)
    group.command()(menu)
    group.command()(features)
    group.command()(fit)
    app.add_typer(group, name="firmware")
    app.command()(compare)


def build(
    model: ModelFolder,
    output: OutputFolder = Path("hls"),
    config: TargetFile = None,
    rule4ml: Annotated[
        Path | None, typer.Option(metavar="PYTHON", help="Ask rule4ml too: the Python of an environment with it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the HLS project of a model, with golden vectors, and say what it takes."""
    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.firmware.build import build as write  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.firmware.hls_estimate import hls_estimate  # noqa: PLC0415
    from trigsim.firmware.resources import estimate  # noqa: PLC0415
    from trigsim.firmware.trace import has_da4ml  # noqa: PLC0415
    from trigsim.tagger.model import load  # noqa: PLC0415

    target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
    trained = load(model)
    folder = write(trained, output, target)
    resources = estimate(trained, target) if has_da4ml() else None
    as_hls = hls_estimate(trained, target)
    predicted = None
    if rule4ml is not None:
        from trigsim.firmware.rule4ml import predict  # noqa: PLC0415

        predicted = predict(trained, target, rule4ml)
    if as_json:
        known = resources.as_dict() if resources else None
        document = {"project": str(folder), "model": trained.digest, "resources": known}
        asked = predicted.as_dict() if predicted else None
        emit_json({**document, "hls_estimate": as_hls.as_dict(), "rule4ml": asked})
        return
    typer.echo(f"{trained.name}: HLS project in {folder}")
    if resources:
        _show(resources)
    else:
        typer.echo("  no estimate: da4ml is not installed (pip install 'trigsim[firmware]')")
    typer.echo(f"as HLS, {target.strategy} strategy:")
    _show(as_hls)
    if predicted:
        typer.echo("as HLS, by rule4ml:")
        _show(predicted)


def rtl(
    model: ModelFolder,
    output: OutputFolder = Path("rtl"),
    config: TargetFile = None,
    vhdl: Annotated[bool, typer.Option("--vhdl", help="VHDL instead of Verilog; simulated where GHDL is.")] = False,
    simulate: Annotated[
        int, typer.Option(min=0, help="Inputs for Verilator; every output is compared. 0: none.")
    ] = 100_000,
    synthesise: Annotated[bool, typer.Option("--synthesise", help="Map to the part's cells with Yosys.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write pipelined RTL of a model by da4ml, simulate it, and count cells; exit 1 where a bit differs."""
    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.base.errors import CheckFailed  # noqa: PLC0415
    from trigsim.firmware import rtl as room  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.firmware.resources import estimate  # noqa: PLC0415
    from trigsim.firmware.synthesis import synthesise as mapped  # noqa: PLC0415
    from trigsim.firmware.vhdl import REMEDY, has_ghdl  # noqa: PLC0415
    from trigsim.tagger.model import load  # noqa: PLC0415

    target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
    trained = load(model)
    design = room.write_rtl(trained, output, target, "vhdl" if vhdl else "verilog")
    sources = [estimate(trained, target)] + ([mapped(design, target)] if synthesise else [])
    runs = simulate > 0 and (has_ghdl() or not vhdl)
    found = room.simulate(design, trained, simulate) if runs else None
    if as_json:
        emit_json(
            {
                "rtl": str(design.folder),
                "model": trained.digest,
                "reported_depth": design.depth,
                "observed_depth": found.depth if found else None,
                "inputs": found.inputs if found else 0,
                "rtl_mismatches": found.mismatches if found else None,
                "resources": [r.as_dict() for r in sources],
            }
        )
    else:
        typer.echo(f"{trained.name}: {design.flavour} in {design.folder}, {design.depth} clocks deep")
        if found:
            typer.echo(f"  {found.inputs} inputs, {found.mismatches} mismatches, observed depth {found.depth}")
        elif simulate:
            typer.echo(f"  not simulated: VHDL needs GHDL ({REMEDY})")
        for resources in sources:
            _show(resources)
    if found and (found.mismatches or found.depth != design.depth):
        raise CheckFailed(f"RTL differs: {found.mismatches} outputs, depth {found.depth} for {design.depth}")


def synth(
    project: Annotated[Path, typer.Argument(help="HLS project that `trigsim firmware build` wrote.")],
    as_json: JsonFlag = False,
) -> None:
    """Run the vendor's C and logic synthesis on an HLS project, and show their reports."""
    from trigsim.firmware.vendor import synthesise as vendor  # noqa: PLC0415

    _reports(vendor(project), as_json)


def report(
    project: Annotated[Path, typer.Argument(help="HLS or RTL project in which vendor tools have run.")],
    config: TargetFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what the vendor's reports under a project say."""
    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.firmware.vendor import collect  # noqa: PLC0415

    target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
    _reports(collect(project, target), as_json)


def _reports(sources: list[Resources], as_json: bool) -> None:
    if as_json:
        emit_json({"resources": [r.as_dict() for r in sources]})
        return
    for resources in sources:
        _show(resources)


def _show(resources: Resources) -> None:
    """Print the figures of one source."""
    sources: dict[str, list[str]] = {}
    for name, figure in resources.figures.items():
        share = resources.shares.get("latency" if name == "ns" else name)
        whole = "the latency budget" if name == "ns" else resources.part
        of = "" if share is None else f"  {100 * share:.2f}% of {whole}"
        value = "unknown" if figure.value is None else f"{figure.value:g}"
        unit = "" if figure.unit in (name, name.upper()) else f" {figure.unit}"
        label = figure.unit if figure.unit == name.upper() else name
        typer.echo(f"  {label:<9}{value:>10}{unit}{of}")
        sources.setdefault(figure.source, []).append(name)
    for source, names in sources.items():
        of = "" if len(sources) == 1 else f"{', '.join(names)}: "
        typer.echo(f"  from: {of}{source}")


def compare(
    model: Annotated[Path, typer.Argument(help="Folder of a trained model (model.json), or a menu (YAML, XML).")],
    inputs: Annotated[int, typer.Option("--inputs", "-n", min=2, help="How many inputs to draw.")] = 10_000,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Keep the project, and a reproducer of a mismatch, here.")
    ] = None,
    rtl: Annotated[bool, typer.Option("--rtl", help="Simulate the RTL too (da4ml, Verilator).")] = False,
    project: Annotated[
        Path | None,
        typer.Option(help="Compare with this HLS project as it is; MODEL may be a network file."),
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="NumPy file of features (n, inputs) instead of drawn ones.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what the inputs make of each layer's precision.")
    ] = False,
    vectors: Vectors = None,
    library: Annotated[
        Path | None, typer.Option(help="Of a menu: crossings of this event library instead of drawn ones.")
    ] = None,
    beam: Annotated[Path, typer.Option(help="Beam YAML of --library.")] = Path("configs/beams/pileup200.yaml"),
    tagger: Taggers = None,
    network: Networks = None,
    config: TargetFile = None,
    seed: Seed = 0,
    as_json: JsonFlag = False,
) -> None:
    """Compare the emulator of a model or a menu with its C simulation, bit by bit; exit 1 where they differ."""
    import tempfile  # noqa: PLC0415

    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.base.errors import CheckFailed  # noqa: PLC0415
    from trigsim.firmware.compare import compare_model, drawn_features, read_features  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.tagger.model import load  # noqa: PLC0415

    if is_menu(model):
        with tempfile.TemporaryDirectory(prefix="trigsim-compare-") as scratch:
            compare_menu(
                model,
                inputs,
                output or Path(scratch),
                vectors,
                library,
                beam,
                tagger,
                network,
                config,
                seed,
                as_json,
            )
        return
    with tempfile.TemporaryDirectory(prefix="trigsim-compare-") as scratch:
        folder = output or Path(scratch)
        if project is not None:
            found = _compare_project(model, project, inputs, features, folder, seed, explain=explain)
        else:
            _refuse_projects(model)
            trained = load(model)
            form, k = trained.inputs.format, len(trained.features)
            x = read_features(features, k) if features else drawn_features(form, k, inputs, seed)
            target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
            wires = inputs if rtl else 0
            found = compare_model(trained, x, folder, target, rtl_inputs=wires, seed=seed, explain=explain)
    if as_json:
        emit_json(found.as_dict())
    else:
        for name, count in found.layers:
            typer.echo(f"  {name:<16}{count:>8} mismatches")
        for report in found.reports:
            typer.echo(f"  {report}")
        against = "" if found.rtl is None else f", {found.rtl} against RTL"
        typer.echo(f"{found.inputs} inputs, {found.outputs} output mismatches against csim{against}")
    if not found.exact:
        place = found.first or ("in the output" if found.outputs else "RTL and emulator, in the output")
        raise CheckFailed(f"emulator and firmware differ: {place}")


def _compare_project(
    model: Path, project: Path, inputs: int, features: Path | None, folder: Path, seed: int, *, explain: bool
) -> Comparison:
    """Compare a network file, or the network of a model's folder, with the C++ of a project."""
    from dataclasses import replace  # noqa: PLC0415

    from trigsim.emulator import Network  # noqa: PLC0415
    from trigsim.firmware.compare import drawn_features, read_features  # noqa: PLC0415
    from trigsim.firmware.compare_project import compare_project  # noqa: PLC0415
    from trigsim.tagger.tagger import NETWORK_FILE  # noqa: PLC0415

    network = Network.load(model / NETWORK_FILE if model.is_dir() else model)
    form, k = network.input_format, network.n_inputs
    x = read_features(features, k) if features else drawn_features(form, k, inputs, seed)
    found = compare_project(network, x, project, folder)
    return replace(found, reports=network.explain(x)) if explain else found


def _refuse_projects(model: Path) -> None:
    """Say what to do where an HLS project, or a network file, stands alone."""
    from trigsim.base.errors import InputError  # noqa: PLC0415

    if (model / "firmware" / "defines.h").is_file():
        raise InputError("an HLS project: it does not say what it should compute; give MODEL --project DIR", model)
    if model.is_file():
        raise InputError("no folder of a model; a network file needs --project DIR", model)
