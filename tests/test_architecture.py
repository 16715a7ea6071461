"""The floors of the house: imports only ever point down."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS = [
    ["base"],
    ["numeric"],
    ["detector", "events"],
    ["objects"],
    ["emulator"],
    ["tagger"],
    ["menu"],
    ["firmware"],
    ["stream"],
    ["studies"],
    ["report"],
    ["cli"],
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(p for p in (ROOT / "trigsim").rglob("*.py") if p.parent.name != "trigsim")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = (name or "").split(".")
            if parts[0] == "trigsim" and len(parts) > 1 and parts[1] in FLOOR:
                rooms.add(parts[1])
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    room = path.relative_to(ROOT / "trigsim").parts[0]
    upward = {r for r in imported_rooms(path) if FLOOR[r] > FLOOR[room]}
    assert not upward, f"{room} imports upward from {sorted(upward)}"


def test_every_room_has_a_floor_and_is_in_the_architecture_page():
    rooms = {p.parent.name for p in (ROOT / "trigsim").glob("*/__init__.py")}
    assert rooms == set(FLOOR)
    page = (ROOT / "docs" / "architecture.md").read_text()
    assert not [room for room in rooms if f"`{room}`" not in page]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_bad_habits(path):
    text = path.read_text()
    for habit in (
        r"\beval\(",
        r"\bexec\(",
        r"\bpickle\b",
        r"os\.chdir",
        r"shell=True",
        r"except:",
        r"yaml\.load\(",
    ):
        assert not re.search(rf"(?<![\w.]){habit}", text), habit
