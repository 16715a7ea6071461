"""Objects of the 3564 slots of an orbit: spread over the slots, joined over the border, assigned out of time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.numeric.random import stream_rng
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.stream.beam import SLOTS
from trigsim.stream.filling import FillingScheme
from trigsim.stream.orbit_config import Timing
from trigsim.stream.orbit_timing_kernels import reassign

#: External signals that the beams themselves give, by the names that CMS's menus use.
_BEAM_SIGNALS: Mapping[str, Callable[[FillingScheme], NDArray[np.bool_]]] = {
    "BPTX_AND": lambda scheme: scheme.colliding,
    "BPTX_OR": lambda scheme: scheme.beam1 | scheme.beam2,
    "BPTX_B1": lambda scheme: scheme.beam1,
    "BPTX_B2": lambda scheme: scheme.beam2,
    "BPTX_NotOR": lambda scheme: ~(scheme.beam1 | scheme.beam2),
}


@dataclass(frozen=True, slots=True)
class SlotObjects:
    """Objects of consecutive slots.

    Attributes
    ----------
    objects : TriggerObjects
        Of n slots, each with its own crossing.
    shift : mapping of str to int8 array, shape (n, slots)
        Kind → crossings, -1 to 1, from an object's own to the one it is assigned to.
    """

    objects: TriggerObjects
    shift: Mapping[str, NDArray[np.int8]]

    def rows(self, which: slice) -> SlotObjects:
        """Return some of the slots."""
        return SlotObjects(
            TriggerObjects(
                {
                    kind: Collection({name: field[which] for name, field in c.fields.items()})
                    for kind, c in self.objects.collections.items()
                },
                self.objects.externals[which],
            ),
            {kind: shift[which] for kind, shift in self.shift.items()},
        )

    @staticmethod
    def joined(parts: Sequence[SlotObjects]) -> SlotObjects:
        """Return slots end to end."""
        first = parts[0]
        collections = {
            kind: Collection(
                {
                    name: np.concatenate([p.objects.collections[kind].fields[name] for p in parts])
                    for name in c.fields
                }
            )
            for kind, c in first.objects.collections.items()
        }
        externals = np.concatenate([p.objects.externals for p in parts])
        return SlotObjects(
            TriggerObjects(collections, externals),
            {kind: np.concatenate([p.shift[kind] for p in parts]) for kind in first.shift},
        )

    def assigned(self, empty: TriggerObjects) -> TriggerObjects:
        """Return the objects where they are assigned to; those from beyond the ends are not there.

        Parameters
        ----------
        empty : TriggerObjects
            One crossing without a collision.
        """
        collections = dict(self.objects.collections)
        for kind, shift in self.shift.items():
            names = tuple(collections[kind].fields)
            fields = np.stack([collections[kind].fields[name] for name in names])
            filler = np.array([empty.collections[kind].fields[name][0, -1] for name in names], np.int32)
            out = np.empty_like(fields)
            reassign(fields, names.index("pt"), shift, filler, out)
            collections[kind] = Collection(dict(zip(names, out, strict=True)))
        return TriggerObjects(collections, self.objects.externals)


def spread(
    objects: TriggerObjects, slots: NDArray[np.int64], empty: TriggerObjects, kinds: Sequence[str]
) -> dict[str, Collection]:
    """Return collections of all 3564 slots; slots without a crossing look like `empty`.

    Parameters
    ----------
    objects : TriggerObjects
        Of n crossings.
    slots : int64, shape (n,)
        Where they are.
    empty : TriggerObjects
        One crossing without a collision.
    kinds : sequence of str
        Collections to spread.
    """
    collections = {}
    for kind in kinds:
        fields = {}
        for name, field in objects.collections[kind].fields.items():
            rows = np.repeat(empty.collections[kind].fields[name], SLOTS, axis=0)
            rows[slots] = field
            fields[name] = rows
        collections[kind] = Collection(fields)
    return collections


def draw_shift(collection: Collection, kind: str, timing: Timing, seed: int, orbit: int) -> NDArray[np.int8]:
    """Draw which objects of an orbit are assigned to the crossing before (-1) or after (1)."""
    uniform = stream_rng(seed, f"orbit/timing/{kind}", orbit).random(collection.shape)
    shift: NDArray[np.int8] = (uniform > 1 - timing.late).astype(np.int8)
    shift[uniform < timing.early] = -1
    return shift


def beam_signals(scheme: FillingScheme, externals: Mapping[str, int]) -> NDArray[np.uint64]:
    """Return the external signals of each slot that the beams give, uint64 of shape (3564, 4).

    Parameters
    ----------
    scheme : FillingScheme
        Where the bunches are.
    externals : mapping of str to int
        Signal → bit of the 256, as in a menu. Those named BPTX_AND, BPTX_OR, BPTX_B1, BPTX_B2 or BPTX_NotOR (with
        or without _VME at the end) are set; all others stay off.
    """
    words = np.zeros((SLOTS, 4), np.uint64)
    for name, bit in externals.items():
        signal = _BEAM_SIGNALS.get(name.removesuffix("_VME"))
        if signal is not None:
            words[signal(scheme), bit // 64] |= np.uint64(1 << bit % 64)
    return words
