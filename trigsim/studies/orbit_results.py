"""What a walk over orbits found: rates before and after dead time, and what caused it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from hist import Hist

from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.stream.beam import ORBIT_FREQUENCY_HZ
from trigsim.studies.histograms import binned, counted, labelled
from trigsim.studies.tabular import Cells, Tabular


def percent(share: Estimate) -> str:
    """Return a share with its interval in per cent."""
    return Estimate(100 * share.value, 100 * share.low, 100 * share.high).numbers


@dataclass(frozen=True, slots=True)
class RowLoss:
    """What dead time takes from an algorithm, a group or the total.

    Attributes
    ----------
    raw : Estimate
        Rate before masks and prescales, kHz.
    fired : Estimate
        After them and vetoes, before dead time, kHz.
    kept, lost : Estimate
        Read out, and lost to dead time, kHz.
    share : Estimate
        Lost over fired.
    """

    raw: Estimate
    fired: Estimate
    kept: Estimate
    lost: Estimate
    share: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "before_prescale": self.raw.as_dict(),
            "rate": self.fired.as_dict(),
            "read_out": self.kept.as_dict(),
            "lost": self.lost.as_dict(),
            "lost_share": self.share.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class CauseLoss:
    """What one cause of dead time does.

    Attributes
    ----------
    blocked, alone : Estimate
        Share of triggers that it blocks, and that nothing else blocks.
    dead : Estimate
        Share of colliding crossings in which it blocks.
    """

    blocked: Estimate
    alone: Estimate
    dead: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "triggers_blocked": self.blocked.as_dict(),
            "triggers_blocked_alone": self.alone.as_dict(),
            "crossings_dead": self.dead.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """Bunches at one place in a row of colliding ones, or one slot of the orbit.

    Intervals are those of independent crossings (Clopper and Pearson). What the library's size adds is the same for
    all places, so that it is left out of what compares them; dead time makes neighbours depend on each other.

    Attributes
    ----------
    place : int
        1 is the first after a gap; of a slot its number, from 0.
    slots : int
        Of the orbit.
    triggers, read_out : int
        Counts in all orbits.
    rate, kept : Estimate
        Of one bunch before and after dead time, kHz.
    share : Estimate
        Read out over triggers.
    """

    place: int
    slots: int
    triggers: int
    read_out: int
    rate: Estimate
    kept: Estimate
    share: Estimate

    @classmethod
    def of(cls, place: int, slots: int, orbits: int, triggers: int, read_out: int) -> Place:
        """Return the rates of counts in `slots` slots of each of `orbits` orbits."""
        tries, khz = slots * orbits, ORBIT_FREQUENCY_HZ / 1e3
        rates = (efficiency(count, tries) for count in (triggers, read_out))
        rate, kept = (Estimate(khz * e.value, khz * e.low, khz * e.high, "kHz") for e in rates)
        return cls(place, slots, triggers, read_out, rate, kept, efficiency(read_out, triggers))

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "place": self.place,
            "slots": self.slots,
            "triggers": self.triggers,
            "read_out": self.read_out,
            "rate_of_a_bunch": self.rate.as_dict(),
            "read_out_of_a_bunch": self.kept.as_dict(),
            "read_out_share": self.share.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class OrbitResult(Tabular):
    """A menu over real orbits.

    Attributes
    ----------
    menu, train, scheme : str
        Names of the menu, the train configuration and the filling scheme.
    dead_time_source : str
        Where the rules come from.
    crossings_from : str
        "full emulation", or what decision words were drawn from.
    orbits : int
        Orbits walked.
    seconds : float
        Of beam.
    colliding : int
        Colliding slots of an orbit.
    rows : mapping of str to RowLoss
        Algorithms, groups, "total".
    causes : mapping of str to CauseLoss
        Rules, buckets, buffers.
    dead : Estimate
        Share of colliding crossings in which anything blocks.
    occupancy : mapping of str to tuple of float
        Bucket or buffer → share of triggers that find 0, 1, … triggers in it.
    by_slot : tuple of (int, int)
        Slot by slot, triggers and those read out.
    by_place : tuple of Place
        Places in a row of colliding bunches.
    """

    menu: str
    train: str
    scheme: str
    dead_time_source: str
    crossings_from: str
    orbits: int
    seconds: float
    colliding: int
    rows: Mapping[str, RowLoss]
    causes: Mapping[str, CauseLoss]
    dead: Estimate
    occupancy: Mapping[str, tuple[float, ...]]
    by_slot: tuple[tuple[int, int], ...]
    by_place: tuple[Place, ...]

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.menu}: lost to dead time"

    def cells(self) -> Cells:
        """Return what dead time takes from each algorithm, group and the total."""
        header = ("algorithm", "rate [kHz]", "read out [kHz]", "lost [kHz]", "lost [%]")
        return header, tuple(
            (row, loss.fired.numbers, loss.kept.numbers, loss.lost.numbers, percent(loss.share))
            for row, loss in self.rows.items()
        )

    def histograms(self) -> dict[str, Hist]:
        """Return triggers by slot and by place in a row of bunches, fill of buffers, and rates of the rows."""
        triggers = f"triggers in {self.orbits} orbits"
        first, found = self.by_place[0].place, {}
        for i, what in enumerate(("triggers", "read_out")):
            by_slot = [counts[i] for counts in self.by_slot]
            by_place = [getattr(one, what) for one in self.by_place]
            found[f"{what}_by_slot"] = counted(by_slot, over="slot of the orbit", label=triggers)
            found[f"{what}_by_place"] = counted(
                by_place, first=first, over="place in a row of bunches", label=triggers
            )
        for name, shares in self.occupancy.items():
            found[f"waiting_{name}"] = binned(
                list(range(len(shares) + 1)), shares, np.zeros(len(shares)), over=f"waiting in {name}",
                label="share of triggers",
            )  # fmt: skip
        for what, label in (("fired", "rate"), ("kept", "rate read out"), ("lost", "rate lost")):
            rates = [getattr(row, what) for row in self.rows.values()]
            found[f"rows_{what}"] = labelled(rates, list(self.rows), over="row", label=f"{label} [kHz]")
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping; the 3564 slots are left to the CSV file."""
        return {
            "menu": self.menu,
            "train": self.train,
            "scheme": self.scheme,
            "dead_time_source": self.dead_time_source,
            "crossings_from": self.crossings_from,
            "orbits": self.orbits,
            "slots": self.orbits * len(self.by_slot),
            "seconds_of_beam": self.seconds,
            "colliding_slots": self.colliding,
            "dead_time": {
                "triggers_lost": self.rows["total"].share.as_dict(),
                "crossings_dead": self.dead.as_dict(),
                "causes": {name: cause.as_dict() for name, cause in self.causes.items()},
                "occupancy": {name: list(shares) for name, shares in self.occupancy.items()},
            },
            "rows": {row: loss.as_dict() for row, loss in self.rows.items()},
            "by_place_in_train": [place.as_dict() for place in self.by_place],
        }
