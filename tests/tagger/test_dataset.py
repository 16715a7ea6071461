import numpy as np
import pytest

from trigsim.base.errors import InputError
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
