"""What the firmware of a menu is made of: words, named conditions, programs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from trigsim.base.errors import InputError
from trigsim.firmware.menu_conditions import Program
from trigsim.firmware.menu_words import Word, identifier, lay_out, slots_of
from trigsim.menu.conditions import Lowering, ResolvedCondition
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu
from trigsim.menu.networks import CrossingNetwork

#: Names that the written C++ uses itself: those of `menu_logic.h`, of arguments, and of files.
TAKEN = frozenset(
    {"select", "near", "count", "different", "combined", "any_pair", "any_triple", "distance", "turn", "std"}
    | {"bx", "algorithms", "decide", "conditions", "legs", "objects", "pairs", "menu_logic", "main", "Crossing"}
)


@dataclass(frozen=True, slots=True)
class MenuDesign:
    """What the firmware of a menu is made of.

    Attributes
    ----------
    menu : Menu
    compiled : CompiledMenu
        The emulator's tables of the same algorithms.
    words : tuple of Word
        Packed objects, the arguments of the top function.
    names : mapping
        Condition → name of its function.
    programs : mapping
        Algorithm → postfix program over conditions.
    """

    menu: Menu
    compiled: CompiledMenu
    words: tuple[Word, ...]
    names: Mapping[ResolvedCondition, str]
    programs: Mapping[str, Program]

    @property
    def top(self) -> str:
        """Name of the top function."""
        name = identifier(self.menu.name)
        return f"{name}_menu" if name in TAKEN else name

    @property
    def width(self) -> int:
        """Bits of the output: the highest index of all algorithms, and those below it."""
        return max(self.menu.indices) + 1


def design(
    menu: Menu,
    slots: Mapping[str, int] | None = None,
    models: Mapping[str, TaggerScores] | None = None,
    networks: Mapping[str, CrossingNetwork] | None = None,
    only: Collection[str] | None = None,
) -> MenuDesign:
    """Prepare a menu for `write_menu`.

    Parameters
    ----------
    menu : Menu
    slots : mapping, optional
        Kind → objects of it in a crossing; see `menu_words.slots_of` for the others.
    models, networks, only
        As for `Menu.compile`. Scores of taggers and networks are inputs of this firmware: their own projects
        make them.
    """
    compiled = menu.compile(models, networks, only)
    programs = menu.programs(models or {}, compiled.names)
    words = lay_out(menu.scales, compiled, {**slots_of(menu.scales), **(slots or {})})
    return MenuDesign(menu, compiled, words, _names(menu, programs, models or {}), programs)


def _names(
    menu: Menu, programs: Mapping[str, Program], models: Mapping[str, TaggerScores]
) -> dict[ResolvedCondition, str]:
    """Return a name for each condition: its own, or that of the algorithm that is this condition."""
    wanted = dict.fromkeys(p for program in programs.values() for p in program if not isinstance(p, str))
    lowering = Lowering(menu.config, menu.scales, menu.externals, models)
    written = [(name, c) for name, c in menu.config.conditions.items() if not isinstance(c, str)]
    known: dict[ResolvedCondition, str] = {}
    for name, condition in written:
        # A condition of another algorithm may need a tagger that is not there.
        try:
            known.setdefault(lowering.lower(condition), name)
        except InputError:
            continue
    for name, program in programs.items():
        if len(program) == 1 and not isinstance(program[0], str):
            known.setdefault(program[0], name)
    found: dict[ResolvedCondition, str] = {}
    taken = set(TAKEN)
    for needed in wanted:
        base = name = identifier(known[needed])
        more = 2
        while name in taken:
            name, more = f"{base}_{more}", more + 1
        taken.add(name)
        found[needed] = name
    return found
