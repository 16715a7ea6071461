"""Judge feature selections: for each budget k the AUC of one network, trained alike on what each method chose.

    python benchmarks/judge_selection.py TASK [--seeds 3] [--budgets 2 3 5 8] [-o FILE.json]

TASK is a candidates file (ROOT, Parquet, npz), `cancer` (scikit-learn's breast cancer) or `known` (a synthetic
task of 39 columns with 8 that matter, so that the share recovered is known).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_selection import mutual_info_classif
from torch import nn

from trigsim.base.files import write_json
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.cancelout import CancelOut
from trigsim.tagger.dataset import read
from trigsim.tagger.evaluation import auc
from trigsim.tagger.fitting import Pace, Sample, evaluate, fit, seeded
from trigsim.tagger.inputs import fit_input_map
from trigsim.tagger.resize import resize
from trigsim.tagger.shrinking import shrink
from trigsim.tagger.training import network, split

HIDDEN = (32, 16)
EPOCHS = {"select": 20, "final": 15, "probe": 4}
RATE, DECAY = 3e-3, 0.1


class Task:
    """Training, validation and test rows of one table."""

    def __init__(self, x, y, w, group, relevant=(), seed=0, candidates=False):
        self.candidates = candidates
        folds = split(group, seed)
        known = np.concatenate(folds[:2])
        #: What `shrink` is given: all but the test rows.
        self.known = x[known], y[known]
        whole = Sample(*(torch.from_numpy(np.asarray(a, dtype=np.float32)) for a in (x, y, w)))
        self.train, self.valid, self.test = (whole.rows(f) for f in folds)
        self.n, self.relevant = x.shape[1], set(relevant)
        self.batch = int(np.clip(len(self.train) // 20, 16, 512))
        self.trainings = 0

    def pace(self, generator):
        return Pace(RATE, self.batch, generator, None, DECAY)

    def trained(self, columns, seed, epochs):
        """A network trained on those columns, and its validation AUC."""
        self.trainings += 1
        with seeded(seed, "judge") as generator:
            module = network((len(columns), *HIDDEN, 1))
            few = self.valid.columns(columns)
            fit(module, self.train.columns(columns), few, self.pace(generator), epochs=epochs, phase="final")
        return module, score(module, few)


def score(module, sample):
    return auc(evaluate(module, sample)[0][:, 0].numpy(), sample.y.numpy(), sample.w.numpy())


def ranked(method: Callable) -> Callable:
    """A selection for every k from one ranking."""

    def choose(task, budgets, seed):
        order = method(task, seed)
        return {k: np.sort(order[:k]) for k in budgets}

    return choose


@ranked
def random_subset(task, seed):
    return np.random.default_rng(seed).permutation(task.n)


@ranked
def univariate_auc(task, seed):
    areas = [auc(c, task.train.y.numpy(), task.train.w.numpy()) for c in task.train.x.numpy().T]
    return np.argsort(-np.abs(np.array(areas) - 0.5))


@ranked
def mutual_information(task, seed):
    rows = np.random.default_rng(seed).permutation(len(task.train))[:5000]
    found = mutual_info_classif(task.train.x.numpy()[rows], task.train.y.numpy()[rows], random_state=seed)
    return np.argsort(-found)


def permuted(module, sample, columns, seed):
    """Loss of AUC when each column is shuffled."""
    rng, full = np.random.default_rng(seed), score(module, sample)
    losses = []
    for i in range(len(columns)):
        x = sample.x.clone()
        x[:, i] = x[torch.from_numpy(rng.permutation(len(x))), i]
        losses.append(full - score(module, Sample(x, sample.y, sample.w)))
    return np.array(losses)


@ranked
def permutation_importance(task, seed):
    module, _ = task.trained(np.arange(task.n), seed, EPOCHS["final"])
    return np.argsort(-permuted(module, task.valid, range(task.n), seed))


@ranked
def boosted_trees(task, seed):
    trees = HistGradientBoostingClassifier(max_iter=150, random_state=seed)
    x, y, w = (t.numpy() for t in (task.train.x, task.train.y, task.train.w))
    trees.fit(x, y, sample_weight=w)
    xv, yv, wv = (t.numpy() for t in (task.valid.x, task.valid.y, task.valid.w))
    rng = np.random.default_rng(seed)
    losses = []
    for i in range(task.n):
        shuffled = xv.copy()
        shuffled[:, i] = rng.permutation(shuffled[:, i])
        losses.append(-auc(trees.predict_proba(shuffled)[:, 1], yv, wv))
    return np.argsort(-np.array(losses))


@ranked
def original_cancelout(task, seed):
    with seeded(seed, "judge") as generator:
        layer = CancelOut(task.n)
        module = nn.Sequential(layer, *network((task.n, *HIDDEN, 1)))
        fit(module, task.train, task.valid, task.pace(generator), epochs=EPOCHS["select"], phase="select",
            fast=[layer.weight], penalty=layer.penalty, cosine=False, keep_best=False)  # fmt: skip
    return layer.ranking()


@ranked
def group_lasso(task, seed):
    with seeded(seed, "judge") as generator:
        module = network((task.n, *HIDDEN, 1))
        first = module[0].weight

        def penalty():
            return 0.01 * torch.sqrt((first**2).sum(0) + 1e-9).sum()

        fit(module, task.train, task.valid, task.pace(generator), epochs=EPOCHS["select"], phase="select",
            penalty=penalty, cosine=False, keep_best=False)  # fmt: skip
    return np.argsort(-first.detach().square().sum(0).numpy())


class Concrete(nn.Module):
    """k slots, each a relaxed choice of one column (Balin et al., arXiv 1901.09346)."""

    def __init__(self, n, k):
        super().__init__()
        self.logits = nn.Parameter(0.01 * torch.randn(k, n))
        self.temperature = 10.0

    def forward(self, x):
        if not self.training:
            return x[:, self.logits.argmax(1)]
        noise = -torch.log(-torch.log(torch.rand_like(self.logits).clamp(1e-9, 1 - 1e-7)))
        return x @ torch.softmax((self.logits + noise) / self.temperature, 1).T


def concrete_selector(task, budgets, seed):
    chosen = {}
    for k in budgets:
        with seeded(seed, "judge") as generator:
            layer = Concrete(task.n, k)
            module = nn.Sequential(layer, *network((k, *HIDDEN, 1)))

            def cool(t, layer=layer):
                layer.temperature = 10.0 * (0.1 / 10.0) ** t

            fit(module, task.train, task.valid, task.pace(generator), epochs=EPOCHS["select"], phase="select",
                fast=[layer.logits], boost=10.0, on_step=cool, cosine=False, keep_best=False)  # fmt: skip
        first = layer.logits.argmax(1).unique().numpy()
        rest = [i for i in layer.logits.max(0).values.argsort(descending=True).numpy() if i not in first]
        chosen[k] = np.sort(np.concatenate([first, np.array(rest[: k - len(first)], dtype=np.int64)]))
    return chosen


def backward_elimination(task, budgets, seed):
    """The expensive near-optimum: for each column that might leave, a network is trained without it."""
    columns, chosen = list(range(task.n)), {}
    while True:
        if len(columns) in budgets:
            chosen[len(columns)] = np.array(columns)
        if len(columns) == min(budgets):
            return chosen
        left = [columns[:i] + columns[i + 1 :] for i in range(len(columns))]
        columns.pop(int(np.argmax([task.trained(c, seed, EPOCHS["probe"])[1] for c in left])))


def resized(gates, elimination):
    """The way of `trigsim train`: tries, of which the one of the best validation loss is kept."""

    def choose(task, budgets, seed):
        chosen = {}
        for k in budgets:
            with seeded(seed, "judge") as generator:
                chosen[k], _, _ = resize(
                    network((task.n, *HIDDEN, 1)), task.train, task.valid, task.pace(generator), inputs=k,
                    nodes=None, select=EPOCHS["select"], tune=EPOCHS["final"], restarts=gates,
                    elimination=elimination,
                )  # fmt: skip
        return chosen

    return choose


def as_trigsim_trains(task, budgets, seed):
    """What the product does: `trigsim train` on candidates, `shrink` on any other table."""
    if task.candidates:
        return resized(2, elimination=True)(task, budgets, seed)
    return {k: shrink(network((task.n, *HIDDEN, 1)), *task.known, inputs=k, seed=seed).features for k in budgets}


#: What all others are compared with.
OURS = "as trigsim trains"
METHODS = {
    "random": random_subset,
    "univariate AUC": univariate_auc,
    "mutual information": mutual_information,
    "permutation": permutation_importance,
    "boosted trees": boosted_trees,
    "CancelOut, ranking and cut": original_cancelout,
    "group lasso": group_lasso,
    "Concrete": concrete_selector,
    "backward elimination": backward_elimination,
    "BudgetedCancelOut, one try": resized(1, elimination=False),
    "BudgetedCancelOut, best of 3": resized(3, elimination=False),
    OURS: as_trigsim_trains,
}


def load(name, seed):
    if name == "cancer":
        x, y = load_breast_cancer(return_X_y=True)
        return Task((x - x.mean(0)) / x.std(0), y, np.ones(len(y)), np.arange(len(y)), seed=seed)
    if name == "known":
        rng = np.random.default_rng(5)
        z = rng.normal(size=(30_000, 39))
        relevant = np.array([1, 4, 9, 14, 20, 25, 31, 38])
        r = z[:, relevant]
        logit = 1.5 * r[:, 0] - 1.5 * r[:, 1] * r[:, 2] + 1.5 * np.sin(2 * r[:, 3]) + r[:, 4] ** 2 - 1
        logit += 1.5 * r[:, 5] * (r[:, 6] > 0) + np.abs(r[:, 7])
        for copy, of in ((0, 1), (10, 9), (21, 20), (26, 25)):
            z[:, copy] = 0.8 * z[:, of] + 0.6 * z[:, copy]
        y = logit + rng.logistic(size=len(z)) > np.median(logit)
        return Task(z, y, np.ones(len(y)), np.arange(len(y)), relevant, seed)
    table = read(name)
    mapped = fit_input_map(table.features_hw, FixedFormat.parse("ap_fixed<8,3,AP_RND,AP_SAT>"), table.names)
    w = table.weight / np.bincount(table.label, weights=table.weight)[table.label]
    x = mapped.raw(table.features_hw) * mapped.format.lsb
    return Task(x, table.label, w / w.mean(), table.collision, seed=seed, candidates=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--budgets", type=int, nargs="+", default=[2, 3, 5, 8, 10, 15, 20, 39])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("-o", "--output", type=Path)
    asked = parser.parse_args()
    # A split of its own for each seed: one test set's luck is no method's merit.
    tasks = [load(asked.task, seed) for seed in range(asked.seeds)]
    budgets = [k for k in asked.budgets if k <= tasks[0].n]
    rows = []
    for name in dict.fromkeys([OURS, *asked.methods]):
        areas, hits, seconds = {k: [] for k in budgets}, {k: [] for k in budgets}, 0.0
        for seed, task in enumerate(tasks):
            start = time.process_time()
            found = METHODS[name](task, budgets, seed)
            seconds += (time.process_time() - start) / asked.seeds
            for k, columns in found.items():
                module, _ = task.trained(columns, seed, EPOCHS["final"])
                areas[k].append(score(module, task.test.columns(columns)))
                if task.relevant:
                    hits[k].append(len(task.relevant & set(columns.tolist())) / min(k, len(task.relevant)))
        if name == OURS:
            ours = areas
        print(f"{name:<28}", end="")
        for k in budgets:
            mean, error = mean_and_error(areas[k])
            # Ours less theirs, split by split: what the splits have in common drops out.
            lead, lead_error = mean_and_error(np.subtract(ours[k], areas[k]))
            recovered = float(np.mean(hits[k])) if hits[k] else None
            rows.append({"task": asked.task, "method": name, "k": k, "auc": mean, "error": error, "lead": lead,
                         "lead_error": lead_error, "recovered": recovered, "seconds": seconds})  # fmt: skip
            print(f"  {mean:.4f}±{error:.4f} ({lead:+.4f}±{lead_error:.4f})"
                  + (f" {recovered:.2f}" if hits[k] else ""), end="")  # fmt: skip
        print(f"  {seconds:.0f} s", flush=True)
    if asked.output:
        write_json(asked.output, {"rows": rows})


def mean_and_error(values):
    return float(np.mean(values)), float(np.std(values, ddof=min(1, len(values) - 1)) / len(values) ** 0.5)


if __name__ == "__main__":
    main()
