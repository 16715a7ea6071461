"""Drawn crossings that reach the edges of a menu's cuts: golden vectors without any data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.firmware.menu_design import MenuDesign
from trigsim.firmware.menu_words import EXTERNAL_BITS, is_network, numbers_of
from trigsim.menu.legs import field_scale
from trigsim.numeric.random import stream_rng
from trigsim.objects.model import Collection, TriggerObjects

#: Share of numbers drawn from the edges of intervals, where they change a bit; the rest is spread.
EDGES = 0.6
#: Fields whose numbers lie near each other in half of the crossings, so that pairs meet close cuts.
CLUSTERED = frozenset({"eta", "phi"})


def drawn(made: MenuDesign, n: int, seed: int = 0) -> TriggerObjects:
    """Return n crossings with up to all slots filled.

    Parameters
    ----------
    made : MenuDesign
        Says which kinds and fields, how many slots, and where the edges are.
    n, seed : int
    """
    rng = stream_rng(seed, "firmware/menu")
    edges = _edges(made)
    fields = list(made.compiled.fields)
    for use in made.compiled.networks.values():
        for group in use.inputs:
            fields += [(group.object, field.field) for field in group.fields if field.field is not None]
    ranges = {
        (kind, name): numbers_of(field_scale(made.menu.scales.objects[kind], name))
        for kind, name in fields
        if not is_network(kind)
    }
    slots = {word.kind: word.slots for word in made.words}
    collections: dict[str, dict[str, NDArray[np.int32]]] = {}
    filled = {kind: _filled(rng, n, slots.get(kind, 1)) for kind, _ in ranges}
    for (kind, field), limits in ranges.items():
        numbers = _numbers(rng, filled[kind].shape, field, limits, edges.get((kind, field), ()))
        collections.setdefault(kind, {})[field] = np.where(filled[kind], numbers, 0).astype(np.int32)
    signals = rng.integers(0, 2, (n, EXTERNAL_BITS), dtype=np.uint8)
    externals = np.packbits(signals, axis=1, bitorder="little").view(np.uint64)
    return TriggerObjects({kind: Collection(fields) for kind, fields in collections.items()}, externals)


def _edges(made: MenuDesign) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return for each field the numbers on either side of every cut."""
    found: dict[tuple[str, str], set[int]] = {}
    for condition in made.names:
        for leg in (*condition.legs, *([condition.reference] if condition.reference else [])):
            for field, intervals in leg.passes:
                for low, high in intervals:
                    found.setdefault((leg.object, field), set()).update((low - 1, low, high, high + 1))
    return {key: tuple(sorted(numbers)) for key, numbers in found.items()}


def _filled(rng: np.random.Generator, n: int, slots: int) -> NDArray[np.bool_]:
    """Return which slots hold an object: the first of a number that is drawn for each crossing."""
    return np.arange(slots) < rng.integers(0, slots + 1, (n, 1))


def _numbers(
    rng: np.random.Generator, shape: tuple[int, int], field: str, limits: tuple[int, int], edges: tuple[int, ...]
) -> NDArray[np.int64]:
    low, high = limits
    spread = rng.integers(low, high + 1, shape, dtype=np.int64)
    if field in CLUSTERED:
        centre = rng.integers(low, high + 1, (shape[0], 1))
        width = np.exp(rng.uniform(0, np.log(high - low + 1), (shape[0], 1)))
        near = np.rint(rng.normal(centre, width, shape)).astype(np.int64)
        near = (near - low) % (high - low + 1) + low
        spread = np.where(rng.random((shape[0], 1)) < 0.5, near, spread)
    elif high - low > 1 << 4:
        # Small numbers are as likely as large ones, as in a falling spectrum.
        size = np.exp(rng.uniform(0, np.log(float(high)), shape)).astype(np.int64)
        spread = np.where(rng.random(shape) < 0.5, np.clip(size, low, high), spread)
    inside = [edge for edge in edges if low <= edge <= high]
    if not inside:
        return spread
    at_edge = rng.choice(np.array(inside, dtype=np.int64), shape)
    return np.where(rng.random(shape) < EDGES, at_edge, spread)
