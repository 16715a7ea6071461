"""`trigsim dataset import`: candidates from someone else's ntuples, by a map of their branches."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.base.files import write_json
from trigsim.base.progress import progress
from trigsim.base.provenance import provenance, write_provenance
from trigsim.tagger.dataset import SPLITS
from trigsim.tagger.dataset_folder import MANIFEST, FeatureRecord, FileFormat, Manifest, SplitRecord
from trigsim.tagger.dataset_writer import SplitWriter
from trigsim.tagger.foreign_map import ForeignMap
from trigsim.tagger.foreign_values import Columns, all_hold, evaluate, event_number, inside, mixed, named

#: What is read of a tree at once.
STEP = "50 MB"


def import_dataset(
    map_file: str | Path,
    files: Sequence[str | Path],
    output: str | Path,
    formats: Sequence[FileFormat] = ("parquet", "root"),
) -> Manifest:
    """Make a data set of the candidates in ROOT files; memory does not grow with their size.

    Parameters
    ----------
    map_file : path
        YAML as in `ForeignMap`.
    files : sequence of path
        ROOT files.
    output : path
        A new folder.
    formats : sequence of str
        "parquet", "root".

    Returns
    -------
    Manifest
        ``made["counts"]`` says for how many candidates what was done: read, selected, left out and why, filled,
        saturated.

    Raises
    ------
    InputError
        If a file or the map is wrong, a branch is missing (the nearest names are given), or nothing is left.
    """
    wanted = load(map_file, ForeignMap)
    folder, paths = Path(output), [Path(f) for f in files]
    if (folder / MANIFEST).exists():
        raise InputError("holds a data set already; give another folder", folder)
    records = tuple(
        FeatureRecord(name=n, unit=f.unit, lsb=f.lsb, bits=f.bits, signed=f.signed)
        for n, f in wanted.features.items()
    )
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        writers = [stack.enter_context(SplitWriter(folder, split, records, formats)) for split in SPLITS]
        for number, path in enumerate(paths):
            for columns, first in _chunks(path, wanted):
                table, fold = _candidates(columns, wanted, counts, number, first)
                for i, writer in enumerate(writers):
                    if (fold == i).any():
                        writer.extend({name: column[fold == i] for name, column in table.items()})
        if not counts["candidates"]:
            told = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
            raise InputError(f"no candidate is left ({told}); widen `select` or mend `label`", map_file)
    splits: dict[Any, SplitRecord] = {
        split: writer.record for split, writer in zip(SPLITS, writers, strict=True) if writer.record is not None
    }
    inputs = {"map": Path(map_file), **{f"file {i}": p for i, p in enumerate(paths)}}
    manifest = Manifest(
        name=wanted.name,
        features=records,
        splits=splits,
        made={"map": wanted.model_dump(mode="json", exclude_defaults=True), "counts": dict(counts)},
        provenance=provenance(None, inputs),
    )
    write_provenance(folder, None, inputs)
    write_json(folder / MANIFEST, manifest.model_dump(mode="json"))
    return manifest


def _chunks(path: Path, wanted: ForeignMap) -> Iterator[tuple[Columns, int]]:
    """Yield flat columns, one value a candidate, and the number of their first entry; also "entry"."""
    import awkward as ak  # noqa: PLC0415 - only where foreign files are read
    import uproot  # noqa: PLC0415

    if not path.is_file():
        raise InputError("no such file; check the path", path)
    try:
        with uproot.open(path) as file:
            tree = _tree(file, wanted, path)
            with progress(path.name, tree.num_entries, "entries") as advance:
                for arrays, report in tree.iterate(list(wanted.branches()), step_size=STEP, report=True):
                    yield _flat(arrays, wanted, path, ak), report.start
                    advance(len(arrays))
    except (OSError, ValueError, KeyError, EOFError, uproot.DeserializationError) as failure:
        if isinstance(failure, InputError):
            raise
        raise InputError(f"not a readable ROOT file ({type(failure).__name__}); get it again", path) from None


def _tree(file: Any, wanted: ForeignMap, path: Path) -> Any:
    if wanted.tree not in file:
        there = ", ".join(sorted({key.split(";")[0] for key in file.keys()})) or "nothing"  # noqa: SIM118
        raise InputError(f"no tree '{wanted.tree}'; the file has {there}", path)
    tree = file[wanted.tree]
    known = set(tree.keys())
    for name in wanted.branches():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            raise InputError(
                f"no branch '{name}' in tree '{wanted.tree}'; "
                + (f"the nearest are {', '.join(near)}" if near else f"it has {len(known)} others"),
                path,
            )
    return tree


def _flat(arrays: Any, wanted: ForeignMap, path: Path, ak: Any) -> Columns:
    """Return one value a candidate of each branch; in jagged trees scalars are repeated."""
    lists = {name: arrays[name].ndim > 1 for name in wanted.branches()}
    for name in wanted.branches():
        if arrays[name].ndim > (2 if wanted.jagged else 1):
            what = "lists of lists" if wanted.jagged else "lists; set `jagged: true` if they are of candidates"
            raise InputError(f"branch '{name}' holds {what}; one number a candidate is needed", path)
    if not wanted.jagged:
        return {
            "entry": np.arange(len(arrays)),
            **{name: _numbers(arrays[name], name, path, ak) for name in wanted.branches()},
        }
    if not any(lists.values()):
        raise InputError("no branch of the map holds lists; set `jagged: false`", path)
    first = next(name for name, is_list in lists.items() if is_list)
    number = ak.to_numpy(ak.num(arrays[first]))
    columns = {"entry": np.repeat(np.arange(len(arrays)), number)}
    for name, is_list in lists.items():
        if not is_list:
            columns[name] = np.repeat(_numbers(arrays[name], name, path, ak), number)
            continue
        if not (ak.to_numpy(ak.num(arrays[name])) == number).all():
            raise InputError(
                f"branches '{first}' and '{name}' have lists of other lengths; map one collection", path
            )
        columns[name] = _numbers(ak.flatten(arrays[name]), name, path, ak)
    return columns


def _numbers(array: Any, name: str, path: Path, ak: Any) -> NDArray[Any]:
    column = np.asarray(ak.to_numpy(array))
    if column.dtype.kind not in "biuf":
        raise InputError(f"branch '{name}' holds {column.dtype}; a number is needed", path)
    return column


def _candidates(
    columns: Columns, wanted: ForeignMap, counts: Counter[str], file: int, first: int
) -> tuple[Columns, NDArray[np.int64]]:
    """Return the table of the candidates that stay, and the number of the split of each; count everything."""
    n = len(columns["entry"])
    counts["read"] += n
    keep = np.ones(n, np.bool_)

    def leave_out(which: NDArray[np.bool_], why: str) -> None:
        counts[f"left out: {why}"] += int((keep & which).sum())
        np.logical_and(keep, ~which, out=keep)

    for window in wanted.select:
        value = evaluate(window.value, columns)
        leave_out(np.isnan(value), f"select: {named(window.value)} is NaN")
        leave_out(~inside(window, value), f"select: {named(window.value)}")
    signal, background = (
        all_hold(windows, columns, n) for windows in (wanted.label.signal, wanted.label.background)
    )
    leave_out(~(signal | background), "neither signal nor background")
    leave_out(signal & background, "both signal and background")
    ones = np.ones(n)
    weight = ones if wanted.weight is None else evaluate(wanted.weight, columns)
    leave_out(~(np.isfinite(weight) & (weight > 0)), "weight is not positive")
    pile_up = 0 * ones if wanted.pile_up is None else evaluate(wanted.pile_up, columns)
    leave_out(~np.isfinite(pile_up), "pile_up is missing")
    values = {name: evaluate(feature.value, columns) for name, feature in wanted.features.items()}
    for name, feature in wanted.features.items():
        missing = ~np.isfinite(values[name]) | np.isin(values[name], feature.absent)
        if feature.missing is None:
            leave_out(missing, f"{name} is missing")
        else:
            values[name] = np.where(missing, feature.missing, values[name])
            counts[f"filled: {name}"] += int((keep & missing).sum())
    table: Columns = {}
    for name, feature in wanted.features.items():
        value, scale = values[name][keep], feature.scale
        table[name] = scale.to_hw(value)
        low, high = (scale.minimum - 0.5) * scale.lsb, (scale.maximum + 0.5) * scale.lsb
        counts[f"saturated: {name}"] += int(((value < low) | (value >= high)).sum())
    event = event_number(columns, wanted.group, file, first)[keep]
    table |= {
        "label": signal[keep].astype(np.uint8),
        "weight": weight[keep].astype(np.float32),
        "pile_up": pile_up[keep].astype(np.float32),
        "collision": event,
    }
    counts["candidates"] += int(keep.sum())
    counts["signal"] += int(signal[keep].sum())
    shares = np.cumsum([wanted.shares.train, wanted.shares.validation, wanted.shares.test])
    place = mixed(event.view(np.uint64)) / 2.0**64
    return table, np.searchsorted(shares[:2] / shares[2], place, side="right")
