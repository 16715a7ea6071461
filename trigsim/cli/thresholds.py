"""Numbers of a menu that move: thresholds, turn-ons, scalings, what a tagger buys, and fits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trigsim.cli import texts
from trigsim.cli.common import JsonFlag, Seed
from trigsim.cli.given import MenuFile, Output, Signals, StoreFolder, Values, give, signals_of


def register(app: typer.Typer) -> None:
    """Add the commands of this group."""
    for command in (threshold, turnon, scaling, bought, fit):
        app.command()(command)


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
    curves = against(opened, checked, free(checked, number), texts.values(values), signals_of(opened, signal))
    tables = {f"threshold_{c.algorithm}": curve_table(c) for c in curves}
    document = {"menu": checked.name, "curves": [c.as_dict() for c in curves]}
    plots, histograms = {"threshold": curve_plot(curves)}, {k: h for c in curves for k, h in c.histograms().items()}
    give("threshold", document, tables, plots, output, as_json, histograms=histograms)


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
    give("turnon", document, tables, plots, output, as_json, ("turnon",), histograms)


def scaling(
    menu: MenuFile,
    number: Annotated[str, typer.Argument(help="Threshold: NAME:KEY or NAME:LEG:KEY.")],
    store: StoreFolder,
    signal: Annotated[str, typer.Option(help="Signal.")],
    values: Values,
    against: Annotated[str, typer.Option(help="Generated quantity.")] = "resonance_pt",
    share: Annotated[float, typer.Option(help="Share of the plateau: 0.5, 0.9 or 0.95.")] = 0.95,
    shape: Annotated[str, typer.Option(help="erf or logistic.")] = "erf",
    name: Annotated[str, typer.Option(help="What menus call it; by default the object.")] = "",
    output: Annotated[Path | None, typer.Option("-o", "--output", help="YAML file that menus can use.")] = None,
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
        share=share, shape=texts.shape(shape), name=name,
    )  # fmt: skip
    if output is not None:
        write_text(output, to_yaml(found.as_file()))
    give("scaling", found.as_dict(), {"scaling": scaling_table(found)}, {}, None, as_json)


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
    from trigsim.report.study_plots import bought_plot  # noqa: PLC0415
    from trigsim.report.study_tables import bought_table  # noqa: PLC0415
    from trigsim.studies.store import Store  # noqa: PLC0415
    from trigsim.studies.thresholds import bought as find  # noqa: PLC0415

    checked, opened = load(menu), Store.open(store)
    found = find(opened, checked, condition, rate, texts.values(values), signals_of(opened, signal), working_point)
    tables, plots = {"bought": bought_table(found)}, {"bought": bought_plot(found)}
    give("bought", found.as_dict(), tables, plots, output, as_json, histograms=found.histograms())


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
    within = f"within {limits.total:g} kHz" if found.within else "at its tightest, not within the budgets"
    tables = {
        "moved": moved_table(found, f"{checked.name} {within}: {found.rate:.4g} kHz"),
        "fitted": fitted_table(found),
        "pareto": pareto_table(found),
    }
    if output is not None:
        write_text(output / "menu.yaml", found.menu)
    plots, shown = {"pareto": pareto_plot(found)}, ("moved", "fitted")
    give("fit", found.as_dict(), tables, plots, output, as_json, shown, found.histograms())
    if not found.within:
        costs = [("total", found.rate, limits.total)]
        costs += [(f"group {g}", found.after[g].after.rate.value, r) for g, r in limits.groups.items()]
        costs += [(f"pure {a}", found.after[a].after.pure.value, r) for a, r in limits.pure.items()]
        over = [f"{what} takes {rate:.4g} of {limit:g} kHz" for what, rate, limit in costs if rate > limit]
        raise CheckFailed(f"nothing is within the budgets; at its tightest {', '.join(over) or 'the menu is over'}")
