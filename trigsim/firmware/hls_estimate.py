"""An estimate for hls4ml's Latency and Resource strategies, which have no open way to RTL.

Two sources, each figure with its own: DSP by a rule that two published C syntheses gave, all else by power laws
fitted to the predictions of rule4ml over drawn networks (`benchmarks/hls_estimate.py`). docs/resources.md says
how far off each is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from trigsim.firmware.config import FirmwareConfig
from trigsim.firmware.resources import Resources, tabulate
from trigsim.firmware.rule4ml import CLOCK_NS, widest
from trigsim.tagger.model import Model

#: DSP slices for each non-zero product of wide numbers; products with constants near a power of two take none.
#: 3329 of 4256 and 954 of 1277 in the two networks of J. Duarte et al., JINST 13 (2018) P07027: 0.78 and 0.75.
#: Quoted from memory of the paper.
DSP_PER_PRODUCT = 0.765
#: Relative error at those two, which it was fitted to: nothing else is claimed.
ERROR = 0.03
#: Multipliers of narrower numbers go into LUT, by the rule of the vendor's HLS that is commonly stated. Assumed.
NARROWEST = 10
#: Reuse factors that were drawn for the fit, by strategy; and the other ranges.
REUSE: Mapping[str, tuple[int, ...]] = {"Latency": (1,), "Resource": (1, 2, 4, 8, 16)}
QUANTITIES = ("lut", "ff", "cycles")
LAYERS, BITS, INPUTS, NODES = (2, 4), (4, 16), (4, 48), (4, 64)


@dataclass(frozen=True, slots=True)
class Law:
    """A fitted power law.

    Attributes
    ----------
    exponents : tuple of float
        Of what `terms` gives.
    factor : float
        Within which 68 % of rule4ml's predictions for networks that were not fitted are.
    """

    exponents: tuple[float, ...]
    factor: float


#: rule4ml 0.2.0, by strategy.
LAWS: Mapping[str, Mapping[str, Law]] = {
    "Latency": {
        "lut": Law((3.687, 0.542, 0.281, -0.167, 0.65, 0.0), 1.31),
        "ff": Law((8.804, -0.093, 0.006, 0.126, 0.503, 0.0), 1.28),
        "cycles": Law((-1.567, 0.367, 0.256, -0.049, 0.203, 0.0), 2.23),
    },
    "Resource": {
        "lut": Law((3.442, 0.538, 0.232, -0.133, 0.839, -0.039), 1.34),
        "ff": Law((8.81, -0.107, 0.113, 0.226, 0.439, -0.025), 1.71),
        "cycles": Law((2.925, 0.318, -0.02, -0.039, -0.207, 0.126), 1.49),
    },
}


def terms(products: int, nodes: int, layers: int, bits: int, reuse: int) -> list[float]:
    """Return what the logarithm of a figure is linear in."""
    return [1.0, math.log(products), math.log(nodes), float(layers), math.log(bits), math.log(reuse)]


def hls_estimate(model: Model, config: FirmwareConfig | None = None) -> Resources:
    """Return what an HLS build would take.

    Parameters
    ----------
    model : Model
    config : FirmwareConfig, optional
        Strategy and reuse factor; distributed arithmetic has no multipliers, and `resources.estimate`.

    Returns
    -------
    Resources
        At the clock of rule4ml's training, None where nothing is claimed: outside the ranges of the fit, and for
        distributed arithmetic. Of layers in which a factor has fewer than `NARROWEST` bits only the DSP of other
        layers are counted.
    """
    config = config or FirmwareConfig()
    told = tabulate(
        {"dsp": _dsp(model, config), "interval": float(config.reuse_factor)}, _dsp_source(model, config), config
    )
    fitted, source = _fitted(model, config)
    other = tabulate(fitted, source, config.model_copy(update={"clock_ns": CLOCK_NS}))
    shares = {name: told.shares[name] if name == "dsp" else share for name, share in other.shares.items()}
    figures = {**other.figures, **told.figures}
    if (law := LAWS.get(config.strategy)) is not None:
        figures |= {
            name: replace(figures[name], source=f"{source}, within a factor of {law[name].factor:g} of it for 68 %")
            for name in law
            if figures[name].value is not None
        }
    return replace(other, figures=figures, shares=shares)


def _dsp(model: Model, config: FirmwareConfig) -> float:
    if config.strategy == "distributed_arithmetic":
        return 0.0
    wide = sum(products for products, is_wide in _products(model) if is_wide)
    return float(np.ceil(DSP_PER_PRODUCT * wide / config.reuse_factor))


def _dsp_source(model: Model, config: FirmwareConfig) -> str:
    told = f"{config.strategy} strategy: {DSP_PER_PRODUCT} DSP a non-zero product, fitted to two published designs"
    told += f" (within {ERROR:.0%} of them), an estimate"
    if not all(wide for _, wide in _products(model)):
        told += f"; products of fewer than {NARROWEST} bits in LUT, assumed"
    return told


def _products(model: Model) -> list[tuple[int, bool]]:
    """Return for each layer the non-zero products, and whether both factors are wide."""
    formats = [model.inputs.format, *(layer.result_format for layer in model.layers)]
    return [
        (int(np.count_nonzero(layer.weight)), min(source.width, layer.weight_format.width) >= NARROWEST)
        for layer, source in zip(model.layers, formats, strict=False)
    ]


def _fitted(model: Model, config: FirmwareConfig) -> tuple[dict[str, float | None], str]:
    """Return LUT, FF, BRAM and cycles by the laws, None outside of what they were fitted to."""
    nothing: dict[str, float | None] = dict.fromkeys(("lut", "ff", "bram", "cycles"))
    if config.strategy not in LAWS:
        return nothing, f"nothing is estimated for {config.strategy}; see da4ml's model"
    widths, bits = model.widths, widest(model)
    ranges = [("layers", len(model.layers), LAYERS), ("bits", bits, BITS), ("inputs", widths[0], INPUTS)]
    ranges += [("nodes", n, NODES) for n in widths[1:-1]]
    ranges.append(("a reuse factor", config.reuse_factor, (1, max(REUSE[config.strategy]))))
    for name, value, (low, high) in ranges:
        if not low <= value <= high:
            return nothing, f"nothing is estimated for {value} {name}; the fit was to {low} to {high}"
    products = sum(n for n, _ in _products(model))
    x = terms(max(products, 1), sum(widths[1:]), len(model.layers), bits, config.reuse_factor)
    values = {
        name: float(round(math.exp(sum(a * b for a, b in zip(law.exponents, x, strict=True)))))
        for name, law in LAWS[config.strategy].items()
    }
    source = f"power law fitted to rule4ml 0.2.0 for {config.strategy} at {CLOCK_NS:g} ns, an estimate"
    # Constants of the Latency strategy are logic; of the other's blocks rule4ml's own models say 1 and 280 alike.
    return {**values, "bram": 0.0 if config.strategy == "Latency" else None}, source
