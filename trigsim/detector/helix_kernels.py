# mypy: ignore-errors
"""Helices in a uniform field along +z: perigee, steps, and the way to a cylinder.

A particle of charge q = +-1 turns with radius R, and its direction obeys d(phi)/ds = -q/R. With the angular
momentum per transverse momentum L = x sin(phi) - y cos(phi), the centre of its circle is
C = (x, y) + q R (sin(phi), -cos(phi)). All differences of large numbers are multiplied out by hand, so that
tracks of a TeV lose nothing.
"""

import math

from numba import njit

#: GeV of transverse momentum per tesla and mm of radius: c in m/ns, over a thousand.
GEV_PER_TESLA_MM = 0.299792458e-3


@njit(cache=True, nogil=True)
def radius_of(pt, field):
    """Return the turning radius in mm of a unit charge of `pt` GeV in `field` T."""
    return pt / (GEV_PER_TESLA_MM * field)


@njit(cache=True, nogil=True)
def perigee(x, y, z, phi, cot_theta, radius, q):
    """Return (d0, z0, phi0, s): closest approach to the z axis; s is the way from there to (x, y, z)."""
    sin, cos = math.sin(phi), math.cos(phi)
    angular = x * sin - y * cos
    along = x * cos + y * sin
    centre_x, centre_y = x + q * radius * sin, y - q * radius * cos
    centre = math.hypot(centre_x, centre_y)
    d0 = q * (x * x + y * y + 2 * q * radius * angular) / (centre + radius)
    s = radius * math.atan2(along, radius + q * angular)
    return d0, z - s * cot_theta, math.atan2(q * centre_x, -q * centre_y), s


@njit(cache=True, nogil=True)
def at(d0, z0, phi0, cot_theta, radius, q, s):
    """Return (x, y, z, phi) at transverse path `s` mm from the perigee."""
    # The chord has length 2 R sin(s/2R) and points along the mean direction.
    half = 0.5 * s / radius
    mean = phi0 - q * half
    chord = 2 * radius * math.sin(half)
    x = d0 * math.sin(phi0) + chord * math.cos(mean)
    y = -d0 * math.cos(phi0) + chord * math.sin(mean)
    return x, y, z0 + s * cot_theta, phi0 - 2 * q * half


@njit(cache=True, nogil=True)
def path_to_radius(d0, radius, q, barrel_radius):
    """Return the transverse path from the perigee to `barrel_radius` mm, infinity if it never gets there."""
    centre = abs(q * radius + d0)
    share = (barrel_radius * barrel_radius - d0 * d0) / (4 * centre * radius)
    if share > 1 or share < 0:
        return math.inf
    return 2 * radius * math.asin(math.sqrt(share))


@njit(cache=True, nogil=True)
def face_point(x, y, z, px, py, pz, charge, field, barrel_radius, endcap_z):
    """Return (eta, phi) where a particle meets the calorimeter's face, a cylinder closed by two discs."""
    pt = math.hypot(px, py)
    cot_theta = pz / pt
    phi = math.atan2(py, px)
    end = endcap_z if cot_theta >= 0 else -endcap_z
    path_end = (end - z) / cot_theta if cot_theta != 0 else math.inf
    if charge == 0 or field == 0:
        sin, cos = math.sin(phi), math.cos(phi)
        along = x * cos + y * sin
        angular = x * sin - y * cos
        room = barrel_radius * barrel_radius - angular * angular
        path = min(path_end, math.sqrt(room) - along) if room > 0 else path_end
        path = max(path, 0.0)
        x, y, z = x + path * cos, y + path * sin, z + path * cot_theta
    else:
        q = 1.0 if charge > 0 else -1.0
        radius = radius_of(pt / abs(charge), field)
        d0, z0, phi0, start = perigee(x, y, z, phi, cot_theta, radius, q)
        path = max(min(path_end, path_to_radius(d0, radius, q, barrel_radius) - start), 0.0)
        if path < math.inf:
            x, y, z, phi = at(d0, z0, phi0, cot_theta, radius, q, start + path)
    return math.asinh(z / max(math.hypot(x, y), 1e-9)), math.atan2(y, x)
