# mypy: ignore-errors
"""Which bit of a word is set: one machine instruction, which numba does not name."""

from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic


@intrinsic
def _trailing_zeros(typingctx, word):
    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


if config.DISABLE_JIT:

    def bit_number(word):
        """Return the number of the lowest bit set in a word that is not 0."""
        return (int(word) & -int(word)).bit_length() - 1

else:
    bit_number = _trailing_zeros
