# mypy: ignore-errors
"""Ask for memory before it is needed: collisions are drawn at random, so that no processor foresees the next."""

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def prefetch(typing_context, array, index):
    """Ask for the line of the cache that holds an element of an array, counted end to end; nothing is read."""

    def build(context, builder, signature, arguments):
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.bitcast(builder.gep(view.data, [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        # To read it, from the second level of the cache, data.
        builder.call(ask, [address, flag(0), flag(2), flag(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), build


if config.DISABLE_JIT:

    def prefetch(array, index):
        """Do nothing: the interpreter has no such instruction."""
