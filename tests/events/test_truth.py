"""Selecting collisions and finding the decay that makes a signal."""

import numpy as np
import pytest

from trigsim.events.arrays import offsets_of
from trigsim.events.truth import Truth
from trigsim.events.truth_kernels import label


def truth(counts):
    total, n = sum(counts), len(counts)
    particles = np.arange(total, dtype=float)
    events = np.arange(n, dtype=np.float32)
    return Truth(
        offsets_of(np.array(counts)), particles.astype(np.int32), np.zeros(total, np.int8),
        *(particles + k for k in range(7)), *(events + k for k in range(5)),
        *(np.stack([events, events + k], axis=1) for k in range(3)),
    )  # fmt: skip


def test_take_keeps_each_collisions_own_particles():
    chosen = truth([2, 0, 3, 1]).take(np.array([True, False, False, True]))
    assert chosen.offsets.tolist() == [0, 2, 3]
    assert chosen.pdg.tolist() == [0, 1, 5]
    assert chosen.px.tolist() == [0.0, 1.0, 5.0]
    assert chosen.pt_hat.tolist() == [0.0, 3.0]
    assert chosen.quark_eta.tolist() == [[0.0, 1.0], [3.0, 4.0]]


def event(rows):
    """Return columns of one event from rows (pdg, daughter1, daughter2, px, py, pz)."""
    pdg, first, last, px, py, pz = (np.array(c) for c in zip(*rows, strict=True))
    return np.array([0, len(rows)]), pdg, first, last, px * 1.0, py * 1.0, pz * 1.0


def test_last_copy_of_the_hardest_resonance_and_its_quarks_in_order():
    rows = [
        (90, 0, 0, 0, 0, 0),
        (25, 2, 2, 300, 0, 0),  # a copy before radiation: not a decay
        (25, 3, 4, 250, 0, 100),
        (5, 0, 0, 50, 0, 10),
        (-5, 0, 0, 0, 200, 90),
        (25, 6, 7, 100, 0, 0),  # softer
        (5, 0, 0, 60, 0, 0),
        (-5, 0, 0, 40, 0, 0),
        (25, 9, 10, 400, 0, 0),  # harder, but not to the quarks asked for
        (15, 0, 0, 200, 0, 0),
        (-15, 0, 0, 200, 0, 0),
    ]
    out = label(*event(rows), 25, np.array([5]))
    assert out[0, :, 0] == pytest.approx([250, 200, 50])
    assert out[0, 0, 1] == pytest.approx(np.arcsinh(0.4))
    assert out[0, 1, 2] == pytest.approx(np.pi / 2)


@pytest.mark.parametrize(("resonance", "quarks"), [(23, [5]), (25, [4])])
def test_nothing_found_is_zero(resonance, quarks):
    rows = [(25, 1, 2, 9, 9, 9), (5, 0, 0, 1, 0, 0), (-5, 0, 0, 0, 1, 0)]
    rows = [(90, 0, 0, 0, 0, 0)] + [(p, f + (f > 0), d + (d > 0), *m) for p, f, d, *m in rows]
    assert not label(*event(rows), resonance, np.array(quarks)).any()
    assert label(*event(rows), 25, np.array([5])).any()
