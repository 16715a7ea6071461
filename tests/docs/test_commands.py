"""Every command in the documentation runs; every example file is the one that is shown."""

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
        *(ROOT / "docs").glob("*.md"),
    ]
)
#: What continuous integration runs itself.
ELSEWHERE = {"make demo", "make test", "make lint"}


def commands():
    for page in PAGES:
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.S | re.M):
            lines = [line.split(" #")[0].strip() for line in block.replace("\\\n", " ").splitlines()]
            yield page.name, [line for line in lines if line and line not in ELSEWHERE]


CASES = [pytest.param(lines, id=f"{page}-{i}") for i, (page, lines) in enumerate(commands()) if lines]


@pytest.mark.parametrize("lines", CASES)
def test_commands_run(lines, tmp_path, monkeypatch, capsys):
    for name in ("configs", "data", "docs", "firmware"):
        (tmp_path / name).symlink_to(ROOT / name)
    reference = ROOT.parent / "shared" / "reference"
    if any("shared/reference" in line for line in lines) and not reference.exists():
        pytest.skip("needs ../shared/reference")
    monkeypatch.chdir(tmp_path)
    for line in lines:
        words = shlex.split(line.replace("../shared/reference", str(reference)))
        if words[0] == "make":
            continue
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
