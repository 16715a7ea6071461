"""Distributions of the 39 features for docs/features.md.

    python benchmarks/feature_distributions.py LIBRARY BEAM -o PLOT [-n 5000]

Prints, for each feature, the 5, 50 and 95 % quantiles of signal and of pT-matched multijets, and how well it
separates them alone (area under the curve, 0.5 to 1); draws all histograms into PLOT.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from trigsim.objects.settings import ObjectSettings
from trigsim.stream.candidates import make_candidates
from trigsim.studies.setup import builder, open_source
from trigsim.tagger.features import FEATURES, wanted_mask

mpl.use("Agg")
import matplotlib.pyplot as plt

QUANTILES = (0.05, 0.5, 0.95)


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


def main() -> None:
    """Make candidates, print the table, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path)
    parser.add_argument("beam", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("-n", type=int, default=5000, help="candidates of each kind")
    given = parser.parse_args()
    source = open_source(given.library, given.beam, "train")
    build = builder(given.library, source, ObjectSettings(), wanted_mask(None))
    found = make_candidates(source, build, sorted(source.signals), given.n, given.n, seed=1)
    is_signal = found.label == 1
    figure, axes = plt.subplots(8, 5, figsize=(12, 15), layout="constrained")
    for column, (feature, axis) in enumerate(zip(FEATURES, axes.flat, strict=False)):
        value = feature.scale.to_value(found.features_hw[:, column])
        signal, background, weight = value[is_signal], value[~is_signal], found.weight[~is_signal]
        s, b = quantiles(signal, np.ones(len(signal))), quantiles(background, weight)
        numbers = " / ".join(f"{x:.3g}" for x in s), " / ".join(f"{x:.3g}" for x in b)
        print(f"| {feature.name} | {numbers[0]} | {numbers[1]} | {separation(signal, background, weight):.3f} |")
        low, high = np.quantile(value, [0.002, 0.998])
        bins = np.linspace(low, max(high, low + feature.scale.lsb), 40)
        axis.hist(
            background, bins, weights=weight, density=True, histtype="stepfilled", color="0.8", label="multijet"
        )
        axis.hist(signal, bins, density=True, histtype="step", color="C3", label="H→bb")
        axis.set_title(feature.name + (f" ({feature.unit})" if feature.unit else ""), fontsize=9)
        axis.set_yticks([])
        axis.tick_params(labelsize=7)
    axes.flat[-1].axis("off")
    axes.flat[-1].legend(*axes.flat[0].get_legend_handles_labels(), loc="center")
    figure.savefig(given.output, dpi=90)


if __name__ == "__main__":
    main()
