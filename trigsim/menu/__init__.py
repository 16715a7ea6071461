"""Menus: YAML grammar, hardware scales, compiled decisions, CMS menus and vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu, load, loads

if TYPE_CHECKING:
    from trigsim.menu.decide import CompiledMenu

__all__ = ["CompiledMenu", "Menu", "TaggerScores", "load", "loads"]


def __getattr__(name: str) -> Any:
    # To check a menu needs no compiler.
    if name != "CompiledMenu":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from trigsim.menu.decide import CompiledMenu  # noqa: PLC0415

    return CompiledMenu
