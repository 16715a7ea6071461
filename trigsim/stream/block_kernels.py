# mypy: ignore-errors
"""The event loop: overlay, objects and the wanted features of one block of crossings."""

from trigsim.objects.crossing_kernels import finish_crossing
from trigsim.objects.jit import outer
from trigsim.stream.overlay_kernels import overlay_crossing
from trigsim.tagger.feature_kernels import candidate_features


@outer
def build_block(
    pool, packed, plan, par, d0_resolution, muons, work, complete, scored, wanted, out, crossing, slot, features
):
    """Build every crossing of a plan; return the number of large-R jets to be scored.

    Parameters
    ----------
    pool : PackedPool
    packed : PackedBlocks
    plan : PlanArrays
    par : Parameters
    d0_resolution : float64 array, shape (2, 58)
        Of the tracks, by ring.
    muons, work
        Memory of one crossing.
    complete : bool
        Whether track jets are made also where no large-R jet is possible.
    scored : int
        Smallest stored pT of large-R jets that are to be scored.
    wanted : bool array, shape (39,)
        Features to compute.
    out : Outputs
        Objects; row i is crossing i.
    crossing, slot : int64 arrays
        Filled with the place of each of these jets.
    features : int32 array, shape (rows, 39)
        Filled with its wanted features.
    """
    n = 0
    for i in range(len(plan.offsets) - 1):
        z, total, n_tracks, n_muons, electrons = overlay_crossing(pool, packed, plan, i, par, work, muons)
        n_fat = finish_crossing(par, z, total, n_tracks, muons, 0, n_muons, electrons, complete, work, out, i)
        for j in range(n_fat):
            if out.fatjet_pt[i, j] < scored:
                break
            crossing[n] = i
            slot[n] = j
            candidate_features(work, j, wanted, d0_resolution[0], d0_resolution[1], features[n])
            n += 1
    return n
