"""The training set: large-R jets of signal and of the beam, made by the very loop that the trigger runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.progress import progress
from trigsim.events.model import N_PHI, TOWER_PHI
from trigsim.objects.scales import ETA, PHI
from trigsim.stream.block import Block, Builder
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, Source
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.features import FEATURES, NAMES

#: A large-R jet is the resonance if its axis is this near and both quarks lie within the jet's radius.
MATCH_DR, JET_RADIUS = 0.5, 1.0
#: Edges of the pT bins in which background is weighted to the signal's spectrum, GeV.
PT_EDGES = np.concatenate([np.arange(150, 500, 25), np.arange(500, 1001, 100), [np.inf]])


def make_candidates(
    source: Source,
    builder: Builder,
    signals: Sequence[str],
    n_signal: int,
    n_background: int,
    seed: int,
    threads: int = 0,
) -> Candidates:
    """Return signal candidates and pT-matched multijet candidates.

    Parameters
    ----------
    source : Source
        The training side of a library.
    builder : Builder
        With all 39 features wanted.
    signals : sequence of str
        Signal strata, from which chunks are made in turn.
    n_signal, n_background : int
        Candidates to make, at least. Collisions are used again with new pile-up, vertex and rotation as needed.
    seed, threads : int
        As in `stream.run.stream`.

    Returns
    -------
    Candidates
        `collision` is that of the hard collision, `Source.collision`. Background comes in equal numbers of
        crossings from every stratum that makes large-R jets and is weighted to the signal's pT spectrum, mean 1;
        background where there is no signal is left out.

    Raises
    ------
    InputError
        If the signal is unknown, or no large-R jet is found in many crossings.
    """
    source.require_signals(signals)
    threads = cores(threads)

    def signal_chunk(chunk: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        first = chunk // len(signals) * CHUNK
        plan = source.signal_plan(signals[chunk % len(signals)], first, CHUNK, seed)
        block = builder.build(plan)
        matched = is_resonance(source, plan, block)
        return source.collision[plan.hardest[block.crossing[matched]]], block.features_hw[matched]

    hard = range(1, len(source.members))

    def background_chunk(chunk: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        plan = source.rate_plan(hard[chunk % len(hard)], CHUNK, seed, "candidates", chunk // len(hard))
        block = builder.build(plan)
        return source.collision[plan.hardest[block.crossing]], block.features_hw

    s_event, s_features = _gather("signal candidates", signal_chunk, range(10**9), n_signal, threads)
    b_event, b_features = _gather("multijet candidates", background_chunk, range(10**9), n_background, threads)
    keep, weight = match_pt(s_features[:, 0], b_features[:, 0])
    b_event, b_features = b_event[keep], b_features[keep]
    n_s, n_b = len(s_event), len(b_event)
    return Candidates(
        names=NAMES,
        features_hw=np.concatenate([s_features, b_features]),
        label=np.repeat(np.array([1, 0], np.uint8), [n_s, n_b]),
        collision=np.concatenate([s_event, b_event]),
        pile_up=np.full(n_s + n_b, source.beam.average_pileup, np.float32),
        weight=np.concatenate([np.ones(n_s), weight]).astype(np.float32),
    )


def _gather(
    title: str,
    work: Callable[[int], tuple[NDArray[np.int64], NDArray[np.int32]]],
    chunks: Iterable[int],
    wanted: int,
    threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return events and features of at least `wanted` candidates; give up after a thousand empty chunks."""
    events, features, found, empty = [], [], 0, 0
    with progress(title, wanted, "candidates") as advance:
        for event, rows in in_order(work, chunks, threads):
            events.append(event)
            features.append(rows)
            found += len(event)
            empty = 0 if len(event) else empty + 1
            advance(len(event))
            if found >= wanted:
                break
            if empty >= 1000:
                raise InputError(
                    f"no {title} in {empty * CHUNK} crossings; lower fat_min or generate harder events"
                )
    return np.concatenate(events), np.concatenate(features)


def is_resonance(source: Source, plan: Plan, block: Block) -> NDArray[np.bool_]:
    """Return which large-R jets of signal crossings hold the resonance and both its quarks, shape (c,)."""
    first = plan.offsets[:-1][block.crossing]
    event, turn = plan.event[first], plan.rotation[first] % N_PHI * TOWER_PHI
    sign = np.where(plan.mirror[first], -1.0, 1.0)
    jets = block.objects.collections["FATJET"].fields
    eta = ETA.to_value(jets["eta"][block.crossing, block.slot])
    phi = PHI.to_value(jets["phi"][block.crossing, block.slot])
    resonance = source.resonance[event]
    near = _delta_r(eta, phi, sign * resonance[:, 0], resonance[:, 1] + turn) < MATCH_DR
    for quark in (0, 1):
        place = source.quarks[event, quark]
        near &= _delta_r(eta, phi, sign * place[:, 0], place[:, 1] + turn) < JET_RADIUS
    return near


def _delta_r(
    eta1: NDArray[np.float64], phi1: NDArray[np.float64], eta2: NDArray[np.float64], phi2: NDArray[np.float64]
) -> NDArray[np.float64]:
    dphi = np.remainder(phi1 - phi2 + np.pi, 2 * np.pi) - np.pi
    return np.hypot(eta1 - eta2, dphi)


def match_pt(
    signal_pt_hw: NDArray[np.int32], background_pt_hw: NDArray[np.int32]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which background to keep and the weights, mean 1, that give it the signal's pT spectrum.

    Parameters
    ----------
    signal_pt_hw, background_pt_hw : int32 arrays
        Large-R jet pT in steps of the feature `pt`.
    """
    scale = FEATURES[0].scale
    wanted, _ = np.histogram(scale.to_value(signal_pt_hw), PT_EDGES)
    bins = np.digitize(scale.to_value(background_pt_hw), PT_EDGES) - 1
    inside = (bins >= 0) & (bins < len(wanted))
    there = np.bincount(bins[inside], minlength=len(wanted))
    ratio = np.divide(wanted, there, out=np.zeros(len(wanted)), where=there > 0)
    weight = np.where(inside, ratio[np.clip(bins, 0, len(wanted) - 1)], 0.0)
    keep = weight > 0
    return keep, weight[keep] / weight[keep].mean()
