"""FastJet as the judge: its wheel's headers and libraries behind a small C++ shim, built once a session."""

from __future__ import annotations

import ctypes
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

BEST, N2_PLAIN, N2_TILED = 0, 1, 2
I64, F64 = ctypes.c_int64, ctypes.c_double
SOURCE = Path(__file__).with_suffix(".cc")


@functools.cache
def library() -> ctypes.CDLL:
    """Compile and load the shim; skip the test where that cannot be."""
    fastjet = pytest.importorskip("fastjet", reason="FastJet is not installed: no oracle")
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++: the FastJet oracle cannot be built")
    home = Path(fastjet.__file__).parent
    libraries = home / "lib64" if (home / "lib64").is_dir() else home / "lib"
    built = Path(tempfile.mkdtemp(prefix="fastjet_oracle_")) / "oracle.so"
    names = ("fastjetcontribfragile", "fastjetplugins", "fastjettools", "fastjet")
    subprocess.run(
        [compiler, "-O2", "-std=c++17", "-shared", "-fPIC", "-w", f"-I{home / 'include'}", str(SOURCE), "-o", built]
        + [f"-L{libraries}", f"-Wl,-rpath,{libraries}"]
        + [f"-l{name}" for name in names],
        check=True,
    )
    loaded = ctypes.CDLL(str(built))
    loaded.antikt.argtypes = [I64, ctypes.c_void_p, F64, F64, I64, ctypes.c_void_p]
    loaded.variable_r.argtypes = [I64, ctypes.c_void_p, F64, F64, F64, F64, ctypes.c_void_p]
    loaded.substructure.argtypes = [I64, ctypes.c_void_p, ctypes.c_void_p]
    loaded.repeat_antikt.argtypes = [I64, ctypes.c_void_p, F64, I64, I64]
    loaded.repeat_variable_r.argtypes = [I64, ctypes.c_void_p, F64, F64, F64, I64]
    for name in ("antikt", "variable_r", "repeat_antikt", "repeat_variable_r"):
        getattr(loaded, name).restype = I64
    loaded.substructure.restype = None
    return loaded


def antikt(p: np.ndarray, radius: float, min_pt: float, strategy: int = N2_PLAIN) -> np.ndarray:
    """Return the jet of each input, jets sorted by pT; `p` is (4, n): px, py, pz, E."""
    p = np.ascontiguousarray(p)
    labels = np.empty(p.shape[1], np.int64)
    library().antikt(p.shape[1], p.ctypes.data, radius, min_pt, strategy, labels.ctypes.data)
    return labels


def variable_r(p: np.ndarray, rho: float, r_min: float, r_max: float, min_pt: float) -> np.ndarray:
    """Return the variable-radius jet of each input, jets sorted by pT."""
    p = np.ascontiguousarray(p)
    labels = np.empty(p.shape[1], np.int64)
    library().variable_r(p.shape[1], p.ctypes.data, rho, r_min, r_max, min_pt, labels.ctypes.data)
    return labels


def substructure(p: np.ndarray) -> np.ndarray:
    """Return C2, D2, tau1, tau2, tau3, sqrt(d12), sqrt(d23) of the jet made of all inputs."""
    p = np.ascontiguousarray(p)
    out = np.zeros(7)
    library().substructure(p.shape[1], p.ctypes.data, out.ctypes.data)
    return out
