"""Reports of Vitis HLS and Vivado, when the user has run them: what they say, and nothing more."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import parse as parse_xml

from trigsim.base.errors import InputError
from trigsim.base.files import existing
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.resources import Resources, tabulate
from trigsim.firmware.tools import run

#: Rows of Vivado's utilisation tables, by family → our name.
_ROWS = {
    "CLB LUTs": "lut",
    "Slice LUTs": "lut",
    "CLB Registers": "ff",
    "Slice Registers": "ff",
    "DSPs": "dsp",
    "Block RAM Tile": "bram",
}
_VERSION = re.compile(r"Tool Version\s*:\s*(Vivado v\.\S+)")
_COMMAND = re.compile(r"^\|\s*Command\s*:\s*(report_\w+)(.*)$", re.M)
_DEVICE = re.compile(r"^\|\s*Device\s*:\s*(\S+)", re.M)
_STATE = re.compile(r"Design State\s*:\s*(.*?)\s*(?:\||$)", re.M)
#: Programs that run the Tcl of a back end, and how; Vitis has a new one since 2024.
_HLS = {"Vitis": (("vitis_hls", "-f"), ("vitis-run", "--mode", "hls", "--tcl")), "Vivado": (("vivado_hls", "-f"),)}
_LIMIT = 64 * 2**20


def csynth(path: str | Path, config: FirmwareConfig) -> Resources:
    """Return latency and the estimate of C synthesis from a ``*_csynth.xml`` of Vitis or Vivado HLS.

    Part and clock are those that the report names; `config` gives what it does not.

    Raises
    ------
    InputError
        If it is missing, no such report, or lacks what is read (then its version is named).
    """
    file = existing(path, "C synthesis report")
    try:
        root: Element = parse_xml(file).getroot()  # type: ignore[assignment]
    except (ParseError, DefusedXmlException, UnicodeDecodeError) as failure:
        raise InputError(f"not XML ({failure}); give the *_csynth.xml of a solution", file) from None
    version = (root.findtext("ReportVersion/Version") or "unknown version").strip()
    area, performance = root.find("AreaEstimates/Resources"), root.find("PerformanceEstimates")
    if root.tag != "profile" or area is None or performance is None:
        raise InputError(f"no C synthesis report as HLS 2018 to 2024 write it ({version}); run csynth again", file)
    latency = performance.find("SummaryOfOverallLatency")
    config = _told(
        config, root.findtext("UserAssignments/Part"), root.findtext("UserAssignments/TargetClockPeriod")
    )
    # DSP48E until 2020, DSP later; block RAM is counted in halves of 36 kbit.
    values = {
        "cycles": _number(latency, "Worst-caseLatency", file, version),
        "interval": _number(latency, "Interval-max", file, version),
        "lut": _number(area, "LUT", file, version),
        "ff": _number(area, "FF", file, version),
        "dsp": _number(area, "DSP48E" if area.find("DSP48E") is not None else "DSP", file, version),
        "bram": _number(area, "BRAM_18K", file, version) / 2,
    }
    clock = performance.findtext("SummaryOfTimingAnalysis/EstimatedClockPeriod") or "unknown"
    source = f"HLS {version} C synthesis report, an estimate; clock of {clock} ns reached, as estimated"
    return tabulate(values, source, config)


def utilisation(path: str | Path, config: FirmwareConfig) -> Resources:
    """Return the resources of a Vivado utilisation report (``vivado_synth.rpt`` or after routing).

    Shares are those of the device that the report names, if it names one.
    """
    text, file, version = _report(path)
    values: dict[str, float | None] = {}
    for line in text.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        name = _ROWS.get(cells[0].rstrip("*"))
        if name and name not in values and len(cells) > 2:
            try:
                values[name] = float(cells[1])
            except ValueError:
                raise InputError(f"'{cells[1]}' used {cells[0]}; a number was expected", file) from None
    missing = {"lut", "ff", "dsp", "bram"} - set(values)
    if missing:
        raise InputError(
            f"no rows for {', '.join(sorted(missing))} ({version}); give report_utilization's file", file
        )
    device = _DEVICE.search(text)
    source = f"{version} utilisation {_stage(text)}"
    return tabulate(values, source, _told(config, device[1] if device else None, None))


def timing(path: str | Path, config: FirmwareConfig) -> Resources:
    """Return the worst slack of a Vivado timing summary as the figure "slack" in ns."""
    text, _, version = _report(path)
    return tabulate({"slack": slack(path)}, f"{version} timing summary {_stage(text)}", config)


def _stage(text: str) -> str:
    state = _STATE.search(text)
    named = state[1].strip() if state else "of unknown state"
    return {"Routed": "after routing", "Synthesized": "after synthesis"}.get(named, f"({named})")


def _told(config: FirmwareConfig, device: str | None, clock: str | None) -> FirmwareConfig:
    """Return the configuration with the part and clock that a report names."""
    name = (device or "").strip().lower()
    told: dict[str, object] = {}
    if name:
        told["part"] = name if name.startswith("xc") else f"xc{name}"  # 7 series come as 7vx690t.
    with contextlib.suppress(ValueError):
        told |= {"clock_ns": float(clock)} if clock else {}
    return config.model_copy(update=told)


def slack(path: str | Path) -> float:
    """Return the worst negative slack of a Vivado timing summary in ns; below zero the clock is missed."""
    text, file, version = _report(path)
    table = re.search(r"WNS\(ns\).*\n\s*-[-\s]*\n\s*(\S+)", text)
    try:
        return float(table[1]) if table else _no_slack(file, version)
    except ValueError:
        return _no_slack(file, version)


def _no_slack(file: Path, version: str) -> float:
    raise InputError(f"no worst slack in it ({version}); give report_timing_summary's file", file)


def collect(folder: str | Path, config: FirmwareConfig) -> list[Resources]:
    """Return what all reports under an HLS or RTL project say, each from its own source.

    Of C synthesis that of the top function, not those of the functions it calls; of Vivado utilisation reports of
    the whole design and timing summaries.

    Raises
    ------
    InputError
        If there is none.
    """
    folder = existing(folder, "project folder")
    found = [csynth(file, config) for file in _tops(sorted(folder.rglob("*_csynth.xml")))]
    for file in sorted(folder.rglob("*.rpt")):
        kind = _kind(file)
        if kind is not None:
            found.append(kind(file, config))
    if not found:
        raise InputError("no vendor report in it; run the project's Tcl scripts first", folder)
    return found


def _tops(files: list[Path]) -> list[Path]:
    """Return the reports of top functions: HLS writes one for each function, the top's named as its project."""
    tops = [file for file in files if f"{file.stem.removesuffix('_csynth')}_prj" in file.parts]
    return tops or files


def _kind(file: Path) -> Callable[[Path, FirmwareConfig], Resources] | None:
    """Return what reads a Vivado report, by the command it says it is of; None for others."""
    with file.open(encoding="utf-8", errors="replace") as stream:
        head = stream.read(4096)
    command = _COMMAND.search(head)
    if command is None:
        return utilisation if file.name == "vivado_synth.rpt" else None
    if command[1] == "report_timing_summary":
        return timing
    return utilisation if command[1] == "report_utilization" and "-hierarchical" not in command[2] else None


def synthesise(folder: str | Path) -> list[Resources]:
    """Run the vendor's tools on an HLS project of `firmware.build` and return what they report.

    Raises
    ------
    InputError
        If it is no such project, a tool is not on PATH, or one fails (its last lines are shown).
    """
    folder = existing(folder, "HLS project").resolve()
    described = existing(folder / "project.json", "project description")
    try:
        config = FirmwareConfig.model_validate_json(
            json.dumps(json.loads(described.read_text(encoding="utf-8"))["config"])
        )
    except (ValueError, KeyError, TypeError):
        raise InputError("not a project of `trigsim firmware build`; build it again", described) from None
    choices = _HLS[config.backend]
    hls = next((way for way in choices if shutil.which(way[0])), choices[0])
    steps = ([*hls, "build_prj.tcl"], ["vivado", "-mode", "batch", "-source", "vivado_synth.tcl"])
    for tool, *_ in steps:
        if shutil.which(tool) is None:
            raise InputError(f"{tool} is not on PATH; source the vendor's settings64.sh first")
    for step in steps:
        run(step, folder)
    return collect(folder, config)


def _report(path: str | Path) -> tuple[str, Path, str]:
    file = existing(path, "report")
    if file.stat().st_size > _LIMIT:
        raise InputError("larger than 64 MiB; that is no report", file)
    text = file.read_text(encoding="utf-8", errors="replace")
    version = _VERSION.search(text)
    if not version:
        raise InputError("no Vivado report (no line 'Tool Version : Vivado …'); give a .rpt of Vivado", file)
    return text, file, version[1]


def _number(parent: Element | None, name: str, file: Path, version: str) -> float:
    text = None if parent is None else parent.findtext(name)
    try:
        return float(text or "")
    except ValueError:
        raise InputError(f"{name} is {text or 'missing'} ({version}); run csynth again", file) from None
