"""Judge feature selections: for each budget k the AUC of one network, trained alike on what each method chose.

    python benchmarks/judge_selection.py TASK [--splits 0 1 2] [--budgets 2 3 5] [--methods NAME …] [-o FILE.json]

TASK is a candidates file (ROOT, Parquet, npz), a dataset folder of `trigsim dataset` (pile-up 200: eight small
samples, of different collisions, measured on the dataset's own test rows), `cancer` (scikit-learn's breast cancer)
or `known` (a synthetic task of 39 columns with 8 that matter, so that the share recovered is known). AUCs of each
method and split stay in FILE; methods that are not asked for are taken from there, so that one that changed can be
judged again alone.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
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
from trigsim.tagger.dataset_folder import read_candidates
from trigsim.tagger.evaluation import auc
from trigsim.tagger.fitting import Pace, Sample, evaluate, fit, seeded
from trigsim.tagger.inputs import fit_input_map
from trigsim.tagger.resize import resize
from trigsim.tagger.shrinking import shrink, shrink_each
from trigsim.tagger.training import network, split

HIDDEN = (32, 16)
EPOCHS = {"select": 20, "final": 15, "probe": 4}
#: Networks, from different initial weights, whose mean AUC a choice is judged by: one has a luck of 0.006.
FINALS = 4
RATE, DECAY = 3e-3, 0.1
#: Small samples of a dataset, and rows of each (three quarters of the demo's), and to measure on.
SAMPLES, SMALL, MEASURED = 8, 27_000, 60_000


class Task:
    """Training, validation and test rows of one table."""

    def __init__(self, x, y, w, group, relevant=(), seed=0, candidates=False, folds=None):
        self.candidates = candidates
        folds = split(group, seed) if folds is None else folds
        known = np.concatenate(folds[:2])
        #: What `shrink` is given: all but the test rows.
        self.known = x[known], y[known]
        whole = Sample(*(torch.from_numpy(np.asarray(a, dtype=np.float32)) for a in (x, y, w)))
        self.train, self.valid, self.test = (whole.rows(f) for f in folds)
        self.group = np.asarray(group)[known]
        self.n, self.relevant = x.shape[1], set(relevant)
        self.batch = int(np.clip(len(self.train) // 20, 16, 512))
        self.areas = {}

    def pace(self, generator):
        return Pace(RATE, self.batch, generator, None, DECAY)

    def trained(self, columns, seed, epochs):
        """A network trained on those columns, and its validation AUC."""
        with seeded(seed, "judge") as generator:
            module = network((len(columns), *HIDDEN, 1))
            few = self.valid.columns(columns)
            fit(module, self.train.columns(columns), few, self.pace(generator), epochs=epochs, phase="final")
        return module, score(module, few)

    def area(self, columns):
        """The mean test AUC of networks on those columns; the same for all methods that chose them."""
        key = tuple(columns.tolist())
        if key not in self.areas:
            networks = [self.trained(columns, seed, EPOCHS["final"])[0] for seed in range(FINALS)]
            self.areas[key] = float(np.mean([score(m, self.test.columns(columns)) for m in networks]))
        return self.areas[key]


def score(module, sample):
    return auc(evaluate(module, sample)[0][:, 0].numpy(), sample.y.numpy(), sample.w.numpy())


def ranked(method: Callable) -> Callable:
    """A selection for every k from one ranking."""

    def choose(task, budgets, seed):
        order = method(task, seed)
        yield from ((k, np.sort(order[:k])) for k in budgets)

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
        yield k, np.sort(np.concatenate([first, np.array(rest[: k - len(first)], dtype=np.int64)]))


def backward_elimination(task, budgets, seed):
    """The expensive near-optimum: for each column that might leave, a network is trained without it."""
    columns = list(range(task.n))
    while True:
        if len(columns) in budgets:
            yield len(columns), np.array(columns)
        if len(columns) == min(budgets):
            return
        left = [columns[:i] + columns[i + 1 :] for i in range(len(columns))]
        columns.pop(int(np.argmax([task.trained(c, seed, EPOCHS["probe"])[1] for c in left])))


def resized(gates, elimination):
    """The way of `trigsim train`: tries, of which the one of the best validation loss is kept."""

    def choose(task, budgets, seed):
        for k in budgets:
            with seeded(seed, "judge") as generator:
                columns, _, _ = resize(
                    network((task.n, *HIDDEN, 1)), task.train, task.valid, task.pace(generator), inputs=k,
                    nodes=None, select=EPOCHS["select"], tune=EPOCHS["final"], restarts=gates,
                    elimination=elimination, search=elimination, group=task.group,
                )  # fmt: skip
            yield k, columns

    return choose


def as_trigsim_trains(task, budgets, seed):
    """What the product does: `trigsim train` on candidates, `shrink` on any other table."""
    if task.candidates:
        yield from resized(2, elimination=True)(task, budgets, seed)
        return
    for k in budgets:
        yield k, shrink(network((task.n, *HIDDEN, 1)), *task.known, inputs=k, seed=seed).features


def shrunk_at_once(task, budgets, seed):
    """All budgets of a table from one call."""
    found = shrink_each(network((task.n, *HIDDEN, 1)), *task.known, inputs=budgets, seed=seed)
    yield from ((k, small.features) for k, small in zip(budgets, found, strict=True))


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
    "all budgets at once": shrunk_at_once,
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
    folds = None
    if Path(name).is_dir():
        table, folds = sampled(read_candidates(name, 200.0), seed)
    else:
        table = read(name)
    mapped = fit_input_map(table.features_hw, FixedFormat.parse("ap_fixed<8,3,AP_RND,AP_SAT>"), table.names)
    w = table.weight / np.bincount(table.label, weights=table.weight)[table.label]
    x = mapped.raw(table.features_hw) * mapped.format.lsb
    return Task(x, table.label, w / w.mean(), table.collision, seed=seed, candidates=True, folds=folds)


def sampled(table, seed):
    """Rows of one of `SAMPLES` parts of the collisions not for testing, some to measure on, and which is what."""
    rng = np.random.default_rng(0)
    part = rng.permutation(int(table.collision.max()) + 1)
    mine = np.flatnonzero((table.fold < 2) & (part[table.collision] % SAMPLES == seed))
    rows = np.concatenate([
        np.sort(rng.permutation(mine)[:SMALL]), np.sort(rng.permutation(np.flatnonzero(table.fold == 2))[:MEASURED])
    ])  # fmt: skip
    table = table.rows(rows)
    valid = part[table.collision] // SAMPLES % 5 == 0
    return table, [
        np.flatnonzero(f) for f in ((table.fold < 2) & ~valid, (table.fold < 2) & valid, table.fold == 2)
    ]


def judged(choose, task, budgets, seed) -> Iterator[dict]:
    """One row a budget: the AUC of what was chosen, and the processor time that the method has taken so far."""
    seconds = 0.0
    start = time.process_time()
    for k, columns in choose(task, budgets, seed):
        seconds += time.process_time() - start
        row = {"split": seed, "k": k, "auc": task.area(columns), "seconds": seconds, "columns": columns.tolist()}
        if task.relevant:
            row["recovered"] = len(task.relevant & set(columns.tolist())) / min(k, len(task.relevant))
        yield row
        start = time.process_time()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task")
    parser.add_argument("--splits", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budgets", type=int, nargs="+", default=[2, 3, 5, 8, 10, 15, 20, 39])
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    rows = json.loads(asked.output.read_text())["rows"] if asked.output.exists() else []
    # A split of its own for each seed: one test set's luck is no method's merit.
    for seed in asked.splits:
        task = load(asked.task, seed)
        for name in asked.methods:
            found = judged(METHODS[name], task, [k for k in asked.budgets if k <= task.n], seed)
            mine = [{"method": name, **row} for row in found]
            rows = [r for r in rows if (r["method"], r["split"]) != (name, seed)] + mine
            write_json(asked.output, {"task": asked.task, "rows": rows})
    for name in METHODS:
        show(name, rows)


def show(name, rows):
    """Print a method's line: its mean AUC, by how much ours leads, what share of the relevant it found, seconds."""
    areas, ours = ({(r["k"], r["split"]): r for r in rows if r["method"] == m} for m in (name, OURS))
    if not areas:
        return
    print(f"{name:<28}", end="")
    for k in sorted({k for k, _ in areas}):
        mine = [r for (budget, _), r in areas.items() if budget == k]
        mean, error = mean_and_error([r["auc"] for r in mine])
        # Ours less theirs, split by split: what the splits have in common drops out.
        both = [seed for budget, seed in areas if budget == k and (k, seed) in ours]
        lead, lead_error = mean_and_error([ours[k, s]["auc"] - areas[k, s]["auc"] for s in both])
        recovered = f" {np.mean([r['recovered'] for r in mine]):.2f}" if "recovered" in mine[0] else ""
        seconds = np.mean([r["seconds"] for r in mine])
        print(f"  {k}: {mean:.4f}±{error:.4f} ({lead:+.4f}±{lead_error:.4f}){recovered} {seconds:.1f} s", end="")
    print(flush=True)


def mean_and_error(values):
    if not len(values):
        return np.nan, np.nan
    return float(np.mean(values)), float(np.std(values, ddof=min(1, len(values) - 1)) / len(values) ** 0.5)


if __name__ == "__main__":
    main()
