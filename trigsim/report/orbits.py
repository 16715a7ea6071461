"""Tables, plots and the page of a walk over orbits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from trigsim.report.plots import _STYLE, COLOURS, _figure
from trigsim.report.sheet import Sheet
from trigsim.report.tables import Table
from trigsim.studies.orbit_results import OrbitResult, Place, percent

_LABELS = {"rate": "triggers", "kept": "read out"}


def loss_table(result: OrbitResult) -> Table:
    """Return what dead time takes from each algorithm, group and the total."""
    return Table(result.caption, *result.cells())


def cause_table(result: OrbitResult) -> Table:
    """Return what each cause of dead time blocks."""
    header = ("cause", "triggers blocked [%]", "by it alone [%]", "crossings dead [%]")
    rows = [
        (name, *(percent(one) for one in (cause.blocked, cause.alone, cause.dead)))
        for name, cause in result.causes.items()
    ]
    rows.append(("any", percent(result.rows["total"].share), "–", percent(result.dead)))
    return Table(f"Causes of dead time ({result.dead_time_source})", header, tuple(rows))


def slot_table(result: OrbitResult) -> Table:
    """Return triggers slot by slot, and the rate of each slot's bunch."""
    places = [Place.of(i, 1, result.orbits, a, b) for i, (a, b) in enumerate(result.by_slot)]
    return _places("Triggers by slot of the orbit", "slot", places)


def place_table(result: OrbitResult) -> Table:
    """Return triggers and the rate of a bunch by its place in a row of colliding ones."""
    return _places("Rate of a bunch by its place in a row of colliding ones", "place", result.by_place)


def _places(title: str, what: str, places: Sequence[Place]) -> Table:
    header = (what, "bunches", "triggers", "read out", "rate of one [kHz]", "read out of one [kHz]", "read out [%]")
    rows = []
    for p in places:
        counts = (str(n) for n in (p.place, p.slots, p.triggers, p.read_out))
        rows.append((*counts, p.rate.numbers, p.kept.numbers, percent(p.share) if p.triggers else "–"))
    return Table(title, header, tuple(rows))


def occupancy_table(result: OrbitResult) -> Table:
    """Return how full triggers find each bucket or buffer."""
    longest = max((len(shares) for shares in result.occupancy.values()), default=0)
    rows = tuple(
        (name, *(f"{100 * share:.3g}" for share in shares), *[""] * (longest - len(shares)))
        for name, shares in result.occupancy.items()
    )
    return Table("Triggers that find so many waiting [%]", ("bucket or buffer", *map(str, range(longest))), rows)


def triggers_by_slot(result: OrbitResult) -> Figure:
    """Draw triggers and those read out along the orbit."""
    slots = range(len(result.by_slot))
    with rc_context(_STYLE):
        figure, axes = _figure()
        for number, label in enumerate(("triggers", "read out")):
            counts = [both[number] for both in result.by_slot]
            axes.fill_between(slots, counts, step="mid", lw=0, color=COLOURS[(5, 0)[number]], label=label)
        axes.set(xlabel="slot of the orbit (25 ns)", ylabel=f"triggers in {result.orbits:,} orbits", ylim=(0, None))
        axes.margins(x=0)
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def rate_by_place(result: OrbitResult) -> Figure:
    """Draw the rate of a bunch against its place in a row of bunches, before and after dead time."""
    places = [p.place for p in result.by_place]
    with rc_context(_STYLE):
        figure, axes = _figure()
        for number, label in enumerate(("rate", "kept")):
            found = [getattr(p, label) for p in result.by_place]
            middle = np.array([e.value for e in found])
            axes.fill_between(
                places,
                [e.low for e in found],
                [e.high for e in found],
                color=COLOURS[(5, 0)[number]],
                alpha=0.25,
                lw=0,
            )
            axes.plot(places, middle, ".-", ms=4, lw=0.8, color=COLOURS[(5, 0)[number]], label=_LABELS[label])
        axes.set(xlabel="place in a row of colliding bunches", ylabel="rate of one bunch [kHz]", ylim=(0, None))
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def kept_by_place(result: OrbitResult) -> Figure:
    """Draw the share of triggers that is read out against the place in a train of bunches."""
    some = [p for p in result.by_place if p.triggers]
    share = np.array([p.share.value for p in some])
    ends = np.array([[s - p.share.low, p.share.high - s] for s, p in zip(share, some, strict=True)])
    with rc_context(_STYLE):
        figure, axes = _figure()
        axes.errorbar(
            [p.place for p in some], share, yerr=ends.reshape(-1, 2).T, fmt="o", ms=3, lw=0.8, color=COLOURS[0]
        )
        axes.set(xlabel="place in a row of colliding bunches", ylabel="share of triggers read out")
    return figure


def orbit_sheet(result: OrbitResult) -> Sheet:
    """Return the page of a walk over orbits."""
    total = result.rows["total"]
    tables = {"losses": loss_table(result), "causes": cause_table(result)}
    if result.occupancy:
        tables["occupancy"] = occupancy_table(result)
    return Sheet(
        name="orbits",
        title=f"{result.menu} over real orbits",
        subtitle=f"{result.train}; {result.scheme}: {result.colliding} colliding slots of {len(result.by_slot)}",
        paragraphs=(
            f"{result.orbits:,} orbits, {result.seconds:.3g} s of beam. Crossings: {result.crossings_from}.",
            f"Of {total.fired} before dead time {total.kept} are read out; {percent(total.share)} % are lost.",
            "Intervals are central and of one standard deviation, from the spread of batches of orbits"
            + ("." if result.crossings_from == "full emulation" else ", and of replicas of the library."),
        ),
        plots={
            "triggers_by_slot": (triggers_by_slot(result), "Triggers along the orbit, before and after dead time."),
            "rate_by_place": (
                rate_by_place(result),
                "Rate of one bunch by its place in a row of colliding ones. Bands: independent crossings.",
            ),
            "kept_by_place": (
                kept_by_place(result),
                "The first bunches after a gap meet less dead time. Bars: independent triggers.",
            ),
        },
        tables=tables,
        document=result.as_dict(),
        histograms=result.histograms(),
    )
