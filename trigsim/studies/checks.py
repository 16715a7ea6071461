"""What was compared, number by number, and how often it differed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigsim.firmware.compare import compare_model, drawn_features
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.menu_compare import compare_menu, left_out
from trigsim.firmware.menu_csim import build_menu
from trigsim.firmware.menu_design import design
from trigsim.firmware.menu_project import write_menu
from trigsim.firmware.vectors import grid_inputs
from trigsim.menu import load as load_menu
from trigsim.studies.menu_stream import streamed
from trigsim.tagger.model import load as load_model
from trigsim.tagger.tagger import load_tagger

#: Inputs of the check that every report makes.
QUICK = 1000


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison.

    Attributes
    ----------
    what : str
        Which two things.
    compared : int
        Inputs or crossings.
    differ : int
        How many of them differ.
    left_out : str
        What could not be compared, "" if nothing.
    """

    what: str
    compared: int
    differ: int
    left_out: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {name: getattr(self, name) for name in ("what", "compared", "differ", "left_out")}


def quick_checks(taggers: Mapping[str, Path], seed: int = 0) -> tuple[Check, ...]:
    """Compare the kernels of each tagger with exact integers of Python, on inputs of its grid and its corners."""
    found = []
    for name, folder in taggers.items():
        network = load_tagger(folder).network
        x = grid_inputs(network.formats[0], network.n_inputs, QUICK, seed)
        differ = (network.predict_hw(x) != network.trace_hw(x)[-1]).any(axis=1)
        found.append(Check(f"{name}: kernels against exact integers", QUICK, int(differ.sum())))
    return tuple(found)


def firmware_checks(
    menu: str | Path,
    taggers: Mapping[str, Path],
    library: str | Path,
    beam: str | Path,
    config: FirmwareConfig,
    number: int,
    seed: int = 0,
) -> tuple[Check, ...]:
    """Compare each tagger with its C simulation on drawn inputs, and the menu with its own on streamed crossings.

    Parameters
    ----------
    menu, library, beam : path
    taggers : mapping of str to path
        Name in the menu → folder of its model.
    config : FirmwareConfig
    number : int
        Inputs of each tagger, and crossings.
    seed : int
    """
    found = []
    with tempfile.TemporaryDirectory(prefix="trigsim-checks-") as scratch:
        for name, folder in taggers.items():
            model = load_model(folder)
            x = drawn_features(model.inputs.format, len(model.features), number, seed)
            one = compare_model(model, x, Path(scratch) / f"tagger-{name}", config)
            wrong = max([one.outputs, *(count for _, count in one.layers)])
            found.append(Check(f"{name}: emulator against hls4ml's C simulation, every layer", number, wrong))
        checked, loaded = load_menu(menu), {name: load_tagger(folder) for name, folder in taggers.items()}
        reasons = left_out(checked, loaded, {})
        made = design(checked, None, loaded, {}, [n for n in checked.programs() if n not in reasons])
        csim = build_menu(made, write_menu(made, Path(scratch) / "menu", config))
        both = compare_menu(csim, streamed(checked, library, beam, loaded, number, seed), reasons)
        differ = sum(difference.crossings for difference in both.differences.values())
        what = f"menu: {len(both.fired)} algorithms against the C simulation of their firmware"
        found.append(Check(what, both.crossings, differ, ", ".join(reasons)))
    return tuple(found)
