"""Collisions read out several times are still so many collisions: intervals of rates, on toys of known truth."""

from dataclasses import dataclass, replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from tests.stream.collisions import made_up, offsets
from trigsim.stream.accumulate import RateCounts
from trigsim.stream.beam import Beam
from trigsim.stream.companions import classes
from trigsim.stream.demand import EVERYTHING
from trigsim.stream.hardness import parted
from trigsim.stream.plan import pool
from trigsim.stream.source import Source, by_collision
from trigsim.stream.strata import Strata
from trigsim.studies.rates import library_error, rates, variance, weights

pytestmark = pytest.mark.jit
#: Soft and hard collisions in a crossing, and in a library; the detector's resolution; crossings of each stratum.
MEANS, SIZES, RESOLUTION, N = np.array([20.0, 0.6]), (300, 80), 0.05, 1200
ROWS = ("sum", "any")
SUM, ANY = 30.0, 10.0
#: Towers count in steps of this.
STEP = 0.01
BEAM = Beam(name="b", mean_pileup=20.6, colliding_bunches=2760, vertex_sigma_z_mm=45.0, vertex_source="assumed")


def sizes_of(rng, soft, hard):
    """True sizes of collisions."""
    return np.concatenate([rng.exponential(0.8, soft), 3 + rng.exponential(3.0, hard)])


def seen(rng, x):
    """What the detector makes of sizes."""
    return x * rng.gamma(RESOLUTION**-2, RESOLUTION**2, x.shape)


def decide(x, starts):
    crossing = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    total = np.bincount(crossing, weights=x, minlength=len(starts) - 1)
    largest = np.zeros(len(total))
    np.maximum.at(largest, crossing, x)
    return np.stack([total > SUM, largest > ANY], axis=1)


def library(rng, readouts, more=1):
    """A source of `more` times `SIZES` collisions, each read out so often; a collision is one tower."""
    x = sizes_of(rng, *(more * n for n in SIZES))
    values = seen(rng, np.repeat(x, readouts)).round(int(-np.log10(STEP)))
    n, ends = len(values), np.cumsum([0, *SIZES]) * more * readouts
    one = replace(
        made_up(n, 1),
        tower_offsets=offsets(np.ones(n, np.int64)),
        **{f"tower_{name}": np.zeros(n, np.uint8) for name in ("ieta", "iphi")},
        tower_et=(values / STEP).round().astype(np.uint16),
        tower_hadronic=np.zeros(n, np.uint16),
        muon_offsets=np.zeros(n + 1, np.int64),
    )
    return Source(
        beam=BEAM,
        strata=Strata(("soft", "hard"), MEANS[None], np.ones(1)),
        pool=pool([one]),
        members=tuple(np.arange(*ends[k : k + 2]) for k in range(2)),
        signals={},
        resonance=np.zeros((n, 2), np.float32),
        quarks=np.zeros((n, 2, 2), np.float32),
        pt_hat=np.zeros(n, np.float32),
        resonance_pt=np.zeros(n, np.float32),
        collision=np.repeat(np.arange(n // readouts), readouts),
        parent=np.arange(2),
    )


@dataclass(frozen=True)
class Towers:
    """Stands for the builder of objects: a collision's jet is its tower."""

    source: Source
    wanted: np.ndarray
    demand: object = EVERYTHING

    def build(self, plan):
        pt = self.source.pool.tower_et[plan.event].astype(np.int32)[:, None]
        return SimpleNamespace(objects=SimpleNamespace(collections={"JET": SimpleNamespace(fields={"pt": pt})}))


def run(source, seed):
    """Stream crossings as a worker does; return counts and classes."""
    found = classes(source)
    counts = RateCounts.empty(ROWS, len(source.members) + 1, max(source.sizes), len(found))
    parts = np.bincount(source.parent)[source.parent]
    for k in range(len(source.members) + 1):
        plan = source.rate_plan(k, 1 if k == len(parts) else N // parts[k], seed, "rate", 0)
        bits = decide(source.pool.tower_et[plan.event] * STEP, plan.offsets)
        counts.fill(k, source.local(k, plan.hardest), bits, found.count(plan))
    return counts, found


@pytest.fixture(scope="module")
def truth():
    """Fractions of crossings all of whose collisions are new, and read out once."""
    rng = np.random.default_rng(1)
    passed, n, rounds = np.zeros(len(ROWS)), 50_000, 8
    for _ in range(rounds):
        soft, hard = rng.poisson(MEANS[0], n), rng.poisson(MEANS[1], n)
        crossing = np.concatenate([np.repeat(np.arange(n), soft), np.repeat(np.arange(n), hard)])
        order = np.argsort(crossing, kind="stable")
        x = seen(rng, sizes_of(rng, soft.sum(), hard.sum()))
        passed += decide(x[order], offsets(soft + hard)).sum(axis=0)
    return passed / (n * rounds)


def toys(readouts, more=1, in_parts=False, times=150, miscounted=False):
    rng, made = np.random.default_rng(2), []
    for seed in range(times):
        source = library(rng, readouts, more)
        if miscounted:
            source = replace(source, collision=np.arange(len(source.collision)))
        if in_parts:
            source = parted(source, Towers(source, np.zeros(1)))
        made.append((source, *run(source, seed)))
    return made


@pytest.fixture(scope="module", params=[False, True], ids=["whole", "parts"])
def four(request):
    """Toys of four read-outs."""
    return toys(4, in_parts=request.param)


@pytest.fixture(scope="module")
def one():
    return toys(1, times=60)


def covered(made, truth):
    """The share of toys whose intervals hold the truth, by row."""
    found = [rates(c, s.strata.probability, 1.0, k).values() for s, c, k in made]
    return np.mean([[e.low <= t <= e.high for e, t in zip(some, truth, strict=True)] for some in found], axis=0)


def told(made):
    """The mean variance that intervals say, and that of the library alone."""
    each = []
    for source, counts, found in made:
        weight = weights(counts.drawn, source.strata.probability, 1.0)
        left = library_error(counts, weight, found)
        each.append([variance(counts, weight, found), [left[row] ** 2 for row in ROWS]])
    return np.mean(each, axis=0)


def test_intervals_of_four_readouts_cover_the_truth(four, truth):
    """Of 150 toys 68.3 % ± 3.8 % should hold it."""
    inside = covered(four, truth)
    assert ((inside > 0.57) & (inside < 0.79)).all(), inside
    values = np.array([[e.value for e in rates(c, s.strata.probability, 1.0).values()] for s, c, _ in four])
    assert (np.abs(values.mean(axis=0) - truth) < 5 * values.std(axis=0) / np.sqrt(len(values))).all()
    np.testing.assert_allclose(told(four)[0], values.var(axis=0), rtol=0.35)


@pytest.mark.parametrize("in_parts", [False, True])
def test_were_readouts_counted_as_collisions_they_would_not(truth, in_parts):
    assert (covered(toys(4, in_parts=in_parts, times=60, miscounted=True), truth) < 0.56).all()


def test_they_are_those_of_as_many_collisions_read_out_once(four, one):
    np.testing.assert_allclose(told(four)[1], told(one)[1], rtol=0.25)


def test_and_not_those_of_four_times_as_many(four):
    many = told(toys(1, more=4, times=40))
    assert (told(four)[1] > 2.5 * many[1]).all()


def test_readouts_of_a_collision_have_one_number_one_class_and_one_part():
    rng = np.random.default_rng(5)
    source = library(rng, 3)
    fine = parted(source, Towers(source, np.zeros(1)))
    assert len(fine.members) > 4
    assert source.sizes == SIZES
    assert sum(fine.sizes) == sum(SIZES)
    of = classes(fine).of.reshape(-1, 3)
    assert (of == of[:, :1]).all()
    for k, some in enumerate(fine.members):
        rows = by_collision(fine.collision, some)
        np.testing.assert_array_equal(fine.collision[rows], fine.collision[rows[:, :1]].repeat(3, axis=1))
        np.testing.assert_array_equal(fine.local(k, rows[:, 2]), np.arange(fine.sizes[k]))
        np.testing.assert_array_equal(fine.local(k, rows[:, 0]), np.arange(fine.sizes[k]))
    # A part's share is that of its collisions, which is known exactly.
    share = fine.strata.means[0, 1:] / MEANS[1]
    np.testing.assert_allclose(share, np.array(fine.sizes[1:]) / SIZES[1], rtol=1e-12)
    # Sorted by the mean: the softest of one part is not softer than the hardest of the part below.
    mean = np.array(source.pool.tower_et, np.int64)[: sum(SIZES) * 3].reshape(-1, 3).sum(axis=1)
    ranges = [mean[fine.collision[some]] for some in fine.members[1:]]
    assert all(low.max() <= high.min() for low, high in pairwise(ranges))
