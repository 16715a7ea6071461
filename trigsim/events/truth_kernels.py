# mypy: ignore-errors
"""Finding the decay that makes an event a signal in a generator's event record."""

import math

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def pt_eta_phi(px, py, pz):
    """Return (pt, eta, phi) of a momentum with pt > 0; else zeros."""
    pt = math.hypot(px, py)
    if pt == 0:
        return 0.0, 0.0, 0.0
    return pt, math.asinh(pz / pt), math.atan2(py, px)


@njit(cache=True, nogil=True)
def label(offsets, pdg, first, last, px, py, pz, resonance, quarks):
    """Return (n, 3, 3): pt, eta, phi of the hardest decayed resonance and its two quarks, the harder first."""
    n = len(offsets) - 1
    out = np.zeros((n, 3, 3))
    for i in range(n):
        start, stop = offsets[i], offsets[i + 1]
        for k in range(start, stop):
            a, b = start + first[k], start + last[k]
            if abs(pdg[k]) != resonance or first[k] <= 0 or last[k] <= 0 or a == b or a >= stop or b >= stop:
                continue
            known_a, known_b = False, False
            for q in quarks:
                known_a |= abs(pdg[a]) == q
                known_b |= abs(pdg[b]) == q
            pt = math.hypot(px[k], py[k])
            if not (known_a and known_b) or pt <= out[i, 0, 0]:
                continue
            if math.hypot(px[b], py[b]) > math.hypot(px[a], py[a]):
                a, b = b, a
            out[i, 0] = pt_eta_phi(px[k], py[k], pz[k])
            out[i, 1] = pt_eta_phi(px[a], py[a], pz[a])
            out[i, 2] = pt_eta_phi(px[b], py[b], pz[b])
    return out
