"""Towers, tracks and muons of particle guns have the means, spreads and efficiencies of the preset."""

import dataclasses
import math

import numpy as np
import pytest

from trigsim.detector.kernels import unbiased_integer
from trigsim.detector.readout import hw_phi, read_out
from trigsim.events.model import (
    FINE,
    MUON_PT,
    N_PHI,
    TOWER_ET,
    TOWER_ETA,
    TOWER_PHI,
    TRACK_D0,
    TRACK_ETA,
    TRACK_PHI,
    TRACK_PT,
    TRACK_Z0,
)

N = 20_000


def rng():
    return np.random.default_rng(5)


def test_rounding_keeps_the_mean():
    generator = rng()
    for value in (0.0, 0.03, 0.5, 2.9):
        drawn = np.array([unbiased_integer(value, generator) for _ in range(20_000)])
        assert set(drawn) <= {math.floor(value), math.floor(value) + 1}
        assert drawn.mean() == pytest.approx(value, abs=4 * 0.5 / math.sqrt(20_000))


@pytest.mark.parametrize(("pdg", "pt"), [(22, 0.04), (22, 5.0), (130, 0.3), (130, 20.0)])
@pytest.mark.parametrize("eta", [0.3, 2.0, 4.0])
def test_tower_energy_has_the_mean_of_truth_and_the_spread_of_the_preset(detector, guns, pdg, pt, eta):
    out = read_out(guns(N, [pdg], [0], pt, eta, 0.2), detector, rng())
    owner = np.repeat(np.arange(N), np.diff(out.tower_offsets))
    et = np.bincount(owner, weights=out.tower_et, minlength=N) * TOWER_ET.lsb
    region = next(r for r in detector.calorimeter.regions if eta < r.eta_max)
    terms = region.em if pdg == 22 else region.hadronic
    energy = pt * math.cosh(eta)
    relative = math.hypot(terms.stochastic / math.sqrt(energy), terms.constant)
    spread = math.hypot(relative * pt, 0.0)
    assert et.mean() == pytest.approx(pt, abs=4 * math.hypot(spread, TOWER_ET.lsb / 2) / math.sqrt(N))
    rounding = TOWER_ET.lsb**2 / 4
    assert spread**2 * 0.94 <= et.var() <= spread**2 * 1.06 + rounding


@pytest.mark.parametrize(("pdg", "share"), [(22, 0.0), (11, 0.0), (211, 0.665), (2112, 0.665)])
def test_hadrons_leave_their_energy_behind_the_electromagnetic_part(detector, guns, pdg, share):
    out = read_out(guns(N, [pdg], [0], 50.0, 0.3, 0.2), detector, rng())
    behind = np.divide(out.tower_hadronic, out.tower_et)
    # A third goes through, of the rest half stays on the average: 1 - 0.67 / 2.
    assert behind.mean() == pytest.approx(share, abs=4 * 0.36 / math.sqrt(N))
    assert (behind == 1).mean() == pytest.approx(0.33 if share else 0, abs=4 * 0.5 / math.sqrt(N))


def test_where_showers_start_changes_nothing_else(detector, guns):
    truth = guns(200, [211, 22, 13], [1, 0, -1], 5.0, 0.4, 0.1)
    calorimeter = detector.calorimeter
    late = calorimeter.model_copy(
        update={"early_shower": calorimeter.early_shower.model_copy(update={"value": 0.0})}
    )
    first, second = (
        read_out(truth, d, rng()) for d in (detector, detector.model_copy(update={"calorimeter": late}))
    )
    for f in dataclasses.fields(first):
        assert np.array_equal(getattr(first, f.name), getattr(second, f.name)) == (f.name != "tower_hadronic")


def test_particles_land_in_the_tower_they_point_to(detector, guns):
    ieta, iphi = np.array([0, 30, 58, 115]), np.array([0, 71, 35, 20])
    truth = guns(50, [22] * 4, [0] * 4, 50.0, (ieta - 57.5) * TOWER_ETA, (iphi + 0.5) * TOWER_PHI)
    out = read_out(truth, detector, rng())
    assert set(zip(out.tower_ieta.tolist(), out.tower_iphi.tolist(), strict=True)) == set(
        zip(ieta.tolist(), iphi.tolist(), strict=True)
    )


def test_each_tower_once_and_in_order(detector, guns):
    generator = rng()
    n = 300
    truth = guns(
        5,
        [211] * n,
        [1] * n,
        generator.uniform(1, 9, n),
        generator.normal(0, 1, n),
        generator.uniform(-3, 3, n),
    )
    out = read_out(truth, detector, rng())
    index = out.tower_ieta.astype(int) * N_PHI + out.tower_iphi
    for start, stop in zip(out.tower_offsets, out.tower_offsets[1:], strict=False):
        assert (np.diff(index[start:stop]) > 0).all()
        assert stop - start > 50


def test_invisible_and_far_particles_leave_nothing(detector, guns):
    out = read_out(guns(100, [12, -14, 13, 22], [0, 0, -1, 0], 50.0, [0.0, 0.0, 0.0, 5.4], 0.0), detector, rng())
    assert len(out.tower_et) == 0


def test_energies_beyond_the_scale_saturate(detector, guns):
    out = read_out(guns(1, [22], [0], 20_000.0, 0.1, 0.2), detector, rng())
    assert out.tower_et.tolist() == [TOWER_ET.maximum]


@pytest.mark.parametrize("eta", [0.2, -1.4, 2.2])
@pytest.mark.parametrize("pt", [3.0, 40.0])
def test_tracks_have_the_resolution_and_efficiency_of_the_preset(detector, guns, eta, pt):
    # Born 3 mm from the axis, moving sideways: d0 = L/pT = x sin(phi) - y cos(phi), up to the bend over 3 mm.
    out = read_out(guns(N, [211], [1], pt, eta, 1.0, vertex=(2.0, -1.0, 4.0)), detector, rng())
    region = next(r for r in detector.tracker.regions if abs(eta) < r.eta_max)
    efficiency = detector.tracker.hadron_efficiency.value
    found = len(out.track_pt)
    assert found == pytest.approx(efficiency * N, abs=4 * math.sqrt(N * efficiency * (1 - efficiency)))
    scattering = pt * math.sqrt(1 / math.cosh(eta))
    along, across = 2 * math.cos(1) - math.sin(1), 2 * math.sin(1) + math.cos(1)
    for name, scale, mean, sigma in (
        ("track_d0", TRACK_D0, across, math.hypot(region.d0_constant, region.d0_scattering / scattering)),
        (
            "track_z0",
            TRACK_Z0,
            4 - along * math.sinh(eta),
            math.hypot(region.z0_constant, region.z0_scattering / scattering),
        ),
    ):
        values = scale.to_value(getattr(out, name))
        assert values.std() == pytest.approx(math.hypot(sigma, scale.lsb / math.sqrt(12)), rel=0.03)
        assert values.mean() == pytest.approx(mean, abs=4 * sigma / math.sqrt(found) + 2e-3)
    relative = math.hypot(region.pt_constant, region.pt_slope * pt)
    inverse = 1 / TRACK_PT.to_value(out.track_pt)
    assert inverse.mean() * pt == pytest.approx(1, abs=4 * relative / math.sqrt(found) + 2e-4)
    assert inverse.std() * pt == pytest.approx(math.hypot(relative, TRACK_PT.lsb / pt / math.sqrt(12)), rel=0.04)
    assert (out.track_charge == 1).all()
    assert TRACK_ETA.to_value(out.track_eta) == pytest.approx(eta, abs=TRACK_ETA.lsb)
    assert TRACK_PHI.to_value(out.track_phi) == pytest.approx(1.0, abs=3e-3)


def test_what_is_no_track(detector, guns):
    radius = detector.tracker.production_radius_max.value
    for kwargs in (
        {"pdg": [211], "charge": [1], "pt": 1.0, "eta": 0.0},
        {"pdg": [211], "charge": [1], "pt": 5.0, "eta": 2.41},
        {"pdg": [22], "charge": [0], "pt": 5.0, "eta": 0.0},
        {"pdg": [211], "charge": [1], "pt": 5.0, "eta": 0.0, "vertex": (radius * 1.01, 0.0, 0.0)},
    ):
        assert len(read_out(guns(100, phi=0.0, **kwargs), detector, rng()).track_pt) == 0


def test_straight_tracks_lose_their_charge_sign(detector, guns):
    out = read_out(guns(N, [211], [-1], 20_000.0, 0.0, 0.0), detector, rng())
    assert 0.1 < (out.track_charge == 1).mean() < 0.5


def test_muons(detector, guns):
    out = read_out(guns(N, [13, 211], [-1, 1], [30.0, 30.0], 1.2, [2.0, 2.5]), detector, rng())
    efficiency = detector.muons.efficiency.value
    assert len(out.muon_pt) == pytest.approx(efficiency * N, abs=4 * math.sqrt(N * efficiency * (1 - efficiency)))
    sigma = math.hypot(detector.muons.pt_constant.value, detector.muons.pt_slope.value * 30)
    inverse = 30 / MUON_PT.to_value(out.muon_pt)
    assert inverse.mean() == pytest.approx(1, abs=4 * sigma / math.sqrt(N) + 1e-3)
    assert inverse.std() == pytest.approx(sigma, rel=0.03)
    assert (out.muon_charge == -1).all()
    assert TRACK_PHI.to_value(out.muon_phi) == pytest.approx(2.0, abs=3e-3)


def test_azimuth_stays_within_a_turn():
    steps = hw_phi(np.array([-1e-9, 0.0, 2 * math.pi - 1e-9, -math.pi, 7.0]))
    assert steps.dtype == np.uint16
    assert steps.tolist()[:3] == [0, 0, 0]
    assert steps.max() < N_PHI * FINE


def test_same_seed_same_bits(detector, guns):
    truth = guns(200, [211, 22, 13], [1, 0, -1], 5.0, 0.4, 0.1)
    first, second = (read_out(truth, detector, rng()) for _ in range(2))
    other = read_out(truth, detector, np.random.default_rng(6))
    for f in dataclasses.fields(first):
        assert np.array_equal(getattr(first, f.name), getattr(second, f.name))
    assert not np.array_equal(first.tower_et, other.tower_et)


@pytest.mark.parametrize(
    ("name", "value", "says"), [("px", np.nan, "px"), ("energy", 0.0, "positive"), ("z", np.inf, "z")]
)
def test_nonsense_is_refused(detector, guns, name, value, says):
    truth = guns(2, [22], [0], 5.0, 0.4, 0.1)
    getattr(truth, name)[1] = value
    with pytest.raises(ValueError, match=says):
        read_out(truth, detector, rng())
