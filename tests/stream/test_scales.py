"""The scale set that menus are written in is the one that the objects are built with."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from trigsim.menu import load
from trigsim.menu.luts import common_unit
from trigsim.menu.scales import load_scales
from trigsim.objects.scales import PHI_TURN, SCALES

ROOT = Path(__file__).parents[2]
SET = load_scales("phase2")
FIELDS = [(c, f) for c, fields in SCALES.items() if c != "VTX" for f in fields]


def test_every_collection_is_in_the_set():
    assert set(SET.objects) == set(SCALES) - {"VTX"}


@pytest.mark.parametrize(("collection", "field"), FIELDS)
def test_field_means_the_same(collection, field):
    ours, menus = SCALES[collection][field], SET.objects[collection].fields[field]
    low, high = menus.numbers
    assert low == ours.minimum
    assert high <= ours.maximum
    if field in ("eta", "phi"):
        number = np.arange(0, 100)
        np.testing.assert_allclose(menus.centre(number), ours.to_value(number), atol=1e-9)
    elif menus.step is not None:
        assert menus.step == ours.lsb


@pytest.mark.parametrize("field", ["eta", "phi"])
def test_coarse_and_fine_angles_meet_at_the_same_place(field):
    unit = common_unit(SET.objects["JET"].fields[field], SET.objects["MU"].fields[field], field)
    assert (unit.multiply, unit.add) == ((4, 1), (0, 0))


def test_cms_calorimeter_numbers_become_4n_plus_2():
    cms = load_scales("cms_run3").objects
    for field in ("eta", "phi"):
        unit = common_unit(cms["JET"].fields[field], cms["MU"].fields[field], field)
        assert (unit.multiply, unit.add) == ((4, 1), (2, 0))
        assert common_unit(cms["MU"].fields[field], cms["JET"].fields[field], field).add == (0, 2)
    assert SET.objects["JET"].fields["phi"].bins == PHI_TURN


def test_the_shipped_menu_compiles():
    menu = load(ROOT / "configs" / "menus" / "phase2.yaml")
    tagger = SimpleNamespace(working_points={"medium": 0, "loose": -5}, score_lsb=0.01)
    assert menu.compile(models={"hbb": tagger}).names[0] == "SingleJet180"
