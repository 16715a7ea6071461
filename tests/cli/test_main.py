"""The command line: help, exit codes, one line for bad input."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from trigsim.cli.main import main

ROOT = Path(__file__).parents[2]
COMMANDS = (
    "doctor", "generate", "dataset", "train", "scan", "firmware", "compare", "run", "orbits", "latency", "rates",
    "overlap", "gains", "threshold", "turnon", "scaling", "bought", "fit", "diff", "serve", "validate", "menu",
    "bench",
)  # fmt: skip
TAGGER = "hbb=data/models/hbb-k8"


@pytest.fixture
def trigsim(monkeypatch, capsys):
    """Run a command in this process, from the top of the checkout."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["trigsim", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code or 0, stdout=said.out, stderr=said.err)

    return run


def refused(done, *words):
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_help_shows_the_commands_of_the_design(trigsim):
    done = trigsim("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f" {command} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(trigsim, command):
    assert trigsim(command, "--help").returncode == 0


def test_version(trigsim):
    assert trigsim("--version").stdout.startswith("trigsim ")


def test_doctor_gives_one_json_document(trigsim):
    done = trigsim("doctor", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)


def test_unknown_key_in_a_menu(trigsim, tmp_path):
    menu = tmp_path / "menu.yaml"
    menu.write_text("name: x\nscales: phase2\nalgorithms:\n  - name: A\n    wen: {object: JET, pt_gev: 20}\n")
    refused(trigsim("run", menu), f"{menu}:5:5", "unknown key 'wen'", "did you mean 'when'")


def test_missing_library_file(trigsim, tmp_path):
    library = tmp_path / "library"
    shutil.copytree(ROOT / "data" / "library", library)
    (library / "qcd100.root").unlink()
    done = trigsim("run", "configs/menus/phase2.yaml", "--library", library, "--tagger", TAGGER)
    refused(done, "qcd100", "missing")


def test_damaged_library_file(trigsim, tmp_path):
    library = tmp_path / "library"
    shutil.copytree(ROOT / "data" / "library", library)
    with (library / "soft.root").open("r+b") as stream:
        stream.seek(5000)
        stream.write(b"\0\1\2")
    done = trigsim("run", "configs/menus/phase2.yaml", "--library", library, "--tagger", TAGGER)
    refused(done, "soft.root")


def test_tagger_that_the_menu_needs(trigsim):
    refused(trigsim("run", "configs/menus/phase2.yaml"), "--tagger hbb=FOLDER")


def test_missing_compiler(trigsim, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    done = trigsim("scan", "configs/scans/demo.yaml", "--pretrained", "data/models", "-o", tmp_path)
    refused(done, "g++", "install")


def test_negative_pileup(trigsim, tmp_path):
    beam = tmp_path / "beam.yaml"
    text = (ROOT / "configs" / "beams" / "pileup60.yaml").read_text().replace("60.0", "-1.0")
    beam.write_text(text)
    refused(trigsim("run", "configs/menus/phase2.yaml", "--beam", beam), f"{beam}:3:1", "mean_pileup")


def test_menu_show_keeps_its_brackets(trigsim):
    done = trigsim("menu", "show", "configs/menus/first.yaml")
    assert done.returncode == 0
    # rich would take a cut in brackets for markup and swallow it
    assert "FATJET ≥ 150 [hbb medium]" in done.stdout


@pytest.mark.parametrize(
    ("typed", "completed"), [("trigsim ov", "overlap"), ("trigsim bought --wor", "--working-point")]
)
def test_the_shell_completes(typed, completed):
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1), "_TRIGSIM_COMPLETE": "complete_bash"}
    command = Path(sys.executable).with_name("trigsim")
    done = subprocess.run([command], env=os.environ | words, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [completed]
