"""Quantisation-aware training: what the network computes here is what the hardware computes.

Values are rounded to their fixed-point grids in the forward pass and treated as unrounded in the backward pass
(straight-through estimator, Bengio et al., arXiv 1308.3432); beyond the range of a format it is zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat
from trigsim.tagger.model import Layer
from trigsim.tagger.resize import dense_layers

#: The widest sum of products that float32 holds exactly.
EXACT_BITS = 24


def fake_quantise(x: Tensor, fmt: FixedFormat) -> Tensor:
    """Return x on the grid of a rounding, saturating format, with a straight-through gradient.

    Parameters
    ----------
    x : float32 Tensor
    fmt : FixedFormat
        Modes AP_RND and AP_SAT.
    """
    step = fmt.lsb
    clipped = torch.clamp(x, fmt.minimum * step, fmt.maximum * step)
    grid = torch.clamp(torch.floor(x / step + 0.5), fmt.minimum, fmt.maximum) * step
    return clipped + (grid - clipped).detach()


def grid_format(values: Tensor, width: int, *, signed: bool) -> FixedFormat:
    """Return the AP_RND, AP_SAT format of this width that spoils `values` least (mean squared error).

    Parameters
    ----------
    values : Tensor
        A sample of what will be stored; any shape.
    width : int
        Bits, with the sign.
    signed : bool
        Whether negative values occur.
    """
    flat = values.detach().reshape(-1)
    top = int(np.ceil(np.log2(float(flat.abs().max()) + 1e-9))) + 1
    formats = [make_format(width, i + signed, signed=signed) for i in range(top - 6, top + 1)]
    errors = [float(((fake_quantise(flat, f) - flat) ** 2).mean()) for f in formats]
    return formats[int(np.argmin(errors))]


def make_format(width: int, integer: int, *, signed: bool) -> FixedFormat:
    """Return ``ap_[u]fixed<width, integer, AP_RND, AP_SAT>``."""
    return FixedFormat.parse(f"ap_{'' if signed else 'u'}fixed<{width},{integer},AP_RND,AP_SAT>")


class QuantisedNetwork(nn.Module):
    """Dense layers with ReLU between them, all on fixed-point grids; sums are exact.

    Parameters
    ----------
    module : torch.nn.Sequential
        The trained float network: dense layers, ReLU after each but the last.
    x : float32 Tensor, shape (n, inputs)
        Inputs, on the input grid, that set the formats.
    weight_bits, activation_bits : sequence of int
        Width of the weights of each layer, and of the activations of each hidden layer.
    input_format, output_format : FixedFormat
    """

    def __init__(
        self,
        module: nn.Sequential,
        x: Tensor,
        *,
        weight_bits: Sequence[int],
        activation_bits: Sequence[int],
        input_format: FixedFormat,
        output_format: FixedFormat,
    ) -> None:
        super().__init__()
        layers = dense_layers(module)
        if sum(isinstance(layer, nn.ReLU) for layer in module) != len(layers) - 1:
            raise InputError("only ReLU is quantised; put one behind each dense layer but the last")
        self.weights = nn.ParameterList(layer.weight.detach().clone() for layer in layers)
        self.biases = nn.ParameterList(layer.bias.detach().clone() for layer in layers)
        self.masks = nn.ParameterList(
            nn.Parameter(torch.ones_like(layer.weight), requires_grad=False) for layer in layers
        )
        self.weight_formats = [
            grid_format(layer.weight, bits, signed=True) for layer, bits in zip(layers, weight_bits, strict=True)
        ]
        self.bias_formats: list[FixedFormat] = []
        self.result_formats: list[FixedFormat] = []
        values, fraction = x, input_format.width - input_format.integer
        for i, layer in enumerate(layers):
            # The bias is added to exact products: on their grid it costs nothing to keep every bit of it.
            fraction += self.weight_formats[i].width - self.weight_formats[i].integer
            room = 2 + max(0, int(np.ceil(np.log2(float(layer.bias.detach().abs().max()) + 1e-9)))) + 1
            self.bias_formats.append(make_format(room + fraction, room, signed=True))
            last = i == len(layers) - 1
            with torch.no_grad():
                values = nn.functional.linear(values, layer.weight, layer.bias)
                result = output_format if last else grid_format(values.relu(), activation_bits[i], signed=False)
                values = values if last else fake_quantise(values, result)
            self.result_formats.append(result)
            fraction = result.width - result.integer

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs on their grid, shape (n, outputs); x is on the input grid."""
        for i, result in enumerate(self.result_formats):
            # An unsigned, saturating result is the ReLU.
            x = fake_quantise(nn.functional.linear(x, self.weight(i), self.bias(i)), result)
        return x

    def weight(self, i: int) -> Tensor:
        """Return the quantised weights of layer i, shape (out, in)."""
        return fake_quantise(self.weights[i] * self.masks[i], self.weight_formats[i])

    def bias(self, i: int) -> Tensor:
        """Return the quantised biases of layer i, shape (out,)."""
        return fake_quantise(self.biases[i], self.bias_formats[i])

    def prune(self, share: float) -> None:
        """Set the smallest weights to zero and hold them there.

        Parameters
        ----------
        share : float
            Of all weights, in [0, 1); each layer's are compared in units of its root mean square.
        """
        scaled = [(w / w.square().mean().sqrt().clamp_min(1e-12)).abs().detach() for w in self.weights]
        flat = torch.cat([s.reshape(-1) for s in scaled])
        cut = flat.sort().values[min(int(share * len(flat)), len(flat) - 1)]
        for mask, s in zip(self.masks, scaled, strict=True):
            mask.copy_((s >= cut).float())

    def layers(self) -> tuple[Layer, ...]:
        """Return what the hardware needs of each layer, in float64 on the grids."""
        with torch.no_grad():
            return tuple(
                Layer(
                    weight=_float64(self.weight(i)),
                    bias=_float64(self.bias(i)),
                    weight_format=self.weight_formats[i],
                    bias_format=self.bias_formats[i],
                    activation="linear" if i == len(self.weights) - 1 else "relu",
                    result_format=self.result_formats[i],
                )
                for i in range(len(self.weights))
            )


def _float64(x: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = x.detach().double().numpy()
    return array
