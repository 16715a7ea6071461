"""A menu as an HLS project: the resolved conditions that the emulator decides by, written as C++."""

from __future__ import annotations

import shutil
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from trigsim.base.errors import InputError
from trigsim.base.files import write_json, write_text
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.menu_conditions import ConditionWriter, declarations
from trigsim.firmware.menu_design import MenuDesign
from trigsim.firmware.menu_text import (
    FORMAT,
    algorithms_header,
    algorithms_text,
    bench_parts,
    described,
    header_text,
    objects_text,
    readme,
    source_text,
)
from trigsim.firmware.room import make_room

#: Conditions in one file: small files compile side by side.
CONDITIONS_PER_FILE = 32


def write_menu(made: MenuDesign, folder: str | Path, config: FirmwareConfig | None = None) -> Path:
    """Write the HLS project of a menu, without golden vectors (see `menu_csim.write_golden`).

    Parameters
    ----------
    made : MenuDesign
    folder : path
        New, empty, or an earlier project (replaced).
    config : FirmwareConfig, optional
        Part and clock.

    Returns
    -------
    Path
        The folder.
    """
    config = config or FirmwareConfig()
    folder = Path(folder)
    make_room(folder, "menu project", FORMAT)
    writer = ConditionWriter(made.menu.scales, made.names, made.compiled.reach[0])
    code = folder / "firmware"
    write_text(code / "objects.h", objects_text(made))
    write_text(code / "legs.h", writer.legs_text())
    write_text(code / "pairs.h", writer.quantities.text())
    write_text(code / "conditions.h", declarations(source.name for source in writer.sources))
    for first in range(0, len(writer.sources), CONDITIONS_PER_FILE):
        some = writer.sources[first : first + CONDITIONS_PER_FILE]
        text = "\n".join(source.text for source in some)
        heads = "".join(f'#include "{h}.h"\n' for h in ("conditions", "legs", "menu_logic", "pairs"))
        write_text(
            code / f"conditions_{first // CONDITIONS_PER_FILE:02d}.cpp",
            f"{heads}\nnamespace conditions {{\n\n{text}\n}} // namespace conditions\n",
        )
    write_text(code / "algorithms.h", algorithms_header(made))
    write_text(code / "algorithms.cpp", algorithms_text(made))
    write_text(code / f"{made.top}.h", header_text(made))
    write_text(code / f"{made.top}.cpp", source_text(made))
    write_text(code / "menu_logic.h", _template("menu_logic.h"))
    shutil.copytree(ap_types(), code / "ap_types")
    replaced = {"TOP": made.top, "PART": config.part, "CLOCK": f"{config.clock_ns:g}", **bench_parts(made)}
    for template, name in (
        ("menu_test.cpp", "menu_test.cpp"),
        ("menu.tcl", "build_prj.tcl"),
        ("menu_vivado.tcl", "vivado_synth.tcl"),
        ("menu.mk", "check.mk"),
    ):
        text = _template(template)
        for key, value in replaced.items():
            text = text.replace(f"@{key}@", value)
        write_text(folder / name, text)
    write_json(folder / "project.json", described(made, config))
    write_text(folder / "README.md", readme(made, config))
    return folder


def ap_types() -> Path:
    """Return the folder of the ap_int headers that hls4ml ships.

    Raises
    ------
    InputError
        Without hls4ml.
    """
    # Found, not imported: that would take seconds.
    spec = find_spec("hls4ml")
    if spec is None or spec.origin is None:
        raise InputError(
            "hls4ml, whose ap_int headers are needed, is not installed; pip install 'trigsim[firmware]'"
        )
    return Path(spec.origin).parent / "templates" / "vivado" / "ap_types"


def _template(name: str) -> str:
    return files("trigsim.firmware").joinpath(f"templates/{name}").read_text(encoding="utf-8")
