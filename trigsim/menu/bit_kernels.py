# mypy: ignore-errors
"""What numba does not name: the lowest bit of a word, numbers at an address, eight comparisons as one byte."""

import ctypes

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.extending import intrinsic

_INT32, _EIGHT = ir.IntType(32), ir.VectorType(ir.IntType(32), 8)


@intrinsic
def _trailing_zeros(typingctx, word):
    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


def _pointer(builder, address, index, kind):
    first = builder.inttoptr(address, _INT32.as_pointer())
    return builder.bitcast(builder.gep(first, [index]), kind.as_pointer())


@intrinsic
def _number_at(typingctx, address, index):
    def generate(context, builder, signature, arguments):
        return builder.load(_pointer(builder, *arguments, _INT32))

    return types.int32(types.int64, types.int64), generate


@intrinsic
def _eight_within(typingctx, address, index, low, high):
    def generate(context, builder, signature, arguments):
        numbers = builder.load(_pointer(builder, *arguments[:2], _EIGHT), align=4)
        spread = ir.Constant(ir.VectorType(_INT32, 8), [0] * 8)

        def eight(value):
            one = builder.insert_element(ir.Constant(_EIGHT, ir.Undefined), value, ir.Constant(_INT32, 0))
            return builder.shuffle_vector(one, ir.Constant(_EIGHT, ir.Undefined), spread)

        low, high = arguments[2:]
        # One unsigned comparison does for both ends.
        above = builder.add(numbers, eight(builder.neg(low)))
        inside = builder.icmp_unsigned("<=", above, eight(builder.sub(high, low)))
        return builder.bitcast(inside, ir.IntType(8))

    return types.uint8(types.int64, types.int64, types.int32, types.int32), generate


if config.DISABLE_JIT:

    def bit_number(word):
        """Return the number of the lowest bit set in a word that is not 0."""
        return (int(word) & -int(word)).bit_length() - 1

    def number_at(address, index):
        """Return the int32 that stands `index` numbers behind an address."""
        return np.int32(ctypes.c_int32.from_address(int(address) + 4 * int(index)).value)

    def eight_within(address, index, low, high):
        """Return which of the eight int32 from ``number_at(address, index)`` on lie in low..high, as bits."""
        numbers = np.ctypeslib.as_array((ctypes.c_int32 * 8).from_address(int(address) + 4 * int(index)))
        return np.packbits((numbers >= low) & (numbers <= high), bitorder="little")[0]

else:
    bit_number, number_at, eight_within = _trailing_zeros, _number_at, _eight_within
