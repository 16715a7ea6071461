"""Seeded random streams that do not depend on threads, workers or restarts."""

from __future__ import annotations

import zlib

import numpy as np


def stream_rng(seed: int, stream: str, chunk: int = 0) -> np.random.Generator:
    """Return the generator of one chunk of one named stream.

    Parameters
    ----------
    seed : int
        The run's seed, non-negative.
    stream : str
        What the numbers are for ("overlay", "generate/qcd20", …); its CRC-32 is the spawn key.
    chunk : int
        Number of the chunk within the stream.

    Returns
    -------
    numpy.random.Generator
        PCG64, seeded by ``SeedSequence(seed, spawn_key=(crc32(stream), chunk))``.
    """
    key = (zlib.crc32(stream.encode()), chunk)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
