"""Compiles LLVM assembly for this machine, keeps the result on disk, and calls it without the interpreter lock.

llvmlite alone does it: numba's dispatchers would first load the extensions of every installed package.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from trigsim.base.files import atomic_path

#: Compiled networks kept; the one unused for longest makes room.
_KEPT = 500
_DIGEST = 32
#: x, n, starts, pairs, bias, data, room, lsb, out.
_SIGNATURE = ctypes.CFUNCTYPE(
    ctypes.c_int64,
    *(ctypes.c_void_p, ctypes.c_int64, *[ctypes.c_void_p] * 5, ctypes.c_double, ctypes.c_void_p),
)


def available() -> bool:
    """Whether this module can compile here, and was not told otherwise (NUMBA_DISABLE_JIT is for both)."""
    return platform.machine() in ("x86_64", "AMD64") and os.environ.get("NUMBA_DISABLE_JIT", "0") in ("", "0")


@cache
def has_vnni() -> bool:
    """Whether the processor has the dot products of AVX-512."""
    features = llvm.get_host_cpu_features()
    return bool(features.get("avx512vnni") and features.get("avx512bw"))


def opaque_operands() -> bool:
    """Whether LLVM's dot products take vectors of int32 whatever they multiply."""
    return bool(llvm.llvm_version_info[0] < 22)


@cache
def function(assembly: str) -> Callable[..., int]:
    """Return the function ``run`` of a module; see `machine_code.assembly`.

    The compiled code is kept beside this file, or in the user's cache folder where that is not writable; a folder
    named by NUMBA_CACHE_DIR takes precedence, as for numba's own.
    """
    machine = _machine()
    told = (assembly, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), llvm.llvm_version_info)
    name = f"network-{hashlib.sha256(repr(told).encode()).hexdigest()[:32]}.o"
    content = _kept(name)
    if content is None:
        content = _compiled(assembly, machine)
        _keep(name, content)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    engine.finalize_object()
    run = _SIGNATURE(engine.get_function_address("run"))
    _ENGINES.append(engine)
    return run


#: The memory of the functions belongs to these.
_ENGINES: list[Any] = []


def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


def _compiled(assembly: str, machine: Any) -> bytes:
    """Return machine code. LLVM's optimiser would take longer than this and gain less than 5 % of speed."""
    module = llvm.parse_assembly(assembly)
    module.verify()
    return bytes(machine.emit_object(module))


@cache
def _folders() -> tuple[Path, ...]:
    told = os.environ.get("NUMBA_CACHE_DIR")
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trigsim"
    return (Path(told) / "trigsim",) if told else (Path(__file__).parent / "__pycache__", user)


def _kept(name: str) -> bytes | None:
    for folder in _folders():
        with contextlib.suppress(OSError):
            content = (folder / name).read_bytes()
            os.utime(folder / name)
            digest, code = content[:_DIGEST], content[_DIGEST:]
            # Half a file, or one that was damaged, is not run.
            if hashlib.sha256(code).digest() == digest:
                return code
    return None


def _keep(name: str, code: bytes) -> None:
    """Keep compiled code in the first folder that lets us; a machine without any compiles anew each time."""
    for folder in _folders():
        with contextlib.suppress(OSError):
            with atomic_path(folder / name) as path:
                path.write_bytes(hashlib.sha256(code).digest() + code)
            files = sorted(folder.glob("network-*.o"), key=lambda file: file.stat().st_mtime)
            for old in files[:-_KEPT]:
                old.unlink(missing_ok=True)
            return
