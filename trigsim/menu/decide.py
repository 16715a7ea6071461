"""A compiled menu decides blocks of crossings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.html import html_table
from trigsim.menu import kernels
from trigsim.menu.column_kernels import address_of
from trigsim.menu.grammar import InputGroup
from trigsim.menu.layout import BLOCK, MAX_SLOTS, NARROW_SLOTS, Tables
from trigsim.menu.networks import CrossingNetwork, gather
from trigsim.objects.model import Collection, TriggerObjects

Rows = Literal["independent", "consecutive", "cyclic"]


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
    networks : mapping
        Network name → network and input map.
    uses_externals : bool
        Whether external signals are looked at.
    """

    names: tuple[str, ...]
    indices: tuple[int, ...]
    reach: tuple[int, int]
    fields: tuple[tuple[str, str], ...]
    networks: Mapping[str, NetworkUse]
    uses_externals: bool
    tables: Tables = field(repr=False)

    def _repr_html_(self) -> str:
        """Return a table of the algorithms and of what they look at, for notebooks."""
        kinds: dict[str, list[str]] = {}
        for kind, name in self.fields:
            kinds.setdefault(kind, []).append(name)
        seen = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())
        before, after = self.reach
        title = f"compiled menu of {len(self.names)} algorithms, BX -{before} to +{after}, which looks at {seen}"
        rows = [[str(index), name] for index, name in zip(self.indices, self.names, strict=True)]
        return html_table(title, ["index", "name"], rows)

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
        work = _Work(self, externals, sources, rows, margin[0], out)
        blocks = max(-(-decided // BLOCK), 1)
        threads = min(max(threads, 1), blocks)
        # As many blocks for each thread, of whole bytes of bits.
        blocks = -(-blocks // threads) * threads
        size = -(-max(decided, 1) // (8 * blocks)) * 8
        helpers = [_pool(threads - 1).submit(work.decide, size) for _ in range(threads - 1)]
        work.decide(size)
        for helper in helpers:
            helper.result()
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
    """One call of `decide`: its columns, and the menu interpreted on chunks of crossings."""

    def __init__(
        self,
        menu: CompiledMenu,
        externals: NDArray[np.uint64],
        sources: list[NDArray[np.int32]],
        rows: Rows,
        first: int,
        out: NDArray[np.bool_],
    ) -> None:
        self.menu, self.externals, self.sources = menu, externals.view(np.int64), sources
        self.rows, self.first, self.out = rows, first, out.view(np.uint8)
        self.slots = np.array([source.shape[1] for source in sources], dtype=np.int64)
        self.addresses = np.array([address_of(source) for source in sources], dtype=np.int64)
        self.taken = np.zeros(1, dtype=np.int64)

    def decide(self, size: int) -> None:
        """Decide crossings of `out`, so many at a time, until none are left for this thread."""
        tables = self.menu.tables
        widest = max(self.slots, default=1)
        words = np.empty((len(tables.mask_lane), (BLOCK * int(widest) + 127) // 64), dtype=np.int64)
        masks = np.empty((len(tables.shown), BLOCK), dtype=np.uint16 if widest <= NARROW_SLOTS else np.int64)
        n_conditions = len(tables.conditions) + 1
        n_values = len(tables.term_mask) + len(tables.signal_bit) + n_conditions + len(tables.operations)
        values = np.empty((n_values, BLOCK), dtype=np.uint8)
        bad = kernels.decide(
            tables,
            self.addresses,
            self.slots,
            self.externals,
            self.first,
            self.taken,
            size,
            self.rows == "independent",
            self.rows == "cyclic",
            words.view(np.uint8),
            words,
            masks,
            values,
            values.view(np.int64),
            self.out,
        )
        if bad >= 0:
            raise self._off_scale(bad)

    def _off_scale(self, field: int) -> InputError:
        (kind, name), source = self.menu.fields[field], self.sources[field]
        low, high = self.menu.tables.field_range[field]
        row, slot = np.argwhere((source < low) | (source > high))[0]
        return InputError(
            f"{kind} {name} {source[row, slot]} in row {row} is outside {low}..{high}; check the data"
        )


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix="trigsim-menu")


# Threads do not survive a fork.
os.register_at_fork(after_in_child=_pool.cache_clear)
