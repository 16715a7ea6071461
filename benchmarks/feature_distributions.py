"""Distributions of the 39 features for docs/features.md.

    python benchmarks/feature_distributions.py data/samples/candidates --pile-up 200 -o PLOT

Prints, for each feature, the 5, 50 and 95 % quantiles of signal and of pT-matched multijets, and how well it
separates them alone (area under the curve, 0.5 to 1); draws all histograms into PLOT, those with most of the
multijets in one bin on a logarithmic axis.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from trigsim.numeric.scales import Scale
from trigsim.tagger.dataset_folder import read_candidates
from trigsim.tagger.features import FEATURES

mpl.use("Agg")
import matplotlib.pyplot as plt

QUANTILES = (0.05, 0.5, 0.95)
BINS = 40
#: Share of the multijets in one bin from which on the axis is logarithmic.
SPIKE = 0.4


def quantiles(values: np.ndarray, weights: np.ndarray) -> list[float]:
    """Return weighted quantiles."""
    order = np.argsort(values)
    share = np.cumsum(weights[order]) / weights.sum()
    return [float(values[order][np.searchsorted(share, q)]) for q in QUANTILES]


def separation(signal: np.ndarray, background: np.ndarray, weights: np.ndarray) -> float:
    """Return the area under the curve of one feature, turned so that it is at least one half."""
    edges = np.unique(np.concatenate([signal, background]))
    s = np.bincount(np.searchsorted(edges, signal), minlength=len(edges)) / len(signal)
    b = np.bincount(np.searchsorted(edges, background), weights, len(edges)) / weights.sum()
    below = np.cumsum(b) - b / 2
    area = float((s * below).sum())
    return max(area, 1 - area)


def bins_of(scale: Scale, hw: np.ndarray) -> np.ndarray:
    """Return at most about `BINS` edges that hold 99.6 %, between integers, each bin of as many integers."""
    low, high = np.quantile(hw, [0.002, 0.998]).astype(int)
    step = max(1, -(-(high - low + 1) // BINS))
    return (np.arange(low, high + step + 1, step) - 0.5) * scale.lsb


def main() -> None:
    """Read candidates, print the table, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--pile-up", type=float, default=200.0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    given = parser.parse_args()
    found = read_candidates(given.dataset, given.pile_up)
    is_signal = found.label == 1
    figure, axes = plt.subplots(8, 5, figsize=(12, 15), layout="constrained")
    for column, (feature, axis) in enumerate(zip(FEATURES, axes.flat, strict=False)):
        value = feature.scale.to_value(found.features_hw[:, column])
        signal, background, weight = value[is_signal], value[~is_signal], found.weight[~is_signal]
        s, b = quantiles(signal, np.ones(len(signal))), quantiles(background, weight)
        numbers = " / ".join(f"{x:.3g}" for x in s), " / ".join(f"{x:.3g}" for x in b)
        print(f"| `{feature.name}` | {numbers[0]} | {numbers[1]} | {separation(signal, background, weight):.3f} |")
        bins = bins_of(feature.scale, found.features_hw[:, column])
        counts, _ = np.histogram(background, bins, weights=weight)
        drawn = {"bins": bins, "density": True, "log": counts.max() > SPIKE * counts.sum()}
        axis.hist(background, weights=weight, histtype="stepfilled", color="0.8", label="multijet", **drawn)
        axis.hist(signal, histtype="step", color="C3", label="H→bb", **drawn)
        unit = f" ({feature.unit})" if feature.unit else ""
        axis.set_title(feature.name + unit + (" log" if drawn["log"] else ""), fontsize=9)
        axis.tick_params(axis="y", which="both", left=False, labelleft=False)
        axis.tick_params(labelsize=7)
    axes.flat[-1].axis("off")
    axes.flat[-1].legend(*axes.flat[0].get_legend_handles_labels(), loc="center")
    figure.savefig(given.output, dpi=90)


if __name__ == "__main__":
    main()
