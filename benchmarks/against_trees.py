"""The network of all features beside boosted trees: difference in AUC, on candidates that neither saw.

    python benchmarks/against_trees.py CANDIDATES MODEL ...

Each MODEL was trained on the candidates by `trigsim scan`, so that its seed tells the split. Trees read the
features as they are, unrounded; of a few settings the one of the best validation AUC is taken, and as many trees as
validate best. The interval is of a bootstrap over collisions in which both are measured on the same draw.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from trigsim.studies.separation import bootstrap
from trigsim.tagger.dataset import read
from trigsim.tagger.evaluation import auc
from trigsim.tagger.model import load
from trigsim.tagger.training import split

RATES, LEAVES, ROUNDS = (0.05, 0.1), (15, 31), 300


def trees(train, valid, test, seed):
    """The scores of the best validated boosted trees on `test`; each is (features, label, weight)."""
    best = (0.0, None)
    for rate, leaves in product(RATES, LEAVES):
        model = HistGradientBoostingClassifier(
            learning_rate=rate, max_leaf_nodes=leaves, max_iter=ROUNDS, early_stopping=False, random_state=seed
        ).fit(train[0], train[1], sample_weight=train[2])
        areas = [auc(p[:, 1], *valid[1:]) for p in model.staged_predict_proba(valid[0])]
        if max(areas) > best[0]:
            scores = list(model.staged_predict_proba(test[0]))[int(np.argmax(areas))][:, 1]
            best = (max(areas), scores)
    return best[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("candidates")
    parser.add_argument("models", nargs="+")
    asked = parser.parse_args()
    table = read(asked.candidates)
    # Classes weigh the same, as in training.
    weight = table.weight / np.bincount(table.label, weights=table.weight)[table.label]
    differences = []
    for folder in asked.models:
        model = load(folder)
        seed = int(model.config["seed"])
        folds = split(table.collision, seed)
        parts = [(table.features_hw[rows], table.label[rows], weight[rows]) for rows in folds]
        test = table.rows(folds[2])
        ours = model.predict_raw(test.features_hw[:, model.columns])[:, 0]
        theirs = trees(*parts, seed)
        found = bootstrap(lambda w: auc(ours, test.label, w) - auc(theirs, test.label, w), test, seed)  # noqa: B023
        differences.append(found.value)
        areas = auc(ours, test.label, test.weight), auc(theirs, test.label, test.weight)
        print(f"{model.name}: {areas[0]:.4f}, trees {areas[1]:.4f}, difference {found}", flush=True)
    error = np.std(differences, ddof=1) / len(differences) ** 0.5 if len(differences) > 1 else np.nan
    print(f"mean difference {np.mean(differences):+.4f} +- {error:.4f} over {len(differences)} splits")


if __name__ == "__main__":
    main()
