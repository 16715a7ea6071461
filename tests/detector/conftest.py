"""A handful of particles, and the shipped presets."""

from pathlib import Path

import numpy as np
import pytest

from trigsim.detector.readout import load_detector
from trigsim.events.truth import Truth

PRESETS = Path(__file__).parents[2] / "configs" / "detectors"


@pytest.fixture(params=["outer_tracker", "inner_tracker"])
def detector(request):
    return load_detector(PRESETS / f"{request.param}.yaml")


@pytest.fixture
def guns():
    """Return a function that makes `n` collisions of the same particles."""

    def make(n, pdg, charge, pt, eta, phi, vertex=(0.0, 0.0, 0.0)):
        rows = [np.broadcast_to(np.asarray(v, float), np.shape(pdg)) for v in (pt, eta, phi, *vertex)]
        pt, eta, phi, x, y, z = (np.tile(r, n) for r in rows)
        m = np.size(pdg)
        zeros = np.zeros(n, np.float32)
        pairs = np.zeros((n, 2), np.float32)
        return Truth(
            offsets=np.arange(n + 1) * m,
            pdg=np.tile(np.asarray(pdg, np.int32), n),
            charge=np.tile(np.asarray(charge, np.int8), n),
            px=pt * np.cos(phi),
            py=pt * np.sin(phi),
            pz=pt * np.sinh(eta),
            energy=pt * np.cosh(eta),
            x=x,
            y=y,
            z=z,
            pt_hat=zeros,
            weight=zeros + 1,
            resonance_pt=zeros,
            resonance_eta=zeros,
            resonance_phi=zeros,
            quark_pt=pairs,
            quark_eta=pairs,
            quark_phi=pairs,
        )

    return make
