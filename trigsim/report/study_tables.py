"""Tables of the studies of stored crossings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hist import Hist

from trigsim.report.tables import Table
from trigsim.studies.diff import Change, Flip, MenuDiff, change_cells
from trigsim.studies.fit import FitResult
from trigsim.studies.gains import Gain
from trigsim.studies.overlap import Overlap
from trigsim.studies.rate_table import RateTable
from trigsim.studies.recorded_diff import RecordedDiff
from trigsim.studies.thresholds import Bought, Curve
from trigsim.studies.turnon import POINTS, Scaling, TurnOn


def rates_table(found: RateTable, title: str) -> Table:
    """Return one row for each algorithm, group and the total: rates in kHz, after prescale too if there are any."""
    return Table(title, *found.cells())


def pileup_table(found: Mapping[float, RateTable], title: str) -> Table:
    """Return one row an algorithm, one column a pile-up: rates in kHz after prescale."""
    header = ("algorithm", *(f"pile-up {mu:g} [kHz]" for mu in found))
    first = next(iter(found.values()))
    rows = tuple(
        (row.name, *(table.rows[i].after.rate.numbers for table in found.values()))
        for i, row in enumerate(first.rows)
    )
    return Table(title, header, rows)


def overlap_table(found: Overlap, title: str, *, fractions: bool = True) -> Table:
    """Return the matrix: of the rate of each row, the share that each column takes too; or rates in kHz."""
    return Table(title, *found.cells(fractions=fractions))


def curve_table(curve: Curve) -> Table:
    """Return one row a value of the number."""
    return Table(curve.caption, *curve.cells())


def bought_table(found: Bought) -> Table:
    """Return one row a tagger: the lowest threshold at the rate."""
    return Table(found.caption, *found.cells())


def gains_table(found: Mapping[str, Mapping[str, Gain]], title: str) -> Table:
    """Return one row for each algorithm, group and the total; two columns a signal."""
    header = ("algorithm", *(f"{s} {what}" for s in found for what in ("inclusive", "exclusive")))
    rows = tuple(
        (row, *(e.numbers for gains in found.values() for e in (gains[row].inclusive, gains[row].exclusive)))
        for row in next(iter(found.values()))
    )
    return Table(title, header, rows)


def turn_on_table(found: Sequence[TurnOn]) -> Table:
    """Return the plateau of each turn-on and the points that it reaches."""
    first = found[0]
    header = ("row", "plateau", *(f"{share:.0%} of it at" for share in POINTS), "width")
    rows = tuple(
        (t.name, t.fit.plateau.numbers, *(t.fit.points[s].numbers for s in POINTS), t.fit.width.numbers)
        if t.fit is not None
        else (t.name, *["no fit"] * (len(POINTS) + 2))
        for t in found
    )
    return Table(f"{first.signal}: turn-on against {first.quantity}", header, rows)


def turn_on_bins_table(found: TurnOn) -> Table:
    """Return the efficiency in each bin."""
    return Table(found.caption, *found.cells())


def scaling_table(found: Scaling) -> Table:
    """Return the points of a scaling."""
    return Table(found.caption, *found.cells())


def spectra_table(found: Mapping[str, Mapping[str, Hist]]) -> Table:
    """Return how many objects each field has in each sample, and their mean."""
    rows = []
    for field, samples in found.items():
        for sample, one in samples.items():
            weight, centre = one.values(), one.axes[0].centers
            mean = f"{weight @ centre / weight.sum():.4g}" if weight.sum() else "–"
            rows.append((field, sample, f"{one.values(flow=True).sum():.4g}", mean))
    return Table("Spectra: objects, kHz for the beam", ("field", "sample", "objects", "mean"), tuple(rows))


def moved_table(found: FitResult, title: str) -> Table:
    """Return what the fit moved."""
    return Table(title, *found.cells())


def fitted_table(found: FitResult) -> Table:
    """Return rates after prescale, pure rates and efficiencies before and after the fit."""
    rows = [
        (
            old.label,
            old.after.rate.numbers,
            new.after.rate.numbers,
            new.after.pure.numbers,
        )
        for old, new in zip(found.before.rows, found.after.rows, strict=True)
    ]
    rows += [(f"efficiency {s}", b.numbers, a.numbers, "–") for s, (b, a) in found.efficiencies.items()]
    return Table("Rates [kHz] and efficiencies", ("row", "before", "after", "pure after [kHz]"), tuple(rows))


def pareto_table(found: FitResult) -> Table:
    """Return what other budgets buy."""
    names = tuple(found.moved)
    rows = tuple(
        (f"{rate:.3f}", f"{gain:.4f}", *(f"{values[n]:g}" for n in names)) for rate, gain, values in found.pareto
    )
    return Table("What other budgets buy (counts of the fit)", ("rate [kHz]", "efficiency", *names), rows)


def written_table(found: MenuDiff | RecordedDiff) -> Table:
    """Return the differences of the grammar."""
    rows = tuple((w.part, w.name, w.what or ("new" if not w.old else "gone"), w.old, w.new) for w in found.written)
    return Table(f"{found.old} → {found.new}: as written", ("part", "name", "what", "old", "new"), rows)


def changes_table(changes: Mapping[str, Change], title: str) -> Table:
    """Return the rows that flip any crossing, and the total."""
    return Table(title, ("row", "gained", "lost", "old", "new", "difference"), change_cells(changes))


def recorded_flips_table(flips: Mapping[str, Mapping[str, bool]]) -> Table:
    """Return the recorded events that flip."""
    rows = tuple(
        (name, place, "gained" if passes else "lost")
        for name, places in flips.items()
        for place, passes in places.items()
    )
    return Table("Events that flip", ("algorithm", "run:lumi:event", "what"), rows)


def flips_table(flips: Sequence[Flip]) -> Table:
    """Return the crossings that flip."""
    rows = tuple(
        (f.row, f.sample, f.stratum, str(f.chunk), str(f.number), "gained" if f.passes else "lost") for f in flips
    )
    return Table("Crossings that flip", ("row", "sample", "stratum", "chunk", "number", "what"), rows)
