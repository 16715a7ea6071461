"""Studies of stored crossings: rates, overlaps, gains, turn-ons, fits, and differences of menus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trigsim.cli import texts
from trigsim.cli.common import JsonFlag, Seed, console, emit_json

if TYPE_CHECKING:
    from hist import Hist
    from matplotlib.figure import Figure

    from trigsim.report.tables import Table

MenuFile = Annotated[Path, typer.Argument(metavar="MENU", help="Menu YAML.")]
StoreFolder = Annotated[Path, typer.Option("--store", help="Crossings of `trigsim run MENU --store DIR`.")]
Signals = Annotated[list[str] | None, typer.Option(help="Signal; may be given again. By default all.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Folder for JSON, CSV and PNG.")]
Values = Annotated[str, typer.Option(help="A,B,… or LOW:HIGH:STEP, both ends included.")]
#: Crossings that flip and are shown; all are in the output folder.
SHOWN = 20


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (rates, overlap, gains, threshold, turnon, scaling, bought, fit, diff, spectra):
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
    _give("rates", document, tables, figures, output, as_json, histograms=histograms)


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
    _give(
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
    found = {s: find(opened, checked, s) for s in _signals(opened, signal)}
    efficiencies = {s: {row: gain.as_dict() for row, gain in some.items()} for s, some in found.items()}
    table = gains_table(found, f"{checked.name}: efficiencies before prescale")
    shown = {"gains": table}
    document = {"menu": checked.name, "signals": efficiencies}
    _give("gains", document, shown, {}, output, as_json, histograms=histograms(found))


def threshold(
    menu: MenuFile,
    number: Annotated[str, typer.Argument(help="NAME:KEY or NAME:LEG:KEY, as in `trigsim fit`.")],
    store: StoreFolder,
    values: Values,
    signal: Signals = None,
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """Rate and efficiency of the algorithms of a threshold or score cut as it moves."""
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.report.study_plots import curve_plot  # noqa: PLC0415
    from trigsim.report.study_tables import curve_table  # noqa: PLC0415
    from trigsim.studies.ladder import free  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.thresholds import against  # noqa: PLC0415

    checked, opened = load(menu), Store.open(store)
    curves = against(opened, checked, free(checked, number), texts.values(values), _signals(opened, signal))
    tables = {f"threshold_{c.algorithm}": curve_table(c) for c in curves}
    document = {"menu": checked.name, "curves": [c.as_dict() for c in curves]}
    plots, histograms = {"threshold": curve_plot(curves)}, {k: h for c in curves for k, h in c.histograms().items()}
    _give("threshold", document, tables, plots, output, as_json, histograms=histograms)


def turnon(
    menu: MenuFile,
    store: StoreFolder,
    signal: Annotated[str, typer.Option(help="Signal.")],
    row: Annotated[list[str], typer.Option(help="Algorithm, 'group NAME' or 'total'; may be given again.")],
    against: Annotated[str, typer.Option(help="Generated quantity.")] = "resonance_pt",
    bins: Annotated[int, typer.Option(min=2, max=200, help="Bins.")] = 20,
    shape: Annotated[str, typer.Option(help="erf or logistic.")] = "erf",
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """Turn-on curves against a generated quantity, with fits."""
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.report.study_plots import turn_on_plot  # noqa: PLC0415
    from trigsim.report.study_tables import turn_on_bins_table, turn_on_table  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.turnon import turn_ons  # noqa: PLC0415

    found = turn_ons(Store.open(store), load(menu), signal, row, against, bins=bins, shape=texts.shape(shape))
    tables = {"turnon": turn_on_table(found)}
    if output is not None:
        tables |= {f"turnon_{one.name.replace(' ', '_')}": turn_on_bins_table(one) for one in found}
    document = {"turn_ons": [one.as_dict() for one in found]}
    plots, histograms = {"turnon": turn_on_plot(found)}, {k: h for t in found for k, h in t.histograms().items()}
    _give("turnon", document, tables, plots, output, as_json, ("turnon",), histograms)


def scaling(
    menu: MenuFile,
    number: Annotated[str, typer.Argument(help="Threshold: NAME:KEY or NAME:LEG:KEY.")],
    store: StoreFolder,
    signal: Annotated[str, typer.Option(help="Signal.")],
    values: Values,
    against: Annotated[str, typer.Option(help="Generated quantity.")] = "resonance_pt",
    share: Annotated[float, typer.Option(help="Share of the plateau: 0.5, 0.9 or 0.95.")] = 0.95,
    shape: Annotated[str, typer.Option(help="erf or logistic.")] = "erf",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="YAML file for the scaling.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a threshold means offline: a line through the points that turn-ons reach."""
    from trigsim.base.files import write_text  # noqa: PLC0415
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.menu.files import to_yaml  # noqa: PLC0415
    from trigsim.report.study_tables import scaling_table  # noqa: PLC0415
    from trigsim.studies.ladder import free  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.turnon import scaling as find  # noqa: PLC0415

    checked = load(menu)
    found = find(
        Store.open(store), checked, free(checked, number), texts.values(values), signal, against,
        share=share, shape=texts.shape(shape),
    )  # fmt: skip
    if output is not None:
        write_text(output, to_yaml({"scalings": [found.as_dict()]}))
    _give("scaling", found.as_dict(), {"scaling": scaling_table(found)}, {}, None, as_json)


def bought(
    menu: MenuFile,
    condition: Annotated[
        str, typer.Argument(help="Algorithm or condition: one object with a threshold and a score.")
    ],
    store: StoreFolder,
    rate: Annotated[float, typer.Option(min=0, help="Rate that it may cost, kHz.")],
    values: Values,
    working_point: Annotated[str | None, typer.Option(help="Of every tagger; by default the condition's.")] = None,
    signal: Signals = None,
    output: Output = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what a tagger buys: the lowest threshold at equal rate, without one and with each that is stored."""
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.report.study_tables import bought_table  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.thresholds import bought as find  # noqa: PLC0415

    checked, opened = load(menu), Store.open(store)
    found = find(opened, checked, condition, rate, texts.values(values), _signals(opened, signal), working_point)
    table = bought_table(found, f"{condition}: lowest threshold at {rate:g} kHz")
    document = {"condition": condition, "rate_khz": rate, "rows": [one.as_dict() for one in found]}
    _give("bought", document, {"bought": table}, {}, output, as_json)


def fit(
    menu: MenuFile,
    store: StoreFolder,
    budget: Annotated[str, typer.Option(help="Total rate, such as 100kHz.")],
    free: Annotated[list[str] | None, typer.Option(help="NAME:KEY[=LOW..HIGH] or NAME:LEG:KEY[…], or all.")] = None,
    signal: Annotated[list[str] | None, typer.Option(help="SIGNAL[=WEIGHT]; by default all, equally.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="GROUP=RATE that it may cost.")] = None,
    pure: Annotated[list[str] | None, typer.Option(help="ALGORITHM=RATE that nothing else takes.")] = None,
    restarts: Annotated[int, typer.Option(min=0, help="Further random starts.")] = 3,
    output: Output = None,
    seed: Seed = 1,
    as_json: JsonFlag = False,
) -> None:
    """Fit thresholds and working points for the most signal within a budget; exit 1 if nothing is within it."""
    from trigsim.base.errors import CheckFailed  # noqa: PLC0415
    from trigsim.base.files import write_text  # noqa: PLC0415
    from trigsim.menu import load  # noqa: PLC0415
    from trigsim.report.study_plots import pareto_plot  # noqa: PLC0415
    from trigsim.report.study_tables import fitted_table, moved_table, pareto_table  # noqa: PLC0415
    from trigsim.studies.fit import fit as find  # noqa: PLC0415
    from trigsim.studies.fit import parse_free  # noqa: PLC0415
    from trigsim.studies.fit_search import Budget  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415

    checked, opened = load(menu), Store.open(store)
    limits = Budget(texts.khz(budget), texts.limits(group), texts.limits(pure))
    weights = (
        dict(texts.weighted(text) for text in signal) if signal else dict.fromkeys(opened.manifest.signals, 1.0)
    )
    ranges = parse_free(checked, opened, free or [])
    found = find(opened, checked, ranges, limits, weights, restarts=restarts, seed=seed)
    tables = {
        "moved": moved_table(found, f"{checked.name} within {limits.total:g} kHz: {found.rate:.4g} kHz"),
        "fitted": fitted_table(found),
        "pareto": pareto_table(found),
    }
    if output is not None:
        write_text(output / "menu.yaml", found.menu)
    plots, shown = {"pareto": pareto_plot(found)}, ("moved", "fitted")
    _give("fit", found.as_dict(), tables, plots, output, as_json, shown, found.histograms())
    if not found.within:
        costs = [("total", found.rate, limits.total)]
        costs += [(f"group {g}", found.after[g].after.rate.value, r) for g, r in limits.groups.items()]
        costs += [(f"pure {a}", found.after[a].after.pure.value, r) for a, r in limits.pure.items()]
        over = [f"{what} takes {rate:.4g} of {limit:g} kHz" for what, rate, limit in costs if rate > limit]
        raise CheckFailed(f"nothing is within the budgets; at its tightest {', '.join(over) or 'the menu is over'}")


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
        _give("diff", recorded.as_dict(), tables, {}, output, as_json)
        return
    found = find(Store.open(store or Path()), *menus)
    tables = {"written": written_table(found)}
    for sample, changes in found.changes.items():
        what = "rates [kHz]" if sample == "beam" else "efficiencies"
        tables[f"changes_{sample}"] = changes_table(changes, f"{sample}: {what}")
    shown = [*tables]
    tables["flips"] = flips_table(found.flips)
    _give("diff", found.as_dict(), tables, {}, output, as_json, shown, found.histograms())
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
    _give("spectra", document, {"spectra": table}, figures, output, as_json, histograms=histograms)


def _give(
    name: str,
    document: Mapping[str, Any],
    tables: Mapping[str, Table],
    figures: Mapping[str, Figure],
    output: Path | None,
    as_json: bool,
    show: Sequence[str] = (),
    histograms: Mapping[str, Hist] | None = None,
) -> None:
    """Write what was found into the output folder, and print it as JSON or as tables (`show`, by default all)."""
    from trigsim.base.files import write_json, write_text  # noqa: PLC0415
    from trigsim.report.histograms import write_histograms  # noqa: PLC0415
    from trigsim.report.plots import save_both  # noqa: PLC0415

    if output is not None:
        write_json(output / f"{name}.json", dict(document))
        for stem, table in tables.items():
            write_text(output / f"{stem}.csv", table.csv())
        for stem, figure in figures.items():
            save_both(figure, output / stem)
        write_histograms(histograms or {}, output / name)
    if as_json:
        emit_json(document)
        return
    for stem in show or tables:
        console().print(tables[stem].rich())


def _signals(store: Any, given: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(given) if given else tuple(store.manifest.signals)
