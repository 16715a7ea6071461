"""rule4ml in a Python of the user's own: what it is asked, what it answers, what goes wrong."""

import json
import stat
import sys

import pytest

from trigsim.base.errors import InputError
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.rule4ml import ask, predict, question

ROW = {"lut": 1000.0, "ff": 200.0, "dsp": 3.0, "bram": 5.0, "cycles": 7.0, "interval": 1.0}


@pytest.fixture
def python(tmp_path):
    """A program that takes the place of a Python with rule4ml: it runs ours, or says what it is told to."""

    def make(answer):
        program = tmp_path / "python"
        keep = f"import shutil, sys; shutil.copy(sys.argv[2], {str(tmp_path / 'asked.json')!r}); {answer}"
        (tmp_path / "answer.py").write_text(keep)
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "answer.py"} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return program

    return make


def says(rows):
    return f"print('some warning'); print({json.dumps({'version': '0.2.0', 'rows': rows})!r})"


def test_its_figures_have_its_name_and_its_clock(small, python, tmp_path):
    found = predict(small, FirmwareConfig(strategy="Resource", reuse_factor=2), python(says([ROW])))
    values = {name: figure.value for name, figure in found.figures.items()}
    # Its block RAM are of 18 kbit.
    assert values == {**ROW, "bram": 2.5, "ns": 70.0}
    assert found.clock_ns == 10
    source = found.figures["lut"].source
    assert source.startswith("rule4ml 0.2.0 (its model of Vivado 2023.2, hls4ml 1.1.0, alveo-u250), a prediction")
    (asked,) = json.loads((tmp_path / "asked.json").read_text())
    assert asked["widths"] == [6, 8, 4, 1]
    assert (asked["bits"], asked["strategy"], asked["reuse_factor"]) == (8, "resource", 2)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("raise ModuleNotFoundError('rule4ml')", "python ended with 1: .*ModuleNotFoundError: rule4ml"),
        ("print('hello')", "gave no predictions of rule4ml"),
        (says([]), "gave 0 rows"),
        (says([{**ROW, "lut": float("nan")}]), "numbers that are none"),
    ],
)
def test_what_goes_wrong_there_is_told(small, python, answer, problem):
    with pytest.raises(InputError, match=problem):
        ask(python(answer), [question(small, FirmwareConfig())])


def test_no_such_python(small, tmp_path):
    with pytest.raises(InputError, match="give the Python of an environment with rule4ml"):
        ask(tmp_path / "none", [question(small, FirmwareConfig())])


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"strategy": "distributed_arithmetic"}, "set strategy to Latency or Resource"),
        ({"part": "xcku115"}, "knows no board with XCKU115; choose XCVU9P or XCVU13P"),
    ],
)
def test_what_it_does_not_know(small, settings, problem):
    with pytest.raises(InputError, match=problem):
        question(small, FirmwareConfig(**settings))
