"""The network as a graph of shifts and adds, by da4ml: the source of RTL and of its cost model's figures."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.project import quiet
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding
from trigsim.tagger.model import Model

_ROUNDING = {Rounding.TRN: "TRN", Rounding.RND: "RND"}
_OVERFLOW = {Overflow.WRAP: "WRAP", Overflow.SAT: "SAT", Overflow.SAT_SYM: "SAT_SYM"}


def has_da4ml() -> bool:
    """Whether da4ml is installed."""
    return find_spec("da4ml") is not None


def require_da4ml() -> None:
    """Raise an `InputError` that says how to get da4ml if it is not installed."""
    if not has_da4ml():
        raise InputError("da4ml is not installed; get it with: pip install 'trigsim[firmware]'")


def combinational(model: Model) -> Any:
    """Return the network as da4ml combinational logic, from grid inputs to grid outputs, all sums exact.

    Parameters
    ----------
    model : Model
        Formats with AP_RND or AP_TRN, and AP_SAT, AP_SAT_SYM or AP_WRAP.

    Returns
    -------
    da4ml.types.CombLogic
        ``(n, k)`` inputs as floats on the input grid → outputs.

    Raises
    ------
    InputError
        Without da4ml, or for other modes.
    """
    require_da4ml()
    from da4ml.trace import FixedVariableArray, comb_trace  # noqa: PLC0415 - an extra

    k, i, f = kif(model.inputs.format)
    n = len(model.features)
    ones = np.ones(n, dtype=np.int64)
    with quiet():
        x = inputs = FixedVariableArray.from_kif(ones * k, ones * i, ones * f)
        for layer in model.layers:
            x = x @ layer.weight.T + layer.bias
            if layer.activation == "relu":
                x = np.maximum(x, 0)
            x = _cast(x, layer.result_format)
        # An input that no weight reads still has its wires.
        return comb_trace(inputs, x, keep_dead_inputs=True)


def _cast(x: Any, fmt: FixedFormat) -> Any:
    if fmt.rounding not in _ROUNDING or fmt.overflow not in _OVERFLOW:
        raise InputError(f"{fmt} has no RTL; use AP_RND or AP_TRN with AP_SAT, AP_SAT_SYM or AP_WRAP")
    k, i, f = kif(fmt)
    return x.quantize(k, i, f, overflow_mode=_OVERFLOW[fmt.overflow], round_mode=_ROUNDING[fmt.rounding])


def kif(fmt: FixedFormat) -> tuple[int, int, int]:
    """Return da4ml's way to write a format: sign bit, integer bits without it, fraction."""
    return int(fmt.signed), fmt.integer - fmt.signed, fmt.fraction


def pipeline(logic: Any, config: FirmwareConfig) -> Any:
    """Return the logic cut into register-to-register stages of at most a clock period, II = 1.

    A stage holds ``floor(clock_ns / level_ns)`` adder levels of da4ml's delay model.
    """
    from da4ml.trace import to_pipeline  # noqa: PLC0415 - an extra

    return to_pipeline(logic, levels(config), verbose=False)


def levels(config: FirmwareConfig) -> int:
    """Return the adder levels in one stage."""
    return max(1, math.floor(config.clock_ns / config.level_ns + 1e-9))


def interpret(logic: Any, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return outputs for x of shape (n, k), on the input grid, by da4ml's interpreter."""
    found: NDArray[np.float64] = logic.predict(np.ascontiguousarray(x, dtype=np.float64))
    return found
