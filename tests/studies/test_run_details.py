"""A run's own words tell the same as the crossings that it stored."""

import numpy as np
import pytest

from tests.studies.conftest import TAGGERS
from trigsim.menu import loads
from trigsim.studies.checks import quick_checks
from trigsim.studies.decided import decided
from trigsim.studies.gains import gains
from trigsim.studies.orbits import sample_orbits
from trigsim.studies.overlap import overlap
from trigsim.studies.store_format import BEAM
from trigsim.studies.turnon import turn_ons

pytestmark = pytest.mark.jit


def test_overlaps_gains_and_turn_ons_are_those_of_the_store(stored):
    menu, details = loads(stored.menu.read_text(), stored.menu), stored.run.details
    pairs = overlap(decided(stored.store, BEAM))
    assert details.overlap.names == pairs.names
    for matrix in ("rate", "low", "high", "fraction"):
        np.testing.assert_allclose(getattr(details.overlap, matrix), getattr(pairs, matrix), rtol=1e-9)
    assert details.gains == {"vh_bb": gains(stored.store, menu, "vh_bb")}
    names = [one.name for one in details.turn_ons["vh_bb"]]
    assert names == ["total", "group jets", "group sums", "group tagged"]
    for ours, its in zip(
        details.turn_ons["vh_bb"], turn_ons(stored.store, menu, "vh_bb", names, "resonance_pt"), strict=True
    ):
        np.testing.assert_array_equal(ours.passed, its.passed)
        np.testing.assert_array_equal(ours.total, its.total)
    assert {"share", "inclusive_vh_bb", "vh_bb_total_all"} <= set(details.histograms())


def test_dead_time_is_that_of_the_stored_crossings(stored):
    ours = stored.run.orbits
    its = sample_orbits(stored.menu, stored.train, stored.folder, orbits=500, seed=5, threads=2)
    assert stored.run.as_dict()["dead_time"]["seconds_of_beam"] == its.seconds
    for row in ("Jet90", "group jets", "total"):
        assert ours.rows[row].fired.value == pytest.approx(its.rows[row].fired.value, rel=0.05)
        assert its.rows[row].share.low * 0.8 <= ours.rows[row].share.value <= its.rows[row].share.high * 1.2


def test_kernels_are_compared_with_exact_integers():
    found = quick_checks(TAGGERS)
    assert [(check.compared, check.differ) for check in found] == [(1000, 0)] * 2
