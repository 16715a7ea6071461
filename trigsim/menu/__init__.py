"""Menus: YAML grammar, hardware scales, compiled decisions, CMS menus and vectors."""

from trigsim.menu.decide import CompiledMenu
from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu, load, loads

__all__ = ["CompiledMenu", "Menu", "TaggerScores", "load", "loads"]
