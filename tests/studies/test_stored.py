"""Stored crossings: what comes back is what was decided, by the real engine, to the last bit."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.studies.conftest import ROOT, TAGGERS
from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.objects.model import Collection
from trigsim.stream.beam import Beam
from trigsim.stream.demand import EVERYTHING
from trigsim.stream.recipe import Recipe
from trigsim.stream.source import CHUNK, TEST
from trigsim.studies.menu_run import run_menu
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM
from trigsim.studies.store_writer import _column, _there, dtype_of

pytestmark = pytest.mark.jit


def test_redecided_bits_are_the_stored_ones(stored):
    menu = stored.store.compile(loads(stored.menu.read_text()))
    assert menu.names == stored.store.manifest.algorithms
    for sample in stored.store.samples:
        again = stored.store.decide(menu, sample, threads=2)
        np.testing.assert_array_equal(again, stored.store.bits(sample))
        assert again.any()


def test_stored_counts_are_those_of_the_run(stored):
    manifest, who = stored.store.manifest, stored.store.crossings(BEAM)
    bits = np.unpackbits(stored.store.bits(BEAM), axis=1, bitorder="little")
    assert np.bincount(who.stratum, minlength=len(manifest.drawn)).tolist() == list(manifest.drawn)
    assert len(who) == stored.run.crossings
    rate = stored.store.weight_khz[who.stratum] @ bits[:, 0]
    assert rate == pytest.approx(stored.run.rates["Jet90"].value, rel=1e-12)
    signal = np.unpackbits(stored.store.bits("vh_bb"), axis=1, bitorder="little")[:, 0]
    assert signal.mean() == pytest.approx(stored.run.efficiencies["vh_bb"]["Jet90"].value)
    assert (stored.store.truth("vh_bb", "resonance_pt") > 0).all()
    # Every crossing is named once.
    assert len(set(zip(who.stratum.tolist(), who.chunk.tolist(), who.number.tolist(), strict=True))) == len(who)


def test_objects_are_those_of_the_stream(stored):
    beam = load(ROOT / "configs" / "beams" / "pileup60.yaml", Beam)
    recipe = Recipe.make(ROOT / "data" / "library", beam, TEST, stored.menu, TAGGERS, ("vh_bb",), 5)
    worker = recipe.open()
    # All objects are stored, also those that the menu does not ask for.
    build = replace(worker.builder, demand=EVERYTHING)
    source, (variant,) = worker.source, worker.variants
    part = next(p for p in stored.store.parts(BEAM) if p.stratum == 3)
    fields = [(kind, name) for kind, c in stored.store.manifest.objects.items() for name in c.fields]
    assert ("FATJET", "score_k4") in fields
    ours = stored.store.objects(part, fields)
    first = min(CHUNK, part.crossings)
    made = variant.scored(build.build(source.rate_plan(3, first, 5, "rate", 0)))
    for kind, name in fields:
        expected = made.collections[kind].fields[name]
        np.testing.assert_array_equal(
            ours.collections[kind].fields[name][:first], expected, err_msg=f"{kind} {name}"
        )
    truth = stored.store.truth("vh_bb", "resonance_eta")
    assert len(truth) <= CHUNK
    np.testing.assert_array_equal(truth, source.resonance[source.signal_plan("vh_bb", 0, len(truth), 5).hardest, 0])


def test_the_files_do_not_depend_on_threads(stored, tmp_path):
    run_menu(
        stored.menu, ROOT / "data" / "library", ROOT / "configs" / "beams" / "pileup60.yaml", TAGGERS,
        signals=("vh_bb",), crossings=4000, signal_crossings=400, target="Jet90", seed=5,
        threads=1, store=tmp_path / "again",
    )  # fmt: skip
    assert Store.open(tmp_path / "again").manifest.parts == stored.store.manifest.parts


def test_a_slot_that_holds_an_object_behind_an_empty_one_is_kept():
    fields = {"pt": np.array([[0, 5, 0], [0, 0, 0], [3, 2, 0]], np.int32)}
    there = _there(Collection({**fields, "score_x": np.full((3, 3), -1, np.int32)}))
    assert there.tolist() == [2, 0, 2]
    assert _column(fields["pt"], there, dtype_of(16, False)).to_pylist() == [[0, 5], [], [3, 2]]


def test_errors_say_what_is_missing(stored, tmp_path):
    with pytest.raises(InputError, match="no scores of tagger 'other' are stored, only of hbb, k4"):
        cut = "{object: FATJET, pt_gev: 1, score: {model: other, hw: 1}}"
        stored.store.compile(loads(f"name: x\nscales: phase2\nalgorithms:\n  - {{name: a, when: {cut}}}"))
    with pytest.raises(
        InputError, match="FATJET mass, which the menu reads, is not stored; store with --store-all"
    ):
        cut = "{object: FATJET, pt_gev: 1, mass_gev: [1, 2]}"
        stored.store.compile(loads(f"name: x\nscales: phase2\nalgorithms:\n  - {{name: a, when: {cut}}}"))
    with pytest.raises(InputError, match="no sample 'x'; there are beam, vh_bb"):
        stored.store.parts("x")
    with pytest.raises(InputError, match="no 'x' of vh_bb"):
        stored.store.truth("vh_bb", "x")
    with pytest.raises(InputError, match="store crossings with `trigsim run MENU --store DIR`"):
        Store.open(tmp_path)


def test_damage_and_other_versions_are_found(stored, tmp_path):
    for file in stored.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    store = Store.open(tmp_path)
    part = tmp_path / store.parts("vh_bb")[0].file
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(InputError, match="SHA-256 differs"):
        store.bits("vh_bb")
    manifest = json.loads((tmp_path / "store.json").read_text())
    (tmp_path / "store.json").write_text(json.dumps(manifest | {"version": 99}))
    with pytest.raises(InputError, match="format version 99; this trigsim reads version 2"):
        Store.open(tmp_path)
    with pytest.raises(InputError, match="is not empty; give --store a new folder"):
        run_menu(
            stored.menu, ROOT / "data" / "library", ROOT / "configs" / "beams" / "pileup60.yaml", TAGGERS,
            signals=(), crossings=1, signal_crossings=1, store=tmp_path,
        )  # fmt: skip
