"""The benches at tiny sizes: what they report, and that the figures are of what they say."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from trigsim.studies.bench import stream as stream_bench
from trigsim.studies.bench.clustering import clustering
from trigsim.studies.bench.crossing import crossing
from trigsim.studies.bench.limit_kernels import add_grids
from trigsim.studies.bench.limits import limits
from trigsim.studies.bench.memory import CROSSINGS, memory
from trigsim.studies.bench.precision import GOALS, precision, sampling_khz

ROOT = Path(__file__).parents[2]
LIBRARY, MENU = ROOT / "data" / "library", ROOT / "configs" / "menus" / "phase2.yaml"
TAGGER = ROOT / "data" / "models" / "hbb-k8"


@pytest.fixture(scope="module")
def loop():
    return stream_bench.Loop.open(LIBRARY, MENU, TAGGER, 200.0)


def test_grids_are_added():
    grids = np.arange(12, dtype=np.uint8).reshape(3, 4) + 200
    total = np.zeros(4, np.int16)
    add_grids(total, grids)
    np.testing.assert_array_equal(total, grids.astype(int).sum(axis=0))


def test_limits_are_positive():
    assert all(row.value > 0 for row in limits(0.01))


@pytest.mark.jit
def test_stages_and_whole_loop(loop, monkeypatch):
    monkeypatch.setattr("trigsim.studies.bench.model.CALLS", 1)
    rows = {row.case.partition(": ")[2]: row for row in stream_bench._stages(loop, 1e10)}
    timed = ("plan", "overlay, vertex, jets and sums", "tagger", "menu")
    assert all(rows[stage].value > 0 for stage in timed)
    assert 0 < rows["tagger and menu, share of the loop"].value < 100
    whole = stream_bench._whole(loop, 256)
    speeds = [row for row in whole if row.unit == "crossings/s"]
    assert len(speeds) == len({row.case for row in speeds})
    assert all(row.value > 0 for row in speeds)


@pytest.mark.jit
def test_precision_is_what_the_goals_ask_for(loop):
    rows = precision(loop.source, loop.build, loop.variant, 0.3)
    assert len(rows) == 7 * len(GOALS)
    for (khz, goal), start in zip(GOALS, (0, 7), strict=True):
        rate, seconds, error, library, drawn, best, plain = (row.value for row in rows[start : start + 7])
        assert khz / 3 < rate < 3 * khz
        assert seconds > 0
        assert 0 < error < 1.5 * goal
        assert library > 0
        assert best <= drawn * (1 + 1e-9)  # no allotment does better
        crossing_rate = loop.source.beam.crossing_rate_khz
        assert plain == pytest.approx((crossing_rate / rate - 1) / (error / 100) ** 2)
        assert rows[start + 6].ratio == pytest.approx(plain / drawn)
        assert plain > 1000 * drawn


@pytest.mark.jit
def test_sampling_is_binomial(loop):
    """Half of n crossings of one stratum pass: the relative error is that of a fraction, sqrt(1 / n)."""

    class Counts:
        rows = ("a",)
        drawn = np.array([0, 400, 0, 0, 0, 0, 0, 0])
        passes = np.zeros((1, 8, 1))

    Counts.passes[0, 1, 0] = 200
    rate = loop.source.beam.crossing_rate_khz * loop.source.strata.probability[1] / 2
    assert sampling_khz(Counts, loop.source)["a"] / rate == pytest.approx(math.sqrt(1 / 400))


@pytest.mark.jit
def test_crossings_of_the_beam_and_of_signal(monkeypatch):
    monkeypatch.setattr("trigsim.studies.bench.model.CALLS", 1)
    rows = crossing(LIBRARY)
    jets = [row.value for row in rows if row.unit == "jets/crossing"]
    assert len(jets) == 3
    assert jets[0] < min(jets[1:])
    assert all(row.value > 0 for row in rows if row.case.endswith("objects"))


@pytest.mark.jit
def test_clustering_beside_fastjet():
    pytest.importorskip("fastjet", reason="FastJet is not installed: no peer")
    rows = clustering(0.02)
    ours = {row.case: row.value for row in rows if row.what == "trigsim"}
    theirs = [row for row in rows if row.peer]
    assert len(ours) == 6
    assert len(theirs) == 6
    assert all(row.ratio == pytest.approx(ours[row.case] / row.value) for row in theirs)


@pytest.mark.jit
def test_clustering_without_fastjet(monkeypatch):
    monkeypatch.setitem(sys.modules, "fastjet", None)
    assert not [row for row in clustering(0.001) if row.peer]


def test_memory_is_that_of_the_child(monkeypatch):
    """A child that fills 1 MiB a crossing; this process, far larger, does not show."""
    fill = "import json, sys\nkept = bytearray(b'x') * (json.loads(sys.argv[1])[3] << 20)\n"
    monkeypatch.setattr("trigsim.studies.bench.memory._RUN", fill)
    few, twice = memory(LIBRARY, MENU, {"hbb": TAGGER}, 40 / CROSSINGS)
    assert 40 < few.value < 70
    assert twice.value - few.value == pytest.approx(40, abs=2)
