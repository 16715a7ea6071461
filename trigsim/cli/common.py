"""What every command shares: option types, JSON output, exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout and nothing else.")]
OutputFolder = Annotated[Path, typer.Option("-o", "--output", help="Folder for the outputs; made if need be.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all randomness.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads; 0 is one per core. Results do not depend on it.")]
Workers = Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one per core.")]


def console() -> Console:
    """Return a console for tables: as wide as the terminal, or wide enough where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=160)


def emit_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))
