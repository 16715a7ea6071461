"""`trigsim doctor`: what is here, what is missing and how to get it."""

from __future__ import annotations

import typer

from trigsim.cli.common import JsonFlag, emit_json


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command()(doctor)


def doctor(as_json: JsonFlag = False) -> None:
    """Say which tools and optional packages are here, and how to get the others."""
    from trigsim.firmware.tools import survey  # noqa: PLC0415

    tools = survey()
    if as_json:
        emit_json(
            {
                "tools": [
                    {"name": t.name, "purpose": t.purpose, "found": t.found, "remedy": t.remedy} for t in tools
                ],
                "missing": [t.name for t in tools if t.found is None],
            }
        )
        return
    width = max(len(t.name) for t in tools)
    for tool in tools:
        state = f"ok       {tool.found}" if tool.found else f"missing  {tool.remedy}"
        typer.echo(f"{tool.name:<{width}}  {state}  ({tool.purpose})")
