"""Anti-kT clustering of the tracks of a jet: ours, and FastJet's from Python."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.random import stream_rng
from trigsim.objects.layout import cluster_memory
from trigsim.objects.settings import ObjectSettings
from trigsim.studies.bench.clustering_kernels import repeat
from trigsim.studies.bench.model import Row, against

#: Tracks of a jet; the last is beyond what a jet has.
TRACKS = (20, 50, 200)
RADIUS = 1.0
PION_GEV = 0.13957
#: Clusterings a measurement, times the inputs of each.
WORK = 40_000


def clustering(share: float = 1.0) -> list[Row]:
    """Time one clustering, as clusterings a second of a core's processor time, the best of five.

    Parameters
    ----------
    share : float
        Of the clusterings of a full-size run.

    Returns
    -------
    list of Row
        FastJet is called from Python with a list of its own particles, which SWIG converts twice, to choose the
        constructor and to call it; the second row of FastJet has twice the time of one conversion taken off, and is
        what its C++ takes, as the shim of `benchmarks/clustering.py` confirms. Without FastJet both are left out.
        Its VariableR plugin has no Python interface: `benchmarks/clustering.py` compares with it through the shim.
    """
    settings = ObjectSettings()
    fixed = (RADIUS**2, RADIUS**2, RADIUS**2)
    variable = (settings.vr_rho**2, settings.vr_min**2, settings.vr_max**2)
    rows: list[Row] = []
    for n in TRACKS:
        p, memory = _tracks(n), cluster_memory(n)
        times = max(1, round(share * WORK / (n + 10)))
        speed = _speed(lambda p=p, m=memory, k=times: repeat(k, p, *fixed, m), times)  # type: ignore[misc]
        theirs = _fastjet(p, times)
        unit = "clusterings/s"
        rows += against(f"anti-kT R = 1.0, {n} tracks", unit, ("trigsim", speed), theirs)
        speed = _speed(lambda p=p, m=memory, k=times: repeat(k, p, *variable, m), times)  # type: ignore[misc]
        rows.append(Row(f"variable R, {n} tracks", "trigsim", unit, speed))
    return rows


def _tracks(n: int) -> NDArray[np.float64]:
    """Return px, py, pz, E of n pions around one direction, as those of a large-R jet, shape (4, n)."""
    rng = stream_rng(0, "bench/tracks", n)
    pt = 2.0 + rng.exponential(5.0, n)
    eta, phi = rng.normal(0.5, 0.35, n), rng.normal(1.0, 0.35, n)
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return np.stack([px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + PION_GEV**2)])


def _fastjet(p: NDArray[np.float64], times: int) -> dict[str, float]:
    try:
        import fastjet  # noqa: PLC0415 - of the tests' extra

        # FastJet's own interface, without the wheel's arrays.
        from fastjet._swig import ClusterSequence, SelectorIdentity  # noqa: PLC0415
    except ImportError:
        return {}
    ClusterSequence.set_fastjet_banner_stream(None)
    particles = [fastjet.PseudoJet(*map(float, one)) for one in p.T]
    everything = SelectorIdentity()
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, RADIUS)

    def work() -> None:
        for _ in range(times):
            ClusterSequence(particles, definition)

    def convert() -> None:
        for _ in range(times):
            everything.count(particles)

    whole = _speed(work, times)
    clustering_alone = max(1 / whole - 2 / _speed(convert, times), 1e-9)
    return {"FastJet, list of PseudoJet": whole, "FastJet, conversion taken off": 1 / clustering_alone}


def _speed(work: Callable[[], object], times: int) -> float:
    work()
    best = float("inf")
    for _ in range(5):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return times / best
