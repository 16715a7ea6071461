"""What a data set holds, as the tables of docs/dataset.md.

python benchmarks/dataset_numbers.py DATASET
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from trigsim.tagger.dataset_folder import read_manifest


def main() -> None:
    """Print a table of files, one of strata, and the re-use of collisions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    given = parser.parse_args()
    manifest = read_manifest(given.dataset)
    print("| split | candidates | signal | content (SHA-256) | files |")
    print("|---|---|---|---|---|")
    for split, record in manifest.splits.items():
        files = ", ".join(f"{kind} {file.bytes / 1e6:.1f} MB" for kind, file in record.files.items())
        print(f"| {split} | {record.candidates:,} | {record.signal:,} | `{record.content[:16]}…` | {files} |")
    streams = manifest.made["streams"]
    print("\n| stratum | pile-up | candidates | crossings built | distinct collisions, by split | most used |")
    print("|---|---|---|---|---|---|")
    for stratum in dict.fromkeys(s["stratum"] for s in streams):
        for pile_up in dict.fromkeys(s["pile_up"] for s in streams):
            mine = [s for s in streams if (s["stratum"], s["pile_up"]) == (stratum, pile_up)]
            if mine:
                distinct = " / ".join(f"{s['collisions']:,}" for s in mine)
                numbers = [sum(s[what] for s in mine) for what in ("candidates", "crossings")]
                most = max(s["most_used"] for s in mine)
                print(f"| {stratum} | {pile_up:g} | {numbers[0]:,} | {numbers[1]:,} | {distinct} | {most} |")
    reuse: dict[int, list[np.ndarray]] = {0: [], 1: []}
    weights: list[np.ndarray] = []
    for record in manifest.splits.values():
        table = pq.read_table(
            given.dataset / record.files["parquet"].file, columns=["label", "collision", "reuse", "weight"]
        )
        label, collision, uses = (table[n].to_numpy() for n in ("label", "collision", "reuse"))
        weights.append(table["weight"].to_numpy()[label == 0])
        for kind in (0, 1):
            _, where = np.unique(collision[label == kind], return_index=True)
            reuse[kind].append(uses[label == kind][where])
    for kind, name in ((1, "signal"), (0, "multijet")):
        uses = np.concatenate(reuse[kind])
        quantiles = np.quantile(uses, [0.5, 0.95]).astype(int)
        print(
            f"\n{name}: {len(uses):,} distinct collisions, each in {uses.mean():.1f} crossings on average "
            f"(median {quantiles[0]}, 95 % {quantiles[1]}, at most {uses.max()})"
        )
    w = np.concatenate(weights)
    share = w.sum() ** 2 / (w**2).sum() / len(w)
    print(f"\nmultijet weights: mean {w.mean():.4f}, largest {w.max():.2f}; worth {share:.0%} as many unweighted")


if __name__ == "__main__":
    main()
