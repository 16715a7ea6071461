"""Every example of docs/menu.md does what it says; the shipped menus, scales and schema are current."""

import json
import re
from pathlib import Path

import pytest

from trigsim.base.errors import InputError
from trigsim.menu import load, loads
from trigsim.menu.files import schema
from trigsim.menu.scales import load_scales
from trigsim.menu.table import condition_rows, rows

TOP = Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs" / "menu.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, flags=re.M | re.S)
YAML = {re.match(r"name: (\w+)", text)[1]: text for kind, text in BLOCKS if kind == "yaml"}
(ERROR,) = [text.strip() for kind, text in BLOCKS if kind == "text"]


@pytest.mark.parametrize("name", sorted(set(YAML) - {"after"}))
def test_an_example_is_a_menu(name):
    menu = loads(YAML[name])
    for line in (*rows(menu), *condition_rows(menu)):
        assert line["condition"]
    if not menu.models and not menu.networks:
        assert menu.compile().names == tuple(a.name for a in menu.algorithms)


def test_the_wrong_example_is_answered_as_the_page_says():
    with pytest.raises(InputError) as caught:
        loads(YAML["after"], "menu.yaml")
    assert str(caught.value) == ERROR
    right = loads(YAML["after"].replace("and jet", ""))
    assert right.indices == (17, 1)


def test_the_python_example_runs(tmp_path):
    import subprocess
    import sys

    (code,) = [text for kind, text in BLOCKS if kind == "python"]
    path = tmp_path / "example.py"
    path.write_text(code)
    subprocess.run([sys.executable, str(path)], check=True, cwd=TOP)


def test_every_key_of_the_grammar_is_taught():
    keys = set()

    def collect(node):
        if isinstance(node, dict):
            keys.update(node.get("properties", {}))
            for value in node.values():
                collect(value)
        elif isinstance(node, list):
            for value in node:
                collect(value)

    collect(schema())
    scale_keys = {"bits", "signed", "lsb", "start", "limit", "bins", "edges", "first", "tagger_scores", "precision"}
    rare = {"mass", "mass_pt", "math", "delta", "pair_pt", "pair_pt_math", "comment", "unsupported", "compare"}
    rare |= {"upt_gev", "ip", "displaced", "charge", "phi_rad", "count"}
    assert {key for key in keys - scale_keys - rare if not re.search(rf"\b{key}\b", PAGE)} == set()


def test_the_committed_schema_is_current():
    committed = json.loads((TOP / "configs" / "menus" / "menu.schema.json").read_text())
    assert committed == schema(), "run: trigsim menu schema -o configs/menus/menu.schema.json"


@pytest.mark.parametrize("path", sorted((TOP / "configs" / "menus").glob("*.yaml")), ids=lambda p: p.stem)
def test_shipped_menus_are_right(path):
    assert load(path).algorithms


@pytest.mark.parametrize("name", ["cms_run2", "cms_run3", "phase2"])
def test_shipped_scales_are_right(name):
    scales = load_scales(name)
    for kind in scales.objects.values():
        for field in kind.fields.values():
            if field.step is not None:
                first, edges = field.bin_edges()
                assert (edges[1:] > edges[:-1]).all()
                assert field.numbers[0] <= first
