"""An offline threshold is the threshold of the trigger that its scaling says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.menu import load, loads
from trigsim.menu.files import own_text, to_yaml
from trigsim.menu.scalings import OfflineScaling
from trigsim.menu.table import rows

LINE = "{offset_gev: 20, slope: 1.25, online_gev: [100, 400]}"
MENU = "name: m\nscales: phase2\nscalings: %s\nalgorithms:\n  - {name: A, when: {object: JET, %s}}\n"


@given(st.floats(-50, 50), st.floats(0.5, 2.0), st.floats(100, 400))
def test_online_and_offline(offset, slope, online):
    line = OfflineScaling(offset_gev=offset, slope=slope, online_gev=(99.0, 401.0))
    assert line.online(offset + slope * online) == pytest.approx(online)


def test_an_offline_threshold_decides_as_its_online_one():
    plain = loads(MENU % ("{}", "pt_gev: 200"))
    for name, key in (("JET", ""), ("mine", ", scaling: mine")):
        offline = loads(MENU % (f"{{{name}: {LINE}}}", f"offline_gev: 270{key}"))
        assert offline.programs() == plain.programs()
        assert rows(offline)[0]["condition"] == "JET ≥ 270 offline"


def test_files_are_read_beside_the_menu(tmp_path):
    (tmp_path / "a.yaml").write_text(f"scalings: {{JET: {LINE}}}\n")
    (tmp_path / "b.yaml").write_text(f"scalings: {{EG: {LINE}}}\n")
    (tmp_path / "m.yaml").write_text(MENU % ("[a.yaml, b.yaml]", "offline_gev: 270"))
    menu = load(tmp_path / "m.yaml")
    assert set(menu.config.scalings) == {"JET", "EG"}
    # What a store keeps, or a fit writes, needs no other file.
    assert loads(own_text(menu)).programs() == menu.programs()
    assert loads(to_yaml(menu.document.data)).programs() == menu.programs()
    (tmp_path / "b.yaml").write_text(f"scalings: {{JET: {LINE}}}\n")
    with pytest.raises(InputError, match=r"m.yaml:3:1: scaling 'JET' is in two files; keep one"):
        load(tmp_path / "m.yaml")


def test_a_menu_without_files_is_kept_as_written(tmp_path):
    text = "# mine\n" + MENU % (f"{{JET: {LINE}}}", "offline_gev: 270")
    (tmp_path / "m.yaml").write_text(text)
    assert own_text(load(tmp_path / "m.yaml")) == text


@pytest.mark.parametrize(
    ("scalings", "keys", "says"),
    [
        (
            "{}",
            "offline_gev: 270",
            r":5:\d+: no scaling 'JET'; name the file of `trigsim scaling` under 'scalings'",
        ),
        (
            f"{{JET: {LINE}}}",
            "offline_gev: 140",
            "offline 140 GeV is 96 of the trigger; .* from offline 145 to 520",
        ),
        (f"{{JET: {LINE}}}", "offline_gev: 270, pt_gev: 200", "give pt_gev or offline_gev, not both"),
        (f"{{JET: {LINE}}}", "pt_gev: 200, scaling: JET", "a scaling is for offline_gev; give that"),
        ("{JET: {offset_gev: 1, slope: 0, online_gev: [1, 2]}}", "pt_gev: 200", "slope: input should be greater"),
        ("nowhere.yaml", "pt_gev: 200", "nowhere.yaml: no such file; check the path"),
    ],
)
def test_what_is_refused(scalings, keys, says):
    with pytest.raises(InputError, match=says):
        loads(MENU % (scalings, keys))
