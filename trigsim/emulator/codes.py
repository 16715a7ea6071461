"""Numbers by which plans tell kernels what to do, and the sizes both go by; free of numba, so quick to import."""

from __future__ import annotations

from trigsim.numeric.fixed import Rounding

#: Rounding modes as small integers.
MODES = {mode: number for number, mode in enumerate(Rounding)}
TRN, TRN_ZERO, RND, RND_ZERO, RND_INF, RND_MIN_INF, RND_CONV = range(7)

#: Operations on the numbers of a layer: rows ``(code, a, b, c)``.
#:
#: ``ROUND`` mode a, drop b; ``SHIFT_LEFT`` a; ``CLIP`` to a..b; ``WRAP`` with a bits to spare, signed b, mask c;
#: ``ZERO_BEYOND`` a..b; ``LOOK_UP`` data[a + clip(v - b, 0, c)]; ``SCALE`` v·data[a + j] + data[b + j], neuron j.
ROUND, SHIFT_LEFT, CLIP, WRAP, ZERO_BEYOND, LOOK_UP, SCALE = range(7)

#: Columns of a stage's description for the portable kernels. After its operations each number becomes
#: ``clip((v + ADD) >> DROP, LOW, HIGH)``.
(
    WIDTH,  # neurons, padded
    STRIDE,  # numbers in a row of the input
    GROUPS_FROM,
    GROUPS_TO,
    WEIGHTS_FROM,
    BIAS_FROM,
    OPERATIONS_FROM,
    OPERATIONS_TO,
    ADD,
    DROP,
    LOW,
    HIGH,
) = range(12)

#: How the machine code holds the inputs of a layer, four bytes at a time: uint8 (weights int8), int16, or int32.
BYTES, SHORTS, WORDS = range(3)
#: Inputs in four bytes, and bits of each.
PER_QUAD = (4, 2, 1)
BITS = (8, 16, 32)
