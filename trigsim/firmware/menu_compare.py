"""Emulator against the C simulation of a menu's firmware, algorithm by algorithm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trigsim.firmware.menu_csim import MenuCSim
from trigsim.menu.decide import Rows
from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu
from trigsim.menu.networks import CrossingNetwork
from trigsim.objects.model import TriggerObjects


@dataclass(frozen=True, slots=True)
class Sample:
    """Crossings to compare on.

    Attributes
    ----------
    name : str
        What reports call it.
    objects : TriggerObjects
    rows : str
        What BX offsets see; see `CompiledMenu.decide`.
    """

    name: str
    objects: TriggerObjects
    rows: Rows = "independent"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where an algorithm differs.

    Attributes
    ----------
    crossings : int
        In how many.
    sample, row
        The first: name of the sample, row in it.
    emulator : bool
        The emulator's bit there; the firmware's is the other one.
    """

    crossings: int
    sample: str
    row: int
    emulator: bool

    def __str__(self) -> str:
        ours, theirs = int(self.emulator), int(not self.emulator)
        return f"{self.crossings} crossings, first {self.sample} row {self.row}: emulator {ours}, csim {theirs}"


@dataclass(frozen=True, slots=True)
class MenuComparison:
    """How often emulator and firmware differ.

    Attributes
    ----------
    crossings : int
    fired : mapping of str to int
        Algorithm → crossings in which the emulator's bit is set.
    differences : mapping of str to Difference
        Algorithms that differ anywhere.
    unsupported : mapping of str to str
        Algorithm → why it was not compared.
    """

    crossings: int
    fired: Mapping[str, int]
    differences: Mapping[str, Difference]
    unsupported: Mapping[str, str]

    @property
    def exact(self) -> bool:
        """Whether no bit differs."""
        return not self.differences

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON document of `trigsim compare MENU`."""
        return {
            "crossings": self.crossings,
            "algorithms": len(self.fired),
            "exact": len(self.fired) - len(self.differences),
            "firing": sum(count > 0 for count in self.fired.values()),
            "differing_bits": sum(found.crossings for found in self.differences.values()),
            "mismatched": {
                name: {
                    "crossings": found.crossings,
                    "sample": found.sample,
                    "row": found.row,
                    "emulator": found.emulator,
                    "csim": not found.emulator,
                }
                for name, found in self.differences.items()
            },
            "unsupported": dict(self.unsupported),
        }


def left_out(
    menu: Menu, models: Mapping[str, TaggerScores], networks: Mapping[str, CrossingNetwork]
) -> dict[str, str]:
    """Return algorithm → why it cannot be compared: marked so, or its tagger or network is not given."""
    reasons = {a.name: a.unsupported for a in menu.algorithms if a.unsupported is not None}
    for name, program in menu.programs().items():
        conditions = [part for part in program if not isinstance(part, str)]
        scores = {f for c in conditions for leg in c.legs for f, _ in leg.passes if f.startswith("score_")}
        lacking = sorted(score.removeprefix("score_") for score in scores if score[6:] not in models)
        if lacking:
            reasons[name] = f"tagger '{lacking[0]}' is not given"
        unknown = sorted({c.network for c in conditions if c.network} - set(networks))
        if unknown:
            reasons[name] = f"network '{unknown[0]}' is not given"
    return reasons


def compare_menu(
    csim: MenuCSim, samples: Iterable[Sample], unsupported: Mapping[str, str] | None = None
) -> MenuComparison:
    """Decide every crossing by the emulator and by the compiled firmware.

    Parameters
    ----------
    csim : MenuCSim
    samples : iterable of Sample
    unsupported : mapping, optional
        Handed on to the result.
    """
    emulator = csim.made.compiled
    fired = dict.fromkeys(emulator.names, 0)
    found: dict[str, Difference] = {}
    crossings = 0
    for sample in samples:
        ours = emulator.decide(sample.objects, rows=sample.rows)
        theirs = csim.decide(sample.objects, sample.rows)
        crossings += len(ours)
        for column, name in enumerate(emulator.names):
            fired[name] += int(ours[:, column].sum())
            rows = (ours[:, column] != theirs[:, column]).nonzero()[0]
            if not len(rows):
                continue
            row = int(rows[0])
            before = found.get(name) or Difference(0, sample.name, row, bool(ours[row, column]))
            found[name] = Difference(before.crossings + len(rows), before.sample, before.row, before.emulator)
    return MenuComparison(crossings, fired, found, dict(unsupported or {}))
