"""Presets: the shipped ones load, and what is wrong is refused where it stands."""

from pathlib import Path

import pytest

from trigsim.base.errors import InputError
from trigsim.detector.readout import load_detector

PRESETS = Path(__file__).parents[2] / "configs" / "detectors"


def test_shipped_presets_load():
    names = {path.stem: load_detector(path).name for path in PRESETS.glob("*.yaml")}
    assert names == {"outer_tracker": "outer_tracker", "inner_tracker": "inner_tracker"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("value: 3.8", "vlaue: 3.8", "vlaue"),
        ("name: outer_tracker", "name: Outer tracker", "pattern"),
        ("value: 0.93", "value: 1.3", "at most 1"),
        ("value: 0.93", "value: -0.1", "greater than or equal to 0"),
        ('source: "CMS, JINST 3 (2008) S08004"', 'source: ""', "source"),
        ("eta_max: 1.479", "eta_max: 3.2", "rise in eta_max"),
        ("eta_max: 5.1", "eta_max: 4.0", "reach 5.046"),
        ("value: 1290", "value: .inf", "barrel_radius"),
        ("eta_max: 0.8", "eta_max: 1.7", "rise in eta_max"),
    ],
)
def test_bad_presets_are_refused_where_they_stand(tmp_path, old, new, says):
    text = (PRESETS / "outer_tracker.yaml").read_text()
    assert old in text
    bad = tmp_path / "bad.yaml"
    bad.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=says) as caught:
        load_detector(bad)
    assert caught.value.line is not None
