"""Scores reach the jets they belong to, and the menu cuts on them."""

from types import SimpleNamespace

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.objects.scales import SCALES, SLOTS
from trigsim.stream.block import Block
from trigsim.stream.variant import NO_SCORE, Variant

MENU = """
name: test
scales: phase2
conditions:
  tagged: {object: FATJET, pt_gev: 100, score: {model: t, working_point: medium}}
algorithms:
  - {name: Tagged, groups: [g], when: tagged}
  - {name: Fat, groups: [g, h], when: {object: FATJET, pt_gev: 300}}
  - {name: Both, when: {objects: [{object: FATJET, pt_gev: 100}, {object: FATJET, pt_gev: 100}]}}
"""
TAGGER = SimpleNamespace(
    columns=np.array([4]),
    working_points={"medium": 50},
    score_format=SimpleNamespace(lsb=0.5),
    score_hw=lambda features: features[:, 0].astype(np.int32),
)


def block(pts, scores):
    """Crossings with the given jets: pT in GeV, and the score in feature 4."""
    n, slots = len(pts), SLOTS["FATJET"]
    fields = {f: np.zeros((n, slots), np.int32) for f in SCALES["FATJET"]}
    crossing, slot, features = [], [], []
    for i, (row, marks) in enumerate(zip(pts, scores, strict=True)):
        for j, (pt, mark) in enumerate(zip(row, marks, strict=True)):
            fields["pt"][i, j] = pt * 4
            crossing.append(i)
            slot.append(j)
            features.append([0, 0, 0, 0, mark])
    empty = {
        name: Collection({f: np.zeros((n, SLOTS[name]), np.int32) for f in of})
        for name, of in SCALES.items()
        if name != "FATJET"
    }
    objects = TriggerObjects({**empty, "FATJET": Collection(fields)}, np.zeros((n, 4), np.uint64))
    hw = np.array(features, np.int32).reshape(-1, 5)
    return Block(objects, np.array(crossing, np.int64), np.array(slot, np.int64), hw)


def test_scores_belong_to_their_jets():
    variant = Variant.bind("v", loads(MENU), {"t": TAGGER}, "Tagged")
    made = block(
        [[], [120, 90], [120, 90], [400, 200], [90]],
        [[], [60, 10], [10, 60], [-7, 20], [99]],
    )
    decision = variant.decide(made)
    assert variant.rows == ("Tagged", "Fat", "Both", "group g", "group h", "total")
    np.testing.assert_array_equal(decision.bits[:, 0], [False, True, False, False, False])
    np.testing.assert_array_equal(decision.bits[:, 1], [False, False, False, True, False])
    np.testing.assert_array_equal(decision.bits[:, 2], [False, False, False, True, False])
    np.testing.assert_array_equal(decision.bits[:, 3], decision.bits[:, 0] | decision.bits[:, 1])
    np.testing.assert_array_equal(decision.bits[:, 4], decision.bits[:, 1])
    np.testing.assert_array_equal(decision.bits[:, 5], decision.bits[:, :3].any(axis=1))
    # The best score of jets above 100 GeV, whatever its cut; none where there is no such jet.
    np.testing.assert_array_equal(decision.best_score, [NO_SCORE, 60, 10, 20, NO_SCORE])


def test_what_cannot_be_bound():
    menu = loads(MENU)
    with pytest.raises(InputError, match="--tagger t=FOLDER"):
        Variant.bind("v", menu, {})
    with pytest.raises(InputError, match="no algorithm 'X'; it has Tagged"):
        Variant.bind("v", menu, {"t": TAGGER}, "X")
    for algorithm in ("Fat", "Both"):
        with pytest.raises(InputError, match="not one FATJET with one tagger score"):
            Variant.bind("v", menu, {"t": TAGGER}, algorithm)
