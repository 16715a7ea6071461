"""Library files: what was written is read, bit for bit, and nothing damaged is."""

import json
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trigsim.base.errors import InputError
from trigsim.base.files import sha256
from trigsim.events.arrays import concatenate
from trigsim.events.library import Library, Manifest, StratumRecord, write_manifest
from trigsim.events.model import Collisions
from trigsim.events.stratum_file import read_stratum, write_stratum


def assert_equal(a: Collisions, b: Collisions) -> None:
    for f in fields(Collisions):
        left, right = getattr(a, f.name), getattr(b, f.name)
        assert left.dtype == right.dtype, f.name
        assert left.shape == right.shape, f.name
        assert np.array_equal(left, right), f.name


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=4), seed=st.integers(0, 1000))
def test_round_trip(tmp_path, random_collisions, sizes, seed):
    parts = [random_collisions(n, seed + i) for i, n in enumerate(sizes)]
    events, content = write_stratum(tmp_path / "a.root", parts)
    assert events == sum(sizes)
    whole = concatenate(parts)
    assert_equal(read_stratum(tmp_path / "a.root"), whole)
    # The hash is of the content: it does not see how it was cut into parts.
    assert write_stratum(tmp_path / "b.root", [whole]) == (events, content)
    if events:
        other = random_collisions(events, seed + 7777)
        assert write_stratum(tmp_path / "c.root", [other])[1] != content


@pytest.fixture
def folder(tmp_path, random_collisions):
    """Make a library of two inelastic strata and a signal, listed out of order."""
    records = []
    for i, (name, kind, low, high) in enumerate(
        [("sig", "signal", 0, None), ("hard", "inelastic", 20, None), ("soft", "inelastic", 0, 20)]
    ):
        file = tmp_path / f"{name}.root"
        events, content = write_stratum(file, [random_collisions(30 + i, i)])
        records.append(
            StratumRecord(
                name=name, kind=kind, file=file.name, events=events, pt_hat_min=low, pt_hat_max=high,
                sigma_mb=1.5 + i, sigma_error_mb=0.1, sha256=sha256(file), content=content,
            )
        )  # fmt: skip
    write_manifest(
        tmp_path,
        Manifest(
            format="trigsim-library", version=2, name="x", seed=1, energy=14e3, strata=tuple(records),
            sample={}, detector={}, provenance={},
        ),
    )  # fmt: skip
    return tmp_path


def test_open_orders_by_hardness(folder, random_collisions):
    library = Library.open(folder)
    assert [s.name for s in library.strata] == ["soft", "hard", "sig"]
    assert [s.name for s in library.inelastic] == ["soft", "hard"]
    assert [s.name for s in library.signals] == ["sig"]
    assert library["hard"].pt_hat_max == np.inf
    assert library.sigma_inelastic_mb == pytest.approx(3.5 + 2.5)
    assert_equal(library.load("hard"), random_collisions(31, 1))


def test_unknown_stratum(folder):
    with pytest.raises(InputError, match="there are soft, hard, sig"):
        Library.open(folder).load("harder")


def test_missing_manifest(tmp_path):
    with pytest.raises(InputError, match="trigsim generate"):
        Library.open(tmp_path / "nowhere")


def test_missing_file(folder):
    library = Library.open(folder)
    (folder / "soft.root").unlink()
    with pytest.raises(InputError, match=r"soft\.root: .*missing"):
        Library.open(folder)
    with pytest.raises(InputError, match="missing"):
        library.load("soft")


def test_changed_file(folder):
    path = folder / "soft.root"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="SHA-256"):
        Library.open(folder).load("soft")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.7, 0.98])
def test_truncated_file_with_a_matching_hash(folder, share):
    path = folder / "soft.root"
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["strata"][2]["sha256"] = sha256(path)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="not a whole event file"):
        Library.open(folder).load("soft")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.pop("seed"), "seed"),
        (lambda m: m.update(version=1), "version 1"),
        (lambda m: m.update(format="trigsim-library-2"), "format"),
        (lambda m: m.update(extra=1), "extra"),
        (lambda m: m["strata"][0].update(file="../sig.root"), "pattern"),
        (lambda m: m["strata"][0].update(kind="signals"), "kind"),
        (lambda m: m["strata"][1].update(pt_hat_min=30.0), "gap or overlap"),
        (lambda m: m["strata"][1].update(name="soft"), "one name"),
        (lambda m: m["strata"][2].update(sigma_mb=-1.0), "sigma_mb"),
    ],
)
def test_bad_manifest(folder, change, says):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=says):
        Library.open(folder)


def test_manifest_that_is_no_json(folder):
    (folder / "manifest.json").write_text('{"format": ')
    with pytest.raises(InputError, match=r"manifest\.json"):
        Library.open(folder)


def test_wrong_number_of_events(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["strata"][2]["events"] += 1
    path.write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="where the manifest says"):
        Library.open(folder).load("soft")


def test_indices_out_of_range_are_refused(tmp_path, random_collisions):
    collisions = random_collisions(20, 3)
    collisions.tower_ieta[5] = 116
    write_stratum(tmp_path / "a.root", [collisions])
    with pytest.raises(InputError, match="tower_ieta reaches 116"):
        read_stratum(tmp_path / "a.root")


def test_nothing_to_join():
    with pytest.raises(ValueError, match="at least one part"):
        concatenate([])
