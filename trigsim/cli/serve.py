"""`trigsim serve`: sliders for a menu, on stored crossings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import Threads


def register(app: typer.Typer) -> None:
    """Add the command of this group."""
    app.command()(serve)


def serve(
    store: Annotated[Path, typer.Argument(help="Crossings of `trigsim run MENU --store DIR`.")],
    menu: Annotated[Path | None, typer.Option(help="Menu YAML; by default the one that was run.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 is any that is free.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    threads: Threads = 0,
) -> None:
    """Serve a page on this machine to move thresholds and see rates and efficiencies change; Ctrl-C ends it."""
    import webbrowser  # noqa: PLC0415

    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.report.serve import Server  # noqa: PLC0415
    from trigsim.studies.live import Live  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.store_format import MENU  # noqa: PLC0415

    opened = Store.open(store)
    server = Server.of(Live.open(opened, load(menu or opened.folder / MENU), threads), port)
    typer.echo(f"{server.url} (Ctrl-C ends it)")
    if browser:
        webbrowser.open(server.url)
    with server.http:
        try:
            server.http.serve_forever()
        except KeyboardInterrupt:
            typer.echo("")
