"""Files are whole or not there."""

import pytest

from trigsim.base.files import atomic_path, sha256, write_json


def test_failure_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(target) as path:
        path.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_nan_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert not list(tmp_path.iterdir())


def test_sha256_of_nothing(tmp_path):
    (tmp_path / "e").touch()
    assert sha256(tmp_path / "e").startswith("e3b0c44298fc1c14")
