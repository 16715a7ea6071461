# mypy: ignore-errors
"""The event loop: overlay, objects and the wanted features of one block of crossings."""

from numba import njit

from trigsim.objects.crossing_kernels import reconstruct_crossing
from trigsim.stream.overlay_kernels import overlay_crossing
from trigsim.tagger.feature_kernels import candidate_features


@njit(cache=True, nogil=True)
def build_block(
    pool, plan, par, d0_resolution, wide, towers, tracks, muons, work, wanted, out, crossing, slot, features
):
    """Build every crossing of a plan; return the number of large-R jets found.

    Parameters
    ----------
    pool : Pool
    plan : tuple of arrays
        offsets, event, rotation, mirror, z0 of a `Plan`.
    par : Parameters
    d0_resolution : float64 array, shape (2, 58)
        Of the tracks, by ring.
    wide, towers, tracks, muons, work
        Memory of one crossing.
    wanted : bool array, shape (39,)
        Features to compute.
    out : Outputs
        Objects; row i is crossing i.
    crossing, slot : int64 arrays
        Filled with the place of each large-R jet.
    features : int32 array, shape (rows, 39)
        Filled with its wanted features.
    """
    offsets, event, rotation, mirror, z0 = plan
    n = 0
    for i in range(len(offsets) - 1):
        n_tracks, n_muons = overlay_crossing(
            pool, offsets, event, rotation, mirror, z0, i, wide, towers, tracks, muons
        )
        n_fat = reconstruct_crossing(par, towers, tracks, 0, n_tracks, muons, 0, n_muons, work, out, i)
        for j in range(n_fat):
            crossing[n] = i
            slot[n] = j
            candidate_features(work, j, wanted, d0_resolution[0], d0_resolution[1], features[n])
            n += 1
    return n
