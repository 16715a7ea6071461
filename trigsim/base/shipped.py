"""Where the files that come with trigsim are: in a checkout, or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def shipped(folder: str) -> Path:
    """Return a folder of `configs/` ("scales", "menus", …).

    A wheel carries `configs/` as `trigsim/configs/`; a checkout has it beside the package.
    """
    installed = _PACKAGE / "configs"
    return (installed if installed.is_dir() else _PACKAGE.parent / "configs") / folder
