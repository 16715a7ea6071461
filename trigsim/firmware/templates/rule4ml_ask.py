# mypy: ignore-errors
"""Run by a Python that has rule4ml, not by ours: networks as JSON in a file, its predictions as JSON to stdout."""

import json
import os
import sys
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import torch
from rule4ml.models.wrappers import MultiModelWrapper


def network(widths):
    """Return a network of these widths; only its shape matters."""
    layers = []
    for n_in, n_out in pairwise(widths):
        layers += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def answer(models, asked):
    """Return what the models predict for one question."""
    precision = f"ap_fixed<{asked['bits']}, {max(1, asked['bits'] * 3 // 8)}>"
    settings = {"strategy": asked["strategy"], "precision": precision, "reuse_factor": asked["reuse_factor"]}
    found = models.predict(
        network(asked["widths"]),
        hls_configs=[{"board": asked["board"], "model": settings}],
        hls4ml_versions=asked["hls4ml"],
        vivado_versions=asked["vivado"],
    )
    row = found.iloc[0]
    return {name: float(row[name.upper()]) for name in ("lut", "ff", "dsp", "bram", "cycles", "interval")}


if __name__ == "__main__":
    torch.set_num_threads(1)
    models = MultiModelWrapper()
    models.load_default_models()
    rows = [answer(models, asked) for asked in json.loads(Path(sys.argv[1]).read_text())]
    sys.stdout.write("\n" + json.dumps({"version": version("rule4ml"), "rows": rows}) + "\n")
