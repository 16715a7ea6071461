# mypy: ignore-errors
"""What numba does not name: lowest bits, numbers at an address, eight comparisons as one byte, shares of work."""

import ctypes
from threading import Lock

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


def _eight(builder, value):
    """Return a vector of eight times the value."""
    nothing = ir.Constant(_EIGHT, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(_EIGHT, [0] * 8))


def _within(builder, numbers, low, high):
    """Return which of eight numbers lie in low..high: one unsigned comparison does for both ends."""
    above = builder.sub(numbers, _eight(builder, low))
    inside = builder.icmp_unsigned("<=", above, _eight(builder, builder.sub(high, low)))
    return builder.bitcast(inside, ir.IntType(8))


@intrinsic
def _eight_within(typingctx, address, index, low, high):
    def generate(context, builder, signature, arguments):
        numbers = builder.load(_pointer(builder, *arguments[:2], _EIGHT), align=4)
        return _within(builder, numbers, *arguments[2:])

    return types.uint8(types.int64, types.int64, types.int32, types.int32), generate


@intrinsic
def _eight_apart(typingctx, address, index, multiply, add, turn, low, high):
    def generate(context, builder, signature, arguments):
        multiply, add, turn = (_eight(builder, value) for value in arguments[2:5])
        numbers = builder.load(_pointer(builder, *arguments[:2], _EIGHT), align=4)
        apart = builder.add(builder.mul(numbers, multiply), add)
        opposite = builder.neg(apart)
        apart = builder.select(builder.icmp_signed(">", apart, opposite), apart, opposite)
        around = builder.sub(turn, apart)
        apart = builder.select(builder.icmp_signed("<", apart, around), apart, around)
        return _within(builder, apart, *arguments[5:])

    numbers = (types.int32,) * 5
    return types.uint8(types.int64, types.int64, *numbers), generate


@intrinsic
def _take(typingctx, address, step):
    def generate(context, builder, signature, arguments):
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", place, arguments[1], "monotonic")

    return types.int64(types.int64, types.int64), generate


if config.DISABLE_JIT:
    _one_at_a_time = Lock()

    def take(address, step):
        """Add to the int64 at an address and return what it was; threads that do so follow one another."""
        with _one_at_a_time:
            number = ctypes.c_int64.from_address(int(address))
            before = number.value
            number.value += int(step)
            return before

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

    def eight_apart(address, index, multiply, add, turn, low, high):
        """Return for which of eight int32 ``|multiply * number + add|``, the short way round, is in low..high."""
        numbers = np.ctypeslib.as_array((ctypes.c_int32 * 8).from_address(int(address) + 4 * int(index)))
        apart = np.abs(multiply * numbers + add)
        apart = np.minimum(apart, turn - apart)
        return np.packbits((apart >= low) & (apart <= high), bitorder="little")[0]

else:
    bit_number, number_at, eight_within, eight_apart = _trailing_zeros, _number_at, _eight_within, _eight_apart
    take = _take
