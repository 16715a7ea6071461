"""A menu that has been read and checked, and its way to a compiled one."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from trigsim.base.config import Document, Location, parse, read
from trigsim.base.errors import InputError
from trigsim.base.html import html_table
from trigsim.menu.conditions import Lowering, ResolvedCondition
from trigsim.menu.expression import Operand, Program
from trigsim.menu.expression import parse as parse_expression
from trigsim.menu.grammar import Algorithm, Condition, MenuFile
from trigsim.menu.legs import TaggerScores
from trigsim.menu.scales import ScaleSet, load_scales
from trigsim.menu.scalings import with_scalings

if TYPE_CHECKING:
    from trigsim.menu.decide import CompiledMenu
    from trigsim.menu.networks import CrossingNetwork

#: Operators and operands an algorithm may grow to when its named expressions are written out.
MAX_PROGRAM = 20_000


@dataclass(frozen=True)
class Menu:
    """A checked menu.

    Attributes
    ----------
    config : MenuFile
        What the file says.
    scales : ScaleSet
        The scales it is written in.
    document : Document
        Where each value stood, for errors.
    """

    config: MenuFile
    scales: ScaleSet
    document: Document = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the menu."""
        return self.config.name

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        """All algorithms, in the order of the file."""
        return self.config.algorithms

    @property
    def indices(self) -> tuple[int, ...]:
        """Bit of each algorithm; by default its place in the file."""
        return tuple(i if a.index is None else a.index for i, a in enumerate(self.algorithms))

    def _repr_html_(self) -> str:
        """Return the table of `trigsim menu show`, for notebooks."""
        from trigsim.menu.table import rows  # noqa: PLC0415 - tables describe menus

        shown = rows(self)
        return html_table(f"menu {self.name}", list(shown[0]), [list(row.values()) for row in shown])

    @cached_property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Group → names of its algorithms."""
        found: dict[str, list[str]] = {}
        for algorithm in self.algorithms:
            for group in algorithm.groups:
                found.setdefault(group, []).append(algorithm.name)
        return {group: tuple(names) for group, names in found.items()}

    @cached_property
    def externals(self) -> dict[str, int]:
        """External signal → bit."""
        return {**self.scales.externals, **self.config.externals}

    @cached_property
    def models(self) -> tuple[str, ...]:
        """Names of the taggers whose scores the menu cuts on, sorted."""
        fields = {name for c in self._operands() for leg in c.legs for name, _ in leg.passes}
        return tuple(sorted(name.removeprefix("score_") for name in fields if name.startswith("score_")))

    @cached_property
    def networks(self) -> tuple[str, ...]:
        """Names of the crossing networks that algorithms need, sorted."""
        return tuple(sorted({c.network for c in self._operands() if c.network}))

    def _operands(self) -> Iterator[ResolvedCondition]:
        for program in self._programs.values():
            yield from (part for part in program if not isinstance(part, str))

    @cached_property
    def _programs(self) -> dict[str, tuple[ResolvedCondition | str, ...]]:
        return _Checker(self, None).programs()

    def programs(
        self, models: Mapping[str, TaggerScores] | None = None, only: Collection[str] | None = None
    ) -> dict[str, tuple[ResolvedCondition | str, ...]]:
        """Return each supported algorithm as a postfix program over conditions in hardware numbers.

        Parameters
        ----------
        models : mapping, optional
            Taggers by name; without them every score passes.
        only : collection of str, optional
            Algorithms wanted; taggers that only others need may be missing.
        """
        return self._programs if models is None else _Checker(self, models).programs(only)

    def compile(
        self,
        models: Mapping[str, TaggerScores] | None = None,
        networks: Mapping[str, CrossingNetwork] | None = None,
        only: Collection[str] | None = None,
    ) -> CompiledMenu:
        """Compile to tables that decide crossings.

        Parameters
        ----------
        models : mapping, optional
            Tagger name → its working points and score step; all of `models` are needed.
        networks : mapping, optional
            Network name → network; all of `networks` are needed.
        only : collection of str, optional
            Algorithms to compile; by default all that are supported.

        Raises
        ------
        InputError
            If a tagger, working point or network is missing.
        """
        from trigsim.menu.compiler import compile_menu  # noqa: PLC0415 - checking a menu needs no numba

        return compile_menu(self, models or {}, networks or {}, only)


class _Checker:
    """Resolves names and conditions once, with errors at their place."""

    def __init__(self, menu: Menu, models: Mapping[str, TaggerScores] | None) -> None:
        self.menu = menu
        self.lowering = Lowering(menu.config, menu.scales, menu.externals, models)
        self.done: dict[str, tuple[ResolvedCondition | str, ...]] = {}
        self.open: list[str] = []

    def programs(self, only: Collection[str] | None = None) -> dict[str, tuple[ResolvedCondition | str, ...]]:
        if only is None:
            for name, condition in self.menu.config.conditions.items():
                self.named(name, condition)
        return {
            algorithm.name: self.lower(algorithm.when, ("algorithms", place, "when"))
            for place, algorithm in enumerate(self.menu.algorithms)
            if algorithm.when is not None and (only is None or algorithm.name in only)
        }

    def named(self, name: str, condition: Condition) -> tuple[ResolvedCondition | str, ...]:
        if name not in self.done:
            where: Location = ("conditions", name)
            if name in self.open:
                cycle = " -> ".join([*self.open[self.open.index(name) :], name])
                raise self.menu.document.error(where, f"conditions refer to each other ({cycle}); break the cycle")
            if len(self.open) > 64:
                raise self.menu.document.error(where, "names refer to names more than 64 deep; shorten the chain")
            self.open.append(name)
            self.done[name] = self.lower(condition, where)
            self.open.pop()
        return self.done[name]

    def lower(self, condition: Condition, where: Location) -> tuple[ResolvedCondition | str, ...]:
        try:
            if not isinstance(condition, str):
                return (self.lowering.lower(condition),)
            program = parse_expression(condition)
        except InputError as failure:
            if failure.file is not None:
                raise
            raise self.menu.document.error(where, failure.problem) from None
        return self.expand(program, where)

    def expand(self, program: Program, where: Location) -> tuple[ResolvedCondition | str, ...]:
        conditions = self.menu.config.conditions
        expanded: list[ResolvedCondition | str] = []
        for part in program:
            if not isinstance(part, Operand):
                expanded.append(part)
                continue
            if part.text not in conditions:
                near = difflib.get_close_matches(part.text, conditions, n=1)
                hint = f"did you mean '{near[0]}'?" if near else "define it under 'conditions'"
                raise self.menu.document.error(where, f"no condition named '{part.text[:60]}'; {hint}")
            expanded += self.named(part.text, conditions[part.text])
            if len(expanded) > MAX_PROGRAM:
                raise self.menu.document.error(where, f"grows to more than {MAX_PROGRAM} conditions; use fewer")
        return tuple(expanded)


def load(path: str | Path) -> Menu:
    """Read and check a menu.

    Parameters
    ----------
    path : path
        YAML file; see `docs/menu.md`.

    Raises
    ------
    InputError
        ``FILE:LINE:COLUMN: what is wrong; what would be right``.
    """
    return _checked(read(path))


def loads(text: str, file: str | Path = "<text>") -> Menu:
    """Read and check the text of a menu; relative files (scales, scalings) are looked up beside `file`."""
    return _checked(parse(text, file))


def _checked(document: Document) -> Menu:
    document = with_scalings(document)
    config = document.validate(MenuFile)
    if isinstance(config.scales, ScaleSet):
        scales = config.scales
    else:
        try:
            scales = load_scales(config.scales, document.file.parent)
        except InputError as failure:
            raise failure if failure.file else document.error(("scales",), failure.problem) from None
    menu = Menu(config, scales, document)
    _unique(menu)
    _ = menu._programs
    return menu


def _unique(menu: Menu) -> None:
    names: dict[str, int] = {}
    bits: dict[int, str] = {}
    for place, (algorithm, bit) in enumerate(zip(menu.algorithms, menu.indices, strict=True)):
        if algorithm.name in names:
            raise menu.document.error(
                ("algorithms", place, "name"), f"algorithm '{algorithm.name}' is defined twice; rename one"
            )
        if bit in bits:
            raise menu.document.error(
                ("algorithms", place, "index"), f"index {bit} is taken by '{bits[bit]}'; choose another"
            )
        names[algorithm.name] = place
        bits[bit] = algorithm.name
        for first, last in algorithm.bx_mask or ():
            if not 0 <= first <= last <= 3563:
                raise menu.document.error(
                    ("algorithms", place, "bx_mask"), f"range {[first, last]} is not within 0..3563; correct it"
                )
