"""Random collisions, no physics in them."""

import numpy as np
import pytest

from trigsim.events.arrays import offsets_of
from trigsim.events.model import Collisions
from trigsim.events.stratum_file import DTYPES

_LIMITS = {"ieta": 116, "iphi": 72, "phi": 72 * 128}


@pytest.fixture(scope="session")
def random_collisions():
    """Return a function that makes `n` collisions with random content, some of them empty."""

    def make(n, seed=0):
        rng = np.random.default_rng(seed)
        columns = {}
        for prefix, mean in (("tower", 20), ("track", 3), ("muon", 0.2)):
            offsets = offsets_of(rng.poisson(mean, n))
            columns[f"{prefix}_offsets"] = offsets
            for name, dtype in DTYPES.items():
                if name.startswith(prefix):
                    info = np.iinfo(dtype)
                    high = _LIMITS.get(name.split("_")[1], info.max + 1)
                    columns[name] = rng.integers(info.min, high, offsets[-1]).astype(dtype)
        for name in ("pt_hat", "weight", "resonance_pt", "resonance_eta", "resonance_phi"):
            columns[name] = rng.normal(size=n).astype(np.float32)
        for name in ("quark_pt", "quark_eta", "quark_phi"):
            columns[name] = rng.normal(size=(n, 2)).astype(np.float32)
        return Collisions(**columns)

    return make
