"""`trigsim firmware menu`, and `trigsim compare` for a menu."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigsim.cli.common import JsonFlag, OutputFolder, Seed, emit_json

if TYPE_CHECKING:
    from trigsim.firmware.menu_compare import Sample
    from trigsim.firmware.menu_cost import MenuCost
    from trigsim.firmware.menu_csim import MenuCSim
    from trigsim.firmware.menu_design import MenuDesign
    from trigsim.firmware.parts import Part
    from trigsim.menu.menu import Menu
    from trigsim.menu.networks import CrossingNetwork
    from trigsim.tagger.tagger import Tagger

TargetFile = Annotated[Path | None, typer.Option("--config", "-c", help="Target YAML; see configs/firmware/.")]
Taggers = Annotated[list[str] | None, typer.Option("--tagger", help="NAME=FOLDER of a tagger the menu names.")]
Networks = Annotated[list[str] | None, typer.Option("--network", help="NAME=FILE: numbers of a menu's network.")]
Vectors = Annotated[Path | None, typer.Option(help="Of a menu: crossings from a uGT vector, NanoAOD or L1Ntuple.")]
#: Golden crossings of a project.
GOLDEN = 500
#: Algorithms of a difference, or of a cost, that are listed.
SHOWN = 10


def is_menu(path: Path) -> bool:
    """Whether the argument of `trigsim compare` is a menu and not the folder of a model."""
    return bool({".yaml", ".yml", ".xml"} & set(path.suffixes))


def menu(
    menu: Annotated[Path, typer.Argument(metavar="MENU", help="Menu: our YAML, or an L1Menu XML.")],
    output: OutputFolder = Path("menu-hls"),
    vectors: Vectors = None,
    tagger: Taggers = None,
    network: Networks = None,
    config: TargetFile = None,
    seed: Seed = 0,
    as_json: JsonFlag = False,
) -> None:
    """Write a menu as an HLS project, with golden vectors from the emulator."""
    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.firmware.menu_cost import menu_cost  # noqa: PLC0415
    from trigsim.firmware.menu_csim import write_golden  # noqa: PLC0415
    from trigsim.firmware.menu_inputs import drawn  # noqa: PLC0415
    from trigsim.firmware.menu_project import write_menu  # noqa: PLC0415
    from trigsim.firmware.parts import part  # noqa: PLC0415
    from trigsim.menu.files import read_menu  # noqa: PLC0415

    target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
    checked, taggers, networks = read_menu(menu), _taggers(tagger), _networks(network)
    made, reasons, samples = _design(checked, taggers, networks, vectors)
    folder = write_menu(made, output, target)
    sample = samples[0] if samples else None
    fired = (
        write_golden(made, folder, sample.objects, sample.rows)
        if sample
        else write_golden(made, folder, drawn(made, GOLDEN, seed))
    )
    cost, on = menu_cost(made), part(target.part)
    if as_json:
        emit_json(
            {
                "project": str(folder),
                "menu": checked.name,
                "algorithms": len(made.programs),
                "conditions": len(made.names),
                "golden_bits": fired,
                "unsupported": reasons,
                "resources": cost.as_dict(on),
            }
        )
        return
    typer.echo(f"{checked.name}: {len(made.programs)} algorithms, {len(made.names)} conditions in {folder}")
    typer.echo(f"  golden vectors: {fired} bits set; make -j -f check.mk runs them")
    for name, reason in reasons.items():
        typer.echo(f"  left out {name}: {reason}")
    _show_cost(cost, on)


def _show_cost(cost: MenuCost, on: Part) -> None:
    """Print what the menu takes, the dearest algorithms first."""
    from trigsim.cli.common import console  # noqa: PLC0415
    from trigsim.report.tables import Table  # noqa: PLC0415

    ranked = sorted(
        cost.algorithms.items(), key=lambda item: (-item[1].dsp / on.dsp - item[1].lut / on.lut, item[0])
    )
    named = [*ranked[:SHOWN], (f"all {len(ranked)}, shared logic once", cost.together)]
    rows = [
        (name, f"{c.lut:.0f}", f"{100 * c.lut / on.lut:.3f}", f"{c.dsp:g}", f"{100 * c.dsp / on.dsp:.3f}")
        for name, c in named
    ]
    header = ("algorithm", "LUT", f"% of {on.name}", "DSP", f"% of {on.name}")
    console().print(Table(f"The dearest of {len(ranked)} algorithms, each alone", header, tuple(rows)).rich())
    for name, reason in cost.unknown.items():
        typer.echo(f"  no figure for {name}: {reason}")
    typer.echo(f"  from: {cost.source}")


def compare_menu(
    menu: Path,
    crossings: int,
    output: Path,
    vectors: Path | None,
    library: Path | None,
    beam: Path,
    tagger: list[str] | None,
    network: list[str] | None,
    config: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Compare the emulator of a menu with the C simulation of its firmware; exit 1 where they differ."""
    from trigsim.base.config import load as load_yaml  # noqa: PLC0415
    from trigsim.base.errors import CheckFailed, InputError  # noqa: PLC0415
    from trigsim.firmware.config import FirmwareConfig  # noqa: PLC0415
    from trigsim.firmware.menu_compare import compare_menu as compare  # noqa: PLC0415
    from trigsim.firmware.menu_compare import left_out  # noqa: PLC0415
    from trigsim.firmware.menu_csim import build_menu  # noqa: PLC0415
    from trigsim.firmware.menu_design import design  # noqa: PLC0415
    from trigsim.firmware.menu_project import write_menu  # noqa: PLC0415
    from trigsim.menu.files import read_menu  # noqa: PLC0415

    if vectors is not None and library is not None:
        raise InputError("crossings come from --vectors or --library; give one of them")
    target = load_yaml(config, FirmwareConfig) if config else FirmwareConfig()
    checked, taggers, networks = read_menu(menu), _taggers(tagger), _networks(network)
    samples: Iterable[Sample]
    if library is not None:
        from trigsim.studies.menu_stream import streamed  # noqa: PLC0415

        reasons = left_out(checked, taggers, networks)
        made = design(checked, None, taggers, networks, [n for n in checked.programs() if n not in reasons])
        samples = streamed(checked, library, beam, taggers, crossings, seed)
        csim = build_menu(made, write_menu(made, output, target))
    else:
        made, reasons, recorded = _design(checked, taggers, networks, vectors)
        csim = build_menu(made, write_menu(made, output, target))
        samples = recorded or _drawn(csim, crossings, seed)
    found = compare(csim, samples, reasons)
    if as_json:
        emit_json({"menu": checked.name, **found.as_dict()})
    else:
        exact = len(found.fired) - len(found.differences)
        fires = sum(count > 0 for count in found.fired.values())
        typer.echo(f"{checked.name}: {found.crossings} crossings, {exact} of {len(found.fired)} algorithms exact")
        typer.echo(f"  {fires} of them fire in these crossings")
        for name, reason in found.unsupported.items():
            typer.echo(f"  unsupported {name}: {reason}")
        for name, difference in list(found.differences.items())[:SHOWN]:
            typer.echo(f"  differs {name}: {difference}")
    if not found.exact:
        raise CheckFailed(f"{len(found.differences)} of {len(found.fired)} algorithms differ from their firmware")


def _design(
    menu: Menu, taggers: Mapping[str, Tagger], networks: Mapping[str, CrossingNetwork], vectors: Path | None
) -> tuple[MenuDesign, dict[str, str], list[Sample]]:
    """Return the design, why algorithms are left out, and the recorded crossings."""
    from trigsim.firmware.menu_compare import Sample, left_out  # noqa: PLC0415
    from trigsim.firmware.menu_design import design  # noqa: PLC0415
    from trigsim.firmware.menu_words import slots_of  # noqa: PLC0415
    from trigsim.menu.readers import read  # noqa: PLC0415
    from trigsim.menu.validate import unsupported  # noqa: PLC0415

    reasons, slots, samples = left_out(menu, taggers, networks), slots_of(menu.scales), []
    for i, chunk in enumerate(read(vectors) if vectors else ()):
        reasons |= unsupported(menu, chunk, taggers, networks)
        widest = slots_of(menu.scales, chunk.objects)
        slots = widest if i == 0 else {kind: max(n, slots[kind]) for kind, n in widest.items()}
        samples.append(Sample(f"{vectors.name if vectors else ''} part {i}", chunk.objects, chunk.rows))
    made = design(menu, slots, taggers, networks, [name for name in menu.programs() if name not in reasons])
    return made, reasons, samples


def _drawn(csim: MenuCSim, crossings: int, seed: int) -> Iterable[Sample]:
    from trigsim.firmware.menu_compare import Sample  # noqa: PLC0415
    from trigsim.firmware.menu_inputs import drawn  # noqa: PLC0415

    yield Sample("drawn", drawn(csim.made, crossings, seed), "cyclic")


def _taggers(given: list[str] | None) -> dict[str, Tagger]:
    from trigsim.studies.menu_run import parse_taggers  # noqa: PLC0415
    from trigsim.tagger.tagger import load_tagger  # noqa: PLC0415

    return {name: load_tagger(folder) for name, folder in parse_taggers(given or []).items()}


def _networks(given: list[str] | None) -> dict[str, CrossingNetwork]:
    from trigsim.base.errors import InputError  # noqa: PLC0415
    from trigsim.menu.networks import load_network  # noqa: PLC0415

    networks: dict[str, CrossingNetwork] = {}
    for text in given or []:
        name, equals, file = text.partition("=")
        if not (name and equals and file):
            raise InputError(f"'{text}' names no network; write NAME=FILE")
        networks[name] = load_network(file)
    return networks
