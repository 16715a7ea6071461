"""C simulation of a menu's firmware: golden vectors, the compiled test bench, and its bits."""

from __future__ import annotations

import os
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.files import atomic_path
from trigsim.base.progress import progress
from trigsim.firmware.csim import QUICK, require_compiler
from trigsim.firmware.menu_design import MenuDesign
from trigsim.firmware.menu_words import pack
from trigsim.menu.decide import Rows
from trigsim.objects.model import TriggerObjects

#: Calls written at a time.
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of the top function that decide some crossings.

    Attributes
    ----------
    given : int64 array, shape (calls,)
        Row of the crossing that each call gives; -1 is an empty one.
    decided : int64 array, shape (calls,)
        Row of the crossing that its bits belong to; -1 if it only moves the window.
    """

    given: NDArray[np.int64]
    decided: NDArray[np.int64]


def calls(n: int, rows: Rows, reach: tuple[int, int]) -> Calls:
    """Return the calls for n crossings of which each sees its neighbours as `rows` says."""
    before, after = reach
    every = np.arange(n, dtype=np.int64)
    gap = max(before, after)
    if rows == "independent":
        given = np.full((n, 1 + gap), -1, dtype=np.int64)
        given[:, 0] = every
        flat = given.ravel()
        return Calls(flat, np.concatenate([np.full(after, -1), flat[: len(flat) - after]]))
    if rows == "cyclic" and n:
        around = np.arange(-before, n + after) % n
    else:
        around = np.concatenate([np.full(before, -1), every, np.full(after, -1)])
    return Calls(around, np.concatenate([np.full(before + after, -1), every]))


@dataclass(frozen=True, slots=True)
class MenuCSim:
    """A compiled test bench."""

    made: MenuDesign
    folder: Path
    program: Path

    def decide(self, objects: TriggerObjects, rows: Rows = "independent") -> NDArray[np.bool_]:
        """Return the firmware's bits, shape (n, algorithms), in the order of ``made.compiled.names``."""
        told = calls(len(objects), rows, self.made.compiled.reach)
        with tempfile.TemporaryDirectory(prefix="trigsim-menu-") as name:
            files = [Path(name) / part for part in ("crossings", "golden", "results")]
            _write_crossings(files[0], self.made, objects, told)
            files[1].write_text("-\n" * len(told.given), encoding="ascii")
            done = subprocess.run(
                [str(self.program), *map(str, files)], capture_output=True, text=True, check=False
            )
            # 1 says that nothing was compared, which is meant.
            if done.returncode not in (0, 1):
                raise RuntimeError(f"C simulation ended with {done.returncode}: {done.stderr[-500:]}")
            return _read_results(files[2], self.made, told, len(objects))


def write_golden(made: MenuDesign, folder: str | Path, objects: TriggerObjects, rows: Rows = "independent") -> int:
    """Write crossings and the emulator's bits into a menu project; return how often an algorithm fires in them."""
    folder = Path(folder) / "tb_data"
    told = calls(len(objects), rows, made.compiled.reach)
    _write_crossings(folder / "tb_crossings.dat", made, objects, told)
    decided = made.compiled.decide(objects, rows=rows)
    lines = _hexadecimal(made, decided)
    with atomic_path(folder / "tb_algorithms.dat") as path:
        path.write_text("".join(f"{'-' if row < 0 else lines[row]}\n" for row in told.decided), encoding="ascii")
    return int(decided.sum())


def build_menu(made: MenuDesign, folder: str | Path, flags: tuple[str, ...] = QUICK) -> MenuCSim:
    """Compile the test bench of a menu project: one part a core, each of several sources.

    Raises
    ------
    InputError
        Without g++.
    RuntimeError
        If the C++ does not compile.
    """
    compiler = require_compiler()
    folder = Path(folder).resolve()
    options = ["-std=c++17", *flags, "-w", "-Ifirmware", "-Ifirmware/ap_types", "-I."]
    sources = [*sorted((folder / "firmware").glob("*.cpp")), folder / "menu_test.cpp"]
    program = folder / "menu_test"
    parts = min(len(os.sched_getaffinity(0)), len(sources))
    with (
        tempfile.TemporaryDirectory(prefix="trigsim-menu-") as scratch,
        progress("compiling", parts, "parts") as advance,
        ThreadPoolExecutor(parts) as pool,
    ):

        def compile_part(k: int) -> str:
            # Half of the time of a small source goes into its headers: they are read once a part.
            joined, target = Path(scratch) / f"{k}.cpp", f"{scratch}/{k}.o"
            joined.write_text("".join(f'#include "{source}"\n' for source in sources[k::parts]), encoding="utf-8")
            _run([compiler, *options, "-c", str(joined), "-o", target], folder)
            advance(1)
            return target

        objects = list(pool.map(compile_part, range(parts)))
        _run([compiler, *objects, "-o", str(program)], folder)
    return MenuCSim(made, folder, program)


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"g++ failed in {folder}: {done.stderr[:2000]}")


def _write_crossings(file: Path, made: MenuDesign, objects: TriggerObjects, told: Calls) -> None:
    with atomic_path(file) as path, path.open("wb") as stream:
        for first in range(0, len(told.given), CHUNK):
            lines = pack(made.words, made.compiled, objects, told.given[first : first + CHUNK])
            stream.write(lines.tobytes())


def _bits_of(made: MenuDesign) -> list[int]:
    index = dict(zip((a.name for a in made.menu.algorithms), made.menu.indices, strict=True))
    return [index[name] for name in made.compiled.names]


def _hexadecimal(made: MenuDesign, decided: NDArray[np.bool_]) -> list[str]:
    """Return the output word of each crossing, highest digit first."""
    digits = -(-made.width // 4)
    bits = np.zeros((len(decided), 8 * -(-digits // 2)), dtype=np.uint8)
    bits[:, _bits_of(made)] = decided
    packed = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    return [row.tobytes().hex()[-digits:] for row in packed]


def _read_results(file: Path, made: MenuDesign, told: Calls, n: int) -> NDArray[np.bool_]:
    lines = file.read_bytes().split()
    if len(lines) != len(told.given):
        raise RuntimeError(f"the C simulation answered {len(lines)} of {len(told.given)} calls")
    size = -(-made.width // 8)
    raw = np.frombuffer(bytes.fromhex("".join(x.decode().zfill(2 * size) for x in lines)), dtype=np.uint8)
    bits = np.unpackbits(raw.reshape(len(lines), size)[:, ::-1], axis=1, bitorder="little")
    found = np.zeros((n, len(made.compiled.names)), dtype=np.bool_)
    judged = told.decided >= 0
    found[told.decided[judged]] = bits[judged][:, _bits_of(made)]
    return found
