"""The helix against its own equation of motion, and against itself there and back."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from trigsim.detector.helix_kernels import at, face_point, path_to_radius, perigee, radius_of

charges = st.sampled_from([-1.0, 1.0])
azimuths = st.floats(-math.pi, math.pi)
momenta = st.floats(0.5, 2000)
slopes = st.floats(-6, 6)
impacts = st.floats(-100, 100)


def same_angle(a: float, b: float) -> float:
    return abs(math.remainder(a - b, 2 * math.pi))


@settings(deadline=None)  # the first example compiles
@given(impacts, st.floats(-300, 300), azimuths, momenta, slopes, charges, st.floats(-0.95, 0.95))
def test_there_and_back_within_a_nanometre_of_a_millimetre(d0, z0, phi0, pt, cot_theta, q, share):
    radius = radius_of(pt, 3.8)
    # Within half a turn of the perigee, and within the tracker for straight tracks.
    s = share * min(math.pi * radius, 1200.0)
    x, y, z, phi = at(d0, z0, phi0, cot_theta, radius, q, s)
    d0_back, z0_back, phi0_back, s_back = perigee(x, y, z, phi, cot_theta, radius, q)
    assert abs(d0_back - d0) < 1e-9
    assert abs(z0_back - z0) < 1e-9
    assert same_angle(phi0_back, phi0) < 1e-11
    assert abs(s_back - s) < 1e-9


@pytest.mark.parametrize("q", [-1.0, 1.0])
@pytest.mark.parametrize(("pt", "pz"), [(0.5, 0.3), (1.0, -2.0), (20.0, 30.0)])
def test_path_solves_the_lorentz_force(pt, pz, q):
    field, phi = 3.8, 0.7
    start = np.array([12.0, -5.0, 3.0])

    def motion(_, state):
        # dp/dt = q v x B with B along +z, in units where the transverse path is the parameter.
        px, py = state[3], state[4]
        bend = 0.299792458e-3 * field * q / pt
        return [px / pt, py / pt, pz / pt, bend * py, -bend * px]

    s = 400.0
    end = solve_ivp(motion, (0, s), [*start, pt * math.cos(phi), pt * math.sin(phi)], rtol=1e-12, atol=1e-12).y[
        :, -1
    ]
    radius, cot_theta = radius_of(pt, field), pz / pt
    d0, z0, phi0, s0 = perigee(*start, phi, cot_theta, radius, q)
    x, y, z, phi_end = at(d0, z0, phi0, cot_theta, radius, q, s0 + s)
    np.testing.assert_allclose([x, y, z], end[:3], atol=1e-7)
    assert same_angle(phi_end, math.atan2(end[4], end[3])) < 1e-9


def test_d0_has_the_sign_of_the_angular_momentum():
    # Moving along +x at y = -2 mm: L_z = x p_y - y p_x > 0, whatever the charge.
    for q in (-1.0, 1.0):
        d0, _, _, _ = perigee(0.0, -2.0, 0.0, 0.0, 0.0, 1e4, q)
        assert d0 == pytest.approx(2.0)


def test_no_point_of_the_circle_is_nearer_than_the_perigee():
    radius = radius_of(1.3, 3.8)
    d0, z0, phi0, _ = perigee(30.0, 80.0, 5.0, 1.1, 0.4, radius, -1.0)
    turn = np.linspace(0, 2 * math.pi * radius, 2001)
    distance = min(math.hypot(*at(d0, z0, phi0, 0.4, radius, -1.0, s)[:2]) for s in turn)
    assert abs(d0) <= distance + 1e-9
    assert math.hypot(*at(d0, z0, phi0, 0.4, radius, -1.0, 0.0)[:2]) == pytest.approx(abs(d0))


@settings(deadline=None)  # the first example compiles
@given(st.floats(-50, 50), st.floats(0.2, 500), charges)
def test_path_to_radius_ends_there_or_cannot(d0, pt, q):
    radius = radius_of(pt, 3.8)
    s = path_to_radius(d0, radius, q, 1290.0)
    furthest = abs(d0 + q * radius) + radius
    if s == math.inf:
        assert furthest < 1290.0 * (1 + 1e-9)
    else:
        x, y, _, _ = at(d0, 0.0, 0.3, 0.0, radius, q, s)
        assert math.hypot(x, y) == pytest.approx(1290.0, abs=1e-6)


@settings(deadline=None)  # the first example compiles
@given(
    st.floats(-30, 30),
    st.floats(-30, 30),
    st.floats(-200, 200),
    st.floats(0.05, 300),
    azimuths,
    st.floats(-5, 5),
    st.sampled_from([-2, -1, 0, 1, 2]),
)
def test_face_point_lies_on_the_cylinder_or_its_discs(x, y, z, pt, phi, eta, charge):
    barrel, endcap = 1290.0, 3154.0
    px, py, pz = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
    eta_face, phi_face = face_point(x, y, z, px, py, pz, charge, 3.8, barrel, endcap)
    edge = math.asinh(endcap / barrel)
    # One that turns for ever in the barrel, pz = 0, stays where it was born: on the axis, far beyond any tower.
    assert abs(eta_face) < 30
    assert -math.pi <= phi_face <= math.pi
    if charge == 0:
        # A straight line from the production point passes there.
        r = barrel if abs(eta_face) <= edge else endcap / abs(math.sinh(eta_face))
        point = np.array([r * math.cos(phi_face), r * math.sin(phi_face), r * math.sinh(eta_face)]) - [x, y, z]
        assert np.linalg.norm(np.cross(point, [px, py, pz])) < 1e-6 * np.linalg.norm(point) * math.hypot(pt, pz)


@settings(deadline=None)
@given(
    st.floats(-30, 30),
    st.floats(-30, 30),
    st.floats(-200, 200),
    st.floats(0.9, 300),
    azimuths,
    st.floats(-4, 4).filter(lambda eta: abs(eta) > 1e-3),
    charges,
)
def test_face_point_of_a_charged_particle_is_where_its_helix_leaves(x, y, z, pt, phi, eta, q):
    barrel, endcap = 1290.0, 3154.0
    eta_face, phi_face = face_point(
        x, y, z, pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta), q, 3.8, barrel, endcap
    )
    radius, cot_theta = radius_of(pt, 3.8), math.sinh(eta)
    d0, z0, phi0, start = perigee(x, y, z, phi, cot_theta, radius, q)
    # The height where it leaves gives the path; there it must be at the radius and the azimuth told.
    on_barrel = abs(barrel * math.sinh(eta_face)) <= endcap
    height = barrel * math.sinh(eta_face) if on_barrel else math.copysign(endcap, eta_face)
    s = (height - z0) / cot_theta
    there_x, there_y, _, _ = at(d0, z0, phi0, cot_theta, radius, q, s)
    assert s >= start - 1e-6
    assert math.hypot(there_x, there_y) == pytest.approx(abs(height / math.sinh(eta_face)), rel=1e-5)
    assert same_angle(math.atan2(there_y, there_x), phi_face) < 1e-5


def test_soft_charged_particle_turns_and_hits_the_endcap():
    # Below 0.3 * 3.8 T * 1.29 m / 2 = 0.735 GeV the barrel is out of reach.
    eta, _ = face_point(0.0, 0.0, 0.0, 0.5, 0.0, 0.05, 1, 3.8, 1290.0, 3154.0)
    assert eta > math.asinh(3154.0 / 1290.0)
    eta, _ = face_point(0.0, 0.0, 0.0, 0.9, 0.0, 0.05, 1, 3.8, 1290.0, 3154.0)
    assert abs(eta) < 0.2


def test_positive_charge_bends_to_smaller_phi():
    _, phi = face_point(0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1, 3.8, 1290.0, 3154.0)
    radius = radius_of(2.0, 3.8)
    assert phi == pytest.approx(-math.asin(1290.0 / (2 * radius)))
