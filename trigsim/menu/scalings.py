"""Offline thresholds: what a threshold on an offline quantity is on the trigger's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from trigsim.base.config import Config, Document, load
from trigsim.base.errors import InputError


class OfflineScaling(Config):
    """The line ``offline = offset_gev + slope * online``, as `trigsim scaling` finds and writes it."""

    offset_gev: Annotated[float, Field(allow_inf_nan=False)]
    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    online_gev: Annotated[
        tuple[float, float], Field(description="Lowest and highest threshold that it was measured at.")
    ]
    source: Annotated[dict[str, Any], Field(description="How it was found; for people.")] = Field(
        default_factory=dict
    )

    @property
    def offline_gev(self) -> tuple[float, float]:
        """Lowest and highest offline threshold that it holds for."""
        low, high = self.online_gev
        return self.offset_gev + self.slope * low, self.offset_gev + self.slope * high

    def online(self, offline_gev: float) -> float:
        """Return the threshold of the trigger, GeV, that stands for `offline_gev`.

        Raises
        ------
        InputError
            Beyond what was measured: a line says nothing there.
        """
        low, high = self.online_gev
        found = (offline_gev - self.offset_gev) / self.slope
        if not low <= found <= high:
            ends = " to ".join(f"{end:.5g}" for end in self.offline_gev)
            raise InputError(
                f"offline {offline_gev:g} GeV is {found:.5g} of the trigger; the scaling was measured from offline "
                f"{ends}: measure it there"
            )
        return found


class ScalingsFile(Config):
    """What `trigsim scaling -o FILE` writes."""

    scalings: dict[str, OfflineScaling]


def with_scalings(document: Document) -> Document:
    """Return a menu's document whose `scalings` are written out where they are names of files beside it."""
    data = document.data
    named = data.get("scalings") if isinstance(data, Mapping) else None
    files = [named] if isinstance(named, str) else named
    if not isinstance(files, list) or not all(isinstance(file, str) for file in files):
        return document
    found: dict[str, Any] = {}
    for file in files:
        read = load(document.file.parent / file, ScalingsFile)
        twice = found.keys() & read.scalings
        if twice:
            raise document.error(("scalings",), f"scaling '{min(twice)}' is in two files; keep one")
        found |= {name: one.model_dump(mode="json") for name, one in read.scalings.items()}
    return replace(document, data={**data, "scalings": found})
