"""Pythia's settings, checked by us.

Pythia takes `HardQCD:all = maybe` for off and a negative seed for the clock, and prints its complaints to
stdout; so every setting is checked against Pythia's own tables here before it is handed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from trigsim.base.errors import InputError
from trigsim.events.sample import Setting

#: Settings that trigsim sets itself, and what to use instead.
OWNED = {
    "random:": "use seed",
    "beams:ecm": "use energy",
    "beams:frametype": "use lhe",
    "beams:lhef": "use lhe",
    "phasespace:pthatmin": "use pt_hat",
    "phasespace:pthatmax": "use pt_hat",
    "print:": "remove it",
    "next:": "remove it",
    "stat:": "remove it",
    "main:": "use events",
    "init:": "remove it",
}
_PARTICLE = re.compile(r"(\d+):(\w+)")
_PARTICLE_WORDS = re.compile(
    r"onMode|on(Pos|Neg)?If(Any|All|Match)|offIf(Any|All|Match)|name|antiName|names|all|new|addChannel|oneChannel|"
    r"rescaleBR"
)
_PARTICLE_NUMBERS = re.compile(r"m0|mWidth|mMin|mMax|tau0|spinType|chargeType|colType|\d+:\w+")
_PARTICLE_FLAGS = re.compile(r"mayDecay|isResonance|doExternalDecay|isVisible|doForceWidth|varWidth|tauCalc")


def pythia8() -> Any:
    """Return the module of Pythia 8, or raise an `InputError` that says how to get it."""
    try:
        import pythia8mc  # noqa: PLC0415 - GPL and large: only where events are made
    except ImportError:
        raise InputError("pythia8mc is not installed; pip install 'trigsim[generate]'") from None
    return pythia8mc


def pythia_version() -> str:
    """Return the version of the installed Pythia."""
    return str(pythia8().Pythia("", False).parm("Pythia:versionNumber"))


def check_settings(settings: Mapping[str, Setting]) -> tuple[str, str] | None:
    """Return the first key that Pythia would not take, with what is wrong; None if all is well."""
    pythia = pythia8().Pythia("", False)
    for key, value in settings.items():
        problem = _problem(pythia, key, value)
        if problem:
            return key, problem
    return None


def _problem(pythia: Any, key: str, value: Setting) -> str | None:
    lower = key.lower()
    for owned, instead in OWNED.items():
        if lower.startswith(owned):
            return f"'{key}' is set by trigsim; {instead}"
    texts = [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, str)]
    if not all(re.fullmatch(r"[\w .,:+/{}()^*-]*", text) for text in texts):
        return f"'{key}' has characters that no Pythia setting has; use letters, digits and .,:+-/"
    particle = _PARTICLE.match(key)
    if particle:
        return _particle_problem(pythia, key, value)
    settings = pythia.settings
    number = _number(value)
    if settings.isFlag(key):
        return None if isinstance(value, bool) else f"'{key}' is a switch; write true or false"
    if settings.isMode(key):
        entry = next(e for name, e in settings.getModeMap(key).items() if name == lower)
        return _range(key, value, entry) if number and isinstance(value, int) else f"'{key}' is a whole number"
    if settings.isParm(key):
        entry = next(e for name, e in settings.getParmMap(key).items() if name == lower)
        return _range(key, value, entry) if number else f"'{key}' is a number"
    if settings.isWord(key):
        return None if isinstance(value, str) else f"'{key}' is text"
    for kind in ("isFVec", "isMVec", "isPVec", "isWVec"):
        if getattr(settings, kind)(key):
            return None if isinstance(value, tuple) else f"'{key}' is a list"
    return f"Pythia has no setting '{key}'; see its manual's index of settings"


def _number(value: Setting) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _range(key: str, value: Any, entry: Any) -> str | None:
    low = entry.valMin if entry.hasMin else -math.inf
    high = entry.valMax if entry.hasMax else math.inf
    return None if low <= value <= high else f"'{key}' must lie between {low:g} and {high:g}; got {value:g}"


def _particle_problem(pythia: Any, key: str, value: Setting) -> str | None:
    code, _, what = key.partition(":")
    if not pythia.particleData.isParticle(int(code)) and what not in ("new", "all"):
        return f"Pythia has no particle {code}; check the PDG code"
    number = _number(value)
    if _PARTICLE_FLAGS.fullmatch(what):
        return None if isinstance(value, bool) else f"'{key}' is a switch; write true or false"
    if _PARTICLE_NUMBERS.fullmatch(what):
        return None if number else f"'{key}' is a number"
    if _PARTICLE_WORDS.fullmatch(what):
        return None
    return f"Pythia particles have no property '{what}'; see its manual on particle data"


def lines(key: str, value: Setting) -> list[str]:
    """Return the setting as Pythia reads it; a list of particle data is one line an entry."""
    if isinstance(value, bool):
        return [f"{key} = {'on' if value else 'off'}"]
    if isinstance(value, tuple):
        if _PARTICLE.match(key):
            return [f"{key} = {v}" for v in value]
        return [f"{key} = {{{','.join(str(v) for v in value)}}}"]
    return [f"{key} = {value}"]
