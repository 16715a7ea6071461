"""One generated collision read out several times: one truth, independent detectors, one collision in the counts."""

import json
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.events.test_generate import DETECTORS, SAMPLE, contents
from trigsim.base.errors import InputError
from trigsim.base.files import sha256
from trigsim.detector.readout import TRUTH_COLUMNS
from trigsim.events import chunks
from trigsim.events.arrays import interleaved, offsets_of
from trigsim.events.generate import generate
from trigsim.events.library import Library
from trigsim.events.model import TOWER_ET, Collisions
from trigsim.events.plan import load_plan
from trigsim.events.pythia import Tally
from trigsim.events.pythia_settings import pythia_version
from trigsim.events.stratum_file import DTYPES, read_stratum, write_stratum
from trigsim.events.truth import Truth

#: Hashes of the arrays of `SAMPLE` as the last version made them that knew of one read-out only, with Pythia 8.317.
BEFORE = {
    "soft": "c0dcdd210eb6a64fe4256eaa5645505a79eec4ddfa55fa16402af91754d91fe3",
    "hard": "7b083f9b711f3672def9e72c9b76fb00c4c2261179660a0c61ac768a03661c95",
    "hbb": "909f48400b784f94e6fbf8e01a323ff8b8acaf928cac03a7557de8c76098f33f",
}
READOUTS = {"soft": 1, "hard": 3, "hbb": 2}
SEVERAL = SAMPLE.replace("events: 14,", "events: 14, readouts: 3,").replace(
    "    events: 12\n", "    events: 12\n    readouts: 2\n"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readouts")
    for name, text in (("once", SAMPLE), ("several", SEVERAL)):
        (folder / f"{name}.yaml").write_text(text.format(detectors=DETECTORS))
        generate(load_plan(folder / f"{name}.yaml"), folder / name, workers=1)
    return folder


def entry(collisions, i):
    """Return all that entry i says, as plain lists."""
    found = []
    for f in fields(Collisions):
        array, prefix = getattr(collisions, f.name), f.name.split("_")[0]
        if f.name in DTYPES:
            offsets = getattr(collisions, f"{prefix}_offsets")
            found.append(array[offsets[i] : offsets[i + 1]].tolist())
        elif not f.name.endswith("offsets"):
            found.append(array[i].tolist())
    return found


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(n=st.integers(1, 20), times=st.integers(1, 4), seed=st.integers(0, 1000))
def test_interleaving_keeps_every_collision(random_collisions, n, times, seed):
    parts = [random_collisions(n, seed + r) for r in range(times)]
    found = interleaved(parts)
    assert len(found) == n * times
    for i in range(n):
        for r, part in enumerate(parts):
            assert entry(found, i * times + r) == entry(part, i)
    for f in fields(Collisions):
        assert getattr(found, f.name).dtype == getattr(parts[0], f.name).dtype


def test_one_readout_is_what_it_was(folder):
    library = Library.open(folder / "once")
    if pythia_version() == "8.317":
        assert {s.name: s.content for s in library.strata} == BEFORE
    manifest = (folder / "once" / "manifest.json").read_text()
    assert "readouts" not in manifest
    assert [s.readouts for s in library.strata] == [1, 1, 1]
    # Chunks that a run of before had made are gone on with.
    plans = [load_plan(folder / f"{name}.yaml") for name in ("once", "several")]
    keys = [{s.name: plan.key(s) for s in plan.sample.strata} for plan in plans]
    assert keys[0]["soft"] == keys[1]["soft"]
    assert keys[0]["hard"] != keys[1]["hard"]
    assert "readouts" not in plans[0].sample.strata[0].model_dump(mode="json", exclude={"events"})
    assert "events" not in plans[1].sample.strata[1].model_dump(mode="json", exclude={"events"})


def test_readouts_of_one_collision_share_its_truth_and_nothing_else(folder):
    once, several = (Library.open(folder / name) for name in ("once", "several"))
    for stratum in several.strata:
        times, was = READOUTS[stratum.name], once[stratum.name]
        assert (stratum.readouts, stratum.events, stratum.entries) == (times, was.events, times * was.events)
        # The number of collisions has not changed, and so neither has what is known of the cross section.
        assert (stratum.sigma_mb, stratum.sigma_error_mb) == (was.sigma_mb, was.sigma_error_mb)
        plain, found = once.load(stratum.name), several.load(stratum.name)
        assert len(found) == stratum.entries
        for name in TRUTH_COLUMNS:
            np.testing.assert_array_equal(getattr(found, name), np.repeat(getattr(plain, name), times, axis=0))
        for i in range(was.events):
            # The first is that of a library of one read-out: more of them change nothing of it.
            assert entry(found, i * times) == entry(plain, i)
            towers = [entry(found, i * times + r)[:3] for r in range(times)]
            if len(towers[0][0]) > 20:
                assert all(towers[a] != towers[b] for a in range(times) for b in range(a))


def test_chunks_do_not_depend_on_where_a_run_was_stopped(folder, monkeypatch, tmp_path):
    plan, calls, make = load_plan(folder / "several.yaml"), [], chunks._make

    def stops(chunk):
        calls.append(chunk)
        if len(calls) == 6:
            raise KeyboardInterrupt
        make(chunk)

    monkeypatch.setattr(chunks, "_make", stops)
    with pytest.raises(KeyboardInterrupt):
        generate(plan, tmp_path / "out", workers=1)
    monkeypatch.setattr(chunks, "_make", make)
    assert len(list((tmp_path / "out").glob(".parts/*.npz"))) == 5
    resumed = generate(plan, tmp_path / "out", workers=1, resume=True)
    assert contents(resumed) == contents(Library.open(folder / "several"))
    assert generate(plan, tmp_path / "out", resume=True).manifest == resumed.manifest
    with pytest.raises(InputError, match="holds a library already"):
        generate(load_plan(folder / "once.yaml"), tmp_path / "out", resume=True)


def guns(n):
    """n collisions of a photon of 20 GeV each, at an eta of 0.3."""
    zeros, pairs = np.zeros(n, np.float32), np.zeros((n, 2), np.float32)
    names = ("resonance_pt", "resonance_eta", "resonance_phi")
    return Truth(
        offsets=offsets_of(np.ones(n, np.int64)),
        pdg=np.full(n, 22, np.int32),
        charge=np.zeros(n, np.int8),
        px=np.full(n, 20.0),
        py=np.zeros(n),
        pz=np.full(n, 20 * np.sinh(0.3)),
        energy=np.full(n, 20 * np.cosh(0.3)),
        x=np.zeros(n),
        y=np.zeros(n),
        z=np.zeros(n),
        pt_hat=np.arange(n, dtype=np.float32),
        weight=zeros + 1,
        **dict.fromkeys(names, zeros),
        **dict.fromkeys(("quark_pt", "quark_eta", "quark_phi"), pairs),
    )


def test_smearing_is_drawn_anew_with_the_mean_and_spread_of_the_preset(folder, monkeypatch, tmp_path):
    """A library of one kind of collision: read-outs spread as far within a collision as between them."""
    monkeypatch.setattr(
        chunks, "_source", lambda plan, stratum: lambda c: (guns(c.events), Tally(1.0, 0.0, c.events, c.events))
    )
    text = (folder / "several.yaml").read_text().split("strata:")[0] + (
        "strata:\n"
        "  - {name: gun, kind: signal, events: 3000, chunk: 1000, readouts: 4, process: {HardQCD:all: true}}\n"
    )
    (tmp_path / "gun.yaml").write_text(text)
    plan = load_plan(tmp_path / "gun.yaml")
    found = generate(plan, tmp_path / "out", workers=1).load("gun")
    owner = np.repeat(np.arange(len(found)), np.diff(found.tower_offsets))
    et = np.bincount(owner, found.tower_et, len(found)).reshape(3000, 4) * TOWER_ET.lsb
    em = plan.detector.calorimeter.regions[0].em
    spread = 20 * np.hypot(em.stochastic / np.sqrt(20 * np.cosh(0.3)), em.constant)
    np.testing.assert_allclose(et.mean(axis=0), 20, atol=4 * spread / np.sqrt(3000))
    assert et.std(axis=1, ddof=1).mean() == pytest.approx(spread, rel=0.1)
    between = np.corrcoef(et.T)[np.triu_indices(4, 1)]
    assert np.abs(between).max() < 4 / np.sqrt(3000)
    # The mean of four is known twice as well, if they are independent.
    assert et.mean(axis=1).std() == pytest.approx(et.std() / 2, rel=0.06)


def stored(folder, random_collisions, times, n=10):
    """Write a library of one stratum whose collisions, of different truth, were read out so many times."""
    parts = [random_collisions(n, r) for r in range(times)]
    for part in parts[1:]:
        for name in TRUTH_COLUMNS:
            getattr(part, name)[:] = getattr(parts[0], name)
    _, content = write_stratum(folder / "a.root", [interleaved(parts)], readouts=times)
    record = {
        "name": "a", "kind": "signal", "file": "a.root", "events": n, "pt_hat_min": 0, "pt_hat_max": None,
        "sigma_mb": 1, "sigma_error_mb": 0, "sha256": sha256(folder / "a.root"), "content": content,
    }  # fmt: skip
    if times > 1:
        record["readouts"] = times
    return {
        "format": "trigsim-library", "version": 2, "name": "x", "seed": 1, "energy": 14e3, "strata": [record],
        "sample": {}, "detector": {}, "provenance": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("there", "told", "events", "message"),
    [
        (2, 2, 10, None),
        (1, 1, 10, None),
        (2, 1, 20, "has 2 read-outs a collision, not 1"),
        (1, 2, 5, "has 1 read-outs a collision, not 2"),
        (4, 2, 20, "has 4 read-outs a collision, not 2"),
        (2, 2, 9, "20 entries where the manifest says 18"),
        (1, 0, 10, "greater than or equal to 1"),
    ],
)
def test_a_wrong_number_of_readouts_is_refused(tmp_path, random_collisions, there, told, events, message):
    manifest = stored(tmp_path, random_collisions, there)
    manifest["strata"][0] |= {"readouts": told, "events": events}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    if message is None:
        assert len(Library.open(tmp_path).load("a")) == there * 10
        return
    with pytest.raises(InputError, match=message):
        Library.open(tmp_path).load("a")


def test_entries_that_are_not_of_one_collision_in_turn_are_refused(tmp_path, random_collisions):
    whole = random_collisions(6)
    for name in TRUTH_COLUMNS:
        column = getattr(whole, name)
        column[1::2] = column[::2]
    _, content = write_stratum(tmp_path / "good.root", [whole], readouts=2)
    assert len(read_stratum(tmp_path / "good.root", 2)) == 6
    assert write_stratum(tmp_path / "one.root", [whole])[1] != content
    whole.resonance_pt[3] += 1
    write_stratum(tmp_path / "other.root", [whole], readouts=2)
    with pytest.raises(InputError, match="differ in resonance_pt"):
        read_stratum(tmp_path / "other.root", 2)
    with pytest.raises(ValueError, match="no whole collisions of 4"):
        write_stratum(tmp_path / "odd.root", [whole], readouts=4)


@pytest.mark.parametrize("times", ["0", "101", "1.5", "many"])
def test_readouts_that_are_no_small_number(folder, tmp_path, times):
    text = (folder / "several.yaml").read_text()
    (tmp_path / "bad.yaml").write_text(text.replace("readouts: 3", f"readouts: {times}"))
    with pytest.raises(InputError, match=r"bad.yaml:12:\d+: .*readouts"):
        load_plan(tmp_path / "bad.yaml")


def test_files_number_their_readouts_in_turn(folder):
    uproot = pytest.importorskip("uproot")
    with uproot.open(folder / "several" / "hard.root") as file:
        numbers = file["Events"]["readout"].array(library="np")
        towers = file["Events"]["nTower"].array(library="np")
    np.testing.assert_array_equal(numbers, np.tile([0, 1, 2], 14))
    loaded = Library.open(folder / "several").load("hard")
    np.testing.assert_array_equal(towers, [b - a for a, b in pairwise(loaded.tower_offsets)])
