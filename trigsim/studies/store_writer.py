"""Writes the crossings of a stream as Parquet files, while it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, sha256, write_json, write_text
from trigsim.events.library import Library
from trigsim.menu.files import own_text
from trigsim.menu.legs import field_scale
from trigsim.menu.menu import Menu
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.objects.scales import SLOTS
from trigsim.stream.companions import Classes, classes
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, Source
from trigsim.studies.store_format import (
    BEAM,
    FORMAT,
    MANIFEST,
    MENU,
    TRUTH,
    VERSION,
    PartRecord,
    StoredClasses,
    StoredCollection,
    StoredField,
    StoredFormat,
    StoredTagger,
    StoreManifest,
)
from trigsim.tagger.tagger import Tagger

#: Chunks in a file: 16 384 crossings, which bounds the memory of writers and readers.
GROUP = 64

Fields = Mapping[str, tuple[str, ...]]


def fields_of(menu: Menu, taggers: Mapping[str, Tagger]) -> dict[str, tuple[str, ...]]:
    """Return what a menu's conditions read, and the scores of all taggers: collection → fields."""
    found: dict[str, list[str]] = {}
    for kind, name in menu.compile(models=taggers).fields:
        found.setdefault(kind, []).append(name)
    kinds = menu.scales.objects
    for kind, names in found.items():
        if kind in kinds and kinds[kind].tagger_scores:
            names += [f"score_{t}" for t in taggers if f"score_{t}" not in names]
    return {kind: tuple(sorted(names)) for kind, names in found.items() if kind in kinds}


def all_fields(menu: Menu, taggers: Mapping[str, Tagger]) -> dict[str, tuple[str, ...]]:
    """Return every field that the scale set has and the stream makes."""
    return {
        kind: (*scales.fields, *(f"score_{t}" for t in taggers if scales.tagger_scores))
        for kind, scales in menu.scales.objects.items()
        if kind in SLOTS
    }


@dataclass(slots=True)
class StoreWriter:
    """An observer of a stream (`stream.run.Observer`) that writes what it sees; `finish` makes it a store.

    Attributes
    ----------
    folder : Path
        New or empty.
    source : Source
        Of the stream.
    truth : mapping of str to (int, array)
        Signal → its first pool number, and columns `TRUTH` of its read-outs, float32 (n, 10).
    fields : mapping
        Collection → fields to keep.
    menu : Menu
        Of the stream's first variant.
    taggers : mapping of str to Tagger
        Whose scores the objects carry.
    algorithms : tuple of str
        Whose bits are kept.
    classes : Classes
        What the companions in a crossing are counted by.
    """

    folder: Path
    source: Source
    truth: Mapping[str, tuple[int, NDArray[np.float32]]]
    fields: Fields
    menu: Menu
    taggers: Mapping[str, Tagger]
    algorithms: tuple[str, ...]
    classes: Classes
    _open: dict[tuple[str, int, int], dict[int, pa.Table]] = field(default_factory=dict)
    _parts: list[PartRecord] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    @classmethod
    def open(
        cls,
        folder: str | Path,
        source: Source,
        library: Library,
        menu: Menu,
        taggers: Mapping[str, Tagger],
        fields: Fields,
    ) -> StoreWriter:
        """Return a writer into a new folder.

        Raises
        ------
        InputError
            If the folder has something in it.
        """
        folder = Path(folder)
        if folder.exists() and any(folder.iterdir()):
            raise InputError("is not empty; give --store a new folder", folder)
        first = np.cumsum([0, *(s.entries for s in (*library.inelastic, *library.signals))])
        truth = {
            s.name: (int(first[len(library.inelastic) + i]), _truth(library, s.name))
            for i, s in enumerate(library.signals)
        }
        return cls(folder, source, truth, fields, menu, taggers, tuple(menu.programs()), classes(source))

    def beam(self, stratum: int, chunk: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """Keep a chunk of beam crossings."""
        held = self.classes.count(plan)
        table = self._table(stratum, chunk, self.source.local(stratum, held.event), objects, bits)
        flat = pa.array(held.companions.astype(np.uint16).reshape(-1))
        table = table.append_column("class", pa.array(held.kind.astype(np.int16)))
        table = table.append_column("companions", pa.FixedSizeListArray.from_arrays(flat, len(self.classes)))
        self._keep(BEAM, stratum, chunk, table)

    def signal(self, signal: str, first: int, plan: Plan, objects: TriggerObjects, bits: NDArray[np.bool_]) -> None:
        """Keep a chunk of signal crossings, with what is known of the signal collision."""
        offset, truth = self.truth[signal]
        collision = self.source.collision
        event = collision[plan.hardest] - collision[offset]
        table = self._table(-1, first // CHUNK, event, objects, bits)
        for i, name in enumerate(TRUTH):
            table = table.append_column(name, pa.array(truth[plan.hardest - offset, i]))
        self._keep(signal, -1, first // CHUNK, table)

    def finish(self, drawn: NDArray[np.int64], signals: Mapping[str, int], provenance: Mapping[str, Any]) -> None:
        """Write what is left, the menu and the manifest.

        Parameters
        ----------
        drawn : int64, shape (K + 1,)
            Beam crossings of each stratum that the stream counted.
        signals : mapping
            Signal → crossings counted.
        provenance : mapping
            Record of `base.provenance.provenance`.
        """
        for key in sorted(self._open):
            self._write(key, self._open[key])
        self._open.clear()
        for sample, counted in ((BEAM, int(drawn.sum())), *signals.items()):
            stored = sum(p.crossings for p in self._parts if p.sample == sample)
            if stored != counted:
                raise InputError(
                    f"{stored} of {counted} {sample} crossings were seen; store a whole run", self.folder
                )
        source = self.source
        manifest = StoreManifest(
            format=FORMAT,
            version=VERSION,
            beam=source.beam,
            strata=(*source.strata.names, "empty"),
            probability=tuple(map(float, source.strata.probability)),
            drawn=tuple(map(int, drawn)),
            collisions=(*source.sizes, 1),
            classes=_stored(self.classes),
            signals=dict(signals),
            menu=self.menu.name,
            algorithms=self.algorithms,
            taggers={
                name: StoredTagger(
                    name=t.name,
                    model=t.model,
                    inputs=len(t.features),
                    working_points=dict(t.working_points),
                    score_format=StoredFormat(lsb=t.score_format.lsb),
                )
                for name, t in self.taggers.items()
            },
            objects=self._objects(),
            parts=tuple(sorted(self._parts, key=lambda p: p.file)),
            provenance=dict(provenance),
        )
        write_text(self.folder / MENU, own_text(self.menu))
        write_json(self.folder / MANIFEST, json.loads(manifest.model_dump_json()))

    def _objects(self) -> dict[str, StoredCollection]:
        kinds = self.menu.scales.objects
        found = {}
        for kind, names in self.fields.items():
            scales = {name: field_scale(kinds[kind], name) for name in names}
            stored = {n: StoredField(bits=s.bits, signed=s.signed, lsb=s.step) for n, s in scales.items()}
            found[kind] = StoredCollection(slots=SLOTS[kind], fields=stored)
        return found

    def _table(
        self, stratum: int, chunk: int, event: NDArray[np.int64], objects: TriggerObjects, bits: NDArray[np.bool_]
    ) -> pa.Table:
        n = len(objects)
        packed = np.packbits(bits[:, : len(self.algorithms)], axis=1, bitorder="little")
        columns: dict[str, pa.Array] = {
            "stratum": pa.array(np.full(n, stratum, np.int16)),
            "chunk": pa.array(np.full(n, chunk, np.int32)),
            "number": pa.array(np.arange(n, dtype=np.int16)),
            "event": pa.array(event.astype(np.int32)),
            "bits": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(packed.shape[1]), n, [None, pa.py_buffer(packed.tobytes())]
            ),
        }
        kinds = self.menu.scales.objects
        for kind, names in self.fields.items():
            collection = objects.collections[kind]
            there = _there(collection)
            for name in names:
                scale = field_scale(kinds[kind], name)
                columns[f"{kind}_{name}"] = _column(
                    collection.fields[name], there, dtype_of(scale.bits, scale.signed)
                )
        return pa.table(columns)

    def _keep(self, sample: str, stratum: int, chunk: int, table: pa.Table) -> None:
        key = (sample, stratum, chunk // GROUP)
        with self._lock:
            group = self._open.setdefault(key, {})
            group[chunk] = table
            full = len(group) == GROUP
            if full:
                del self._open[key]
        if full:
            self._write(key, group)

    def _write(self, key: tuple[str, int, int], group: Mapping[int, pa.Table]) -> None:
        sample, stratum, number = key
        table = pa.concat_tables([group[chunk] for chunk in sorted(group)]).combine_chunks()
        name = f"{sample}-{stratum}-{number:05d}.parquet" if sample == BEAM else f"{sample}-{number:05d}.parquet"
        with atomic_path(self.folder / name) as temporary:
            pa.parquet.write_table(table, temporary, compression="zstd")
        record = PartRecord(
            file=name,
            sample=sample,
            stratum=stratum if sample == BEAM else None,
            crossings=len(table),
            sha256=sha256(self.folder / name),
        )
        with self._lock:
            self._parts.append(record)


def _stored(classes: Classes) -> StoredClasses:
    parts, own = classes.parts, (tuple(classes.stratum.tolist()), tuple(classes.size.tolist()))
    if parts is None:
        return StoredClasses(stratum=own[0], size=own[1])
    return StoredClasses(
        stratum=own[0],
        size=own[1],
        parent=tuple(parts.parent.tolist()),
        members=tuple(map(tuple, parts.members.tolist())),
        expected=tuple(map(tuple, parts.expected.tolist())),
    )


def dtype_of(bits: int, signed: bool) -> np.dtype[Any]:
    """Return the narrowest integer type that holds a field."""
    size = next(s for s in (8, 16, 32) if s >= bits)
    return np.dtype(f"{'i' if signed else 'u'}{size // 8}")


def _there(collection: Collection) -> NDArray[np.int64]:
    """Return how many leading slots hold an object, shape (n,): an absent one is zero in every field."""
    names = [name for name in collection.fields if not name.startswith("score_")]
    some = np.any([collection.fields[name] != 0 for name in names], axis=0)
    slots = some.shape[1]
    return np.where(some.any(axis=1), slots - np.argmax(some[:, ::-1], axis=1), 0)


def _column(values: NDArray[np.int32], there: NDArray[np.int64], dtype: np.dtype[Any]) -> pa.Array:
    if values.shape[1] == 1:
        return pa.array(values[:, 0].astype(dtype))
    flat = values[np.arange(values.shape[1]) < there[:, None]].astype(dtype)
    offsets = np.concatenate([[0], np.cumsum(there)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(flat))


def _truth(library: Library, name: str) -> NDArray[np.float32]:
    collisions = library.load(name)
    columns = [getattr(collisions, what) for what in TRUTH[:4]]
    columns += [getattr(collisions, f"quark_{axis}")[:, i] for i in (0, 1) for axis in ("pt", "eta", "phi")]
    return np.stack(columns, axis=1).astype(np.float32)
