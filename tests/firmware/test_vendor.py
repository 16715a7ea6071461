import pytest

from trigsim.base.errors import InputError
from trigsim.firmware.build import build
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.vendor import collect, csynth, slack, synthesise, utilisation

TARGET = FirmwareConfig(clock_ns=5.0)

# Written by hand after the layout of the tools' reports.
CSYNTH = """<?xml version="1.0" encoding="UTF-8"?>
<profile>
  <ReportVersion><Version>2023.2</Version></ReportVersion>
  <PerformanceEstimates>
    <SummaryOfTimingAnalysis><EstimatedClockPeriod>3.646</EstimatedClockPeriod></SummaryOfTimingAnalysis>
    <SummaryOfOverallLatency>
      <Best-caseLatency>10</Best-caseLatency><Worst-caseLatency>11</Worst-caseLatency>
      <Interval-min>1</Interval-min><Interval-max>8</Interval-max>
    </SummaryOfOverallLatency>
  </PerformanceEstimates>
  <AreaEstimates><Resources>
    <BRAM_18K>3</BRAM_18K><DSP>73</DSP><FF>7969</FF><LUT>2532</LUT><URAM>0</URAM>
  </Resources></AreaEstimates>
</profile>
"""

UTILISATION = """Copyright
| Tool Version : Vivado v.2023.2 (lin64) Build 4029153
| Design State : {state}
+-------------------------+------+-------+------------+-----------+-------+
|        Site Type        | Used | Fixed | Prohibited | Available | Util% |
+-------------------------+------+-------+------------+-----------+-------+
| CLB LUTs*               | 1532 |     0 |          0 |   1728000 |  0.09 |
|   LUT as Logic          | 1500 |     0 |          0 |   1728000 |  0.09 |
| CLB Registers           |  760 |     0 |          0 |   3456000 |  0.02 |
| Block RAM Tile          |  1.5 |     0 |          0 |      2688 |  0.06 |
| DSPs                    |    4 |     0 |          0 |     12288 |  0.03 |
"""

# Of 7 series and of Vivado before 2021 there are other names and no column of prohibited sites.
SERIES7 = """Copyright 1986-2019 Xilinx, Inc. All Rights Reserved.
------------------------------------------------------------------------
| Tool Version : Vivado v.2019.2 (lin64) Build 2708876 Wed Nov  6 21:39:14 MST 2019
| Date         : Mon Jan  1 00:00:00 2024
| Host         : somewhere
| Command      : report_utilization -file vivado_synth.rpt
| Design       : tagger
| Device       : 7vx690tffg1927-2
| Design State : Fully Placed
------------------------------------------------------------------------
1. Slice Logic
+----------------------------+-------+-------+-----------+-------+
|          Site Type         |  Used | Fixed | Available | Util% |
+----------------------------+-------+-------+-----------+-------+
| Slice LUTs*                | 15321 |     0 |    433200 |  3.54 |
| Slice Registers            |  7600 |     0 |    866400 |  0.88 |
| Block RAM Tile             |     2 |     0 |      1470 |  0.14 |
|   RAMB36/FIFO*             |     2 |     0 |      1470 |  0.14 |
| DSPs                       |   124 |     0 |      3600 |  3.44 |
"""

HIERARCHY = """| Tool Version : Vivado v.2023.2 (lin64)
| Command      : report_utilization -hierarchical -file t_post_place_util.rpt
| Design State : Fully Placed
| Instance | Module | Total LUTs | Logic LUTs | LUTRAMs | SRLs | FFs | RAMB36 | RAMB18 | URAM | DSP Blocks |
| t        |  (top) |         12 |         12 |       0 |    0 |   3 |      0 |      0 |    0 |          0 |
"""

TIMING = """| Tool Version : Vivado v.2023.2
| Design Timing Summary
    WNS(ns)      TNS(ns)  TNS Failing Endpoints
    -------      -------  ---------------------
     -0.123       -4.100                     61
"""


def values(found):
    return {name: figure.value for name, figure in found.figures.items()}


def test_csynth(tmp_path):
    file = tmp_path / "t_csynth.xml"
    file.write_text(CSYNTH)
    found = csynth(file, TARGET)
    assert values(found) == {
        "cycles": 11,
        "interval": 8,
        "lut": 2532,
        "ff": 7969,
        "dsp": 73,
        "bram": 1.5,
        "ns": 55,
    }
    source = "HLS 2023.2 C synthesis report, an estimate; clock of 3.646 ns reached, as estimated"
    assert found.figures["lut"].source == source
    file.write_text(CSYNTH.replace("DSP>", "DSP48E>"))
    assert values(csynth(file, TARGET))["dsp"] == 73


@pytest.mark.parametrize("state", ["Synthesized", "Routed"])
def test_utilisation(tmp_path, state):
    file = tmp_path / "vivado_synth.rpt"
    file.write_text(UTILISATION.format(state=state))
    found = utilisation(file, TARGET)
    assert values(found) == {"lut": 1532, "ff": 760, "bram": 1.5, "dsp": 4}
    assert ("routing" in found.figures["lut"].source) == (state == "Routed")
    assert found.shares["dsp"] == 4 / 12288


def test_utilisation_of_an_older_version_and_another_family(tmp_path):
    file = tmp_path / "vivado_synth.rpt"
    file.write_text(SERIES7)
    found = utilisation(file, TARGET)
    assert values(found) == {"lut": 15321, "ff": 7600, "bram": 2, "dsp": 124}
    assert (found.part, found.shares["dsp"]) == ("XC7VX690T", 124 / 3600)
    assert found.figures["lut"].source == "Vivado v.2019.2 utilisation (Fully Placed)"


def test_part_and_clock_are_those_of_the_report(tmp_path):
    told = """<UserAssignments><unit>ns</unit><ProductFamily>kintexu</ProductFamily>
      <Part>xcku115-flvb2104-2-i</Part><TopModelName>t</TopModelName>
      <TargetClockPeriod>4.00</TargetClockPeriod></UserAssignments>"""
    file = tmp_path / "t_csynth.xml"
    file.write_text(CSYNTH.replace("<PerformanceEstimates>", told + "<PerformanceEstimates>"))
    found = csynth(file, TARGET)
    assert (found.part, found.clock_ns, values(found)["ns"]) == ("XCKU115", 4.0, 44.0)


def test_of_many_reports_those_of_the_whole_design_are_read(tmp_path):
    place = tmp_path / "t_prj" / "solution1" / "syn" / "report"
    place.mkdir(parents=True)
    for name in ("t_csynth.xml", "dense_latency_ap_fixed_8_3_s_csynth.xml"):
        (place / name).write_text(CSYNTH)
    reports = tmp_path / "output" / "reports"
    reports.mkdir(parents=True)
    command = "| Command      : report_{} -file x\n| Design State"
    (reports / "t_post_place_util.rpt").write_text(HIERARCHY)
    clocks = HIERARCHY.replace("report_utilization -hierarchical", "report_clock_utilization")
    (reports / "t_post_route_clock_util.rpt").write_text(clocks)
    text = UTILISATION.format(state="Routed").replace("| Design State", command.format("utilization"))
    (reports / "t_post_route_util.rpt").write_text(text)
    text = TIMING.replace("| Design Timing", command.format("timing_summary") + " : Routed\n| Design Timing")
    (reports / "t_post_route_timing.rpt").write_text(text)
    found = collect(tmp_path, TARGET)
    assert [sorted(values(r)) for r in found][1:] == [["slack"], ["bram", "dsp", "ff", "lut"]]
    assert len(found) == 3
    assert found[1].figures["slack"].source == "Vivado v.2023.2 timing summary after routing"


def test_hls4mls_parser_reads_the_same(tmp_path):
    report = pytest.importorskip("hls4ml.report.vivado_report")
    place = tmp_path / "t_prj" / "solution1" / "syn" / "report"
    place.mkdir(parents=True)
    told = "<UserAssignments><TargetClockPeriod>5.00</TargetClockPeriod></UserAssignments>"
    available = "<AvailableResources><DSP>12288</DSP></AvailableResources></AreaEstimates>"
    text = CSYNTH.replace("</AreaEstimates>", available).replace("<Perf", told + "<Perf")
    (place / "t_csynth.xml").write_text(text)
    (tmp_path / "t_prj" / "solution1" / "syn" / "verilog").mkdir()
    (tmp_path / "project.tcl").write_text('set project_name "t"\nset backend "vitis"\n')
    (tmp_path / "t_prj" / "vivado_hls.app").write_text('<p><solutions><solution name="solution1"/></solutions></p>')
    theirs = report.parse_vivado_report(str(tmp_path))["CSynthesisReport"]
    ours = values(csynth(place / "t_csynth.xml", TARGET))
    assert float(theirs["WorstLatency"]) == ours["cycles"]
    assert float(theirs["IntervalMax"]) == ours["interval"]
    assert [float(theirs[key]) for key in ("LUT", "FF", "BRAM_18K")] == [ours["lut"], ours["ff"], 2 * ours["bram"]]


def test_slack(tmp_path):
    file = tmp_path / "timing.rpt"
    file.write_text(TIMING)
    assert slack(file) == -0.123
    file.write_text(TIMING.replace("WNS", "XYZ"))
    with pytest.raises(InputError, match=r"no worst slack in it \(Vivado v.2023.2\)"):
        slack(file)


def test_collect(tmp_path):
    with pytest.raises(InputError, match="no vendor report"):
        collect(tmp_path, TARGET)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "t_csynth.xml").write_text(CSYNTH)
    (tmp_path / "vivado_synth.rpt").write_text(UTILISATION.format(state="Synthesized"))
    assert len(collect(tmp_path, TARGET)) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<profile>", "not XML"),
        ("<report/>", r"as HLS 2018 to 2024 write it \(unknown version\)"),
        (CSYNTH.replace("<LUT>2532</LUT>", ""), r"LUT is missing \(2023.2\)"),
        (CSYNTH.replace(">11<", ">undef<"), "Worst-caseLatency is undef"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><profile>&b;</profile>', "not XML"),
    ],
)
def test_odd_csynth(tmp_path, text, message):
    file = tmp_path / "t_csynth.xml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        csynth(file, TARGET)


def test_odd_utilisation(tmp_path):
    file = tmp_path / "vivado_synth.rpt"
    file.write_text("| CLB LUTs | 1 | 2 | 3 |")
    with pytest.raises(InputError, match="no Vivado report"):
        utilisation(file, TARGET)
    file.write_text(UTILISATION.format(state="Routed").replace("DSPs", "Multipliers"))
    with pytest.raises(InputError, match="no rows for dsp"):
        utilisation(file, TARGET)


def _fake(folder, name, script):
    tool = folder / name
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_vendor_tools_are_run_where_they_are_found(small, tmp_path, monkeypatch):
    project = build(small, tmp_path / "hls", TARGET)
    with pytest.raises(InputError, match="vitis_hls is not on PATH"):
        synthesise(project)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tmp_path / "c.xml").write_text(CSYNTH)
    (tmp_path / "u.rpt").write_text(UTILISATION.format(state="Synthesized"))
    _fake(tools, "vitis_hls", f"cp {tmp_path}/c.xml tagger_csynth.xml")
    _fake(tools, "vivado", f"cp {tmp_path}/u.rpt vivado_synth.rpt")
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    found = synthesise(project)
    assert [values(r)["lut"] for r in found] == [2532, 1532]
    assert found[0].clock_ns == 5.0
    _fake(tools, "vivado", "echo ERROR: licence; exit 1")
    with pytest.raises(InputError, match="vivado ended with 1: ERROR: licence"):
        synthesise(project)
    with pytest.raises(InputError, match="no such project description"):
        synthesise(tools)


def test_the_newer_program_of_vitis_is_used_where_the_older_is_gone(small, tmp_path, monkeypatch):
    project = build(small, tmp_path / "hls", TARGET)
    tools = tmp_path / "bin"
    tools.mkdir()
    (tmp_path / "c.xml").write_text(CSYNTH)
    _fake(tools, "vitis-run", f'test "$*" = "--mode hls --tcl build_prj.tcl" && cp {tmp_path}/c.xml t_csynth.xml')
    _fake(tools, "vivado", "exit 0")
    monkeypatch.setenv("PATH", str(tools), prepend=":")
    assert [values(r)["lut"] for r in synthesise(project)] == [2532]
