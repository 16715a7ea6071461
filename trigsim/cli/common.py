"""What every command shares: option types, JSON output, exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document to stdout and nothing else.")]
OutputFolder = Annotated[Path, typer.Option("-o", "--output", help="Folder for the outputs; made if need be.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all randomness.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads; 0 is one per core. Results do not depend on it.")]
Workers = Annotated[int, typer.Option(min=0, help="Worker processes; 0 is one per core.")]


def emit_json(document: Any) -> None:
    """Print the one JSON document of a command."""
    typer.echo(json.dumps(document, indent=2, allow_nan=False))
