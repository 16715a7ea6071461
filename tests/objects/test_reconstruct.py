"""Whole crossings: what goes in is checked, and one known jet comes out."""

import numpy as np
import pytest

from trigsim.base.errors import InputError
from trigsim.objects import SCALES, SLOTS, Muons, ObjectSettings, Tracks, reconstruct


def empty(record):
    return record(*[np.zeros(0, dtype=np.int32)] * len(record._fields))


def no_crossing(n=1):
    offsets = np.zeros(n + 1, dtype=np.int64)
    towers = np.zeros((n, 116, 72), dtype=np.int32)
    return [towers, towers.copy(), empty(Tracks), offsets, empty(Muons), offsets]


def one_jet():
    """20 tracks of 20 GeV around eta = 0.4, phi = 1 and their towers."""
    given = no_crossing()
    rng = np.random.default_rng(3)
    eta = rng.normal(0.4 / 0.087 * 128, 100, 20).astype(np.int32)
    phi = rng.normal(9216 / (2 * np.pi), 100, 20).astype(np.int32)
    np.add.at(given[0][0], ((eta + 58 * 128) // 128, phi // 128), 160)
    fill = np.ones(20, dtype=np.int32)
    given[2] = Tracks(fill * 640, eta, phi, fill * 160, fill, fill)
    given[3] = np.array([0, 20], dtype=np.int64)
    return given


def test_an_empty_crossing_has_no_objects():
    objects = reconstruct(*no_crossing(2))
    assert len(objects) == 2
    for name, fields in SCALES.items():
        collection = objects.collections[name]
        assert collection.shape == (2, SLOTS[name])
        assert list(collection.fields) == list(fields)
        assert not any(array.any() for array in collection.fields.values())


def test_one_jet_is_found_where_it_is():
    # Hardly a field, so that the tracks meet the towers of `one_jet`.
    objects = reconstruct(*one_jet(), ObjectSettings(field_tesla=1e-6))
    fat = {k: v[0] for k, v in objects.collections["FATJET"].fields.items()}
    assert fat["pt"][0] * 0.25 == pytest.approx(400, rel=0.05)
    assert fat["eta"][0] * 0.0435 == pytest.approx(0.4, abs=0.05)
    assert fat["phi"][0] * 2 * np.pi / 144 == pytest.approx(1, abs=0.05)
    assert fat["n_track_jets"][0] >= 1
    assert not fat["pt"][1:].any()
    assert objects.collections["VTX"].fields["z"][0, 0] / 16 == pytest.approx(10, abs=1)
    assert objects.collections["HT"].fields["pt"][0, 0] * 0.25 == pytest.approx(400, rel=0.25)


def spoilt():
    def change(position, value):
        given = one_jet()
        given[position] = value
        return given

    towers, hadronic, tracks = one_jet()[:3]
    yield "float64", change(0, towers.astype(float))
    yield "out of range", change(0, towers - 1)
    yield "out of range", change(0, towers + (1 << 24))
    yield "shape", change(0, towers[:, :, :70])
    yield "hadronic part", change(1, towers + 1)
    yield "hadronic part", change(1, hadronic - 1)
    yield "hadronic holds 2", change(1, np.zeros((2, 116, 72), dtype=np.int32))
    yield "offsets", change(3, np.array([0, 21], dtype=np.int64))
    yield "offsets", change(3, np.array([0, 1, 2], dtype=np.int64))
    yield "charge", change(2, tracks._replace(charge=tracks.charge * 0))
    yield "eta", change(2, tracks._replace(eta=tracks.eta + 10000))
    yield "phi", change(2, tracks._replace(phi=tracks.phi + 9216))
    yield "int64", change(2, tracks._replace(d0=tracks.d0.astype(np.int64)))


@pytest.mark.parametrize(("word", "given"), list(spoilt()))
def test_what_does_not_fit_is_refused(word, given):
    with pytest.raises(InputError, match=word):
        reconstruct(*given)
