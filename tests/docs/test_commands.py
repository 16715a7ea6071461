"""Every command and every Python block of the documentation runs; every example file is the one that is shown."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from trigsim.cli.main import main

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        *(ROOT / p for p in ("README.md", "CONTRIBUTING.md", "data/README.md", "firmware/README.md")),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
#: What continuous integration runs itself.
ELSEWHERE = {"make demo", "make test", "make lint", "make docs"}
REFERENCE = ROOT.parent / "shared" / "reference"


def blocks(page):
    """Kind and text of the blocks that are to run, in the order of the page; a named YAML block is a file."""
    text = page.read_text()
    pattern = r"(?:as `(?P<file>[\w.]+)`:\n\n)?^```(?P<kind>sh|python|yaml)\n(?P<text>.*?)^```"
    for found in re.finditer(pattern, text, re.S | re.M):
        if found["kind"] != "yaml":
            yield found["kind"], found["text"]
        elif found["file"]:
            yield found["file"], found["text"]


def commands(text):
    lines = [line.split(" #")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and line not in ELSEWHERE]


CASES = [pytest.param(p, id=str(p.relative_to(ROOT))) for p in PAGES if list(blocks(p))]


@pytest.mark.parametrize("page", CASES)
def test_the_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch, capsys):
    if "shared/reference" in "".join(text for _, text in blocks(page)) and not REFERENCE.exists():
        pytest.skip("needs ../shared/reference")
    for name in ("configs", "data", "docs", "firmware"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for kind, text in blocks(page):
        if kind == "python":
            exec(compile(text, str(page), "exec"), names)  # our own documentation
        elif kind != "sh":
            (tmp_path / kind).write_text(text)
        else:
            for line in commands(text):
                run(line, monkeypatch, capsys)


def run(line, monkeypatch, capsys):
    words = shlex.split(line.replace("../shared/reference", str(REFERENCE)))
    assert words[0] == "trigsim", f"the documentation shows '{line}', which no test runs"
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, f"{line}\n{capsys.readouterr().err}"


def test_the_first_menu_is_the_one_of_the_readme():
    shown = re.search(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    assert (ROOT / "configs" / "menus" / "first.yaml").read_text().endswith(shown)


def test_links_lead_somewhere():
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
