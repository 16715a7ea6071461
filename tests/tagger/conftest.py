"""A small task with known relevant features, in hardware integers."""

import numpy as np
import pytest


def make_task(n=4000, columns=12, seed=0):
    """Features 1, 4, 7 decide; 2 copies 1 with noise; the rest is noise of assorted scales and offsets."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, columns))
    z[:, 2] = z[:, 1] + rng.normal(scale=1.5, size=n)
    logit = 1.6 * z[:, 1] - 1.6 * z[:, 4] + 1.6 * np.sin(2 * z[:, 7])
    y = (logit + rng.logistic(size=n) > 0).astype(np.uint8)
    scale = 2.0 ** np.arange(2, 2 + columns)
    return np.rint(z * scale + 3 * scale).astype(np.int32), y


@pytest.fixture(scope="session")
def task():
    return make_task()


@pytest.fixture(scope="session")
def quick():
    from trigsim.tagger.config import Epochs, TrainConfig

    return TrainConfig(hidden=(16, 8), keep=3, batch=128, epochs=Epochs(select=12, tune=8, quantise=8), restarts=1)


@pytest.fixture(scope="session")
def model(task, quick):
    from trigsim.tagger import train

    return train(*task, quick)
