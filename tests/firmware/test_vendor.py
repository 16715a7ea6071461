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
