"""`trigsim menu` and `trigsim validate`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trigsim.cli.common import JsonFlag, console, emit_json

if TYPE_CHECKING:
    from trigsim.menu.legs import TaggerScores

MenuFile = Annotated[Path, typer.Argument(metavar="MENU", help="Menu: our YAML, or an L1Menu XML.")]
#: Crossings listed for one algorithm; all are in --list.
SHOWN = 5


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    group = typer.Typer(help="Check, show and import menus.", no_args_is_help=True)
    group.command("check")(check)
    group.command("show")(show)
    group.command("schema")(schema)
    group.command("import")(import_)
    app.add_typer(group, name="menu")
    app.command()(validate)


def check(menu: MenuFile, as_json: JsonFlag = False) -> None:
    """Read a menu and say what it needs."""
    from trigsim.menu.files import read_menu  # noqa: PLC0415

    checked = read_menu(menu)
    unsupported = {a.name: a.unsupported for a in checked.algorithms if a.unsupported is not None}
    found = {
        "menu": checked.name,
        "algorithms": len(checked.algorithms),
        "conditions": len(checked.config.conditions),
        "groups": {group: len(names) for group, names in checked.groups.items()},
        "taggers": list(checked.models),
        "networks": list(checked.networks),
        "unsupported": unsupported,
    }
    if as_json:
        emit_json(found)
        return
    typer.echo(
        f"{checked.name}: {len(checked.algorithms)} algorithms, {len(checked.config.conditions)} named conditions"
    )
    for what, names in (("taggers", checked.models), ("networks", checked.networks)):
        if names:
            typer.echo(f"needs {what}: {', '.join(names)}")
    for name, reason in unsupported.items():
        typer.echo(f"unsupported: {name}: {reason}")


def show(
    menu: MenuFile,
    conditions: Annotated[bool, typer.Option("--conditions", help="Show the named conditions too.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Print a menu as a table."""
    from trigsim.menu.files import read_menu  # noqa: PLC0415
    from trigsim.menu.table import condition_rows, rows  # noqa: PLC0415
    from trigsim.report.tables import Table  # noqa: PLC0415

    checked = read_menu(menu)
    parts = {"algorithms": rows(checked)}
    if conditions:
        parts["conditions"] = condition_rows(checked)
    if as_json:
        emit_json({"menu": checked.name, **parts})
        return
    for title, lines in parts.items():
        header = tuple(c for c in (lines[0] if lines else ()) if any(line[c] for line in lines))
        cells = tuple(tuple(line[c] for c in header) for line in lines)
        console().print(Table(f"{checked.name}: {title}", header, cells).rich(justify="left"))


def schema(
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it here; by default print it.")
    ] = None,
) -> None:
    """Print the JSON Schema of menus, for completion in editors."""
    from trigsim.base.files import write_text  # noqa: PLC0415
    from trigsim.menu.files import schema as menu_schema  # noqa: PLC0415

    text = json.dumps(menu_schema(), indent=2, ensure_ascii=False)
    if output is None:
        typer.echo(text)
    else:
        write_text(output, text + "\n")


def import_(
    xml: Annotated[Path, typer.Argument(metavar="L1MENU.xml", help="L1Menu XML, or .gz of it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Menu YAML to write.")],
    as_json: JsonFlag = False,
) -> None:
    """Turn an L1Menu XML into our YAML, without loss."""
    from trigsim.base.files import write_text  # noqa: PLC0415
    from trigsim.menu import loads  # noqa: PLC0415
    from trigsim.menu.files import to_yaml  # noqa: PLC0415
    from trigsim.menu.l1xml import import_l1menu  # noqa: PLC0415

    document = import_l1menu(xml)
    text = to_yaml(document)
    loads(text, output)
    write_text(output, text)
    unsupported = {a["name"]: a["unsupported"] for a in document["algorithms"] if "unsupported" in a}
    if as_json:
        emit_json({"menu": document["name"], "algorithms": len(document["algorithms"]), "unsupported": unsupported})
        return
    typer.echo(f"{document['name']}: {len(document['algorithms'])} algorithms → {output}")
    for name, reason in unsupported.items():
        typer.echo(f"unsupported: {name}: {reason}")


def validate(
    menu: MenuFile,
    vectors: Annotated[
        Path,
        typer.Option(help="uGT vector (.txt, .gz), NanoAOD or L1Ntuple (.root), or stored crossings (folder)."),
    ],
    network: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE: numbers of a network of the menu; may be repeated.")
    ] = None,
    objects: Annotated[
        str, typer.Option(help="Objects of a ROOT file: L1 (unpacked) or L1Emul (re-emulated).")
    ] = "L1",
    decisions: Annotated[Path | None, typer.Option(help="Write our decisions here (.root, .parquet).")] = None,
    differences: Annotated[
        Path | None, typer.Option("--list", help="Write run:lumi:event of every difference here (JSON).")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads to decide with.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Compare a menu's decisions with the bits recorded in a file."""
    from trigsim.base.errors import CheckFailed, InputError  # noqa: PLC0415
    from trigsim.base.files import write_json  # noqa: PLC0415
    from trigsim.menu.files import read_menu, write_decisions  # noqa: PLC0415
    from trigsim.menu.networks import load_network  # noqa: PLC0415
    from trigsim.menu.readers import read  # noqa: PLC0415
    from trigsim.menu.validate import validate as compare  # noqa: PLC0415

    networks = {}
    for text in network or []:
        name, equals, file = text.partition("=")
        if not (name and equals and file):
            raise InputError(f"'{text}' names no network; write NAME=FILE")
        networks[name] = load_network(file)
    models: Mapping[str, TaggerScores] = {}
    if vectors.is_dir():
        from trigsim.studies.recorded import recorded  # noqa: PLC0415
        from trigsim.studies.store import Store  # noqa: PLC0415

        store = Store.open(vectors)
        models, rows = store.manifest.taggers, recorded(store)
    else:
        rows = read(vectors, objects)
    result = compare(read_menu(menu), rows, models=models, networks=networks, threads=threads)
    if decisions is not None:
        write_decisions(decisions, result.decisions, result.run, result.lumi, result.event)
    if differences is not None:
        write_json(differences, dict(result.mismatched))
    if as_json:
        emit_json(result.as_dict())
    else:
        typer.echo(f"{result.crossings} crossings, {result.algorithms} algorithms: {len(result.exact)} exact")
        typer.echo(f"{sum(result.fired[name] > 0 for name in result.exact)} of the exact ones fire in the file")
        for name, reason in result.unsupported.items():
            typer.echo(f"unsupported {name}: {reason}")
        for name, places in result.mismatched.items():
            more = f" … {len(places) - SHOWN} more" if len(places) > SHOWN else ""
            typer.echo(f"mismatched {name}: {len(places)}: {' '.join(places[:SHOWN])}{more}")
    if result.mismatched:
        raise CheckFailed(f"{len(result.mismatched)} of {result.algorithms} algorithms differ")
