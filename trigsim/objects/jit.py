"""How kernels are compiled: those that Python calls, and those that only other kernels call."""

from __future__ import annotations

from numba import njit

#: Kernels that allocate nothing need no reference counts: their callers keep every array alive. The counts took an
#: eighth of the event loop's time. What allocates says ``_nrt=True``; what says nothing does as its caller.
#: Nor does any divide by zero: unchecked, loops of divisions are vectors.
outer = njit(cache=True, nogil=True, _nrt=False, error_model="numpy")
#: Without the ways in from Python and C, whose unpacking of many arrays takes a third of the compilation.
inner = njit(
    cache=True, nogil=True, _nrt=False, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
)
#: Merged into their callers: they take whole workspaces, and handing over a hundred arrays takes a few
#: per cent of the loop's time.
merged = njit(cache=True, nogil=True, _nrt=False, error_model="numpy", forceinline=True)
