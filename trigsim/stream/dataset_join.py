"""From the parts of a data set to its files: pT spectra made equal, re-use counted, everything mixed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.progress import progress
from trigsim.numeric.random import stream_rng
from trigsim.stream.candidates import PT_EDGES
from trigsim.stream.dataset_parts import Stream, Workshop
from trigsim.stream.dataset_plan import Plan
from trigsim.tagger.dataset import SPLITS
from trigsim.tagger.dataset_folder import FeatureRecord, SplitRecord
from trigsim.tagger.dataset_writer import SplitWriter
from trigsim.tagger.features import FEATURES

#: Candidates of a row group and of a basket, at least; they are shuffled within.
ROWS = 65536
BINS = len(PT_EDGES) - 1

#: For each stream, how many candidates are taken of its parts, in order.
Taken = Mapping[Stream, list[int]]
Table = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Census:
    """What all parts together hold.

    Attributes
    ----------
    uses : int32, shape (collisions of the library,)
        Crossings with candidates that each collision made.
    spectra : mapping
        (pile-up, split, is signal) → sum of weights in each pT bin.
    streams : list of dict
        For the manifest.
    """

    uses: NDArray[np.int32]
    spectra: Mapping[tuple[float, str, bool], NDArray[np.float64]]
    streams: list[dict[str, Any]]


def feature_records() -> tuple[FeatureRecord, ...]:
    """Return names and scales of the 39 features."""
    return tuple(
        FeatureRecord(name=f.name, unit=f.unit, lsb=f.scale.lsb, bits=f.scale.bits, signed=f.scale.signed)
        for f in FEATURES
    )


def join(plan: Plan, shop: Workshop, taken: Taken, folder: Path) -> tuple[dict[Any, SplitRecord], dict[str, Any]]:
    """Write the splits from their parts.

    Returns
    -------
    splits : dict
        Split → its record.
    told : dict
        Strata, streams and numbers, for the manifest.
    """
    strata = [*plan.library.inelastic, *plan.library.signals]
    first = np.cumsum([0, *(s.events for s in strata)])
    names = [s.name for s in strata]
    census = take_census(shop, taken, int(first[-1]))
    splits: dict[Any, SplitRecord] = {}
    with progress("writing", sum(map(sum, taken.values())), "candidates") as advance:
        for split in SPLITS:
            mine = {stream: parts for stream, parts in taken.items() if stream.split == split}
            with SplitWriter(folder, split, feature_records(), plan.config.formats) as writer:
                for number, table in enumerate(_groups(shop, mine, census, names)):
                    rng = stream_rng(plan.config.seed, f"dataset/shuffle/{split}", number)
                    order = rng.permutation(len(table["label"]))
                    writer.extend({name: column[order] for name, column in table.items()})
                    advance(len(order))
            if writer.record is not None:
                splits[split] = writer.record
    made, written = sum(map(sum, taken.values())), sum(record.candidates for record in splits.values())
    return splits, {
        "strata": [
            {"name": s.name, "first": int(start), "collisions": s.events, "readouts": s.readouts}
            for s, start in zip(strata, first, strict=False)
        ],
        "streams": census.streams,
        "collisions": int((census.uses > 0).sum()),
        "left_out_for_want_of_signal_in_their_pt_bin": made - written,
    }


def take_census(shop: Workshop, taken: Taken, collisions: int) -> Census:
    """Count, over all parts, uses of each collision and the pT spectra."""
    uses = np.zeros(collisions, np.int32)
    spectra = {(s.pile_up, s.split, s.signal): np.zeros(BINS) for s in taken}
    streams = []
    for stream, parts in taken.items():
        mine = np.zeros_like(uses)
        for part, n in enumerate(parts):
            table = shop.load(stream, part, "collision", "crossing", "bin", "weight")
            _, where = np.unique(table["crossing"][:n], return_index=True)
            np.add.at(mine, table["collision"][where], 1)
            spectra[stream.pile_up, stream.split, stream.signal] += np.bincount(
                table["bin"][:n], table["weight"][:n], BINS
            )
        uses += mine
        streams.append(
            {
                "pile_up": stream.pile_up,
                "split": stream.split,
                "stratum": stream.stratum,
                "signal": stream.signal,
                "candidates": stream.wanted,
                "crossings": len(parts) * shop.chunk,
                "collisions": int((mine > 0).sum()),
                "most_used": int(mine.max()),
            }
        )
    return Census(uses, spectra, streams)


def _groups(shop: Workshop, taken: Taken, census: Census, strata: list[str]) -> Iterator[Table]:
    """Yield tables of at least `ROWS` candidates, all streams mixed evenly."""
    places = [((i + 0.5) / len(parts), stream, i) for stream, parts in taken.items() for i in range(len(parts))]
    waiting: list[Table] = []

    def joined() -> Table:
        return {name: np.concatenate([table[name] for table in waiting]) for name in waiting[0]}

    for _, stream, part in sorted(places, key=lambda place: (place[0], place[1].number)):
        n = taken[stream][part]
        if n:
            table = {name: column[:n] for name, column in shop.load(stream, part).items()}
            waiting.append(_columns(shop, stream, table, census, strata.index(stream.stratum)))
        if sum(len(table["label"]) for table in waiting) >= ROWS:
            yield joined()
            waiting.clear()
    if waiting:
        yield joined()


def _columns(shop: Workshop, stream: Stream, table: Table, census: Census, stratum: int) -> Table:
    """Return the columns as files have them; multijets get the signal's spectrum exactly."""
    source = shop.sources[stream.pile_up, stream.split]
    collision, weight = table["collision"], table["weight"]
    event = np.searchsorted(source.collision, collision)  # Any read-out: the truth is the same.
    several = len(source.collision) > len(census.uses)
    if not stream.signal:
        wanted, there = (census.spectra[stream.pile_up, stream.split, kind] for kind in (True, False))
        weight = (weight * (wanted[table["bin"]] / there[table["bin"]])).astype(np.float32)
    n, keep = len(weight), weight > 0
    columns = {
        **{f.name: table["features_hw"][:, i] for i, f in enumerate(FEATURES)},
        "label": np.full(n, stream.signal, np.uint8),
        "weight": weight,
        "pile_up": np.full(n, stream.pile_up, np.float32),
        "collision": collision,
        **({"readout": table["readout"]} if several else {}),
        "stratum": np.full(n, stratum, np.uint8),
        "crossing": table["crossing"],
        "reuse": census.uses[collision],
        "n_collisions": table["n_collisions"],
        "pt_hat": source.pt_hat[event],
        "resonance_pt": source.resonance_pt[event],
    }
    return {name: column[keep] for name, column in columns.items()}
