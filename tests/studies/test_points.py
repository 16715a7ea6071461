import numpy as np
import pytest

from tests.report.results import made_up
from trigsim.base.errors import InputError
from trigsim.numeric.intervals import Estimate
from trigsim.studies.points import content_sha256, load_trained, points, train_all
from trigsim.studies.results import SeedResult
from trigsim.studies.scan_config import Sweep
from trigsim.tagger.config import Epochs, TaggerPlan, TrainConfig
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.training import epochs

QUICK = TrainConfig(hidden=(8, 4), epochs=Epochs(select=1, tune=1, quantise=1), restarts=1, seed=1)
PLAN = TaggerPlan(data="none", budgets=(3, 2), training=QUICK)


def test_every_combination_is_a_point_and_has_a_name_of_its_own():
    found = points(PLAN, Sweep(nodes=((8, 4), (4, 2)), bits=(6, 8), seeds=(1, 2, 3)))
    assert [(p.keep, p.nodes, p.bits) for p in found[:3]] == [(2, (8, 4), 6), (2, (8, 4), 8), (2, (4, 2), 6)]
    assert len(found) == 8
    names = [t.name for p in found for t in p.trainings]
    assert len(set(names)) == 24
    assert {"tagger-k2-n8x4-b6", "tagger-k2-n8x4-b6-s2"} <= set(names)


def test_without_a_sweep_points_are_the_feature_budgets():
    assert [t.name for p in points(PLAN, Sweep()) for t in p.trainings] == ["tagger-k2", "tagger-k3"]


def test_nodes_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="keep at most what is there"):
        points(PLAN, Sweep(nodes=((9, 4),)))


def test_a_trained_model_is_not_trained_again(tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat(np.array([0, 1], np.uint8), 200)
    x = rng.integers(-100, 100, (400, 4)).astype(np.int32) + 30 * y[:, None]
    one = np.ones(400, np.float32)
    table = Candidates(("a", "b", "c", "d"), x, y, np.arange(400), one, one)
    trainings = [t for p in points(PLAN, Sweep(seeds=(1, 2))) for t in p.trainings]
    record = {"candidates_sha256": content_sha256(table), "libraries": {}, "git": "x"}
    done: list[int] = []
    first = list(train_all(trainings, table, tmp_path, record, done.append))
    # One model is damaged, one is of other data: these two are made again, to the same bytes.
    (tmp_path / trainings[0].name / "weights.safetensors").write_bytes(b"")
    before = (tmp_path / trainings[1].name / "model.json").stat().st_mtime_ns
    again = list(train_all(trainings, table, tmp_path, record, done.append))
    assert [m.digest for m in again] == [m.digest for m in first]
    assert (tmp_path / trainings[1].name / "model.json").stat().st_mtime_ns == before
    other = {**record, "candidates_sha256": "other"}
    list(train_all(trainings[1:2], table, tmp_path, other, done.append))
    assert (tmp_path / trainings[1].name / "model.json").stat().st_mtime_ns != before
    each = [epochs(t, table.names) for t in trainings]
    assert sum(done) == 2 * sum(each) + each[1]


def test_a_model_of_another_architecture_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    y = np.repeat(np.array([0, 1], np.uint8), 100)
    x = rng.integers(-100, 100, (200, 4)).astype(np.int32) + 30 * y[:, None]
    one = np.ones(200, np.float32)
    names = ("a", "b", "c", "d")
    (training,) = points(PLAN.model_copy(update={"budgets": (3,)}), Sweep())[0].trainings
    record = {"candidates_sha256": "", "libraries": {}, "git": "x"}
    (made,) = train_all(
        [training], Candidates(names, x, y, np.arange(200), one, one), tmp_path, record, lambda n: None
    )
    (again,) = load_trained([training], tmp_path, names)
    assert again.digest == made.digest
    for change, message in (
        ({"keep": 2}, r"has 3 inputs and 8-4 nodes; tagger-k3 is to have 2 and 8-4"),
        ({"hidden": (8, 5)}, r"is to have 3 and 8-5"),
        ({"nodes": (2, 2)}, r"is to have 3 and 2-2"),
    ):
        with pytest.raises(InputError, match=message):
            load_trained([training.model_copy(update=change)], tmp_path, names)
    with pytest.raises(InputError, match="of other features than these 4"):
        load_trained([training], tmp_path, ("w", "x", "y", "z"))
    with pytest.raises(InputError, match="no such model folder"):
        load_trained([training.model_copy(update={"name": "none"})], tmp_path, names)


def with_aucs(scan, aucs):
    from dataclasses import replace

    budgets = [
        replace(b, seeds=tuple(SeedResult(i, b.features, a) for i, a in enumerate(values)))
        for b, values in zip(scan.budgets, aucs, strict=True)
    ]
    return replace(scan, budgets=tuple(budgets))


def test_the_plateau_is_the_cheapest_within_one_standard_error():
    near = with_aucs(made_up(), [(0.90, 0.92), (0.90, 0.94)])  # 0.91 against 0.92 +- 0.02
    assert near.plateau is near.budgets[0]
    far = with_aucs(made_up(), [(0.90, 0.92), (0.939, 0.941)])
    assert far.plateau is far.budgets[1]
    assert far.budgets[1].auc_of_seeds == Estimate(0.94, pytest.approx(0.939), pytest.approx(0.941))


def test_the_front_leaves_out_what_costs_more_and_is_worse():
    worse = with_aucs(made_up(), [(0.92, 0.92), (0.90, 0.90)])
    assert worse.pareto(lambda b: len(b.features)) == worse.budgets[:1]
    better = with_aucs(made_up(), [(0.90, 0.90), (0.92, 0.92)])
    assert better.pareto(lambda b: len(b.features)) == better.budgets
