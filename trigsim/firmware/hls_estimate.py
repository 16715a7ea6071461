"""An estimate for hls4ml's Latency and Resource strategies, which have no open way to RTL."""

from __future__ import annotations

import numpy as np

from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.resources import Resources, tabulate
from trigsim.tagger.model import Model

#: DSP slices for each non-zero product of wide numbers; products with constants near a power of two take none.
#: 3329 of 4256 and 954 of 1277 in the two networks of J. Duarte et al., JINST 13 (2018) P07027: 0.78 and 0.75.
#: Quoted from memory of the paper.
DSP_PER_PRODUCT = 0.765
#: Relative error at those two, which it was fitted to: nothing else is claimed.
ERROR = 0.03
#: Multipliers of narrower numbers go into LUT, by the rule of the vendor's HLS that is commonly stated. Assumed.
NARROWEST = 10


def hls_estimate(model: Model, config: FirmwareConfig | None = None) -> Resources:
    """Return DSP and initiation interval of an HLS build; LUT, FF and latency are not estimated.

    Parameters
    ----------
    model : Model
    config : FirmwareConfig, optional
        Strategy and reuse factor; distributed arithmetic has no multipliers.

    Returns
    -------
    Resources
        With None where nothing is claimed: of layers in which a factor has fewer than `NARROWEST` bits only the DSP
        of other layers are counted.
    """
    config = config or FirmwareConfig()
    dsp = 0.0
    narrow = False
    source = model.inputs.format
    for layer in model.layers:
        products = int(np.count_nonzero(layer.weight))
        if min(source.width, layer.weight_format.width) < NARROWEST:
            narrow = True
        else:
            dsp += DSP_PER_PRODUCT * products / config.reuse_factor
        source = layer.result_format
    told = f"{config.strategy} strategy: {DSP_PER_PRODUCT} DSP a non-zero product, fitted to two published designs"
    told += f" (within {ERROR:.0%} of them), an estimate"
    if narrow:
        told += f"; products of fewer than {NARROWEST} bits in LUT, assumed"
    distributed = config.strategy == "distributed_arithmetic"
    values = {
        "dsp": 0.0 if distributed else float(np.ceil(dsp)),
        "interval": float(config.reuse_factor),
        "lut": None,
    }
    return tabulate({**values, "ff": None, "bram": None, "cycles": None}, told, config)
