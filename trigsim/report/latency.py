"""Tables, the timeline and the page of a latency pipeline."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from trigsim.firmware.latency_model import Latency
from trigsim.numeric.intervals import Estimate
from trigsim.report.plots import _STYLE, COLOURS
from trigsim.report.sheet import Sheet
from trigsim.report.tables import Table
from trigsim.studies.latency import BudgetLatency, in_ns


def stage_table(latency: Latency) -> Table:
    """Return the timeline, stage by stage."""
    header = ("stage", "group", "clock [MHz]", "clocks", "waits [ns]", "start [ns]", "end [ns]", "source")
    rows = tuple(
        (
            f"{stage.name} ●" if stage.critical else stage.name,
            stage.group,
            "–" if stage.clock_mhz is None else f"{stage.clock_mhz:.5g}",
            "–" if stage.cycles is None else str(stage.cycles),
            in_ns(stage.waits),
            in_ns(stage.start),
            in_ns(stage.end),
            stage.source,
        )
        for stage in latency.stages
    )
    return Table(f"{latency.name}: stages (● sets the latency; ranges in brackets)", header, rows)


def group_table(latency: Latency) -> Table:
    """Return what each group takes of its budget, and all of them of the trigger's."""
    rows = [
        (group, in_ns(one.time), *_of_budget(one.time, one.budget_ns), one.source)
        for group, one in latency.groups.items()
    ]
    rows.append(
        ("total", in_ns(latency.total), *_of_budget(latency.total, latency.budget_ns), latency.budget_source)
    )
    header = ("group", "latency [ns]", "budget [ns]", "share", "budget from")
    return Table("Budgets of the groups", header, tuple(rows))


def _of_budget(time: Estimate, budget: float | None) -> tuple[str, str]:
    if budget is None:
        return "–", "–"
    share = f"{time.value / budget:.1%}"
    return f"{budget:g}", f"{share} over" if time.value > budget else share


def budget_table(budgets: Sequence[BudgetLatency]) -> Table:
    """Return what the number of input features costs in latency."""
    header = (
        "tagger",
        "inputs",
        "features, parallel [ns]",
        "features, serial [ns]",
        "slowest feature",
        "network [ns]",
        "trigger [ns]",
        "share of budget",
        "trigger, serial features [ns]",
    )
    rows = tuple(
        (
            one.facts.name,
            str(len(one.facts.features)),
            in_ns(one.parallel_ns),
            in_ns(one.serial_ns),
            ", ".join(one.slowest),
            f"{one.facts.cycles * one.facts.clock_ns:.1f}",
            in_ns(one.latency.total),
            f"{one.latency.share.value:.1%}",
            in_ns(one.serial.total),
        )
        for one in budgets
    )
    return Table("Latency by feature budget", header, rows)


def feature_cost_table(budget: BudgetLatency) -> Table:
    """Return what each input costs, the slowest first."""
    return Table(budget.caption, *budget.cells())


def timeline(latency: Latency) -> Figure:
    """Draw the stages as bars on the time since the collision, ranges as whiskers, coloured by group."""
    colour = {group: COLOURS[i % len(COLOURS)] for i, group in enumerate(latency.groups)}
    rows = len(latency.stages)
    with rc_context(_STYLE):
        figure = Figure(figsize=(7.4, 1.3 + 0.26 * rows), layout="constrained")
        axes = figure.add_subplot()
        for row, stage in enumerate(latency.stages):
            start, end = stage.start.value / 1e3, stage.end.value / 1e3
            axes.barh(
                row, max(end - start, 0.02), left=start, height=0.62, color=colour[stage.group],
                alpha=1.0 if stage.critical else 0.45,
            )  # fmt: skip
            spread = [[end - stage.end.low / 1e3], [stage.end.high / 1e3 - end]]
            axes.errorbar(end, row, xerr=spread, color="0.25", lw=0.9, capsize=2)
        budget = axes.axvline(latency.budget_ns / 1e3, color="#b3261e", lw=1.2, ls="--", label="budget")
        axes.set_yticks(range(rows), [stage.name for stage in latency.stages])
        axes.set(
            xlabel="time after the collision [µs]",
            xlim=(0, 1.04 * max(latency.budget_ns, latency.total.high) / 1e3),
        )
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        handles = [*(Patch(color=c, label=group) for group, c in colour.items()), budget]
        axes.legend(
            handles=handles, frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=3
        )
    return figure


def latency_sheet(latency: Latency, budgets: Sequence[BudgetLatency]) -> Sheet:
    """Return the page of a pipeline, with a table of feature budgets where taggers are given."""
    tables = {"groups": group_table(latency), "stages": stage_table(latency)}
    if budgets:
        tables["budgets"] = budget_table(budgets)
        tables |= {f"features_{b.facts.name}": feature_cost_table(b) for b in budgets}
    left = latency.budget_ns - latency.total.value
    what = f"{left:.0f} ns are left" if left >= 0 else f"it is {-left:.0f} ns too late"
    return Sheet(
        name="latency",
        title=latency.name,
        subtitle=f"budget {latency.budget_ns / 1e3:g} µs ({latency.budget_source})"
        + (f", tagger {latency.tagger}" if latency.tagger else ""),
        paragraphs=(
            f"The accept is sent {in_ns(latency.total)} ns after the collision: {what}.",
            "In brackets the lowest and the highest, if all stages are at the ends of their ranges.",
            "Ranges are those stated or assumed in the configuration, not standard deviations.",
        ),
        plots={"timeline": (timeline(latency), "When each stage works; paler stages do not set the latency.")},
        tables=tables,
        document={"latency": latency.as_dict(), "budgets": [budget.as_dict() for budget in budgets]},
    )
