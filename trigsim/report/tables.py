"""Tables of results: one content, for the terminal, CSV and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from trigsim.base.html import html_table
from trigsim.studies.results import BudgetResult, Hardware, MenuResult, ScanResult

RESOURCES = ("LUT", "FF", "DSP", "BRAM")


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table of text cells.

    Attributes
    ----------
    title : str
        What it shows, one line.
    header : tuple of str
        Column names with units.
    rows : tuple of tuple of str
        Cells.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def rich(self, justify: Literal["left", "right"] = "right") -> RichTable:
        """Return the table for a terminal; columns after the first are set to the right, as figures are."""
        # Text, not str: rich would take "[kHz]" for markup.
        table = RichTable(title=Text(self.title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for number, name in enumerate(self.header):
            table.add_column(Text(name), justify=justify if number else "left", overflow="fold")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        return html_table(self.title, self.header, self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping: title, names of the columns, rows of text."""
        return {"title": self.title, "columns": list(self.header), "rows": [list(row) for row in self.rows]}

    def csv(self) -> str:
        """Return the table as CSV, header first."""
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([self.header, *self.rows])
        return stream.getvalue()


def _varied(scan: ScanResult) -> bool:
    return len({(b.nodes, b.bits) for b in scan.budgets}) > 1


def _point_header(scan: ScanResult) -> tuple[str, ...]:
    return ("inputs", "nodes", "bits") if _varied(scan) else ("inputs",)


def _point(scan: ScanResult, budget: BudgetResult) -> tuple[str, ...]:
    inputs = str(len(budget.features)) + (" ◂" if budget is scan.plateau else "")
    return (inputs, "-".join(map(str, budget.nodes)), str(budget.bits)) if _varied(scan) else (inputs,)


def label(scan: ScanResult, budget: BudgetResult) -> str:
    """Return what tells a budget from the others of a scan in a heading or legend."""
    inputs = f"{len(budget.features)} inputs"
    return f"{inputs}, {'-'.join(map(str, budget.nodes))}, {budget.bits} bits" if _varied(scan) else inputs


def performance_table(scan: ScanResult) -> Table:
    """Return what each feature budget selects, and at what rate."""
    header = (
        *_point_header(scan),
        "AUC",
        "rejection at 50%",
        f"efficiency at {scan.fixed_rate_khz:g} kHz",
        f"rate at {scan.fixed_efficiency:.0%} [kHz]",
        "menu: efficiency",
        "menu: rate [kHz]",
    )
    rows = []
    for budget in scan.budgets:
        at_efficiency = budget.rate_at_efficiency
        cells = (
            *_point(scan, budget),
            budget.auc.numbers,
            budget.rejection[0.5].numbers,
            budget.efficiency_at_rate.numbers,
            "not reached" if at_efficiency is None else at_efficiency.numbers,
            budget.menu.efficiencies[scan.signal][scan.algorithm].numbers,
            budget.menu.rates[scan.algorithm].numbers,
        )
        rows.append(cells)
    return Table(f"{scan.algorithm} for {scan.signal}, {scan.beam}", header, tuple(rows))


def hardware_table(scan: ScanResult) -> Table:
    """Return what each feature budget costs, and whether its bits are the firmware's."""
    header = (
        *_point_header(scan),
        "bit operations",
        "cycles",
        "latency [ns]",
        "budget [ns]",
        *RESOURCES,
        "csim mismatches",
        *(("RTL mismatches",) if any(b.hardware.rtl for b in scan.budgets) else ()),
    )
    rows = []
    for budget in scan.budgets:
        hardware = budget.hardware
        rtl = hardware.rtl
        rows.append(
            (
                *_point(scan, budget),
                str(budget.bit_operations),
                str(hardware.cycles),
                f"{hardware.nanoseconds:.1f} ({hardware.nanoseconds / hardware.budget_ns:.0%})",
                f"{hardware.budget_ns:g}",
                *(_resource(hardware, name) for name in RESOURCES),
                f"{budget.csim_mismatches} of {budget.csim_inputs}",
                *((f"{rtl.mismatches} of {rtl.inputs}",) if rtl else ()),
            )
        )
    parts = ", ".join(sorted({b.hardware.part for b in scan.budgets}))
    return Table(f"The network in hardware, per cent of {parts}", header, tuple(rows))


def latency_table(scan: ScanResult) -> Table:
    """Return what each budget takes of the network's latency budget, and its features beside it."""
    header = (*_point_header(scan), "network, clocks", "network [ns]", "budget [ns]", "share", "features, clocks")
    rows = []
    for budget in scan.budgets:
        one = budget.hardware
        features = next((str(b.cycles) for b in one.beside if b.name == "features"), "–")
        share = f"{one.nanoseconds / one.budget_ns:.1%}" + (" over" if one.nanoseconds > one.budget_ns else "")
        cells = (str(one.cycles), f"{one.nanoseconds:.1f}", f"{one.budget_ns:g}", share, features)
        rows.append((*_point(scan, budget), *cells))
    return Table("Latency", header, tuple(rows))


def beside_tables(scan: ScanResult) -> list[Table]:
    """Return a table for each other source of resources: sources are not mixed in a column."""
    tables = []
    for place, first in enumerate(scan.budgets[0].hardware.beside):
        found = [(budget, budget.hardware.beside[place]) for budget in scan.budgets]
        rows = tuple(
            (*_point(scan, budget), *(f"{one.resources[kind]:g}" for kind in RESOURCES), str(one.cycles))
            for budget, one in found
        )
        header = (*_point_header(scan), *RESOURCES, "cycles")
        tables.append(Table(f"{first.name}: {first.source}", header, rows))
    return tables


def _resource(hardware: Hardware, name: str) -> str:
    return f"{hardware.resources[name]} ({hardware.share[name]:.2%})" if name in hardware.resources else "–"


def menu_table(menu: MenuResult, title: str) -> Table:
    """Return one row for each algorithm, group and the total."""
    signals: Sequence[str] = tuple(menu.efficiencies)
    header = ("algorithm", "rate [kHz]", "unseen [kHz]", *(f"efficiency {s}" for s in signals))
    rows = tuple(
        (
            row,
            rate.numbers,
            f"< {menu.unseen_khz[row]:.2g}" if menu.unseen_khz[row] else "–",
            *(menu.efficiencies[s][row].numbers for s in signals),
        )
        for row, rate in menu.rates.items()
    )
    return Table(title, header, rows)


def features_table(scan: ScanResult) -> Table:
    """Return which features each budget kept."""
    every = list(dict.fromkeys(f for b in reversed(scan.budgets) for f in b.features))
    header = ("feature", *(label(scan, b) for b in scan.budgets))
    rows = tuple((name, *("●" if name in b.features else "" for b in scan.budgets)) for name in every)
    return Table("Features kept", header, rows)
