"""Compare a menu's decisions with recorded ones, algorithm by algorithm."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.menu.conditions import FIELDS_OF, ResolvedCondition
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu
from trigsim.menu.networks import CrossingNetwork
from trigsim.menu.readers.model import Recorded
from trigsim.objects.model import TriggerObjects


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcome of `validate`.

    Attributes
    ----------
    crossings, algorithms : int
        How many were looked at.
    exact : tuple of str
        Algorithms that agree in every crossing.
    mismatched : mapping of str to list of str
        Algorithm → ``run:lumi:event`` of every crossing that differs.
    unsupported : mapping of str to str
        Algorithm → why it was not compared.
    fired : mapping of str to int
        Algorithm → crossings in which the recorded bit is set.
    decisions : mapping of str to bool array
        Our decisions.
    run, lumi, event : uint64 arrays, shape (crossings,)
        Where the crossings come from.
    """

    crossings: int
    algorithms: int
    exact: tuple[str, ...]
    mismatched: Mapping[str, list[str]]
    unsupported: Mapping[str, str]
    fired: Mapping[str, int]
    decisions: Mapping[str, NDArray[np.bool_]]
    run: NDArray[np.uint64]
    lumi: NDArray[np.uint64]
    event: NDArray[np.uint64]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON document of `trigsim validate`."""
        return {
            "crossings": self.crossings,
            "algorithms": self.algorithms,
            "exact": len(self.exact),
            "mismatched": {name: len(places) for name, places in self.mismatched.items()},
            "unsupported": dict(self.unsupported),
        }


def unsupported(
    menu: Menu,
    recorded: Recorded,
    models: Mapping[str, TaggerScores],
    networks: Mapping[str, CrossingNetwork],
) -> dict[str, str]:
    """Return algorithm → why the recorded data cannot decide it; what can be decided is absent."""
    reasons = {a.name: a.unsupported for a in menu.algorithms if a.unsupported is not None}
    for name, program in menu.programs().items():
        for part in program:
            if isinstance(part, str):
                continue
            reason = _missing(menu, part, recorded, models, networks)
            if reason:
                reasons[name] = reason
                break
    return reasons


def _missing(
    menu: Menu,
    condition: ResolvedCondition,
    recorded: Recorded,
    models: Mapping[str, TaggerScores],
    networks: Mapping[str, CrossingNetwork],
) -> str:
    if condition.external is not None:
        if not recorded.has_externals:
            return "looks at an external signal, which the data lacks"
        return _off("signals", condition.external[1], recorded.offsets)
    needed: list[tuple[str, int, str]] = []
    if condition.network:
        if condition.network not in networks:
            return f"network '{condition.network}' is not given"
        (leg,) = condition.legs
        for group in menu.config.networks[condition.network].inputs:
            needed += [(group.object, leg.bx, f.field) for f in group.fields if f.field is not None]
    else:
        legs = condition.legs + (() if condition.reference is None else (condition.reference,))
        needed += [(leg.object, leg.bx, field) for leg in legs for field, _ in leg.passes]
        for pair in (*condition.pairs, *condition.overlaps):
            fields = [field for quantity, _ in pair.limits for field in FIELDS_OF[quantity]]
            needed += [(legs[i].object, legs[i].bx, field) for i in (pair.first, pair.second) for field in fields]
        if condition.charges:
            charged = [leg for leg in condition.legs if "charge" in menu.scales.objects[leg.object].fields]
            needed += [(leg.object, leg.bx, field) for leg in charged for field in ("charge", "charge_valid")]
    for kind, bx, field in needed:
        if field.startswith("score_") and field.removeprefix("score_") not in models:
            return f"tagger '{field.removeprefix('score_')}' is not given"
        if kind not in recorded.objects.collections:
            return f"the data has no {kind}"
        if field not in recorded.objects.collections[kind].fields:
            return f"the data has no field '{field}' of {kind}"
        off = _off(kind, bx, recorded.offsets_of.get(kind, recorded.offsets))
        if off:
            return off
    return ""


def _off(kind: str, bx: int, held: tuple[int, int]) -> str:
    return "" if held[0] <= bx <= held[1] else f"looks at {kind} of BX {bx:+d}, which the data lacks"


def validate(
    menu: Menu,
    recorded: Iterable[Recorded],
    models: Mapping[str, TaggerScores] | None = None,
    networks: Mapping[str, CrossingNetwork] | None = None,
    threads: int = 1,
) -> Comparison:
    """Decide recorded crossings and compare with the recorded bits.

    Parameters
    ----------
    menu : Menu
        The menu that the bits were made with.
    recorded : iterable of Recorded
        From `readers.read`. Of bits recorded after prescale only those that are set are compared.
    models, networks : mapping, optional
        As for `Menu.compile`; algorithms that lack theirs are unsupported.
    threads : int
        Threads to decide with.
    """
    models, networks = models or {}, networks or {}
    bits = dict(zip((a.name for a in menu.algorithms), menu.indices, strict=True))
    reasons: dict[str, str] = {}
    chunks: list[tuple[Recorded, dict[str, NDArray[np.bool_]]]] = []
    compiled: CompiledMenu | None = None
    known: dict[str, str] | None = None
    for chunk in recorded:
        missing = unsupported(menu, chunk, models, networks)
        reasons |= missing
        if compiled is None or missing != known:
            compiled, known = (
                menu.compile(models, networks, only=[name for name in bits if name not in missing]),
                missing,
            )
        decided = compiled.decide(chunk.objects, rows=chunk.rows, threads=threads)[chunk.decided]
        # The objects are the bulk of a chunk and no longer needed.
        light = replace(chunk, objects=TriggerObjects({}, np.zeros((0, 4), dtype=np.uint64)))
        chunks.append((light, dict(zip(compiled.names, decided.T, strict=True))))
    exact: list[str] = []
    mismatched: dict[str, list[str]] = {}
    fired: dict[str, int] = {}
    decisions: dict[str, NDArray[np.bool_]] = {}
    for name, bit in bits.items():
        if name in reasons:
            continue
        decisions[name] = np.concatenate([ours[name] for _, ours in chunks] or [np.zeros(0, dtype=np.bool_)])
        expected = [chunk.expected(name, bit) for chunk, _ in chunks]
        if any(e is None for e in expected):
            reasons[name] = "the data has no recorded bit of it"
            continue
        fired[name] = sum(int(e.sum()) for e in expected if e is not None)
        places: list[str] = []
        for (chunk, ours), theirs in zip(chunks, expected, strict=True):
            different = ours[name] != theirs
            if chunk.prescaled:
                different &= theirs
            places += [chunk.place(int(i)) for i in np.flatnonzero(different)]
        if places:
            mismatched[name] = places
        else:
            exact.append(name)
    crossings = sum(len(chunk) for chunk, _ in chunks)
    run, lumi, event = (
        np.concatenate([getattr(chunk, name) for chunk, _ in chunks] or [np.zeros(0, dtype=np.uint64)])
        for name in ("run", "lumi", "event")
    )
    return Comparison(crossings, len(bits), tuple(exact), mismatched, reasons, fired, decisions, run, lumi, event)
