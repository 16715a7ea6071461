"""Texts of options: rates, limits, lists of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from trigsim.base.errors import InputError


def shape(text: str) -> Literal["erf", "logistic"]:
    """Return the name of a turn-on's shape."""
    for shape in ("erf", "logistic"):
        if text == shape:
            return shape
    raise InputError(f"shape '{text}' is unknown; give erf or logistic")


def values(text: str) -> list[float]:
    """Return the numbers of ``A,B,…`` or ``LOW:HIGH:STEP``, both ends included."""
    try:
        if ":" not in text:
            return [float(part) for part in text.split(",")]
        low, high, step = map(float, text.split(":"))
        count = round((high - low) / step) if step > 0 and high >= low else -1
    except ValueError:
        count = -1
    if not 0 <= count < 1000:
        raise InputError(f"'{text}' gives no values; write A,B,… or LOW:HIGH:STEP")
    return [low + i * step for i in range(count + 1)]


def khz(text: str) -> float:
    """Return a rate such as ``100kHz`` in kHz; without a unit it is in kHz."""
    for unit, factor in (("kHz", 1.0), ("MHz", 1e3), ("Hz", 1e-3), ("", 1.0)):
        if text.endswith(unit):
            try:
                rate = float(text.removesuffix(unit)) * factor
            except ValueError:
                break
            if rate > 0:
                return rate
            break
    raise InputError(f"'{text}' is no rate; write 100kHz")


def limits(texts: Sequence[str] | None) -> dict[str, float]:
    """Return the rates of texts ``NAME=RATE`` by name."""
    found = {}
    for text in texts or ():
        name, equals, rate = text.rpartition("=")
        if not (name and equals):
            raise InputError(f"'{text}' bounds nothing; write NAME=RATE")
        found[name] = khz(rate)
    return found


def weighted(text: str) -> tuple[str, float]:
    """Return name and weight of ``SIGNAL`` or ``SIGNAL=WEIGHT``."""
    name, equals, weight = text.partition("=")
    try:
        return name, float(weight) if equals else 1.0
    except ValueError:
        raise InputError(f"'{text}' has no weight; write SIGNAL=WEIGHT") from None
