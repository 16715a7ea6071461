"""Stored crossings: read back, and decided again by the real engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from hist import Hist
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import existing, sha256
from trigsim.base.manifest import read_manifest
from trigsim.base.progress import progress
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.legs import TaggerScores
from trigsim.menu.menu import Menu
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.stream.beam import SLOTS
from trigsim.stream.companions import Classes, Parts
from trigsim.stream.parallel import cores, in_order
from trigsim.stream.variant import NO_SCORE
from trigsim.studies.company import Company
from trigsim.studies.histograms import filled
from trigsim.studies.rates import weights
from trigsim.studies.store_format import BEAM, MANIFEST, TRUTH, VERSION, PartRecord, StoredCollection, StoreManifest

IDENTITY = ("stratum", "chunk", "number", "event")


@dataclass(frozen=True, slots=True)
class Crossings:
    """Who the n crossings of a sample are.

    Attributes
    ----------
    stratum : int16, shape (n,)
        Stratum of a beam crossing; -1 for signals.
    chunk, number : int32 and int16, shape (n,)
        Chunk of the stream, and place in it: with stratum (or signal) and seed they name the crossing.
    event : int32, shape (n,)
        Number of its hardest collision among the stratum's, or of the signal collision in its file.
    """

    stratum: NDArray[np.int16]
    chunk: NDArray[np.int32]
    number: NDArray[np.int16]
    event: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True, slots=True)
class Store:
    """A folder of stored crossings; `open` makes one.

    Attributes
    ----------
    folder : Path
        Where it is.
    manifest : StoreManifest
        What is in it.
    """

    folder: Path
    manifest: StoreManifest

    @classmethod
    def open(cls, folder: str | Path) -> Store:
        """Read the manifest; the crossings are read when they are needed.

        Raises
        ------
        InputError
            If there is none, it is damaged or of another version.
        """
        folder = Path(folder)
        manifest = read_manifest(
            folder / MANIFEST,
            StoreManifest,
            VERSION,
            "store crossings with `trigsim run MENU --store DIR`",
            "store the crossings again",
        )
        return cls(folder, manifest)

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of the samples: the beam's, then the signals'."""
        return (BEAM, *self.manifest.signals)

    @property
    def weight_khz(self) -> NDArray[np.float64]:
        """Rate that one crossing of each stratum stands for, kHz, shape (K + 1,)."""
        m = self.manifest
        return weights(np.array(m.drawn), np.array(m.probability), m.beam.crossing_rate_khz)

    def with_bunches(self, colliding: int) -> Store:
        """Return the same crossings under another number of colliding bunches, at the same pile-up."""
        if not 1 <= colliding <= SLOTS:
            raise InputError(f"{colliding} colliding bunches; an orbit has 1 to {SLOTS}")
        beam = self.manifest.beam.model_copy(update={"colliding_bunches": colliding})
        return Store(self.folder, self.manifest.model_copy(update={"beam": beam}))

    def parts(self, sample: str) -> tuple[PartRecord, ...]:
        """Return the files of a sample, in order."""
        if sample not in self.samples:
            raise InputError(f"no sample '{sample}'; there are {', '.join(self.samples)}", self.folder)
        return tuple(p for p in self.manifest.parts if p.sample == sample)

    def crossings(self, sample: str) -> Crossings:
        """Return who the crossings of a sample are."""
        table = self._columns(sample, IDENTITY)
        return Crossings(*(table[name].to_numpy() for name in IDENTITY))

    def company(self, who: Crossings) -> Company:
        """Return what else is in the beam crossings `who`, those of `crossings`."""
        table, stored = self._columns(BEAM, ("class", "companions")), self.manifest.classes
        parts = None
        if stored.parent is not None:
            parts = Parts(np.array(stored.parent), np.array(stored.members), np.array(stored.expected))
        classes = Classes(np.zeros(0, np.int16), np.array(stored.stratum), np.array(stored.size), None, parts)
        count = np.concatenate([c.flatten().to_numpy() for c in table["companions"].chunks])
        return Company.of(
            classes, table["class"].to_numpy(), count.reshape(len(who), len(classes)), who.stratum,
            len(self.manifest.drawn),
        )  # fmt: skip

    def truth(self, sample: str, name: str) -> NDArray[np.float32]:
        """Return a truth column of a signal, float32 of shape (n,)."""
        if sample == BEAM or name not in TRUTH:
            raise InputError(f"no '{name}' of {sample}; signals have {', '.join(TRUTH)}", self.folder)
        return np.asarray(self._columns(sample, (name,))[name].to_numpy())

    def bits(self, sample: str) -> NDArray[np.uint8]:
        """Return the stored decisions, uint8 of shape (n, bytes): bit i, lowest first, is algorithm i."""
        column = self._columns(sample, ("bits",))["bits"].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
        width = column.type.byte_width
        raw = np.frombuffer(column.buffers()[1], np.uint8) if len(column) else np.zeros(0, np.uint8)
        return raw[column.offset * width :][: len(column) * width].reshape(-1, width)

    def compile(self, menu: Menu, models: Mapping[str, TaggerScores] | None = None) -> CompiledMenu:
        """Compile a menu for these crossings, with the working points of the stored taggers (or of `models`).

        Raises
        ------
        InputError
            If the menu cuts on a tagger, object or field that was not stored.
        """
        known: dict[str, TaggerScores] = {**self.manifest.taggers, **(models or {})}
        for model in menu.models:
            if model not in self.manifest.taggers:
                have = ", ".join(self.manifest.taggers) or "none"
                raise InputError(f"no scores of tagger '{model}' are stored, only of {have}", self.folder)
        compiled = menu.compile(models=known)
        for kind, name in compiled.fields:
            objects = self.manifest.objects
            if kind not in objects or name not in objects[kind].fields:
                problem = f"{kind} {name}, which the menu reads, is not stored; store with --store-all"
                raise InputError(problem, self.folder)
        return compiled

    def objects(self, part: PartRecord, fields: Sequence[tuple[str, str]]) -> TriggerObjects:
        """Return the trigger objects of one file, only the wanted (collection, field)."""
        table = self._read(part, [f"{kind}_{name}" for kind, name in fields])
        collections: dict[str, dict[str, NDArray[np.int32]]] = {}
        for kind, name in fields:
            stored = self.manifest.objects[kind]
            column = table[f"{kind}_{name}"].combine_chunks()
            collections.setdefault(kind, {})[name] = _dense(
                column, stored, NO_SCORE if name.startswith("score_") else 0
            )
        made = {kind: Collection(f) for kind, f in collections.items()}
        return TriggerObjects(made, np.zeros((len(table), 4), np.uint64))

    def decide(self, menu: CompiledMenu, sample: str, threads: int = 0) -> NDArray[np.uint8]:
        """Decide every crossing of a sample again.

        Returns
        -------
        uint8, shape (n, bytes)
            Bit i, lowest first, is algorithm i of `menu.names`.
        """
        parts = self.parts(sample)
        width = -(-len(menu.names) // 8)

        def work(part: PartRecord) -> NDArray[np.uint8]:
            bits = menu.decide(self.objects(part, menu.fields))
            # The engine's bits are contiguous for each algorithm: pack those, then turn.
            return np.packbits(np.ascontiguousarray(bits), axis=1, bitorder="little")

        done = [np.zeros((0, width), np.uint8)]
        with progress(f"deciding {sample}", sum(p.crossings for p in parts), "crossings") as advance:
            for part, packed in zip(parts, in_order(work, parts, cores(threads)), strict=True):
                done.append(packed)
                advance(part.crossings)
        return np.concatenate(done)

    def histogram(
        self,
        kind: str,
        name: str,
        *,
        sample: str = BEAM,
        slot: int | None = None,
        algorithm: str | None = None,
        bins: int | Sequence[float] = 60,
    ) -> Hist:
        """Return the spectrum of a stored field: objects a second for the beam (kHz), objects for a signal.

        Crossings of the beam that share their hardest collision are one in the variances, as in the intervals of
        rates.

        Parameters
        ----------
        kind, name : str
            Collection and field, such as "JET", "pt"; or "truth" and a truth column of a signal.
        sample : str
            "beam" or a signal.
        slot : int, optional
            Only the object in this slot; 0 is the first. By default all objects.
        algorithm : str, optional
            Only crossings that passed it in the stored run.
        bins : int or sequence of float
            How many, or their edges in the field's unit; see `histograms.filled`.
        """
        values, crossing = [], []
        first = 0
        lsb = self._lsb(kind, name)
        column = name if kind == "truth" else f"{kind}_{name}"
        for part in self.parts(sample):
            found, number, place = _flat(self._read(part, [column])[column].combine_chunks())
            there = found != NO_SCORE if name.startswith("score_") else np.ones(len(found), np.bool_)
            there &= True if slot is None else place == slot
            values.append(found[there])
            crossing.append(first + number[there])
            first += part.crossings
        value, of = np.concatenate([np.zeros(0), *values]), np.concatenate([np.zeros(0, np.int64), *crossing])
        if algorithm is not None:
            known = self.manifest.algorithms
            if algorithm not in known:
                raise InputError(f"no algorithm '{algorithm}' was run; there are {', '.join(known)}", self.folder)
            bit = known.index(algorithm)
            some = (self.bits(sample)[of, bit // 8] >> bit % 8 & 1).astype(np.bool_)
            value, of = value[some], of[some]
        who = self.crossings(sample)
        key = who.stratum.astype(np.int64) << 32 | who.event
        distinct, cluster = np.unique(key, return_inverse=True)
        weight = self.weight_khz[distinct >> 32] if sample == BEAM else np.ones(len(distinct))
        return filled(
            value, cluster[of], weight, bins, lsb=lsb, over=f"{kind} {name}",
            label="objects [kHz]" if sample == BEAM else "objects",
        )  # fmt: skip

    def spectra(self, kind: str, name: str, bins: int = 60) -> dict[str, Hist]:
        """Return the spectra of a field in all samples that have it, in the same bins; see `histogram`."""
        samples = self.samples if kind != "truth" else tuple(self.manifest.signals)
        edges = [self.histogram(kind, name, sample=s, bins=bins).axes[0].edges for s in samples]
        low, high, lsb = min(e[0] for e in edges), max(e[-1] for e in edges), self._lsb(kind, name)
        if lsb is None:
            same = np.linspace(low, high, bins + 1)
        else:
            first, last = round(low / lsb), round(high / lsb)
            step = -(-(last - first) // bins)
            same = np.arange(first, last + step, step) * lsb
        return {s: self.histogram(kind, name, sample=s, bins=same.tolist()) for s in samples}

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Every collection and field that has a spectrum, then the truth of signals."""
        stored = [(kind, name) for kind, one in self.manifest.objects.items() for name in one.fields]
        return stored + [("truth", name) for name in TRUTH if self.manifest.signals]

    def _lsb(self, kind: str, name: str) -> float | None:
        """Return the step of a field, None for what is generated."""
        if kind == "truth" and name in TRUTH:
            return None
        objects = self.manifest.objects
        if kind not in objects or name not in objects[kind].fields:
            stored = ", ".join(f"{k} {f}" for k, c in objects.items() for f in c.fields)
            raise InputError(f"{kind} {name} is not stored; there are {stored}", self.folder)
        lsb = objects[kind].fields[name].lsb
        return 1.0 if lsb is None else lsb

    def _columns(self, sample: str, names: Sequence[str]) -> pa.Table:
        tables = [self._read(part, names) for part in self.parts(sample)]
        if not tables:
            raise InputError(f"no crossings of {sample} are stored; store some", self.folder)
        return pa.concat_tables(tables)

    def _read(self, part: PartRecord, names: Sequence[str]) -> pa.Table:
        path = existing(self.folder / part.file, "part of the store")
        if sha256(path) != part.sha256:
            raise InputError("not the file of the manifest (its SHA-256 differs); restore it", path)
        return pa.parquet.read_table(path, columns=list(dict.fromkeys(names)), use_threads=False)


def _flat(column: Any) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return the values of a column, the crossing of each in its file, and its slot."""
    if not pa.types.is_list(column.type):
        values = column.to_numpy(zero_copy_only=False)
        return values, np.arange(len(values)), np.zeros(len(values), np.int64)
    offsets = column.offsets.to_numpy().astype(np.int64)
    crossing = np.repeat(np.arange(len(column)), np.diff(offsets))
    values = column.flatten().to_numpy()
    return values, crossing, np.arange(len(values)) - (offsets[:-1] - offsets[0])[crossing]


def _dense(column: Any, stored: StoredCollection, absent: int) -> NDArray[np.int32]:
    """Return a column as int32 (n, slots), `absent` where there is no object."""
    if not pa.types.is_list(column.type):
        return np.ascontiguousarray(column.to_numpy(zero_copy_only=False).astype(np.int32)[:, None])
    count = np.diff(column.offsets.to_numpy())
    dense = np.full((len(column), stored.slots), absent, np.int32)
    dense[np.arange(stored.slots) < count[:, None]] = column.flatten().to_numpy()
    return dense
