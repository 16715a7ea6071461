"""What FPGAs hold, and which share of one a design takes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from trigsim.base.errors import InputError


@dataclass(frozen=True, slots=True)
class Part:
    """An FPGA.

    Attributes
    ----------
    name : str
        Device, upper case, without package and speed grade.
    lut, ff, dsp, bram : int
        Six-input look-up tables, flip-flops, DSP slices, 36-kbit block RAMs.
    source : str
        Where the totals are from.
    """

    name: str
    lut: int
    ff: int
    dsp: int
    bram: int
    source: str

    def share(self, used: Mapping[str, float | None]) -> dict[str, float | None]:
        """Return used / available for each of "lut", "ff", "dsp", "bram" (None stays None)."""
        return {
            kind: None if used.get(kind) is None else float(used[kind] or 0) / getattr(self, kind)
            for kind in ("lut", "ff", "dsp", "bram")
        }


_ULTRASCALE = "AMD DS890, UltraScale Architecture and Product Data Sheet: Overview"
_SEVEN = "AMD DS180, 7 Series FPGAs Data Sheet: Overview"

PARTS = {
    part.name: part
    for part in (
        Part("XCVU9P", 1_182_240, 2_364_480, 6_840, 2_160, _ULTRASCALE),
        Part("XCVU13P", 1_728_000, 3_456_000, 12_288, 2_688, _ULTRASCALE),
        Part("XCKU115", 663_360, 1_326_720, 5_520, 2_160, _ULTRASCALE),
        Part("XC7VX690T", 433_200, 866_400, 3_600, 1_470, _SEVEN),
        Part("XC7Z020", 53_200, 106_400, 220, 140, "AMD DS190, Zynq-7000 SoC Data Sheet: Overview"),
    )
}


def part(name: str) -> Part:
    """Return the device of a part name, with or without package and speed (``xcvu13p-flga2577-2-e``).

    Raises
    ------
    InputError
        If it is not among `PARTS`.
    """
    device = name.upper().split("-")[0]
    if device in PARTS:
        return PARTS[device]
    # Seven-series names, and Vivado's reports, run on into the package: xc7vx690tffg1927-2, xcvu13pflga2577-2.
    for known in PARTS.values():
        if re.fullmatch(rf"{known.name}[A-Z]{{3,4}}\d{{3,4}}", device):
            return known
    near = difflib.get_close_matches(device, PARTS, n=1)
    hint = f"did you mean {near[0]}? known" if near else "known"
    raise InputError(f"part '{name}' is unknown; {hint} are {', '.join(PARTS)}")
