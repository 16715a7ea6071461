"""The shipped library is whole, small, and what its configuration says."""

from pathlib import Path

import numpy as np
import pytest

from trigsim.base import config
from trigsim.detector.readout import load_detector
from trigsim.events.library import Library
from trigsim.events.sample import Sample

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def library():
    return Library.open(ROOT / "data" / "library")


def test_it_is_the_one_of_the_demo_configuration(library):
    file = ROOT / "configs" / "samples" / "demo.yaml"
    sample = config.load(file, Sample)
    assert library.manifest.sample == sample.model_dump(mode="json")
    detector = load_detector(file.parent / sample.detector)
    assert library.manifest.detector == detector.model_dump(mode="json")


def test_every_stratum_loads_and_is_within_its_range(library):
    for stratum in library.strata:
        collisions = library.load(stratum.name)
        assert len(collisions) == stratum.events
        # Pythia cuts on massless kinematics: with heavy quarks pT-hat lies up to 2 % below the cut.
        assert (collisions.pt_hat >= 0.98 * stratum.pt_hat_min).all()
        assert (collisions.pt_hat <= stratum.pt_hat_max).all()
        assert (collisions.weight == 1).all()
        signal = stratum.kind == "signal"
        assert (collisions.resonance_pt > 0).all() == signal
        assert (collisions.quark_pt > 0).all() == signal


def test_cross_sections_add_up(library):
    # sigma_inelastic of Pythia 8.3 at 14 TeV; what is vetoed above 20 GeV comes back as hard slices, to 4 %.
    assert library.sigma_inelastic_mb == pytest.approx(78.93, abs=0.4)
    hard = [s.sigma_mb for s in library.inelastic]
    assert hard == sorted(hard, reverse=True)


def test_harder_strata_have_more_energy(library):
    sums = []
    for stratum in library.inelastic:
        collisions = library.load(stratum.name)
        sums.append(collisions.tower_et.sum(dtype=np.int64) / len(collisions))
    assert sums == sorted(sums)


def test_sizes():
    files = list((ROOT / "data" / "library").iterdir())
    assert max(f.stat().st_size for f in files) < 5 * 2**20
    assert sum(f.stat().st_size for f in files) < 17 * 2**20
