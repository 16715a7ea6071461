"""A run that is killed, at any moment, and taken up again gives the bytes of one that was not."""

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from tests.stream.runs import MENU, ROOT, recipe, run
from trigsim.base.errors import InputError
from trigsim.cli.main import main
from trigsim.report import sheet
from trigsim.stream import checkpoint as module
from trigsim.stream.checkpoint import Checkpoint
from trigsim.stream.parallel import in_order

pytestmark = pytest.mark.jit


def threads(small, n=1):
    return partial(in_order, small.worker.answer, threads=n)


def checkpoint(small, folder, resume=True, seconds=0.0):
    return Checkpoint(folder, small.recipe.identity(), resume, seconds)


@pytest.mark.parametrize("n", [2, 7])
def test_the_same_for_any_number_of_threads(small, n):
    assert run(small.worker, threads(small, n)) == small.unbroken


def test_killed_again_and_again(small, tmp_path):
    """A forked process, which need not load anything, is killed after a random time until one comes through."""
    begun = time.perf_counter()
    run(small.worker, threads(small, 2), checkpoint(small, tmp_path / "timed"))
    kills, longest = 0, 0.4 * (time.perf_counter() - begun)
    shutil.rmtree(tmp_path / "timed")
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # fork, where threads have been
            child = os.fork()
        if child == 0:
            code = 1
            try:
                code = (
                    0 if run(small.worker, threads(small, 2), checkpoint(small, tmp_path)) == small.unbroken else 3
                )
            finally:
                os._exit(code)
        time.sleep(random.uniform(0.0, longest))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            break
        kills, longest = kills + 1, longest * 1.3
    assert os.waitstatus_to_exitcode(status) == 0
    assert kills >= 2
    # What is done is not done again.
    begun = time.perf_counter()
    assert run(small.worker, _nothing, checkpoint(small, tmp_path)) == small.unbroken
    assert time.perf_counter() - begun < 5
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]


def _nothing(_tasks):
    raise AssertionError("nothing is left to do")


def full_disk(file, _):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))


def test_the_command_is_killed_and_resumed(tmp_path, monkeypatch, capsys):
    (tmp_path / "menu.yaml").write_text(MENU)
    (tmp_path / "beam.yaml").write_text(
        "{name: b, mean_pileup: 3, colliding_bunches: 2760, vertex_sigma_z_mm: 45, vertex_source: assumed}"
    )
    words = [
        "run",
        tmp_path / "menu.yaml",
        "--beam",
        tmp_path / "beam.yaml",
        "--library",
        ROOT / "data" / "library",
    ]
    words += ["--tagger", f"hbb={ROOT}/data/models/hbb-k4", "--crossings", "20000", "--signal", "vh_bb"]
    words += ["--signal-crossings", "300", "--json"]

    def command(folder, *more):
        return [str(w) for w in (*words, "-o", tmp_path / folder, "--checkpoint-every", "0", *more)]

    def here(*arguments):
        monkeypatch.setattr(sys, "argv", ["trigsim", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return said.err if ended.value.code else said.out

    code = "from trigsim.cli.main import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code, *command("a")], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not (tmp_path / "a" / "checkpoint.npz").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.4))
    process.kill()
    process.wait()
    assert not (tmp_path / "a" / "run.json").exists()
    with monkeypatch.context() as patch:
        patch.setattr(sheet, "write_json", full_disk)
        assert here(*command("a", "--resume")).endswith(
            "run.json: No space left on device; check the disk and the folder's permissions\n"
        )
    assert here(*command("a", "--resume", "--workers", "2")) == here(*command("b", "--threads", "1"))
    rows = json.loads((tmp_path / "a" / "run.json").read_text())["rows"]
    assert [row["name"] for row in rows] == ["Jet40", "Jet100", "Fat", "jets", "total"]
    assert rows[0]["before_prescale"]["pure"]["value"] > 0
    for name in ("run.json", "run.csv", "provenance.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def stopped(small, folder, after=9):
    """Leave the checkpoint of a run that ended after some tasks."""

    def schedule(tasks):
        for number, answer in enumerate(threads(small)(tasks)):
            if number == after:
                raise KeyboardInterrupt
            yield answer

    with pytest.raises(KeyboardInterrupt):
        run(small.worker, schedule, checkpoint(small, folder, resume=False, seconds=60))


def test_a_checkpoint_of_another_run_is_refused(small, tmp_path):
    stopped(small, tmp_path)
    other = recipe(tmp_path, seed=5, menu=MENU.replace("40", "41"))
    for change, says in (
        ({"seed": other.identity()["seed"]}, "of another run (seed differs); run without --resume to start anew"),
        ({"menu 0": other.identity()["menu 0"]}, "(menu 0 differs)"),
        ({"more": "x"}, "(more differs)"),
    ):
        with pytest.raises(InputError) as refused:
            Checkpoint(tmp_path, {**small.recipe.identity(), **change}, resume=True).load()
        assert says in str(refused.value)
        assert str(refused.value).startswith(f"{tmp_path}/checkpoint.npz: ")
    assert Checkpoint(tmp_path, {}, resume=False).load() is None


def test_identity_knows_what_counts_and_not_where_it_lies(small, tmp_path):
    same = recipe(tmp_path)
    assert same.fingerprint == small.recipe.fingerprint
    assert recipe(tmp_path, seed=9).fingerprint != same.fingerprint
    changed = same.model_copy(update={"beam": same.beam.model_copy(update={"mean_pileup": 3.5})})
    assert changed.fingerprint != same.fingerprint


def test_a_damaged_checkpoint_is_refused(small, tmp_path):
    stopped(small, tmp_path)
    file = tmp_path / "checkpoint.npz"
    right = file.read_bytes()
    whole = checkpoint(small, tmp_path).load()
    rng = np.random.default_rng(1)
    refused = 0
    for round_ in range(80):
        if round_ % 2:
            file.write_bytes(right[: rng.integers(len(right))])
        else:
            wrong = bytearray(right)
            wrong[rng.integers(len(right))] ^= 1 << rng.integers(8)
            file.write_bytes(wrong)
        try:
            found = checkpoint(small, tmp_path).load()
        except InputError as error:
            assert "run without --resume to start anew" in str(error)
            refused += 1
        else:  # a bit that nothing is read from, a date for one
            for name, array in whole.items():
                np.testing.assert_array_equal(found[name], array)
    assert refused > 60


def test_a_full_disk_loses_nothing(small, tmp_path, monkeypatch):
    save, saved = np.savez_compressed, []

    def full(stream, **arrays):
        saved.append(None)
        if len(saved) > 12:
            stream.write(b"half of it")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(stream, **arrays)

    monkeypatch.setattr(module.np, "savez_compressed", full)
    with pytest.raises(InputError) as refused:
        run(small.worker, threads(small), checkpoint(small, tmp_path))
    assert "checkpoint.npz: cannot be written: No space left on device; what was saved before is kept" in str(
        refused.value
    )
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]
    assert checkpoint(small, tmp_path).load()["done"].sum() == 12
    assert run(small.worker, threads(small), checkpoint(small, tmp_path)) == small.unbroken


@pytest.mark.parametrize(("seconds", "took", "wait"), [(20, 0.01, 20), (20, 3, 60), (0, 3, 0)])
def test_checkpoints_that_take_long_are_seldom(tmp_path, monkeypatch, seconds, took, wait):
    now, save = [0.0], np.savez_compressed

    def slow(stream, **arrays):
        save(stream, **arrays)
        now[0] += took

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(module.np, "savez_compressed", slow)
    kept = Checkpoint(tmp_path, {}, resume=False, seconds=seconds)
    kept.save({})
    now[0] += 0.9 * wait
    assert kept.due() == (wait == 0)
    now[0] += 0.1 * wait + 1e-6
    assert kept.due()


def test_a_corrupt_library_is_named_and_the_run_goes_on_once_it_is_restored(small, tmp_path):
    stopped(small, tmp_path)
    shutil.copytree(ROOT / "data" / "library", tmp_path / "library")
    file = tmp_path / "library" / "qcd50.root"
    right = file.read_bytes()
    file.write_bytes(right[:5000] + bytes([right[5000] ^ 1]) + right[5001:])
    moved = recipe(tmp_path, library=tmp_path / "library")
    with pytest.raises(InputError, match=r"qcd50.root: not the file of the manifest"):
        moved.open()
    file.write_bytes(right)
    worker = moved.open()
    resumed = Checkpoint(tmp_path, moved.identity(), resume=True)
    assert run(worker, partial(in_order, worker.answer, threads=2), resumed) == small.unbroken


def test_resuming_needs_a_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "menu.yaml").write_text(MENU)
    monkeypatch.setattr(sys, "argv", ["trigsim", "run", str(tmp_path / "menu.yaml"), "--resume"])
    monkeypatch.chdir(ROOT)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "name it with -o" in capsys.readouterr().err


def test_what_is_in_a_checkpoint_is_named(small, tmp_path):
    stopped(small, tmp_path)
    with np.load(tmp_path / "checkpoint.npz", allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
    assert header["format"] == "trigsim-checkpoint 4"
    assert header["identity"] == small.recipe.identity()
