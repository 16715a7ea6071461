# mypy: ignore-errors
"""Many clusterings in one call, so that calls from Python cost nothing."""

from numba import njit

from trigsim.objects.cluster_kernels import cluster


@njit(cache=True, nogil=True)
def repeat(times, p, rho2, min2, max2, memory):
    """Cluster the inputs `p`, shape (4, n), with anti-kT of fixed or variable radius, `times` times."""
    for _ in range(times):
        cluster(p.shape[1], p[0], p[1], p[2], p[3], -1, rho2, min2, max2, 0.0, memory)
