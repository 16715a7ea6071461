"""A small run on the shipped library: little pile-up, so that it takes a second."""

from pathlib import Path

import numpy as np

from trigsim.stream.beam import Beam
from trigsim.stream.recipe import Recipe
from trigsim.stream.run import stream_worker

ROOT = Path(__file__).parents[2]
MENU = """
name: small
scales: phase2
algorithms:
  - {name: Jet40, groups: [jets], when: {object: JET, pt_gev: 40}}
  - {name: Jet100, groups: [jets], when: {object: JET, pt_gev: 100}}
  - {name: Fat, when: {object: FATJET, pt_gev: 100, score: {model: hbb, working_point: loose}}}
"""
BEAM = {
    "name": "b",
    "mean_pileup": 3.0,
    "colliding_bunches": 2760,
    "vertex_sigma_z_mm": 45.0,
    "vertex_source": "assumed",
}
SIZE = {"crossings": 6000, "signal_crossings": 500, "target": "Jet100"}


def recipe(folder, seed=4, menu=MENU, library=ROOT / "data" / "library"):
    """A run that records the scores of a tagger too."""
    (folder / "menu.yaml").write_text(menu)
    tagger = {"hbb": ROOT / "data" / "models" / "hbb-k4"}
    made = Recipe.make(library, Beam(**BEAM), "test", folder / "menu.yaml", tagger, ("vh_bb",), seed)
    (variant,) = made.variants
    return made.model_copy(update={"variants": (variant.model_copy(update={"algorithm": "Fat"}),)})


def run(worker, schedule, checkpoint=None):
    """Everything that a run counted, as bytes."""
    (result,) = stream_worker(worker, schedule, checkpoint=checkpoint, **SIZE)
    rates, scores = result.rates, result.beam_scores
    parts = [rates.passes, rates.tried, rates.class_passed, rates.class_tried, *scores.stratum, *scores.event]
    parts += [*scores.score, result.efficiencies["vh_bb"].passed, *result.signal_scores["vh_bb"].score]
    parts += [*result.words.words()]
    assert rates.passes.sum() > 1000
    assert result.words.words().times.sum() == rates.passes[-1].sum()
    assert sum(map(len, scores.score)) > 100
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
