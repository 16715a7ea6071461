"""What the report of a run is made of, gathered from its result and from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.latency_model import Latency
from trigsim.firmware.resources import estimate
from trigsim.firmware.trace import has_da4ml
from trigsim.menu import load as load_menu
from trigsim.numeric.intervals import Estimate
from trigsim.stream.beam import Beam
from trigsim.studies.checks import Check, firmware_checks, quick_checks
from trigsim.studies.deployment import hardware
from trigsim.studies.latency import BudgetLatency, latency_by_budget, tagger_facts
from trigsim.studies.results import Hardware, MenuResult
from trigsim.tagger.model import load as load_model


@dataclass(frozen=True, slots=True)
class RunReport:
    """What the page of a run shows.

    Attributes
    ----------
    name, beam : str
        Of the menu and of the beam.
    target : str
        Row that the run aimed at.
    result : MenuResult
        With its table, and with details and orbits where they are to be shown.
    budgets : mapping of str to float
        "total" or ``group NAME`` → rate that it may cost, kHz.
    latency : Latency or None
        Of the pipeline.
    latencies : sequence of BudgetLatency
        The pipeline with each tagger, if there are several.
    hardware : mapping of str to Hardware
        Tagger → what it costs.
    checks : sequence of Check
        What was compared.
    no_hardware : str
        Why there are no latency and resources, "" if there are.
    """

    name: str
    beam: str
    target: str
    result: MenuResult
    budgets: Mapping[str, float] = field(default_factory=dict)
    latency: Latency | None = None
    latencies: Sequence[BudgetLatency] = ()
    hardware: Mapping[str, Hardware] = field(default_factory=dict)
    checks: Sequence[Check] = ()
    no_hardware: str = ""

    @property
    def over(self) -> tuple[str, ...]:
        """Rows that cost more than they may."""
        used = used_khz(self.result)
        return tuple(row for row, limit in self.budgets.items() if used[row].value > limit)

    @property
    def differ(self) -> tuple[Check, ...]:
        """Comparisons that found a difference."""
        return tuple(check for check in self.checks if check.differ)


def used_khz(result: MenuResult) -> dict[str, Estimate]:
    """Return the rate of each row after prescale."""
    if result.table is None:
        return dict(result.rates)
    return {row.label: row.after.rate for row in result.table.rows}


def require_rows(menu: str | Path, rows: Sequence[str]) -> None:
    """Raise `InputError` unless a menu has each ``group NAME`` of `rows`; it has "total" anyway."""
    there = ["total", *(f"group {g}" for g in load_menu(menu).groups)]
    for row in rows:
        if row not in there:
            raise InputError(f"no {row} to hold to a budget; there are {', '.join(there)}", menu)


def run_report(
    result: MenuResult,
    menu: str | Path,
    taggers: Mapping[str, Path],
    library: str | Path,
    beam: str | Path,
    *,
    target: str,
    budgets: Mapping[str, float],
    latency: str | Path,
    firmware: str | Path,
    check: int = 0,
    seed: int = 0,
) -> RunReport:
    """Gather the report of a run.

    Parameters
    ----------
    result : MenuResult
        Of the run.
    menu, library, beam : path
        As they were run.
    taggers : mapping of str to path
        Name in the menu → folder of a trained model. Without any there are no latency, resources and checks.
    target, budgets
        See `RunReport`.
    latency, firmware : path
        Pipeline YAML and target YAML.
    check : int
        Inputs and crossings to compare with C simulations; with 0 only the kernels are compared.
    seed : int
        Of what is compared on.

    Raises
    ------
    InputError
        If a budget is of a group that the menu does not have, or a file does not fit.
    """
    require_rows(menu, list(budgets))
    part = load(firmware, FirmwareConfig)
    models = {name: load_model(folder) for name, folder in taggers.items()} if has_da4ml() else {}
    lacking = "da4ml is not installed (pip install 'trigsim[firmware]')." if taggers else "No tagger was given."
    latencies = latency_by_budget(latency, [tagger_facts(m, part) for m in models.values()]) if models else ()
    checks = quick_checks(taggers, seed)
    if check:
        checks += firmware_checks(menu, taggers, library, beam, part, check, seed)
    return RunReport(
        name=load_menu(menu).name,
        beam=load(beam, Beam).name,
        target=target,
        result=result,
        budgets=budgets,
        latency=latencies[0].latency if latencies else None,
        latencies=latencies,
        hardware={name: hardware(estimate(model, part), part) for name, model in models.items()},
        checks=checks,
        no_hardware="" if models else lacking,
    )
