from dataclasses import replace

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.tagger.config import Epochs
from trigsim.tagger.dataset import Candidates, read


def table(n=50):
    rng = np.random.default_rng(1)
    return Candidates(
        names=("pt", "eta"),
        features_hw=rng.integers(-(2**31), 2**31, (n, 2)).astype(np.int32),
        label=rng.integers(0, 2, n).astype(np.uint8),
        collision=rng.integers(0, 2**60, n),
        pile_up=np.full(n, 60, np.float32),
        weight=rng.uniform(0.5, 2, n).astype(np.float32),
    )


@pytest.mark.parametrize("suffix", ["npz", "parquet", "root"])
def test_round_trip(tmp_path, suffix):
    one = table()
    one.save(tmp_path / f"c.{suffix}")
    two = read(tmp_path / f"c.{suffix}")
    assert two.names == one.names
    for field in ("features_hw", "label", "collision", "pile_up", "weight"):
        np.testing.assert_array_equal(getattr(one, field), getattr(two, field))


def test_columns_that_may_be_missing(tmp_path):
    np.savez(tmp_path / "c.npz", pt=np.arange(4), label=np.array([0, 1, 0, 1]))
    found = read(tmp_path / "c.npz")
    assert found.collision.tolist() == [0, 1, 2, 3]
    assert found.weight.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"pt": np.arange(3)}, "no column 'label'"),
        ({"label": np.arange(2)}, "0 features"),
        ({"label": np.zeros(2), "pt": np.array([1.0, np.nan])}, "NaN or infinity in row 1"),
        ({"label": np.zeros(2), "pt": np.array([1.0, 2.5])}, "not whole"),
        ({"label": np.zeros(2), "pt": np.array([1, 2**40])}, "leaves 32 bits"),
        ({"label": np.zeros(2), "pt": np.zeros((2, 2))}, "2 dimensions"),
    ],
)
def test_bad_columns(tmp_path, columns, message):
    np.savez(tmp_path / "c.npz", **columns)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "c.npz")


@pytest.mark.parametrize("suffix", ["npz", "parquet", "root"])
def test_broken_files(tmp_path, suffix):
    (tmp_path / f"c.{suffix}").write_bytes(b"nothing of the kind" * 20)
    with pytest.raises(InputError, match="not a readable"):
        read(tmp_path / f"c.{suffix}")


def test_other_files(tmp_path):
    with pytest.raises(InputError, match="no such candidates file"):
        read(tmp_path / "c.npz")
    (tmp_path / "c.csv").write_text("pt")
    with pytest.raises(InputError, match="no format of candidates"):
        read(tmp_path / "c.csv")


def test_root_without_the_tree(tmp_path):
    import uproot

    with uproot.recreate(tmp_path / "c.root") as file:
        file.mktree("other", {"x": np.int32})
    with pytest.raises(InputError, match="no tree 'candidates'"):
        read(tmp_path / "c.root")


def test_details_are_no_features(tmp_path):
    np.savez(
        tmp_path / "c.npz", pt=np.arange(4), reuse=np.ones(4), pt_hat=np.full(4, 0.5), label=np.array([0, 1, 0, 1])
    )
    assert read(tmp_path / "c.npz").names == ("pt",)


def test_rows_keep_their_fold():
    one = replace(table(6), fold=np.array([0, 1, 2, 0, 1, 2], np.uint8))
    assert one.rows(one.fold == 1).fold.tolist() == [1, 1]
    np.testing.assert_array_equal(one.rows(np.array([5, 0])).collision, one.collision[[5, 0]])
    assert table(6).rows(np.array([2])).fold is None
    with pytest.raises(InputError, match="fold has shape"):
        replace(table(6), fold=np.zeros(5, np.uint8))


def test_training_takes_the_split_it_is_given(task, quick):
    from trigsim.tagger import train

    x, y = task
    fold = np.zeros(len(y), np.uint8)
    fold[2000:3000], fold[3000:] = 1, 2
    quick = quick.model_copy(update={"epochs": Epochs(select=1, tune=1, quantise=1)})
    made = train(x, y, quick, fold=fold)
    assert made.metrics["candidates"] == 1000
    # What is measured on has no say in the training.
    upset = x.copy()
    upset[3000:] = x[:1000]
    assert train(upset, y, quick, fold=fold).digest == made.digest
    for bad, message in (
        (fold[:-1], "folds of shape"),
        (fold + 1, "give 4000 of 0"),
        (fold * 0, "not of both classes"),
    ):
        with pytest.raises(InputError, match=message):
            train(x, y, quick, fold=bad)
