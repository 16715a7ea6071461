"""How kernels are compiled that only other kernels call."""

from __future__ import annotations

from numba import njit

#: Without the ways in from Python and C, whose unpacking of many arrays takes a third of the compilation.
inner = njit(cache=True, nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)
