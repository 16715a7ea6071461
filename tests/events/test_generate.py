"""Generation: the arrays depend on seed, stratum and chunk alone, whatever is killed or counted differently."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from trigsim.base.errors import InputError

pytest.importorskip("pythia8mc", reason="needs the extra `generate`", exc_type=ImportError)

from trigsim.events import pythia
from trigsim.events.chunks import chunks_of, readable
from trigsim.events.generate import cross_section, generate
from trigsim.events.plan import load_plan

DETECTORS = Path(__file__).parents[2] / "configs" / "detectors"
SAMPLE = """\
name: small
detector: {detectors}/outer_tracker.yaml
seed: 5
settings: {{ParticleDecays:limitCylinder: true, ParticleDecays:xyMax: 1290, ParticleDecays:zMax: 3154}}
strata:
  - name: soft
    kind: inelastic
    events: 90
    chunk: 40
    pt_hat: [0, 6]
    process: {{SoftQCD:nonDiffractive: true}}
  - {{name: hard, kind: inelastic, events: 14, chunk: 4, pt_hat: [6, null], process: {{HardQCD:all: true}}}}
  - name: hbb
    kind: signal
    events: 12
    chunk: 5
    pt_hat: [200, null]
    process: {{HiggsSM:ffbar2HW: true, 25:onMode: off, 25:onIfMatch: 5 -5}}
    truth: {{resonance: 25}}
"""


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("sample") / "small.yaml"
    path.write_text(SAMPLE.format(detectors=DETECTORS))
    return path


@pytest.fixture(scope="module")
def reference(config, tmp_path_factory):
    """Return the library as one worker makes it."""
    return generate(load_plan(config), tmp_path_factory.mktemp("reference") / "library", workers=1)


def contents(library):
    return {s.name: (s.events, s.content, s.sigma_mb, s.sigma_error_mb) for s in library.strata}


def test_what_one_worker_makes(reference):
    assert [s.events for s in reference.strata] == [90, 14, 12]
    soft, hard, signal_events = (reference.load(s.name) for s in reference.strata)
    assert (soft.pt_hat <= 6).all()
    assert (hard.pt_hat >= 6).all()
    assert (signal_events.pt_hat >= 200).all()
    assert not soft.resonance_pt.any()
    assert (signal_events.resonance_pt > 50).all()
    assert (signal_events.quark_pt[:, 0] >= signal_events.quark_pt[:, 1]).all()
    # The pair adds up to its parent.
    px = (signal_events.quark_pt * np.cos(signal_events.quark_phi)).sum(axis=1)
    py = (signal_events.quark_pt * np.sin(signal_events.quark_phi)).sum(axis=1)
    np.testing.assert_allclose(np.hypot(px, py), signal_events.resonance_pt, rtol=1e-3)
    assert 50 < np.diff(signal_events.tower_offsets).mean() < 2000
    assert np.diff(signal_events.track_offsets).mean() > 10


def test_the_veto_lowers_the_soft_cross_section(reference):
    # sigma_nondiffractive is 57.2 mb at 14 TeV; roughly half of it has a scatter above 6 GeV.
    soft = reference["soft"]
    assert 0.2 * 57.2 < soft.sigma_mb < 0.8 * 57.2
    assert 0.5 < soft.sigma_error_mb < 6
    assert not list((reference.folder).glob(".parts"))
    assert json.loads((reference.folder / "provenance.json").read_text())["seed"] == 5


def test_two_workers_killed_and_resumed_make_the_same(config, reference, tmp_path):
    out = tmp_path / "out"
    run = "from trigsim.cli.main import main; main()"
    command = [sys.executable, "-c", run, "generate", str(config), "-o", str(out), "--workers", "2"]
    with subprocess.Popen(command, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while not list(out.glob(".parts/*.npz")) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    made = sorted(p.name for p in out.glob(".parts/*.npz"))
    assert made
    assert not (out / "manifest.json").exists()
    # Half a file, as a full disk leaves it.
    spoiled = out / ".parts" / made[0]
    spoiled.write_bytes(spoiled.read_bytes()[:100])
    # The workers die with their parent.
    while _children_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _children_of(process.pid)
    library = generate(load_plan(config), out, workers=2, resume=True)
    assert contents(library) == contents(reference)
    # Once more changes nothing; anything else is refused.
    before = (out / "manifest.json").stat().st_mtime_ns
    assert contents(generate(load_plan(config), out, resume=True)) == contents(reference)
    assert (out / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="holds a library already"):
        generate(load_plan(config), out)
    with pytest.raises(InputError, match="holds a library already"):
        generate(load_plan(config, seed=6), out, resume=True)


def _children_of(session):
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(status.read_text().rsplit(")", 1)[1].split()[3]) == session:
                found.append(status)
        except (OSError, IndexError):
            continue
    return found


def test_a_chunk_depends_on_its_seed_alone(config):
    plan = load_plan(config)
    for stratum in plan.sample.strata[:2]:
        first, again = (pythia.Generator(plan.sample, stratum) for _ in range(2))
        made = {seed: first.chunk(seed, 12) for seed in (7, 8)}
        # In the other order, after other work, with another instance.
        again.chunk(9, 5)
        for seed in (8, 7, 8):
            truth, tally = again.chunk(seed, 12)
            assert tally == made[seed][1]
            for f in fields(truth):
                assert np.array_equal(getattr(truth, f.name), getattr(made[seed][0], f.name)), f.name
        assert not np.array_equal(made[7][0].px, made[8][0].px)


def test_without_resume_old_chunks_are_made_again(config, reference, tmp_path):
    plan = load_plan(config)
    old = next(chunks_of(plan, 1, tmp_path / "out" / ".parts")).path
    old.parent.mkdir(parents=True)
    np.savez(old, tally=np.zeros(4))
    assert readable(old)
    assert contents(generate(plan, tmp_path / "out", workers=1)) == contents(reference)


def test_a_process_that_chooses_nothing(config, tmp_path):
    text = config.read_text()
    bad = config.with_name("bad.yaml")
    bad.write_text(text.replace("nonDiffractive: true", "nonDiffractive: false"))
    with pytest.raises(InputError, match="cannot start stratum"):
        generate(load_plan(bad), tmp_path / "out", workers=1)


def test_negative_workers(config, tmp_path):
    with pytest.raises(InputError, match="workers"):
        generate(load_plan(config), tmp_path / "out", workers=-1)


def test_cross_section_of_chunks():
    # Two chunks of different size: the mean is weighted, errors add in quadrature, the veto is binomial.
    sigma, error = cross_section(np.array([[10.0, 0.3, 100, 100], [12.0, 0.6, 300, 300]]))
    assert sigma == pytest.approx(11.5)
    assert error == pytest.approx(np.hypot(0.3 * 100, 0.6 * 300) / 400, rel=1e-3)
    sigma, error = cross_section(np.array([[80.0, 0.0, 1000, 900]]))
    assert sigma == pytest.approx(72.0)
    assert error == pytest.approx(80 * np.sqrt(0.9 * 0.1 / 1000), rel=1e-3)


def command_line(*arguments):
    run = "from trigsim.cli.main import main; main()"
    return subprocess.run(
        [sys.executable, "-c", run, "generate", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_json_is_one_document(config, reference):
    done = command_line(config, "-o", reference.folder, "--resume", "--json")
    assert done.returncode == 0
    assert [s["name"] for s in json.loads(done.stdout)["strata"]] == ["soft", "hard", "hbb"]


def test_wrong_input_is_one_line_and_exit_2(config, tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text(config.read_text().replace("HardQCD:all: true", "HardQCD:all: maybe"))
    done = command_line(bad, "-o", tmp_path / "out", "--json")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"{bad}:12:")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
