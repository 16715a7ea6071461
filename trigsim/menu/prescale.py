"""After the algorithm bits: BX masks, fractional prescales, veto, final OR.

Per algorithm the bit is masked by its open crossings, then prescaled; the final OR of what is left is blocked
where an algorithm with its veto set passes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.l1entries import parse_xml
from trigsim.menu.menu import Menu
from trigsim.menu.prescale_kernels import prescale
from trigsim.menu.texts import read_text

#: Crossings of an orbit.
ORBIT = 3564
#: Factors are 32 bits wide.
MAX_FACTOR = (1 << 32) - 1
#: What the columns with names and bits are called, in small letters; the last are those of CMS.
NAMES = frozenset({"name", "algorithm", "l1algoname", "algo/prescale-index"})
INDICES = frozenset({"index", "bit", "n"})


def factor(value: float | str | Decimal) -> int:
    """Return a prescale in hundredths, rounded half up.

    Raises
    ------
    InputError
        If it is neither 0 (off) nor from 1 to what 32 bits hold.
    """
    try:
        hundredths = int((Decimal(str(value)) * 100 + Decimal("0.5")) // 1)
    except (InvalidOperation, ValueError, OverflowError):
        raise InputError(f"prescale '{value}' is not a number") from None
    if hundredths != 0 and not 100 <= hundredths <= MAX_FACTOR:
        raise InputError(f"prescale {value} is out of range; give 0 (off), or 1 to {MAX_FACTOR / 100}")
    return hundredths


@dataclass(frozen=True, slots=True)
class PrescaleTable:
    """Prescale columns.

    Attributes
    ----------
    columns : mapping of str to (mapping of str to int)
        Column → algorithm → factor in hundredths.
    """

    columns: Mapping[str, Mapping[str, int]]


def read_prescales(path: str | Path, menu: Menu) -> PrescaleTable:
    """Read a table of prescales.

    Parameters
    ----------
    path : path
        CSV (commas, semicolons or tabs) with a header: a column `name` and, if you like, `index`, then one column
        each, where columns of words only, as remarks are, do not count. Or the XML of CMS's run settings, with its
        table `prescales`.
    menu : Menu
        Whose algorithms these are; the table may lack some.

    Raises
    ------
    InputError
        With line and column: unknown or repeated algorithms, a wrong index, a value that is no prescale.
    """
    path = Path(path)
    rows, is_text = _rows(path)
    header = [cell.strip() for cell in rows[0]] if rows else []
    lower = [cell.lower() for cell in header]
    at_name, at_index = (next((i for i, c in enumerate(lower) if c in known), None) for known in (NAMES, INDICES))
    if at_name is None or len(set(lower)) != len(lower):
        raise InputError("the header needs a column 'name', and no column twice", path, 1 if is_text else None)
    filled = [(line, row) for line, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)]
    for line, row in filled:
        if len(row) != len(header):
            raise InputError(f"{len(row)} cells; the header has {len(header)}", path, line if is_text else None)
    places = [
        i
        for i in range(len(header))
        if i not in (at_name, at_index) and (not filled or any(_is_number(row[i]) for _, row in filled))
    ]
    known = dict(zip((a.name for a in menu.algorithms), menu.indices, strict=True))
    columns: dict[str, dict[str, int]] = {header[i]: {} for i in places}
    seen: set[str] = set()
    for line, row in filled:

        def wrong(problem: str, column: int, line: int = line) -> InputError:
            return InputError(problem, path, line, column + 1) if is_text else InputError(problem, path)

        name = row[at_name].strip()
        if name not in known or name in seen:
            problem = "is not in the menu" if name not in known else "is given twice"
            raise wrong(f"algorithm '{name[:80]}' {problem}; correct it", at_name)
        seen.add(name)
        if at_index is not None and row[at_index].strip() != str(known[name]):
            raise wrong(f"'{name}' has index {known[name]} in the menu; correct it", at_index)
        for i in places:
            try:
                columns[header[i]][name] = factor(row[i].strip())
            except InputError as failure:
                raise wrong(f"{name}: {failure.problem}", i) from None
    return PrescaleTable(columns)


def _rows(path: Path) -> tuple[list[list[str]], bool]:
    """Return the cells of a table, its header first, and whether its rows are lines of the file."""
    text = read_text(path)
    if text.lstrip().startswith("<"):
        tables = [one for one in parse_xml(path, "run-settings").iter("param") if one.get("id") == "prescales"]
        if len(tables) != 1:
            raise InputError(f"{len(tables)} tables 'prescales'; give run settings with one", path)
        lines = [tables[0].findtext("columns") or "", *(row.text or "" for row in tables[0].iterfind("rows/row"))]
        return [line.split(",") for line in lines], False
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    # Where semicolons part cells, spreadsheets write a comma for the decimal point.
    text = text.replace(",", ".") if delimiter == ";" else text
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter)), True
    except csv.Error as failure:
        raise InputError(f"not CSV: {failure}; check it", path) from None


def _is_number(cell: str) -> bool:
    try:
        Decimal(cell.strip())
    except InvalidOperation:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Final:
    """Decisions after masks and prescales.

    Attributes
    ----------
    bits : bool array of shape (n, algorithms)
        What is left of each algorithm.
    final_or : bool array of shape (n,)
        Whether the crossing is read out.
    veto : bool array of shape (n,)
        Whether a veto blocked it.
    counters : int64 array of shape (algorithms,)
        To be handed to the next block.
    """

    bits: NDArray[np.bool_]
    final_or: NDArray[np.bool_]
    veto: NDArray[np.bool_]
    counters: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FinalDecision:
    """Masks, prescales and vetoes of the algorithms of a compiled menu.

    Attributes
    ----------
    factors : int64 array of shape (algorithms,)
        Prescales in hundredths.
    opened : bool array of shape (algorithms, 3564) or None
        Crossings in which an algorithm may fire; None if there are no masks.
    vetoes : bool array of shape (algorithms,)
        Algorithms that block the final OR.
    """

    factors: NDArray[np.int64]
    opened: NDArray[np.bool_] | None
    vetoes: NDArray[np.bool_]

    @classmethod
    def of(cls, menu: Menu, names: Sequence[str], column: Mapping[str, int] | None = None) -> FinalDecision:
        """Return the final decision of a menu.

        Parameters
        ----------
        menu : Menu
            Where masks, vetoes and default prescales are.
        names : sequence of str
            Algorithms, in the order of the decisions (`CompiledMenu.names`).
        column : mapping, optional
            A column of a `PrescaleTable`; algorithms it lacks keep the menu's prescale.
        """
        known = {a.name: a for a in menu.algorithms}
        algorithms = [known[name] for name in names]
        factors = [(column or {}).get(a.name, factor(a.prescale)) for a in algorithms]
        opened = None
        if any(a.bx_mask is not None for a in algorithms):
            opened = np.ones((len(algorithms), ORBIT), dtype=np.bool_)
            for row, algorithm in zip(opened, algorithms, strict=True):
                if algorithm.bx_mask is not None:
                    row[:] = False
                    for first, last in algorithm.bx_mask:
                        row[first : last + 1] = True
        return cls(
            np.array(factors, dtype=np.int64), opened, np.array([a.veto for a in algorithms], dtype=np.bool_)
        )

    def start(self) -> NDArray[np.int64]:
        """Return the counters at start: zero."""
        return np.zeros(len(self.factors), dtype=np.int64)

    def apply(
        self, bits: NDArray[np.bool_], counters: NDArray[np.int64], bx: NDArray[np.integer] | None = None
    ) -> Final:
        """Return the final decisions of a block of consecutive crossings.

        Parameters
        ----------
        bits : bool array of shape (n, algorithms)
            From `CompiledMenu.decide`.
        counters : int64 array of shape (algorithms,)
            From `start`, or from the block before.
        bx : integer array of shape (n,), optional
            Place of each crossing in the orbit, 0 to 3563; needed where the menu has masks.
        """
        if bits.ndim != 2 or bits.shape[1] != len(self.factors):
            raise InputError(f"bits have shape {bits.shape}; give (n, {len(self.factors)})")
        if counters.shape != self.factors.shape:
            raise InputError(f"{len(counters)} counters for {len(self.factors)} algorithms; start with `start`")
        masked = np.ascontiguousarray(bits.T)
        if self.opened is not None:
            if bx is None or bx.shape != (len(bits),) or (len(bx) and not 0 <= bx.min() <= bx.max() < ORBIT):
                raise InputError(f"the menu has BX masks; give the BX of each crossing, 0 to {ORBIT - 1}")
            masked &= self.opened[:, bx]
        counters = counters.copy()
        out = np.empty_like(masked)
        prescale(masked, self.factors, counters, out)
        veto = np.asarray(out[self.vetoes].any(axis=0))
        return Final(out.T, np.asarray(out.any(axis=0) & ~veto), veto, counters)
