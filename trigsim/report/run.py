"""The report of a run: one page, from the summary to the provenance."""

from __future__ import annotations

from hist import Hist

from trigsim.numeric.intervals import Estimate
from trigsim.report.latency import budget_table, group_table, stage_table, timeline
from trigsim.report.orbits import cause_table, loss_table
from trigsim.report.run_plots import budgets_plot, rates_plot
from trigsim.report.run_report import RunReport, used_khz
from trigsim.report.sheet import Section, Sheet
from trigsim.report.study_plots import overlap_plot, turn_on_plot
from trigsim.report.study_tables import gains_table, overlap_table, rates_table, turn_on_bins_table, turn_on_table
from trigsim.report.tables import RESOURCES, Table, menu_table
from trigsim.studies.rates import live_time_s

#: Algorithms of an overlap that the page shows as numbers too.
MOST_COLUMNS = 8


def run_sheet(report: RunReport) -> Sheet:
    """Return the page: summary, rates, overlaps, efficiencies, budgets, latency, resources, checks."""
    result = report.result
    histograms: dict[str, Hist] = dict(result.histograms())
    return Sheet(
        name="run",
        title=report.name,
        subtitle=f"{report.beam}; {result.crossings:,} crossings",
        paragraphs=(),
        plots={},
        tables={},
        document=result.as_dict()
        | ({} if result.details is None else result.details.as_dict())
        | {
            "budgets_khz": dict(report.budgets),
            "over_budget": list(report.over),
            "latency": None if report.latency is None else report.latency.as_dict(),
            "resources": {name: one.as_dict() for name, one in report.hardware.items()},
            "checks": [check.as_dict() for check in report.checks],
        },
        histograms=histograms,
        sections=(
            _summary(report), _rates(report), _overlaps(report), _efficiencies(report), _budgets(report),
            _latency(report), _resources(report), _checks(report),
        ),
    )  # fmt: skip


def _summary(report: RunReport) -> Section:
    result, total = report.result, used_khz(report.result)["total"]
    said = [f"The menu takes {total} after prescale."]
    worth = f"{live_time_s(result.rates[report.target]):.2g} s of unweighted beam"
    said.append(f"The rate of {report.target} is as precise as {worth} would make it.")
    said += [f"Of {signal} it keeps {rows['total']}." for signal, rows in result.efficiencies.items()]
    if result.orbits is not None:
        said.append(f"Dead time takes {_percent(result.orbits.rows['total'].share)} of what it accepts.")
    if report.latency is not None:
        left = report.latency.budget_ns - report.latency.total.value
        said.append(f"The accept is {left:.0f} ns early." if left >= 0 else f"The accept is {-left:.0f} ns late.")
    marks = []
    if report.budgets:
        over = ", ".join(report.over)
        marks.append((not over, f"Over budget: {over}." if over else "Every budget is kept."))
    if report.checks:
        differ = "; ".join(f"{c.what}: {c.differ} of {c.compared:,} differ" for c in report.differ)
        marks.append((not differ, differ or "All that was compared is equal."))
    return Section("Summary", tuple(said), marks=tuple(marks))


def _rates(report: RunReport) -> Section:
    result, tables = report.result, {"run": menu_table(report.result, "Rates before prescale, and efficiencies")}
    said = ["Intervals are central, of one standard deviation, and know that the library is finite."]
    said.append("Unseen: what strata of crossings in which nothing passed could add; the intervals do not hold it.")
    if result.table is not None:
        tables = {"rates": rates_table(result.table, "Raw, pure, shared and cumulative"), **tables}
    if result.orbits is not None:
        tables |= {"dead_time": loss_table(result.orbits), "causes": cause_table(result.orbits)}
        said.append(f"Dead time is of {result.orbits.orbits:,} orbits, {result.orbits.crossings_from}.")
    else:
        said.append("What dead time takes was not asked for (--train).")
    plots = {"rates": (rates_plot(used_khz(result)), "Rates after prescale.")}
    return Section("Rates", tuple(said), plots, tables)


def _overlaps(report: RunReport) -> Section:
    details = report.result.details
    if details is None:
        return Section("Overlaps", ("Not asked for.",))
    matrix = {
        "overlap": (overlap_plot(details.overlap), "Of the rate of each row, the share that the column takes.")
    }
    table = {"overlap": overlap_table(details.overlap, "Share of the row's rate that the column passes too")}
    if len(details.overlap.names) > MOST_COLUMNS:
        return Section("Overlaps", ("As numbers in overlap.csv.",), matrix, more=table)
    return Section("Overlaps", (), matrix, table)


def _efficiencies(report: RunReport) -> Section:
    details = report.result.details
    if not report.result.efficiencies or details is None:
        return Section("Efficiencies", ("No signal was streamed (--signal).",))
    tables: dict[str, Table] = {
        "efficiencies": gains_table(details.gains, "Inclusive, and exclusive: what the menu loses without the row")
    }
    plots = {}
    more: dict[str, Table] = {}
    for signal, some in details.turn_ons.items():
        if some:
            plots[f"turnon_{signal}"] = (turn_on_plot(some), f"{signal}: the menu and its groups turn on.")
            tables[f"turnon_{signal}"] = turn_on_table(some)
        more |= {f"turnon_{signal}_{one.name.replace(' ', '_')}": turn_on_bins_table(one) for one in some}
    said = ("Of bits before prescale; intervals are Clopper and Pearson's.",)
    return Section("Efficiencies", said, plots, tables, more=more)


def _budgets(report: RunReport) -> Section:
    used = used_khz(report.result)
    rows = [row for row in used if row == "total" or row.startswith("group ") or row in report.budgets]
    total = used["total"].value
    cells = tuple(
        (
            row,
            used[row].numbers,
            f"{used[row].value / total:.1%}" if total else "–",
            f"{report.budgets[row]:g}" if row in report.budgets else "–",
            f"{used[row].value / report.budgets[row]:.1%}" if row in report.budgets else "–",
            "over" if row in report.over else "",
        )
        for row in rows
    )
    header = ("group", "used [kHz]", "share of the total", "allowed [kHz]", "of it", "")
    table = Table("Rate used against allowed, after prescale", header, cells)
    said = () if report.budgets else ("No budget was given (--budget, --group).",)
    shares = {row: used[row] for row in rows}
    plots = {"budgets": (budgets_plot(shares, report.budgets), "Rate used; the bar behind it is what is allowed.")}
    return Section("Budgets", said, plots, {"budgets": table})


def _latency(report: RunReport) -> Section:
    if report.latency is None:
        return Section("Latency", (report.no_hardware,))
    tables = {"latency_groups": group_table(report.latency), "latency_stages": stage_table(report.latency)}
    if len(report.latencies) > 1:
        tables["latency_taggers"] = budget_table(report.latencies)
    said = (
        f"{report.latency.name}: {report.latency.total.value:.0f} of {report.latency.budget_ns:.0f} ns.",
        "Ranges are those stated or assumed, not standard deviations.",
    )
    figure = (timeline(report.latency), "When each stage works; paler stages do not set the latency.")
    return Section("Latency", said, {"latency": figure}, tables)


def _resources(report: RunReport) -> Section:
    if not report.hardware:
        return Section("Resources", (report.no_hardware,))
    header = ("tagger", "cycles", "latency [ns]", "budget [ns]", *RESOURCES)
    rows = tuple(
        (
            name,
            str(one.cycles),
            f"{one.nanoseconds:.1f} ({one.nanoseconds / one.budget_ns:.0%})",
            f"{one.budget_ns:g}",
            *(f"{one.resources[k]} ({one.share[k]:.2%})" if k in one.resources else "–" for k in RESOURCES),
        )
        for name, one in report.hardware.items()
    )
    parts = ", ".join(sorted({one.part for one in report.hardware.values()}))
    said = (f"Latency and resources: {'; '.join(sorted({one.source for one in report.hardware.values()}))}.",)
    return Section("Resources", said, {}, {"resources": Table(f"Taggers, per cent of {parts}", header, rows)})


def _checks(report: RunReport) -> Section:
    if not report.checks:
        return Section("Equality checks", ("Nothing was compared (--check).",))
    rows = tuple((c.what, f"{c.compared:,}", str(c.differ), c.left_out or "–") for c in report.checks)
    table = Table("Bit by bit", ("compared", "inputs or crossings", "differ", "left out"), rows)
    marks = tuple((False, f"{c.what}: {c.differ} of {c.compared:,} differ.") for c in report.differ)
    return Section("Equality checks", (), {}, {"checks": table}, marks=marks)


def _percent(share: Estimate) -> str:
    return f"{Estimate(100 * share.value, 100 * share.low, 100 * share.high).numbers} %"
