"""Entry point: gathers the command groups and turns exceptions into exit codes."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Annotated

import typer

import trigsim
from trigsim.base.errors import CheckFailed, InputError

#: Each module has ``register(app)``; it imports what its commands need only when they run.
GROUPS = (
    "doctor", "events", "dataset", "tagger", "scan", "firmware", "run", "orbits", "latency", "studies",
    "thresholds", "serve", "menu", "bench",
)  # fmt: skip

app = typer.Typer(
    name="trigsim",
    help="Level-1 trigger emulation with neural taggers, bit for bit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"trigsim {trigsim.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what is being done.")] = False,
) -> None:
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(name)s: %(message)s")


for _group in GROUPS:
    importlib.import_module(f"trigsim.cli.{_group}").register(app)


#: What typer raises for a wrong option or command; it is public only as the base of `BadParameter`.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run the command line; exit 0 done, 1 a check failed, 2 the input was wrong (one line, no traceback)."""
    try:
        code = app(standalone_mode=False)
    except (UsageError, InputError) as error:
        # A usage error knows the command it belongs to; its own text may hold several lines.
        context = getattr(error, "ctx", None)
        hint = f"; see `{context.command_path} --help`" if context else ""
        message = " ".join(getattr(error, "format_message", error.__str__)().split())
        if message:  # empty where a group was called alone and has shown its help
            sys.stderr.write(f"{message.rstrip('.')}{hint}\n")
        sys.exit(2)
    except OSError as error:
        # A full disk, a folder that may not be written to: the system says what, and where.
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(f"{where}{error.strerror or error}; check the disk and the folder's permissions\n")
        sys.exit(2)
    except CheckFailed as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)
