"""A compiled menu decides blocks of crossings."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu import kernels
from trigsim.menu.grammar import InputGroup
from trigsim.menu.layout import BLOCK, MAX_SLOTS, Tables
from trigsim.menu.networks import CrossingNetwork, gather
from trigsim.objects.model import Collection, TriggerObjects

Rows = Literal["independent", "consecutive", "cyclic"]
#: Crossings packed at a time: their objects stay in the cache.
CHUNK = 12 * BLOCK


@dataclass(frozen=True, slots=True)
class NetworkUse:
    """A network and the map of its inputs."""

    inputs: tuple[InputGroup, ...]
    network: CrossingNetwork


@dataclass(frozen=True, slots=True)
class CompiledMenu:
    """A menu as tables. Immutable, and safe to use from several threads at once.

    Attributes
    ----------
    names : tuple of str
        Algorithms, in the order of the columns of decisions.
    indices : tuple of int
        Their bits.
    reach : (int, int)
        How many crossings before and after the decided one are looked at.
    fields : tuple of (object, field)
        What the objects must have.
    ranges : tuple of (int, int)
        The numbers each field may hold.
    networks : mapping
        Network name → network and input map.
    uses_externals : bool
        Whether external signals are looked at.
    """

    names: tuple[str, ...]
    indices: tuple[int, ...]
    reach: tuple[int, int]
    fields: tuple[tuple[str, str], ...]
    ranges: tuple[tuple[int, int], ...]
    networks: Mapping[str, NetworkUse]
    uses_externals: bool
    tables: Tables = field(repr=False)

    def decide(
        self,
        objects: TriggerObjects,
        rows: Rows = "independent",
        margin: tuple[int, int] = (0, 0),
        threads: int = 1,
    ) -> NDArray[np.bool_]:
        """Decide every algorithm of a block of crossings.

        Parameters
        ----------
        objects : TriggerObjects
            Trigger objects in hardware integers.
        rows : {"independent", "consecutive", "cyclic"}
            What BX offsets see: nothing (an empty crossing); the neighbouring rows, and nothing beyond the
            block; or the neighbouring rows, the first following the last.
        margin : (int, int)
            Rows at the start and the end of the block that are looked at but not decided, so that consecutive
            blocks can overlap (by `reach`).
        threads : int
            Threads to share the work; the result does not depend on it.

        Returns
        -------
        bool array of shape (n - sum(margin), algorithms)
            Contiguous for each algorithm.

        Raises
        ------
        InputError
            If a collection or field is missing, or a number is outside its scale.
        """
        n = len(objects)
        if rows not in ("independent", "consecutive", "cyclic"):
            raise InputError(f"rows '{rows}' is unknown; give independent, consecutive or cyclic")
        if min(margin) < 0 or sum(margin) > n:
            raise InputError(f"margin {margin} does not fit {n} rows")
        collections = self._with_scores(objects)
        sources = [self._source(collections, kind, name, n) for kind, name in self.fields]
        decided = n - sum(margin)
        out = np.empty((len(self.names), -(-decided // BLOCK) * BLOCK), dtype=np.bool_)
        starts = range(0, decided, CHUNK)
        externals = np.ascontiguousarray(objects.externals, dtype=np.uint64)
        chunks = _Chunks(self, externals, sources, rows, margin[0], decided, out)
        if threads > 1 and len(starts) > 1:
            with ThreadPoolExecutor(threads) as pool:
                for _ in pool.map(chunks.decide, starts):
                    pass
        else:
            for start in starts:
                chunks.decide(start)
        return out[:, :decided].T

    def _with_scores(self, objects: TriggerObjects) -> Mapping[str, Collection]:
        collections = dict(objects.collections)
        for name, use in self.networks.items():
            score = use.network.scores(gather(use.inputs, objects.collections, len(objects)))
            column = np.ascontiguousarray(score[:, None], dtype=np.int32)
            collections[f"network {name}"] = Collection({"score": column})
        return collections

    def _source(self, collections: Mapping[str, Collection], kind: str, name: str, n: int) -> NDArray[np.int32]:
        if kind not in collections:
            raise InputError(f"the data has no {kind}, which the menu looks at; it has {', '.join(collections)}")
        found = collections[kind].fields
        if name not in found:
            raise InputError(f"the data has no field '{name}' of {kind}; it has {', '.join(found)}")
        source = found[name]
        if source.dtype != np.int32 or source.shape[0] != n:
            raise InputError(f"{kind} {name} must be int32 of {n} rows; got {source.dtype} of {source.shape[0]}")
        if source.shape[1] > MAX_SLOTS:
            raise InputError(f"{kind} has {source.shape[1]} slots; at most {MAX_SLOTS} fit")
        return np.ascontiguousarray(source)


class _Chunks:
    """One call of `decide`: packs chunks of crossings and interprets the menu on them."""

    def __init__(
        self,
        menu: CompiledMenu,
        externals: NDArray[np.uint64],
        sources: list[NDArray[np.int32]],
        rows: Rows,
        first: int,
        decided: int,
        out: NDArray[np.bool_],
    ) -> None:
        self.menu, self.externals, self.sources = menu, externals.view(np.int64), sources
        self.rows, self.first, self.decided = rows, first, decided
        # Eight decisions at a time.
        self.out = out.view(np.uint64)
        widths = [source.shape[1] for source in sources]
        self.columns = np.concatenate(([0], np.cumsum(widths))).astype(np.int64)
        kinds: dict[str, int] = {}
        for (kind, _), width in zip(menu.fields, widths, strict=True):
            kinds.setdefault(kind, width)
        self.slots = np.array(list(kinds.values()), dtype=np.int64)

    def decide(self, start: int) -> None:
        """Decide the crossings of `out` from `start` on."""
        before, after = (0, 0) if self.rows == "independent" else self.menu.reach
        n = min(CHUNK, self.decided - start)
        first, length = self.first + start - before, before + n + after
        wrap = self.rows == "cyclic"
        packed = np.empty((int(self.columns[-1]), length + BLOCK), dtype=np.int32)
        for i, (source, (low, high)) in enumerate(zip(self.sources, self.menu.ranges, strict=True)):
            if kernels.pack(source, first, wrap, packed, self.columns[i], length, low, high):
                raise self._out_of_range(i, low, high)
        signals = np.zeros((4, length + BLOCK), dtype=np.int64)
        if self.menu.uses_externals:
            seen = np.arange(first, first + length)
            if wrap:
                seen %= len(self.externals)
            inside = np.flatnonzero((seen >= 0) & (seen < len(self.externals)))
            signals[:, inside] = self.externals[seen[inside]].T
        kernels.decide(
            self.menu.tables,
            self.columns,
            self.slots,
            packed,
            signals,
            before,
            n,
            self.rows == "independent",
            self.out[:, start // 8 : (start + CHUNK) // 8],
        )

    def _out_of_range(self, i: int, low: int, high: int) -> InputError:
        (kind, name), source = self.menu.fields[i], self.sources[i]
        row, slot = np.argwhere((source < low) | (source > high))[0]
        value = source[row, slot]
        return InputError(f"{kind} {name} {value} in row {row} is outside {low}..{high}; check the data")
