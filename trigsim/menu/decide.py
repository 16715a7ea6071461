"""A compiled menu decides blocks of crossings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu import kernels, pack_kernels
from trigsim.menu.grammar import InputGroup
from trigsim.menu.layout import BLOCK, MAX_SLOTS, NARROW_SLOTS, Tables
from trigsim.menu.masks import Coding
from trigsim.menu.networks import CrossingNetwork, gather
from trigsim.objects.model import Collection, TriggerObjects

Rows = Literal["independent", "consecutive", "cyclic"]
#: Crossings whose objects are encoded at a time: they stay in the cache.
CHUNK = 3 * BLOCK


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
    codings : tuple of Coding
        The numbers each field may hold, and their codes.
    networks : mapping
        Network name → network and input map.
    uses_externals : bool
        Whether external signals are looked at.
    """

    names: tuple[str, ...]
    indices: tuple[int, ...]
    reach: tuple[int, int]
    fields: tuple[tuple[str, str], ...]
    codings: tuple[Coding, ...]
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
        out = np.empty((len(self.names), decided), dtype=np.bool_)
        externals = np.ascontiguousarray(objects.externals, dtype=np.uint64)
        work = _Work(self, externals, sources, rows, margin[0], decided, out)
        starts = range(0, decided, CHUNK)
        if threads > 1 and len(starts) > 1:
            left = iter(starts)
            with ThreadPoolExecutor(threads) as pool:
                for done in [pool.submit(work.decide, left) for _ in range(threads)]:
                    done.result()
        else:
            work.decide(iter(starts))
        return out.T

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


class _Work:
    """One call of `decide`: encodes chunks of crossings and interprets the menu on them."""

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
        self.out = out.view(np.uint8)
        self.reach = (0, 0) if rows == "independent" else menu.reach
        self.slots = np.array([source.shape[1] for source in sources], dtype=np.int64)
        #: Rows of a chunk with its neighbours, and then a block of empty crossings.
        self.empty = min(CHUNK, decided) + sum(self.reach)
        # The codes of each field start at a whole cache line.
        sizes = -(-(self.empty + BLOCK) * self.slots // 32) * 32
        self.base = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)

    def decide(self, starts: Iterator[int]) -> None:
        """Decide the crossings of `out` in chunks from each of `starts` on."""
        tables = self.menu.tables
        codes = np.empty(int(self.base[-1]), dtype=np.uint16)
        for base, slots, zero in zip(self.base, self.slots, tables.zero, strict=False):
            codes[base + self.empty * slots : base + (self.empty + BLOCK) * slots] = zero
        zeros = np.repeat(tables.zero.astype(np.uint16), 4).view(np.int64)
        narrow = max(self.slots, default=0) <= NARROW_SLOTS
        bits = np.zeros(MAX_SLOTS, dtype=np.uint16 if narrow else np.int64)
        width = NARROW_SLOTS if narrow else MAX_SLOTS
        bits[:width] = np.left_shift(np.int64(1), np.arange(width)).astype(bits.dtype)
        n_masks = int(tables.lane_atom0[-1]) + len(tables.joined_by)
        masks = np.empty((n_masks, BLOCK), dtype=bits.dtype)
        n_conditions = len(tables.conditions) + 1
        n_values = len(tables.term_mask) + len(tables.signal_bit) + n_conditions + len(tables.operations)
        values = np.zeros((n_values, BLOCK), dtype=np.uint8)
        signals = np.zeros((4, self.empty + BLOCK), dtype=np.int64)
        for start in starts:
            n = min(CHUNK, self.decided - start)
            self._encode(start, n, codes, signals)
            kernels.decide(
                tables,
                self.base,
                self.slots,
                zeros,
                codes,
                codes.view(np.int64),
                signals,
                self.reach[0],
                n,
                self.empty,
                self.rows == "independent",
                masks,
                bits,
                values,
                values.view(np.int64),
                self.out,
                start,
            )

    def _encode(self, start: int, n: int, codes: NDArray[np.uint16], signals: NDArray[np.int64]) -> None:
        first, length = self.first + start - self.reach[0], n + sum(self.reach)
        wrap = self.rows == "cyclic"
        for i, (source, coding) in enumerate(zip(self.sources, self.menu.codings, strict=True)):
            into = codes[self.base[i] : self.base[i + 1]]
            if len(coding.bounds):
                pack_kernels.rank(source, first, wrap, length, coding.bounds, into)
                bad = bool(((source < coding.low) | (source > coding.high)).any()) if start == 0 else False
            else:
                bad = pack_kernels.encode(source, first, wrap, length, coding.low, coding.high, into)
            if bad:
                raise self._out_of_range(i)
        if self.menu.uses_externals:
            seen = np.arange(first, first + length)
            if wrap:
                seen %= len(self.externals)
            inside = np.flatnonzero((seen >= 0) & (seen < len(self.externals)))
            signals[:, :length] = 0
            signals[:, inside] = self.externals[seen[inside]].T

    def _out_of_range(self, i: int) -> InputError:
        (kind, name), source, coding = self.menu.fields[i], self.sources[i], self.menu.codings[i]
        row, slot = np.argwhere((source < coding.low) | (source > coding.high))[0]
        return InputError(
            f"{kind} {name} {source[row, slot]} in row {row} is outside {coding.low}..{coding.high}; check the data"
        )
