"""Boosted trees on all features of a data set: what networks are to match, for docs/dataset.md.

    python benchmarks/dataset_reference.py DATASET [--pile-up 0 60 200] [--seeds 3] [--at-most 200000] [-o FILE]

For each pile-up, trains scikit-learn's HistGradientBoostingClassifier on the split "train", stops by "validation",
and measures on "test": weighted AUC and background rejection at 30, 50 and 70 % signal efficiency. Intervals are
68 %, by a bootstrap over collisions, which knows of their re-use; beside them the spread over seeds, each of which
draws its own training candidates and its own trees.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from trigsim.base.files import write_json
from trigsim.numeric.random import stream_rng
from trigsim.studies.separation import auc_estimate, rejection_estimate
from trigsim.tagger.dataset import SPLITS, Candidates
from trigsim.tagger.dataset_folder import read_candidates

EFFICIENCIES = (0.3, 0.5, 0.7)


def some(candidates: Candidates, most: int, seed: int) -> Candidates:
    """Return at most that many, drawn by the seed."""
    order = stream_rng(seed, "benchmarks/reference").permutation(len(candidates))
    return candidates.rows(np.sort(order[:most]))


def train(train_on: Candidates, choose_by: Candidates, seed: int) -> HistGradientBoostingClassifier:
    """Return trees, stopped when the validation loss has not fallen for 20 of them."""
    trees = HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=1000, max_leaf_nodes=31, min_samples_leaf=50, l2_regularization=1.0,
        max_features=0.5, early_stopping=True, n_iter_no_change=20, random_state=seed,
    )  # fmt: skip
    return trees.fit(
        train_on.features_hw, train_on.label, train_on.weight,
        X_val=choose_by.features_hw, y_val=choose_by.label, sample_weight_val=choose_by.weight,
    )  # fmt: skip


def main() -> None:
    """Print a table, one row a pile-up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--pile-up", type=float, nargs="+", default=[0.0, 60.0, 200.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--at-most", type=int, default=200_000, help="candidates to train on")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    print("| pile-up | trained on | tested on | AUC | seeds | 1/ε_b at 30 % | at 50 % | at 70 % | trees | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for pile_up in given.pile_up:
        found = read_candidates(given.dataset, pile_up)
        sides = dict(zip(SPLITS, (found.rows(found.fold == i) for i in range(3)), strict=True))
        test = sides["test"]
        areas, estimates, start = [], {}, time.process_time()
        for seed in range(given.seeds):
            trees = train(some(sides["train"], given.at_most, seed), sides["validation"], seed)
            score = trees.decision_function(test.features_hw)
            area = auc_estimate(score, test, seed)
            areas.append(area.value)
            if seed == 0:
                estimates = {
                    "auc": area,
                    **{f"rejection_{e:.0%}": rejection_estimate(score, test, e, seed) for e in EFFICIENCIES},
                }
        seconds = (time.process_time() - start) / given.seeds
        trained = min(given.at_most, len(sides["train"]))
        spread = f"{min(areas):.4f} … {max(areas):.4f}"
        cells = [str(e) for e in estimates.values()]
        print(
            f"| {pile_up:g} | {trained:,} | {len(test):,} | {cells[0]} | {spread} | {' | '.join(cells[1:])} "
            f"| {trees.n_iter_} | {seconds:.0f} |",
            flush=True,
        )
        rows.append(
            {"pile_up": pile_up, "trained_on": trained, "tested_on": len(test), "auc_of_seeds": areas,
             **{name: e.as_dict() for name, e in estimates.items()}}
        )  # fmt: skip
    if given.output:
        write_json(given.output, {"dataset": given.dataset.name, "rows": rows})


if __name__ == "__main__":
    main()
