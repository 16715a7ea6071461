# mypy: ignore-errors
"""Which of sixteen listed towers are in the 9 x 9 window around one, in whole vectors.

Azimuth is a fraction of a turn in 32 bits: differences wrap by themselves. Left to the compiler, the comparison of
45 seeds with each other took 0.9 us, now 0.3.
"""

import numpy as np
from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic

from trigsim.events.model import N_PHI
from trigsim.objects.column_kernels import VectorType

#: Towers that are looked at together.
TOGETHER = 16
#: Half the side of a jet's window of 9 x 9 towers.
WING = 4
#: A tower's width in azimuth; what the division leaves is lost in the half tower added to `WING`.
COLUMN_TURN = 2**32 // N_PHI
_REACH = WING * COLUMN_TURN + COLUMN_TURN // 2
SOME = VectorType(32, TOGETHER)
_NUMBER, _NUMBERS = ir.IntType(32), SOME.ir


def _all(value):
    return ir.Constant(_NUMBERS, [value] * TOGETHER)


def _loaded(context, builder, signature, arguments):
    """Return lanes, azimuths and energies of the towers, and the differences to the lane and azimuth of one."""
    at, lane, turn = arguments[3:6]
    values = []
    for kind, array in zip(signature.args[:3], arguments[:3], strict=True):
        data = context.make_array(kind)(context, builder, array).data
        place = builder.bitcast(builder.gep(data, [at]), _NUMBERS.as_pointer())
        values.append(builder.load(place, align=1))
    apart = builder.sub(values[0], _spread(builder, lane))
    step = builder.sub(values[1], _spread(builder, turn))
    return values[2], apart, step


def _spread(builder, value):
    first = builder.insert_element(_all(0), value, ir.Constant(_NUMBER, 0))
    return builder.shuffle_vector(first, first, _all(0))


def _inside(builder, apart, step):
    near = builder.icmp_unsigned("<=", builder.add(apart, _all(WING)), _all(2 * WING))
    return builder.and_(near, builder.icmp_unsigned("<=", builder.add(step, _all(_REACH)), _all(2 * _REACH)))


@intrinsic
def beaten(typing_context, lanes, turns, ets, at, lane, turn, et):
    """Whether any of the towers from `at` on is in the window of one and exceeds it.

    Of equal ones the last in eta, then phi order exceeds the others.
    """

    def build(context, builder, signature, arguments):
        ets, apart, step = _loaded(context, builder, signature, arguments)
        own = _spread(builder, arguments[6])
        same_lane = builder.icmp_signed("==", apart, _all(0))
        further = builder.and_(same_lane, builder.icmp_signed(">", step, _all(COLUMN_TURN // 2)))
        later = builder.or_(builder.icmp_signed(">", apart, _all(0)), further)
        equal = builder.and_(builder.icmp_signed("==", ets, own), later)
        exceeds = builder.or_(builder.icmp_signed(">", ets, own), equal)
        found = builder.bitcast(builder.and_(exceeds, _inside(builder, apart, step)), ir.IntType(TOGETHER))
        return builder.icmp_unsigned("!=", found, ir.Constant(ir.IntType(TOGETHER), 0))

    number = types.int32
    return types.boolean(lanes, turns, ets, types.intp, number, number, number), build


@intrinsic
def energy_inside(typing_context, lanes, turns, ets, at, lane, turn):
    """Return the energies of those of the towers from `at` on that are in the window of one, 0 for the others."""

    def build(context, builder, signature, arguments):
        ets, apart, step = _loaded(context, builder, signature, arguments)
        return builder.select(_inside(builder, apart, step), ets, _all(0))

    return SOME(lanes, turns, ets, types.intp, types.int32, types.int32), build


@intrinsic
def nothing(typing_context):
    """Return sixteen zeros."""
    return SOME(), lambda context, builder, signature, arguments: _all(0)


@intrinsic
def sum_of(typing_context, values):
    """Return the sum of sixteen numbers."""

    def build(context, builder, signature, arguments):
        kind = ir.FunctionType(_NUMBER, [_NUMBERS])
        add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.add.v{TOGETHER}i32")
        return builder.call(add, arguments)

    return types.int32(SOME), build


if config.DISABLE_JIT:

    def _near(lanes, turns, at, lane, turn):
        some = slice(at, at + TOGETHER)
        apart = lanes[some] - lane
        step = (turns[some].astype(np.int64) - turn + 2**31) % 2**32 - 2**31
        return some, apart, step, (abs(apart) <= WING) & (abs(step) <= _REACH)

    def beaten(lanes, turns, ets, at, lane, turn, et):
        """Whether any of the towers exceeds one."""
        some, apart, step, near = _near(lanes, turns, at, lane, turn)
        later = (apart > 0) | ((apart == 0) & (step > COLUMN_TURN // 2))
        return bool((near & ((ets[some] > et) | ((ets[some] == et) & later))).any())

    def energy_inside(lanes, turns, ets, at, lane, turn):
        """Return the energy inside."""
        some, _, _, near = _near(lanes, turns, at, lane, turn)
        return np.where(near, ets[some], 0)

    def nothing():
        """Return zeros."""
        return np.zeros(TOGETHER, np.int64)

    def sum_of(values):
        """Return the sum."""
        return int(values.sum())
