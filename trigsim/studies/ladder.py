"""Many settings of an algorithm, decided at once by the real engine.

A setting replaces numbers of the menu by others. Algorithms are copied once for each setting, with the named
conditions they use, into one menu: one pass of the engine over the stored crossings decides all of them. So nothing
is assumed of an algorithm: neither that it has one leg, nor that it passes less where a threshold is higher.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.config import Location
from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.files import to_yaml
from trigsim.menu.grammar import NAME
from trigsim.menu.legs import THRESHOLDS
from trigsim.menu.menu import Menu
from trigsim.studies.store import Store

#: Place of a number in the menu, as `base.config.Document` has it → what replaces it.
Setting = Mapping[Location, Any]
#: Settings that one pass decides; a menu holds 4096 algorithms.
MOST = 4000
KEYS = (*THRESHOLDS, "offline_gev", "score")


@dataclass(frozen=True, slots=True)
class Free:
    """A number of a menu that may move.

    Attributes
    ----------
    name : str
        As it was asked for: ``NAME:KEY`` or ``NAME:LEG:KEY``.
    where : tuple
        Its place in the document.
    value : float or mapping
        What it is now; a score cut is a mapping.
    """

    name: str
    where: Location
    value: Any

    @property
    def key(self) -> str:
        """What it is: "pt_gev", "offline_gev", "count", "score_min", or "score"."""
        return str(self.where[-1])

    def set_to(self, value: float) -> Any:
        """Return what stands in the menu for `value`: whole numbers as such, scores in hardware integers."""
        if self.key == "score":
            return {"model": self.value["model"], "hw": int(value)}
        return int(value) if float(value).is_integer() else float(value)


def free(menu: Menu, name: str) -> Free:
    """Find a number of a menu by ``NAME:KEY`` or ``NAME:LEG:KEY``.

    Parameters
    ----------
    menu : Menu
        The menu.
    name : str
        NAME is an algorithm or a named condition, LEG the place of an object in it, from 0, and KEY ``pt_gev``,
        ``offline_gev``, ``count``, ``score_min`` or ``score``.

    Raises
    ------
    InputError
        If there is no such number; the message lists what there is.
    """
    found = {f.name: f for f in every_free(menu)}
    # An algorithm that is one named condition goes by its own name too.
    first, colon, rest = name.partition(":")
    whens = {a["name"]: a.get("when") for a in menu.document.data["algorithms"]}
    if name not in found and f"{whens.get(first)}{colon}{rest}" in found:
        name = f"{whens[first]}{colon}{rest}"
    if name not in found:
        raise InputError(f"no free number '{name}'; there are {', '.join(found)}", menu.document.file)
    return found[name]


def every_free(menu: Menu) -> tuple[Free, ...]:
    """Return every threshold and score cut of a menu that may move."""
    data = menu.document.data
    places: list[tuple[str, Location]] = [(name, ("conditions", name)) for name in data.get("conditions", {})]
    places += [(a["name"], ("algorithms", i, "when")) for i, a in enumerate(data["algorithms"]) if "when" in a]
    found = []
    for name, where in places:
        condition = _at(data, where)
        if not isinstance(condition, dict):
            continue
        legs = condition.get("objects")
        some = [((), condition)] if legs is None else [(("objects", i), leg) for i, leg in enumerate(legs)]
        for inner, leg in some:
            label = f"{name}:{inner[1]}" if len(inner) > 1 else name
            found += [Free(f"{label}:{key}", (*where, *inner, key), leg[key]) for key in KEYS if key in leg]
    return tuple(found)


def object_of(menu: Menu, number: Free) -> str:
    """Return the kind of object that a number is of."""
    return str(_at(menu.document.data, number.where[:-1])["object"])


def offline_range(menu: Menu, number: Free) -> tuple[float, float]:
    """Return where an offline threshold may move: where its scaling was measured."""
    leg = _at(menu.document.data, number.where[:-1])
    return menu.config.scalings[leg.get("scaling", leg["object"])].offline_gev


def users(menu: Menu, where: Location) -> tuple[str, ...]:
    """Return the algorithms that a number at `where` belongs to."""
    data = menu.document.data
    if where[0] == "algorithms":
        return (str(data["algorithms"][where[1]]["name"]),)
    return tuple(a["name"] for a in data["algorithms"] if "when" in a and where[1] in _names(data, a["when"]))


def settled(data: Any, setting: Setting) -> Any:
    """Return a menu's data with the numbers of a setting; what does not change is shared."""
    changed = {**data, "algorithms": list(data["algorithms"])}
    if "conditions" in data:
        changed["conditions"] = dict(data["conditions"])
    for part, name in {where[:2] for where in setting}:
        changed[part][name] = copy.deepcopy(data[part][name])
    for where, value in setting.items():
        _at(changed, where[:-1])[where[-1]] = value
    return changed


def ladder(menu: Menu, algorithm: str, settings: Sequence[Setting]) -> Menu:
    """Return a menu of one algorithm in many settings, in order."""
    return ladders(menu, [(algorithm, settings)])


def ladders(menu: Menu, wanted: Sequence[tuple[str, Sequence[Setting]]]) -> Menu:
    """Return a menu of several algorithms, each in its settings, in order (``A0``, ``A1``, …).

    Raises
    ------
    InputError
        If an algorithm is unknown, or there are too many settings.
    """
    data = menu.document.data
    place = {a["name"]: i for i, a in enumerate(data["algorithms"])}
    total = sum(len(settings) for _, settings in wanted)
    if total > MOST:
        raise InputError(f"{total} settings at once; at most {MOST} fit: free fewer numbers or widen the steps")
    for name, _ in wanted:
        if name not in place:
            raise InputError(f"the menu has no algorithm '{name}'; it has {', '.join(place)}", menu.document.file)
    used = set().union(*(_names(data, data["algorithms"][place[name]].get("when")) for name, _ in wanted))
    conditions: dict[str, Any] = {name: c for name, c in data.get("conditions", {}).items() if name in used}
    algorithms: list[dict[str, Any]] = []
    for name, settings in wanted:
        for setting in settings:
            number = len(algorithms)
            changed = settled(data, setting)
            moved = {str(where[1]) for where in setting if where[0] == "conditions"}
            when = _renamed(changed, changed["algorithms"][place[name]]["when"], moved, f"__{number}", conditions)
            algorithms.append({"name": f"A{number}", "when": when})
    kept = {key: value for key, value in data.items() if key not in ("conditions", "algorithms")}
    text = to_yaml({**kept, "conditions": conditions, "algorithms": algorithms})
    return loads(text, menu.document.file)


def decide_ladders(
    store: Store,
    menu: Menu,
    wanted: Sequence[tuple[str, Sequence[Setting]]],
    samples: Sequence[str],
    threads: int = 0,
) -> dict[str, NDArray[np.uint8]]:
    """Decide algorithms in many settings on stored samples.

    Returns
    -------
    dict
        Sample → packed bits, uint8 (n, bytes): bit i, lowest first, is the i-th setting of all.
    """
    compiled = store.compile(ladders(menu, wanted))
    return {sample: store.decide(compiled, sample, threads) for sample in samples}


def _at(data: Any, where: Location) -> Any:
    for part in where:
        data = data[part]
    return data


def _names(data: Any, when: Any) -> set[str]:
    """Return the named conditions that an expression uses, by way of others too."""
    if not isinstance(when, str):
        return set()
    conditions = data.get("conditions", {})
    own = {word for word in re.findall(NAME, when) if word in conditions}
    return own.union(*(_names(data, conditions[name]) for name in own))


def _renamed(data: Any, when: Any, moved: set[str], suffix: str, conditions: dict[str, Any]) -> Any:
    """Return a condition whose named parts that moved are copies of their own, put into `conditions`."""
    if not isinstance(when, str):
        return when
    affected = {name for name in _names(data, when) if moved & ({name} | _names(data, data["conditions"][name]))}

    def rename(match: re.Match[str]) -> str:
        name = match.group()
        if name not in affected:
            return name
        conditions[name + suffix] = _renamed(data, data["conditions"][name], moved, suffix, conditions)
        return name + suffix

    return re.sub(NAME, rename, when)
