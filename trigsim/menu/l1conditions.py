"""Conditions of an L1Menu XML in our grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from trigsim.base.errors import InputError
from trigsim.base.manifest import first_fault
from trigsim.menu.conditions import Lowering
from trigsim.menu.grammar import RESERVED, MenuFile
from trigsim.menu.l1entries import Cut, Entries, Requirement
from trigsim.menu.masks import Lanes
from trigsim.menu.pair_rows import PairRows
from trigsim.menu.scales import ScaleSet

#: XML cut → our key, for cuts on one object.
_WINDOWS = {"ETA": "eta", "PHI": "phi_rad", "UPT": "upt_gev"}
_LISTS = {"QLTY": "quality", "ISO": "iso", "IP": "ip", "DISP": "displaced"}
#: XML cut → our key, for cuts on a pair; the mass that MASS cuts on is the function's.
_PAIRS = {
    "DETA": "deta",
    "DPHI": "dphi_rad",
    "DR": "dr",
    "MASSUPT": "mass_upt_gev",
    "MASSDR": "mass_over_dr_gev",
    "TBPT": "pair_pt_gev",
}
_OVERLAPS = {"ORMDR": "dr", "ORMDETA": "deta", "ORMDPHI": "dphi_rad"}
_MASSES = {
    "mass": "mass_gev",
    "mass_inv": "mass_gev",
    "mass_inv_3": "mass_gev",
    "mass_inv_upt": "mass_upt_gev",
    "mass_inv_dr": "mass_over_dr_gev",
    "mass_trv": "mass_t_gev",
}
_FUNCTIONS = frozenset({"comb", "dist", *_MASSES})
_CALL = re.compile(r"(?P<function>\w+)\{(?P<inside>[^{}]*)\}(?:\[(?P<cuts>[^\[\]]*)\])?")
_OBJECT = re.compile(r"(?P<name>[^\[\]{}]+)(?:\[(?P<cuts>[^\[\]]*)\])?")
#: No upper limit, GeV.
UNLIMITED = 1e6
#: Objects that stand for a network, and the inputs of the one whose map is known.
_NETWORKS = frozenset({"AXO", "TOPO", "ADT"})
_NETWORK_CUTS = frozenset({"SCORE", "ASCORE", "TSCORE"})


def _inputs(kind: str, slots: int, fields: tuple[str | None, ...]) -> dict[str, Any]:
    # The lowest bit of pt is dropped.
    described = [
        {"constant": 0} if name is None else {"field": name, **({"shift": 1} if name == "pt" else {})}
        for name in fields
    ]
    return {"object": kind, "slots": slots, "fields": described}


INPUT_MAPS: dict[str, list[dict[str, Any]]] = {
    "AXO_v4": [
        _inputs("ETM", 1, ("pt", None, "phi")),
        _inputs("EG", 4, ("pt", "eta", "phi")),
        _inputs("MU", 4, ("pt", "eta", "phi_out")),
        _inputs("JET", 10, ("pt", "eta", "phi")),
    ]
}


class Unsupported(Exception):  # noqa: N818 - it is an outcome, not a defect
    """A condition that our grammar cannot say; the message is the reason."""


def _split(inside: str) -> list[str]:
    """Split at commas outside brackets."""
    return re.findall(r"[^,\[\]]+(?:\[[^\[\]]*\])?", inside)


class Conditions:
    """The conditions of a menu in our grammar, equal ones once, and the cuts and networks that they share."""

    def __init__(self, scales: ScaleSet, externals: Mapping[str, int]) -> None:
        self.scales = scales
        self.externals = externals
        self.cuts: dict[str, dict[str, Any]] = {}
        self.networks: dict[str, Any] = {}
        self.conditions: dict[str, Any] = {}
        self.names: dict[str, str] = {}
        self.pairs = PairRows(Lanes(scales))

    def sections(self) -> dict[str, Any]:
        """Return what a menu holds of them, sections that are empty left out."""
        sections = {"cuts": self.cuts, "networks": self.networks, "conditions": self.conditions}
        return {k: v for k, v in sections.items() if v}

    def condition(self, text: str, entries: Entries) -> str:
        """Return the name of the condition with this text, which is made and checked the first time."""
        shared = dict(self.cuts), dict(self.networks)
        try:
            made = self._make(text, entries)
            # The text alone will not do: its cuts and objects are each algorithm's own.
            key = json.dumps(made)
            if key not in self.names:
                self._check(made)
                self.names[key] = self._add(text, made)
        except (Unsupported, InputError, ValidationError) as reason:
            # Cuts that cannot be said must not stay for others.
            self.cuts, self.networks = shared
            said = (
                first_fault(reason) if isinstance(reason, ValidationError) else getattr(reason, "problem", reason)
            )
            raise Unsupported(f"{text}: {said}") from None
        return self.names[key]

    def _add(self, text: str, made: dict[str, Any]) -> str:
        name = _condition_name(text)
        while name in self.conditions:
            name += "_"
        self.conditions[name] = made
        return name

    def _check(self, made: dict[str, Any]) -> None:
        """Refuse what the loader or the compiler would refuse, here, where only one algorithm suffers."""
        legs = [made, *made.get("objects", ()), made.get("remove_overlap", {}).get("reference", {})]
        file = MenuFile.model_validate_json(
            json.dumps(
                {
                    "name": "check",
                    "scales": "cms_run3",
                    "cuts": {name: self.cuts[name] for leg in legs for name in leg.get("cuts", ())},
                    "networks": {name: self.networks[name] for name in [made.get("network")] if name},
                    "algorithms": [{"name": "check", "when": made}],
                }
            )
        )
        when = file.algorithms[0].when
        assert when is not None
        lowered = Lowering(file, self.scales, self.externals, None).lower(when)
        every = lowered.legs + (() if lowered.reference is None else (lowered.reference,))
        for pair in lowered.pairs + lowered.overlaps:
            self.pairs.add(every, pair)

    def _make(self, text: str, entries: Entries) -> dict[str, Any]:
        if text in entries.externals:
            bx = entries.externals[text]
            signal = text.removeprefix("EXT_")
            suffix = f"{bx:+d}"
            if bx and signal.endswith(suffix):
                signal = signal.removesuffix(suffix)
            return {"external": signal, **({"bx": bx} if bx else {})}
        call = _CALL.fullmatch(text)
        if call:
            return self._call(call, entries)
        return self._leg(text, entries)

    def _leg(self, text: str, entries: Entries) -> dict[str, Any]:
        match = _OBJECT.fullmatch(text)
        if match is None or match["name"] not in entries.requirements:
            raise Unsupported("no object requirement of this name")
        required = entries.requirements[match["name"]]
        cuts = {name: self._cut(name, entries) for name in (match["cuts"] or "").split(",") if name}
        if required.object in _NETWORKS:
            return self._network(required, cuts)
        if required.object not in self.scales.objects:
            raise Unsupported(f"unknown object '{required.object}'")
        leg: dict[str, Any] = {"object": required.object}
        fields = self.scales.objects[required.object].fields
        if "pt" in fields:
            leg["pt_gev"] = required.threshold
        elif "count" in fields:
            leg["count"] = int(required.threshold)
            if leg["count"] != required.threshold:
                raise Unsupported(f"threshold {required.threshold:g} is not a count")
        elif "score" in fields:
            scores = [cut.minimum for cut in cuts.values() if cut.kind == "CSCORE"]
            leg["score_min"] = max([required.threshold, *scores])
            cuts = {name: cut for name, cut in cuts.items() if cut.kind != "CSCORE"}
        if required.compare != "ge":
            leg["compare"] = required.compare
        if required.bx:
            leg["bx"] = required.bx
        if cuts:
            leg["cuts"] = [self._shared(name, cut) for name, cut in cuts.items()]
        return leg

    def _network(self, required: Requirement, cuts: Mapping[str, Cut]) -> dict[str, Any]:
        model = next((cut.data for cut in cuts.values() if cut.kind == "MODEL"), "")
        score = [cut.minimum for cut in cuts.values() if cut.kind in _NETWORK_CUTS]
        name = re.sub(r"\W", "_", f"{required.object}_{model}" if model else required.object, flags=re.ASCII)
        if name not in INPUT_MAPS:
            raise Unsupported(f"the inputs of network '{name}' are not known; declare them under 'networks'")
        if len(score) != 1:
            raise Unsupported(f"network '{name}' needs one score cut")
        self.networks[name] = {"inputs": INPUT_MAPS[name]}
        made = {"network": name, "score_min": -int(-score[0] // 1)}
        return {**made, **({"bx": required.bx} if required.bx else {})}

    def _cut(self, name: str, entries: Entries) -> Cut:
        if name not in entries.cuts:
            raise Unsupported(f"no cut named '{name}'")
        return entries.cuts[name]

    def _shared(self, name: str, cut: Cut) -> str:
        """Add a cut on one object to the shared cuts and return its name there."""
        if cut.kind in _WINDOWS:
            said: dict[str, Any] = {_WINDOWS[cut.kind]: [cut.minimum, cut.maximum]}
        elif cut.kind == "INDEX":
            said = {"index": [int(cut.minimum), int(cut.maximum)]}
        elif cut.kind in _LISTS:
            try:
                said = {_LISTS[cut.kind]: [int(number) for number in cut.data.split(",")]}
            except ValueError:
                raise Unsupported(f"cut '{name}' lists '{cut.data[:40]}', not numbers") from None
        elif cut.kind == "CHG":
            sign = {"pos": "positive", "neg": "negative"}.get(cut.data.lower(), cut.data.lower())
            if sign not in ("positive", "negative"):
                raise Unsupported(f"cut '{name}' asks for charge '{cut.data[:40]}'")
            said = {"charge": sign}
        else:
            raise Unsupported(f"cut '{name}' of type '{cut.kind}' is not known")
        ours = _word(re.sub(r"\W", "_", name, flags=re.ASCII))
        while self.cuts.get(ours, said) != said:
            ours += "_"
        self.cuts[ours] = said
        return ours

    def _call(self, call: re.Match[str], entries: Entries) -> dict[str, Any]:
        name = call["function"]
        function = name.removesuffix("_orm")
        if function not in _FUNCTIONS:
            raise Unsupported(f"function '{name}' is not known")
        legs = [self._leg(text.strip(), entries) for text in _split(call["inside"])]
        if any("network" in leg for leg in legs):
            raise Unsupported("a network's score is not an object")
        made: dict[str, Any] = {"objects": legs}
        overlap: dict[str, Any] = {}
        for cut_name in (call["cuts"] or "").split(","):
            if not cut_name:
                continue
            cut = self._cut(cut_name, entries)
            key = _MASSES.get(function) if cut.kind == "MASS" else _PAIRS.get(cut.kind)
            # A maximum of 0 below the minimum means none.
            maximum = UNLIMITED if cut.maximum == 0 and cut.minimum > 0 else cut.maximum
            window = [cut.minimum, maximum]
            if cut.kind == "CHGCOR":
                charges = {"ls": "same", "os": "opposite"}.get(cut.data.lower())
                if charges is None:
                    raise Unsupported(f"charge correlation '{cut.data[:40]}' is not known")
                if made.setdefault("charges", charges) != charges:
                    raise Unsupported("two charge correlations")
            elif key is not None:
                if key in made:
                    raise Unsupported(f"two cuts of type '{cut.kind}'")
                made[key] = window
            elif cut.kind in _OVERLAPS:
                if _OVERLAPS[cut.kind] in overlap:
                    raise Unsupported(f"two cuts of type '{cut.kind}'")
                overlap[_OVERLAPS[cut.kind]] = window
            else:
                raise Unsupported(f"cut '{cut_name}' of type '{cut.kind}' is not known")
        if overlap or name.endswith("_orm"):
            if len(legs) < 2 or not overlap:
                raise Unsupported("overlap removal needs a reference object and a range")
            made["remove_overlap"] = {"reference": legs.pop(), **overlap}
        return made


def _condition_name(text: str) -> str:
    # The object is repeated in the names of its cuts: MU3[MU-QLTY_SNGL].
    short = re.sub(r"\b\w+-(?=[A-Z])", "", text).replace("+", "_p")
    short = re.sub(r"-(?=\d)", "_m", short)
    return _word(re.sub(r"[^A-Za-z0-9]+", "_", short).strip("_"))


def _word(text: str) -> str:
    """Return a name that our grammar takes, short enough to be made another by "_" behind it."""
    return (text if re.match(r"[A-Za-z]", text) and text.lower() not in RESERVED else f"c_{text}")[:180]
