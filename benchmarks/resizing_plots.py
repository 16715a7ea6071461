"""The plots of docs/resizing.md from a scan with seeds: python benchmarks/resizing_plots.py SCAN [-o docs/images]

AUC is on the scan's test candidates. Rejections are those that each training measured on the quarter of its
candidates that it did not see, one split a seed. Bands are one standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from trigsim.report.plots import COLOURS
from trigsim.tagger.model import load

#: What `trigsim scan` has drawn already → its name here.
DRAWN = {"choice_of_features": "resizing-choice", "separation_against_cost": "resizing-cost"}


def band(axes, inputs, values, colour, label):
    """Mean and standard deviation over the seeds, values being (budgets, seeds), and the seeds as dots."""
    # On a logarithmic axis they are those of the logarithm.
    there, back = (np.log, np.exp) if axes.get_yscale() == "log" else (np.asarray, np.asarray)
    mean, spread = there(values).mean(axis=1), there(values).std(axis=1, ddof=1)
    axes.fill_between(inputs, back(mean - spread), back(mean + spread), color=colour, alpha=0.2, lw=0)
    axes.plot(inputs, back(mean), "o-", ms=4, lw=1.3, color=colour, label=label)
    axes.plot(inputs, values, ".", ms=3, alpha=0.4, color=colour)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/images"))
    asked = parser.parse_args()
    scan = json.loads((asked.scan / "scan.json").read_text())
    rows = scan["rows"]
    inputs = [row["inputs"] for row in rows]
    models = {}
    for folder in sorted((asked.scan / "taggers").iterdir()):
        model = load(folder)
        models[len(model.features), int(model.config["seed"])] = model
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    aucs = np.array([[seed["auc"] for seed in row["seeds"]] for row in rows])
    band(left, inputs, aucs, COLOURS[0], f"mean and spread of {aucs.shape[1]} seeds")
    best = rows[scan["plateau"]]
    left.plot(best["inputs"], best["auc_of_seeds"]["value"], "*", ms=14, mfc="none", color="black", label="plateau")
    left.set(xlabel="input features", ylabel="area under the ROC curve")
    right.set(xlabel="input features", ylabel="background rejection", yscale="log")
    for number, wanted in enumerate(("0.30", "0.50", "0.70")):
        values = [
            [models[row["inputs"], seed["seed"]].metrics["rejection"][wanted]["value"] for seed in row["seeds"]]
            for row in rows
        ]
        band(right, inputs, np.array(values), COLOURS[number], f"{float(wanted):.0%} of the signal kept")
    right.set_ylim(2)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, loc="lower right")
    figure.savefig(asked.output / "resizing-separation.png", dpi=150)
    for name, here in DRAWN.items():
        shutil.copyfile(asked.scan / f"{name}.png", asked.output / f"{here}.png")


if __name__ == "__main__":
    main()
