"""`trigsim doctor`: what is here, what is missing and how to get it."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
