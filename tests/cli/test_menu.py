"""The commands of the menu: output, JSON, exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
MENU = TOP / "configs" / "menus" / "phase2.yaml"


def run(*words):
    done = subprocess.run(
        [sys.executable, "-c", "from trigsim.cli.main import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_check_and_show_a_menu():
    code, out, _ = run("menu", "check", MENU, "--json")
    found = json.loads(out)
    assert (code, found["menu"], found["taggers"]) == (0, "phase2", ["hbb"])
    code, out, _ = run("menu", "show", MENU)
    assert code == 0
    assert "SingleJet180" in out
    assert "JET ≥ 180" in out


def test_a_wrong_menu_is_one_line_and_exit_2(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("name: x\nscales: phase2\nalgorithms:\n  - {name: a, when: {object: MUX, pt_gev: 3}}\n")
    code, out, err = run("menu", "check", path)
    assert (code, out) == (2, "")
    assert err.startswith(f"{path}:4:")
    assert err.count("\n") == 1


@pytest.mark.reference
def test_import_and_validate(tmp_path):
    reference = TOP.parent / "shared" / "reference" / "ugt"
    if not reference.is_dir():
        pytest.skip("../shared/reference is absent")
    name = "L1Menu_Collisions2016_v8_m2"
    menu = tmp_path / "menu.yaml"
    assert run("menu", "import", reference / f"{name}.xml.gz", "-o", menu)[0] == 0
    places = tmp_path / "places.json"
    code, out, err = run(
        "validate", menu, "--vectors", reference / f"{name}.tv.txt.gz", "--json", "--list", places,
        "--decisions", tmp_path / "d.root",
    )  # fmt: skip
    document = json.loads(out)
    assert code == 1
    assert err == "2 of 257 algorithms differ\n"
    assert set(document) == {"crossings", "algorithms", "exact", "mismatched", "unsupported"}
    assert (document["crossings"], document["algorithms"], document["exact"]) == (3564, 257, 255)
    assert all(len(found) == 4 for found in json.loads(places.read_text()).values())
    assert (tmp_path / "d.root").stat().st_size > 1000
