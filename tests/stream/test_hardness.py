"""Collisions sorted into parts of their strata: the same crossings in all, of exactly known shares."""

import numpy as np
import pytest

from tests.stream.test_run import BEAM
from trigsim.menu import loads
from trigsim.objects.settings import ObjectSettings
from trigsim.stream.block import wanted_features
from trigsim.stream.companions import classes
from trigsim.stream.hardness import FEWEST, parted, sorting
from trigsim.stream.run import stream
from trigsim.stream.source import TEST, Source
from trigsim.stream.variant import Variant
from trigsim.studies.rates import menu_result
from trigsim.studies.setup import builder

MENU = """
name: test
scales: phase2
conditions:
  high_ht: {object: HT, pt_gev: 100}
  jet: {object: JET, pt_gev: 20}
algorithms:
  - {name: Jet100, groups: [jets], when: {object: JET, pt_gev: 100}}
  - {name: Jet150, groups: [jets], when: {object: JET, pt_gev: 150}}
  - {name: HT100, when: {object: HT, pt_gev: 100}}
  - {name: Both, when: high_ht and jet}
"""


@pytest.fixture(scope="module")
def made(library):
    source = Source.open(library, BEAM, TEST)
    build = builder(library.folder, source, ObjectSettings(), wanted_features([]))
    return source, build, parted(source, build)


@pytest.mark.jit
def test_parts_hold_each_collision_once_and_their_share(made):
    source, _, fine = made
    assert len(fine.members) == len(fine.parent) == fine.strata.means.shape[1] > len(source.members)
    np.testing.assert_array_equal(fine.members[0], source.members[0])
    for k, whole in enumerate(source.members):
        parts = [m for m, parent in zip(fine.members, fine.parent, strict=True) if parent == k]
        np.testing.assert_array_equal(np.sort(np.concatenate(parts)), whole)
        assert min(map(len, parts)) >= FEWEST
        share = fine.strata.means[:, fine.parent == k] / source.strata.means[:, [k]]
        np.testing.assert_allclose(share, [[len(part) / len(whole) for part in parts]], rtol=1e-12)


@pytest.mark.jit
def test_classes_are_those_of_the_library(made):
    source, _, fine = made
    whole, parts = classes(source), classes(fine)
    np.testing.assert_array_equal(whole.of, parts.of)
    np.testing.assert_array_equal(whole.size, parts.size)
    assert whole.parts is None
    np.testing.assert_array_equal(parts.parts.members.sum(axis=1), whole.size)
    np.testing.assert_array_equal(parts.parts.members.sum(axis=0), [len(m) for m in fine.members])


@pytest.mark.jit
def test_rates_are_those_of_whole_strata_at_less_error(made):
    source, build, fine = made
    variant = Variant.bind("v", loads(MENU), {})
    size = {"crossings": 8000, "signals": (), "signal_crossings": 0, "target": "Jet100", "threads": 1}
    coarse, parts = (menu_result(one, stream(one, build, [variant], seed=3, **size)[0]) for one in (source, fine))
    sampling = {}
    for row in variant.rows:
        # The library is the same: what differs is the sampling.
        sampling[row] = [
            np.sqrt(max((r.rates[row].high - r.rates[row].low) ** 2 / 4 - r.library_khz[row] ** 2, 0))
            for r in (coarse, parts)
        ]
        assert abs(coarse.rates[row].value - parts.rates[row].value) < 4 * np.hypot(*sampling[row]), row
    assert parts.library_khz["Jet100"] == pytest.approx(coarse.library_khz["Jet100"], rel=0.3)
    assert sampling["Jet100"][1] < 0.5 * sampling["Jet100"][0]


@pytest.mark.parametrize(
    ("target", "kind"),
    [("Jet100", "JET"), ("HT100", "HT"), ("Both", "JET"), ("group jets", "JET"), ("total", "JET")],
)
def test_what_sorts_is_what_the_target_reads(target, kind):
    assert sorting(loads(MENU), target) == kind
