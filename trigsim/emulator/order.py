"""In which order hls4ml's resource strategy adds up the products of a dense layer."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError


def accumulation_order(n_in: int, n_out: int, reuse: int) -> NDArray[np.int64]:
    """Return the order of the inputs, the same for each neuron.

    With a reuse factor up to `n_in`, cycle r multiplies inputs r, r + reuse, r + 2·reuse, …; beyond, a cycle
    treats one input of some neurons, and each neuron sees them in turn.

    Parameters
    ----------
    n_in, n_out : int
        Size of the layer.
    reuse : int
        Reuse factor, which hls4ml has made a legal one.

    Raises
    ------
    InputError
        If the C++ would stop at an assertion with this reuse factor.
    """
    if reuse > n_in:
        if reuse % n_in:
            raise InputError(f"reuse factor {reuse} is not a multiple of {n_in} inputs; let hls4ml correct it")
        return np.arange(n_in)
    multipliers = -(-n_in * n_out // reuse)
    if multipliers % n_out and reuse < n_in:
        raise InputError(f"reuse factor {reuse} does not divide {n_in} inputs evenly; let hls4ml correct it")
    order = np.concatenate([np.arange(r, n_in, reuse) for r in range(reuse)])
    return order.astype(np.int64)
