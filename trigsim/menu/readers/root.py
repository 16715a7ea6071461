"""ROOT files of CMS with Level-1 objects and decisions: NanoAOD and L1Ntuple.

Objects are lists an event, each with its BX; they become rows of slots. Where hardware integers are missing
they are recovered from the physical values, which are multiples of a step.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.layout import MAX_SLOTS
from trigsim.menu.readers.columns import L1NTUPLE, NANOAOD, SHOWERS, SUM_TYPES, Column, Format
from trigsim.menu.readers.model import Recorded
from trigsim.objects.model import Collection, TriggerObjects

#: Events read at a time: bounds the memory.
STEP = 50_000
MAX_BX = 2
CENTRALITY = 26
N_CENTRALITY = 8
#: What the lists with several kinds of object hold.
KINDS_OF = {"sums": (*SUM_TYPES, *(f"CENT{i}" for i in range(N_CENTRALITY))), "showers": tuple(SHOWERS)}
CICADA_STEPS = 256
#: Number that CMS gives to the run of all simulation.
SIMULATED_RUN = 1
#: ROOT adds this to the version of files with 64-bit offsets.
LARGE_FILE = 1_000_000


def read_root(path: str | Path, prefix: str | None = None) -> Iterator[Recorded]:
    """Read a NanoAOD or L1Ntuple file in chunks.

    Parameters
    ----------
    path : path
        ROOT file.
    prefix : str, optional
        Which objects: "L1" (unpacked, the default) or "L1Emul" (re-emulated).

    Raises
    ------
    InputError
        If the file is damaged, or has nothing of Level-1.
    """
    path = Path(path)
    emulated = {None: False, "L1": False, "L1Emul": True}.get(prefix)
    if emulated is None:
        raise InputError(f"no objects '{prefix}'; give L1 or L1Emul")
    _check_length(path)
    try:
        with uproot.open(path) as file:
            names = {name.partition(";")[0] for name in file.keys(recursive=True)}
            if "Events" in names:
                yield from _nanoaod(file, "L1Emul" if emulated else "L1", path)
            elif "l1UpgradeTree/L1UpgradeTree" in names or "l1UpgradeEmuTree/L1UpgradeTree" in names:
                yield from _l1ntuple(file, names, emulated, path)
            else:
                raise InputError("no NanoAOD 'Events' and no 'l1UpgradeTree'; give one of these", path)
    except InputError:
        raise
    except Exception as failure:
        # uproot meets damaged bytes with whatever they make it do: any exception here means a bad file.
        raise InputError(f"damaged or not ROOT ({type(failure).__name__}); fetch the file again", path) from None


def _check_length(path: Path) -> None:
    """Refuse a file shorter than its header says: uproot reads what is left of it without a word."""
    with path.open("rb") as stream:
        header = stream.read(20)
    if len(header) < 20 or header[:4] != b"root":
        raise InputError("not a ROOT file; check the path", path)
    version, _, end = struct.unpack(">iii", header[4:16])
    if version >= LARGE_FILE:
        (end,) = struct.unpack(">q", header[12:20])
    if path.stat().st_size < end:
        raise InputError(f"cut short: {path.stat().st_size} of {end} bytes are there; fetch the file again", path)


def _nanoaod(file: Any, prefix: str, path: Path) -> Iterator[Recorded]:
    tree = file["Events"]
    # TTree and RNTuple both know the types of their columns.
    have: dict[str, str] = tree.typenames(recursive=False)
    bits = sorted(name for name, kind in have.items() if name.startswith("L1_") and kind in ("bool", "std::bool"))
    branches = NANOAOD.branches(prefix, have)
    if not bits and not branches:
        raise InputError("the tree 'Events' has no L1_* bits and no Level-1 objects", path)
    ids = [name for name in ("run", "luminosityBlock", "event") if name in have]
    weighted = "genWeight" in have or "Generator_weight" in have
    if tree.num_entries == 0:
        raise InputError("holds no events; give a file with some", path)
    first = 0
    for data in tree.iterate([*branches, *bits, *ids], step_size=STEP, library="ak"):
        n = len(data)
        place = [_ids(data, name, n, first) for name in ("run", "luminosityBlock", "event")]
        first += n
        simulated = weighted or bool((place[0] == SIMULATED_RUN).all())
        yield _recorded(
            NANOAOD, prefix, {name: data[name] for name in branches}, n, {},
            {name: ak.to_numpy(data[name]).astype(np.bool_) for name in bits}, None, place, prescaled=not simulated,
        )  # fmt: skip


def _l1ntuple(file: Any, names: set[str], emulated: bool, path: Path) -> Iterator[Recorded]:
    kind = "Emu" if emulated or "l1UpgradeTree/L1UpgradeTree" not in names else ""
    if f"l1Upgrade{kind}Tree/L1UpgradeTree" not in names:
        raise InputError("no re-emulated objects; give L1, the unpacked ones", path)
    objects = file[f"l1Upgrade{kind}Tree/L1UpgradeTree"]
    have = _leaves(objects)
    branches = L1NTUPLE.branches("", have)
    decisions = file[f"l1uGT{kind}Tree/L1uGTTree"] if f"l1uGT{kind}Tree/L1uGTTree" in names else None
    events = file["l1EventTree/L1EventTree"] if "l1EventTree/L1EventTree" in names else None
    cicada = None
    if "l1CaloSummaryEmuTree/L1CaloSummaryTree" in names:
        summary = _leaves(file["l1CaloSummaryEmuTree/L1CaloSummaryTree"])
        cicada = summary.get("CICADAScore")
    for tree in (decisions, events):
        if tree is not None and tree.num_entries != objects.num_entries:
            raise InputError(
                f"trees of {objects.num_entries} and {tree.num_entries} events do not belong together", path
            )
    if objects.num_entries == 0:
        raise InputError("holds no events; give a file with some", path)
    for first in range(0, objects.num_entries, STEP):
        last = min(first + STEP, objects.num_entries)
        data = {name: have[name].array(entry_start=first, entry_stop=last) for name in branches}
        if "muonChg" in data:
            data["muonChg<0"] = ak.values_astype(data["muonChg"] < 0, np.int32)
            data["muonChg!=0"] = ak.values_astype(data["muonChg"] != 0, np.int32)
        extra: dict[str, NDArray[np.int32]] = {}
        if cicada is not None:
            score = ak.to_numpy(cicada.array(entry_start=first, entry_stop=last)).astype(np.float64)
            extra["CICADA"] = np.clip(np.floor(score * CICADA_STEPS), 0, 65535).astype(np.int32)
        by_name: dict[str, NDArray[np.bool_]] = {}
        by_index = None
        initial = {} if decisions is None else _leaves(decisions)
        if "m_algoDecisionInitial" in initial:
            leaf = initial["m_algoDecisionInitial"]
            by_index = ak.to_numpy(leaf.array(entry_start=first, entry_stop=last)).astype(np.bool_)
            # An RNTuple has none.
            for name, text in (getattr(decisions, "aliases", None) or {}).items():
                match = re.search(r"m_algoDecisionInitial\[(\d+)\]", text)
                if match and int(match[1]) < by_index.shape[1]:
                    by_name[name] = by_index[:, int(match[1])]
        leaves = {} if events is None else _leaves(events)
        place = [
            ak.to_numpy(leaves[name].array(entry_start=first, entry_stop=last)).astype(np.uint64)
            if name in leaves
            else np.full(last - first, 0, dtype=np.uint64)
            for name in ("run", "lumi", "event")
        ]
        # With names at hand bits are not asked for: the menu of the file may number them differently.
        yield _recorded(L1NTUPLE, "", data, last - first, extra, by_name, None if by_name else by_index, place)


def _leaves(tree: Any) -> dict[str, Any]:
    """Return the leaves of split branches by their last name."""
    return {name.rpartition("/")[2]: tree[name] for name in tree.keys(recursive=True)}


def _ids(data: Any, name: str, n: int, first: int) -> NDArray[np.uint64]:
    if name in data.fields:
        return np.asarray(ak.to_numpy(data[name]), dtype=np.uint64)
    return np.arange(first, first + n, dtype=np.uint64) if name == "event" else np.zeros(n, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where the objects of jagged lists go: every event owns a row for each BX."""

    n: int
    low: int
    high: int

    @property
    def width(self) -> int:
        return self.high - self.low + 1

    def place(self, bx: Any) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
        """Return which objects are kept, and their rows and slots."""
        counts = ak.to_numpy(ak.num(bx, axis=1))
        flat = ak.to_numpy(ak.flatten(bx)).astype(np.int64)
        row = np.repeat(np.arange(self.n), counts) * self.width + flat - self.low
        kept = (flat >= self.low) & (flat <= self.high)
        row = row[kept]
        order = np.argsort(row, kind="stable")
        starts = np.searchsorted(row[order], row[order], side="left")
        slot = np.empty(len(row), dtype=np.int64)
        slot[order] = np.arange(len(row)) - starts
        return kept, row, slot


def _recorded(
    form: Format,
    prefix: str,
    data: Mapping[str, Any],
    n: int,
    extra: Mapping[str, NDArray[np.int32]],
    by_name: dict[str, NDArray[np.bool_]],
    by_index: NDArray[np.bool_] | None,
    place: list[NDArray[np.uint64]],
    prescaled: bool = False,
) -> Recorded:
    # Some objects may be there in one crossing only: what is re-emulated from what was recorded in one.
    offsets_of: dict[str, tuple[int, int]] = {}
    for kind in form.names:
        name = form.bx(prefix, kind)
        if name in data:
            bx = np.unique(ak.to_numpy(ak.flatten(data[name])).astype(np.int64))
            bx = np.append(bx[abs(bx) <= MAX_BX], 0)
            offsets_of |= dict.fromkeys(KINDS_OF.get(kind, (kind,)), (int(bx.min()), int(bx.max())))
    rows = _Rows(
        n,
        min((low for low, _ in offsets_of.values()), default=0),
        max((high for _, high in offsets_of.values()), default=0),
    )
    collections: dict[str, Collection] = {}
    for kind, columns in form.objects.items():
        name = form.bx(prefix, kind)
        if name in data:
            fields = _fields(rows, data[name], {f: c.find(prefix, data) for f, c in columns.items()}, data)
            if fields:
                collections[kind] = Collection(fields)
    _add_sums(form, prefix, data, rows, collections)
    _add_showers(form, prefix, data, rows, collections)
    for kind, values in extra.items():
        column = np.zeros((n * rows.width, 1), dtype=np.int32)
        column[-rows.low :: rows.width, 0] = values
        collections[kind] = Collection({"score": column})
    return Recorded(
        objects=TriggerObjects(collections, np.zeros((n * rows.width, 4), dtype=np.uint64)),
        decided=np.arange(n) * rows.width - rows.low,
        rows="consecutive",
        offsets=(rows.low, rows.high),
        offsets_of=offsets_of | dict.fromkeys(extra, (0, 0)),
        has_externals=False,
        by_index=by_index,
        by_name=by_name,
        run=place[0],
        lumi=place[1],
        event=place[2],
        prescaled=prescaled,
    )


def _fields(
    rows: _Rows, bx: Any, found: Mapping[str, tuple[str, Column] | None], data: Mapping[str, Any]
) -> dict[str, NDArray[np.int32]]:
    kept, row, slot = rows.place(bx)
    slots = int(slot.max()) + 1 if len(slot) else 1
    if slots > MAX_SLOTS:
        raise InputError(f"an event has {slots} objects of one kind in one BX; at most {MAX_SLOTS} fit")
    fields: dict[str, NDArray[np.int32]] = {}
    for field, source in found.items():
        if source is not None:
            name, column = source
            values = column.numbers(ak.to_numpy(ak.flatten(data[name]))[kept], name)
            array = np.zeros((rows.n * rows.width, slots), dtype=np.int32)
            array[row, slot] = values
            fields[field] = array
    return fields


def _add_sums(
    form: Format, prefix: str, data: Mapping[str, Any], rows: _Rows, collections: dict[str, Collection]
) -> None:
    bx, kinds = form.bx(prefix, "sums"), form.sum_type(prefix)
    if bx not in data or kinds not in data:
        return
    kept, row, _ = rows.place(data[bx])
    kind = ak.to_numpy(ak.flatten(data[kinds])).astype(np.int64)[kept]
    sources = {field: column.find(prefix, data) for field, column in form.sums.items()}
    values = {
        field: source[1].numbers(ak.to_numpy(ak.flatten(data[source[0]]))[kept], source[0])
        for field, source in sources.items()
        if source is not None
    }

    def one(number: int, field: str) -> NDArray[np.int32]:
        column = np.zeros((rows.n * rows.width, 1), dtype=np.int32)
        column[row[kind == number], 0] = values[field][kind == number]
        return column

    present = set(np.unique(kind).tolist()) if "pt" in values else set()
    # Counts of unpacked objects have no physical value: it is written as 0.
    counted = sources["pt"] is not None and sources["pt"][0] == sources["pt"][1].hardware
    for name, (number, field, with_phi) in SUM_TYPES.items():
        if number in present and (counted or field != "count"):
            fields = {field: one(number, "pt")}
            if with_phi and "phi" in values:
                fields["phi"] = one(number, "phi")
            collections[name] = Collection(fields)
    if CENTRALITY in present and counted:
        flags = one(CENTRALITY, "pt")
        for i in range(N_CENTRALITY):
            collections[f"CENT{i}"] = Collection({"flag": (flags >> i) & 1})


def _add_showers(
    form: Format, prefix: str, data: Mapping[str, Any], rows: _Rows, collections: dict[str, Collection]
) -> None:
    bx = form.bx(prefix, "showers")
    if bx not in data:
        return
    kept, row, _ = rows.place(data[bx])
    for name, branch in SHOWERS.items():
        if branch in data:
            flags = ak.to_numpy(ak.flatten(data[branch])).astype(np.int32)[kept]
            column = np.zeros((rows.n * rows.width, 1), dtype=np.int32)
            np.maximum.at(column[:, 0], row, np.minimum(flags, 1))
            collections[name] = Collection({"flag": column})
