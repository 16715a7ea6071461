# mypy: ignore-errors
"""A column of towers as one value: what a compiler may or may not make whole vectors of is whole vectors here.

A column is `WIDE` numbers of 16 bits. What a loop over phi sums in one stays in registers; loops over arrays wrote
the sums to memory in every step, for grid and sums might overlap: the sums of all rings took 0.67 us, now 0.09.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

from trigsim.objects.layout import WIDE


class VectorType(types.Type):
    """The type of some numbers side by side."""

    def __init__(self, bits, lanes):
        super().__init__(name=f"Vector({bits}, {lanes})")
        self.ir = ir.VectorType(ir.IntType(bits), lanes)


#: A column of towers, and an eighth of a line of the cache.
_COLUMN, _ROW = VectorType(16, WIDE), VectorType(32, 8)
_VECTOR = _COLUMN.ir


@register_model(VectorType)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, of):
        super().__init__(manager, of, of.ir)


def _place(context, builder, kind, array, index, vector):
    """Return where a vector starts in a flat array."""
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


def _called(name):
    """Return what calls an operation of two columns that has no operator."""

    def build(context, builder, signature, arguments):
        kind = ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR])
        return builder.call(
            cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDE}i16"), arguments
        )

    return build


@intrinsic
def zeros(typing_context):
    """Return a column of zeros."""
    return _COLUMN(), lambda context, builder, signature, arguments: ir.Constant(_VECTOR, [0] * WIDE)


@intrinsic
def load(typing_context, grid, at):
    """Return the column that starts at an index of a flat array of 8 or 16 bits without sign."""

    def build(context, builder, signature, arguments):
        kind = ir.VectorType(ir.IntType(signature.args[0].dtype.bitwidth), WIDE)
        column = builder.load(_place(context, builder, signature.args[0], *arguments, kind), align=1)
        return column if kind == _VECTOR else builder.zext(column, _VECTOR)

    return _COLUMN(grid, types.intp), build


@intrinsic
def store(typing_context, column, grid, at):
    """Write a column to a flat array of 16 bits."""

    def build(context, builder, signature, arguments):
        place = _place(context, builder, signature.args[1], *arguments[1:], _VECTOR)
        builder.store(arguments[0], place, align=1)
        return context.get_dummy_value()

    return types.void(_COLUMN, grid, types.intp), build


@intrinsic
def plus(typing_context, one, other):
    """Return the sum of two columns or rows; it wraps."""
    return one(one, one), lambda context, builder, signature, arguments: builder.add(*arguments)


@intrinsic
def above(typing_context, one, other):
    """Return by how much a column is above another one, 0 where it is not."""
    return _COLUMN(_COLUMN, _COLUMN), _called("usub.sat")


@intrinsic
def lower(typing_context, one, other):
    """Return the smaller number of each lane."""
    return _COLUMN(_COLUMN, _COLUMN), _called("umin")


@intrinsic
def higher(typing_context, one, other):
    """Return the larger number of each lane."""
    return _COLUMN(_COLUMN, _COLUMN), _called("umax")


@intrinsic
def backward(typing_context, column):
    """Return the mirror image of a column."""

    def build(context, builder, signature, arguments):
        order = ir.Constant(ir.VectorType(ir.IntType(32), WIDE), list(reversed(range(WIDE))))
        return builder.shuffle_vector(arguments[0], arguments[0], order)

    return _COLUMN(_COLUMN), build


@intrinsic
def reached(typing_context, column, floor, words, at):
    """Write a bit for each lane, lowest first, whether a column reaches a floor, to the words from `at` on."""

    def build(context, builder, signature, arguments):
        bits = ir.IntType(WIDE)
        place = _place(context, builder, signature.args[2], *arguments[2:], bits)
        found = builder.icmp_unsigned(">=", arguments[0], arguments[1])
        builder.store(builder.bitcast(found, bits), place, align=1)
        return context.get_dummy_value()

    return types.void(_COLUMN, _COLUMN, words, types.intp), build


@intrinsic
def load_row(typing_context, grid, at):
    """Return the eight numbers of 32 bits that start at an index of a flat array."""

    def build(context, builder, signature, arguments):
        return builder.load(_place(context, builder, signature.args[0], *arguments, _ROW.ir), align=1)

    return _ROW(grid, types.intp), build


@intrinsic
def store_row(typing_context, row, grid, at):
    """Write a row to a flat array of 32 bits."""

    def build(context, builder, signature, arguments):
        builder.store(arguments[0], _place(context, builder, signature.args[1], *arguments[1:], _ROW.ir), align=1)
        return context.get_dummy_value()

    return types.void(_ROW, grid, types.intp), build


@intrinsic
def seven(typing_context, value):
    """Return a row of seven times a number and a 0."""

    def build(context, builder, signature, arguments):
        empty = ir.Constant(_ROW.ir, [0] * 8)
        first = builder.insert_element(empty, arguments[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(first, empty, ir.Constant(_ROW.ir, [0] * 7 + [8]))

    return _ROW(types.int32), build


@intrinsic
def sum_of_seven(typing_context, row):
    """Return the sum of all numbers of a row but the last."""

    def build(context, builder, signature, arguments):
        empty, kind = ir.Constant(_ROW.ir, [0] * 8), ir.FunctionType(ir.IntType(32), [_ROW.ir])
        kept = builder.shuffle_vector(arguments[0], empty, ir.Constant(_ROW.ir, [*range(7), 8]))
        add = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.add.v8i32")
        return builder.call(add, [kept])

    return types.int32(_ROW), build


@intrinsic
def ones(typing_context, word):
    """Return how many bits of a 64-bit word are set."""
    return types.int64(types.uint64), lambda context, builder, signature, arguments: builder.ctpop(arguments[0])


@intrinsic
def lowest(typing_context, word):
    """Return the place of the lowest bit of a 64-bit word that is set, 64 if none is."""

    def build(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), build


@intrinsic
def dropped(typing_context, word):
    """Return a 64-bit word without its lowest bit, 0 of 0."""

    def build(context, builder, signature, arguments):
        return builder.and_(arguments[0], builder.sub(arguments[0], ir.Constant(ir.IntType(64), 1)))

    return types.uint64(types.uint64), build


if config.DISABLE_JIT:

    def zeros():
        """Return a column of zeros."""
        return np.zeros(WIDE, np.uint16)

    def load(grid, at):
        """Return the column that starts at an index."""
        return grid[at : at + WIDE].astype(np.uint16)

    def store(column, grid, at):
        """Write a column."""
        grid[at : at + WIDE] = column

    plus, lower, higher = np.add, np.minimum, np.maximum

    def above(one, other):
        """Return by how much a column is above another one."""
        return np.maximum(one, other) - other

    def backward(column):
        """Return the mirror image of a column."""
        return column[::-1]

    def reached(column, floor, words, at):
        """Write bits."""
        words[at : at + WIDE // 64] = np.packbits(column >= floor, bitorder="little").view(np.uint64)

    def load_row(grid, at):
        """Return eight numbers."""
        return grid[at : at + 8].copy()

    def store_row(row, grid, at):
        """Write eight numbers."""
        grid[at : at + 8] = row

    def seven(value):
        """Return seven times a number and a 0."""
        return np.array([value] * 7 + [0], np.int32)

    def sum_of_seven(row):
        """Return the sum of all but the last."""
        return row[:7].sum()

    def ones(word):
        """Return how many bits are set."""
        return int(word).bit_count()

    def lowest(word):
        """Return the place of the lowest bit."""
        return (int(word) & -int(word)).bit_length() - 1 if word else 64

    def dropped(word):
        """Return a word without its lowest bit."""
        return np.uint64(int(word) & (int(word) - 1))
