"""Studies of stored crossings: rates, overlaps, gains, differences of menus, and spectra."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli.common import JsonFlag, console
from trigsim.cli.given import MenuFile, Output, Signals, StoreFolder, give, signals_of

#: Crossings that flip and are shown; all are in the output folder.
SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (rates, overlap, gains, diff, spectra):
        app.command()(command)


def rates(
    menu: MenuFile,
    store: Annotated[list[Path], typer.Option(help="Stored crossings; several, at other pile-up, are compared.")],
    prescales: Annotated[Path | None, typer.Option(help="CSV of prescale columns.")] = None,
    column: Annotated[str | None, typer.Option(help="Column of it.")] = None,
    bunches: Annotated[int | None, typer.Option(help="Scale to this many colliding bunches.")] = None,
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """Rates of every algorithm and group: raw, prescaled, pure, shared, cumulative."""
    from trigsim.base.errors import InputError  # noqa: PLC0415
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.menu.prescale import read_prescales  # noqa: PLC0415
    from trigsim.report.study_plots import pileup_plot  # noqa: PLC0415
    from trigsim.report.study_tables import pileup_table, rates_table  # noqa: PLC0415
    from trigsim.studies.decided import decided  # noqa: PLC0415
    from trigsim.studies.rate_table import Prescaling, rate_histograms, rate_table  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.store_format import BEAM  # noqa: PLC0415

    checked = load(menu)
    factors = None
    if prescales is not None:
        columns = read_prescales(prescales, checked).columns
        if column is None or column not in columns:
            raise InputError(f"no column '{column}'; name one with --column: {', '.join(columns)}", prescales)
        factors = columns[column]
    found = {}
    for folder in store:
        opened = Store.open(folder)
        opened = opened if bunches is None else opened.with_bunches(bunches)
        sample = decided(opened, BEAM, checked)
        beam = opened.manifest.beam
        pileup = beam.average_pileup
        if pileup in found:
            raise InputError(f"a second store at pile-up {pileup:g}; give one at another", folder)
        found[pileup] = rate_table(sample, Prescaling.of(checked, sample.names, factors), beam.crossing_rate_khz)
    found = dict(sorted(found.items()))
    tables = {
        f"rates_{mu:g}": rates_table(table, f"{checked.name}: {table.crossings:,} crossings at pile-up {mu:g}")
        for mu, table in found.items()
    }
    figures = {}
    if len(found) > 1:
        tables["pileup"] = pileup_table(found, f"{checked.name}: rates after prescale")
        groups = [row.name for row in next(iter(found.values())).rows if row.kind != "algorithm"]
        figures["pileup"] = pileup_plot(found, groups)
    document = {"menu": checked.name, "pileup": {f"{mu:g}": table.as_dict() for mu, table in found.items()}}
    histograms = rate_histograms(found)
    give("rates", document, tables, figures, output, as_json, histograms=histograms)


def overlap(
    menu: MenuFile,
    store: StoreFolder,
    absolute: Annotated[bool, typer.Option("--absolute", help="Show rates in kHz, not shares.")] = False,
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """Overlap of every pair of algorithms."""
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.report.study_plots import overlap_plot  # noqa: PLC0415
    from trigsim.report.study_tables import overlap_table  # noqa: PLC0415
    from trigsim.studies.decided import decided  # noqa: PLC0415
    from trigsim.studies.overlap import overlap as find  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.store_format import BEAM  # noqa: PLC0415

    checked = load(menu)
    found = find(decided(Store.open(store), BEAM, checked))
    title = f"{checked.name}: " + ("rates of pairs" if absolute else "shares of the row's rate")
    shown = {"overlap": overlap_table(found, title, fractions=not absolute)}
    give(
        "overlap",
        {"menu": checked.name, **found.as_dict()},
        shown,
        {"overlap": overlap_plot(found)},
        output,
        as_json,
        histograms=found.histograms(),
    )


def gains(
    menu: MenuFile, store: StoreFolder, signal: Signals = None, output: Output = None, as_json: JsonFlag = False
) -> None:
    """Efficiency of every algorithm and group: what passes it, and what the menu loses without it."""
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.report.study_tables import gains_table  # noqa: PLC0415
    from trigsim.studies.gains import gains as find  # noqa: PLC0415
    from trigsim.studies.gains import histograms  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415

    checked, opened = load(menu), Store.open(store)
    found = {s: find(opened, checked, s) for s in signals_of(opened, signal)}
    efficiencies = {s: {row: gain.as_dict() for row, gain in some.items()} for s, some in found.items()}
    table = gains_table(found, f"{checked.name}: efficiencies before prescale")
    shown = {"gains": table}
    document = {"menu": checked.name, "signals": efficiencies}
    give("gains", document, shown, {}, output, as_json, histograms=histograms(found))


def diff(
    old: Annotated[Path, typer.Argument(help="Menu YAML.")],
    new: Annotated[Path, typer.Argument(help="Menu YAML.")],
    store: Annotated[Path | None, typer.Option(help="Crossings of `trigsim run MENU --store DIR`.")] = None,
    vectors: Annotated[
        Path | None,
        typer.Option(help="Recorded events instead, as in `trigsim validate`: flips by run:lumi:event."),
    ] = None,
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """Compare two menus on the same crossings."""
    from trigsim.base.errors import InputError  # noqa: PLC0415
    from trigsim.menu.files import read_menu  # noqa: PLC0415
    from trigsim.menu.readers import read  # noqa: PLC0415
    from trigsim.menu.validate import validate  # noqa: PLC0415
    from trigsim.report.study_tables import (  # noqa: PLC0415
        changes_table,
        flips_table,
        recorded_flips_table,
        written_table,
    )
    from trigsim.studies.diff import diff as find  # noqa: PLC0415
    from trigsim.studies.recorded_diff import recorded_diff  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415

    menus = read_menu(old), read_menu(new)
    if (store is None) == (vectors is None):
        raise InputError("compare on crossings of --store or on events of --vectors; give one")
    if vectors is not None:
        recorded = recorded_diff(*menus, *(validate(menu, read(vectors)) for menu in menus))
        tables = {
            "written": written_table(recorded),
            "changes": changes_table(recorded.changes, f"{recorded.events} events: fraction that passes"),
            "flips": recorded_flips_table(recorded.flips),
        }
        give("diff", recorded.as_dict(), tables, {}, output, as_json)
        return
    found = find(Store.open(store or Path()), *menus)
    tables = {"written": written_table(found)}
    for sample, changes in found.changes.items():
        what = "rates [kHz]" if sample == "beam" else "efficiencies"
        tables[f"changes_{sample}"] = changes_table(changes, f"{sample}: {what}")
    shown = [*tables]
    tables["flips"] = flips_table(found.flips)
    give("diff", found.as_dict(), tables, {}, output, as_json, shown, found.histograms())
    if not as_json:
        console().print(flips_table(found.flips[:SHOWN]).rich())
        typer.echo(f"{min(SHOWN, len(found.flips))} of {len(found.flips)} flips are shown; -o DIR writes all")


def spectra(
    store: StoreFolder,
    field: Annotated[list[str] | None, typer.Option(help="KIND:NAME, as JET:pt; by default all.")] = None,
    bins: Annotated[int, typer.Option(min=1, max=10_000, help="Bins, at most.")] = 60,
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """Spectra of stored objects, tagger scores and what was generated, of the beam and of each signal."""
    from trigsim.base.errors import InputError  # noqa: PLC0415
    from trigsim.report.histograms import to_uhi  # noqa: PLC0415
    from trigsim.report.study_plots import spectrum_plot  # noqa: PLC0415
    from trigsim.report.study_tables import spectra_table  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415

    opened = Store.open(store)
    wanted = [tuple(text.split(":")) for text in field] if field else opened.fields
    if any(len(one) != 2 for one in wanted):
        raise InputError("a field is KIND:NAME; write JET:pt")
    found = {}
    for kind, name in wanted:
        found[f"{kind}_{name}"] = opened.spectra(kind, name, bins)
    table = spectra_table(found)
    figures = {name: spectrum_plot(some) for name, some in found.items()} if output is not None else {}
    histograms = {f"{name}_{s}": h for name, some in found.items() for s, h in some.items()}
    document = {"menu": opened.manifest.menu, "histograms": to_uhi(histograms)}
    give("spectra", document, {"spectra": table}, figures, output, as_json, histograms=histograms)
