"""Quantisation-aware training: what the network computes here is what the hardware computes.

Values are rounded to their fixed-point grids in the forward pass and treated as unrounded in the backward pass
(straight-through estimator, Bengio et al., arXiv 1308.3432); beyond the range of a format it is zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding
from trigsim.tagger.dense import dense_layers
from trigsim.tagger.model import Layer


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
    top = _exponent(flat) + 1
    formats = [make_format(width, i + signed, signed=signed) for i in range(top - 6, top + 1)]
    errors = [float(((fake_quantise(flat, f) - flat) ** 2).mean()) for f in formats]
    return formats[int(np.argmin(errors))]


def make_format(width: int, integer: int, *, signed: bool) -> FixedFormat:
    """Return ``ap_[u]fixed<width, integer, AP_RND, AP_SAT>``."""
    return FixedFormat(width, integer, signed, Rounding.RND, Overflow.SAT)


def _exponent(values: Tensor) -> int:
    """Return the smallest i with all ``abs(values) <= 2**i``."""
    return math.ceil(math.log2(float(values.detach().abs().max()) + 1e-9))


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
        self.biases = nn.ParameterList(_bias(layer) for layer in layers)
        self.masks = nn.ParameterList(
            nn.Parameter(torch.ones_like(layer.weight), requires_grad=False) for layer in layers
        )
        #: Set by `learn_widths`: fractional bits of each weight, and what a bit costs.
        self.fractions: nn.ParameterList | None = None
        #: Set by `share`: values of each layer, and which one each weight takes.
        self.codebooks: nn.ParameterList | None = None
        self.codes: list[Tensor] = []
        self.input_format = input_format
        self.weight_formats = [
            grid_format(layer.weight, bits, signed=True) for layer, bits in zip(layers, weight_bits, strict=True)
        ]
        self.bias_formats: list[FixedFormat] = []
        self.result_formats: list[FixedFormat] = []
        values, fraction = x, input_format.fraction
        for i in range(len(layers)):
            # The bias is added to exact products: on their grid it costs nothing to keep every bit of it.
            fraction += self.weight_formats[i].fraction
            room = 3 + max(0, _exponent(self.biases[i]))
            self.bias_formats.append(make_format(room + fraction, room, signed=True))
            last = i == len(layers) - 1
            with torch.no_grad():
                values = nn.functional.linear(values, self.weights[i], self.biases[i])
                result = output_format if last else grid_format(values.relu(), activation_bits[i], signed=False)
                values = values if last else fake_quantise(values, result)
            self.result_formats.append(result)
            fraction = result.fraction

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs on their grid, shape (n, outputs); x is on the input grid."""
        for i, result in enumerate(self.result_formats):
            # An unsigned, saturating result is the ReLU.
            x = fake_quantise(nn.functional.linear(x, self.weight(i), self.bias(i)), result)
        return x

    def weight(self, i: int) -> Tensor:
        """Return the quantised weights of layer i, shape (out, in)."""
        w = self.weights[i] if self.codebooks is None else self.codebooks[i][self.codes[i]]
        w = fake_quantise(w * self.masks[i], self.weight_formats[i])
        return w if self.fractions is None else _coarser(w, self.fractions[i], self.weight_formats[i])

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

    def learn_widths(self) -> None:
        """Give each weight its own number of fractional bits, to be trained against `bit_operations`."""
        self.fractions = nn.ParameterList(
            torch.full_like(w, float(f.fraction)) for w, f in zip(self.weights, self.weight_formats, strict=True)
        )

    def bit_operations(self) -> Tensor:
        """Return the sum over weights of (bits of the weight) x (bits of its input), with gradients.

        The bits of a weight reach from its leading to its last allowed one (effective bit operations as in HGQ,
        Sun et al., arXiv 2405.00645).
        """
        total, source = torch.zeros(()), self.input_format
        for i, result in enumerate(self.result_formats):
            w = self.weight(i).detach().abs()
            fraction = self.fractions[i] if self.fractions is not None else self.weight_formats[i].fraction
            leading = torch.floor(torch.log2(w.clamp_min(1e-12))) + 1
            bits = torch.where(w > 0, torch.clamp_min(leading + fraction, 0.0), torch.zeros_like(w))
            total = total + bits.sum() * source.width
            source = result
        return total

    def share(self, bits: int) -> None:
        """Let the weights of each layer take 2**bits values only (one is zero), and train those.

        Trained quantisation of Deep Compression (Han et al., arXiv 1510.00149): k-means in one dimension from
        evenly spaced starts; afterwards each value learns from all the weights that take it.
        """
        books, self.codes = [], []
        for i, mask in enumerate(self.masks):
            book, codes = cluster(self.weight(i).detach(), mask, 2**bits)
            books.append(book)
            self.codes.append(codes)
        self.codebooks = nn.ParameterList(books)

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


def cluster(weight: Tensor, mask: Tensor, values: int) -> tuple[Tensor, Tensor]:
    """Return shared values and which one each weight takes.

    Parameters
    ----------
    weight, mask : Tensor, shape (out, in)
        Weights, and 0 where they are zero for good.
    values : int
        How many, at least 2; value 0 is zero.

    Returns
    -------
    book : float32 Tensor, shape (values,)
    codes : int64 Tensor, shape (out, in)
    """
    kept = weight[mask > 0]
    book = torch.linspace(float(kept.min()), float(kept.max()), values - 1)
    for _ in range(50):
        nearest = (kept[:, None] - book[None]).abs().argmin(1)
        count = torch.bincount(nearest, minlength=len(book))
        total = torch.bincount(nearest, weights=kept, minlength=len(book))
        moved = torch.where(count > 0, total / count.clamp_min(1), book)
        if torch.equal(moved, book):
            break
        book = moved
    codes = (weight[..., None] - book).abs().argmin(-1) + 1
    return torch.cat([torch.zeros(1), book]), torch.where(mask > 0, codes, torch.zeros_like(codes))


def _coarser(w: Tensor, fraction: Tensor, fmt: FixedFormat) -> Tensor:
    """Round w to its own number of fractional bits, with HGQ's surrogate gradient for that number."""
    # Steps from a list: torch's power function may miss a power of two by one last bit.
    steps = torch.tensor([2.0**-f for f in range(-fmt.integer, fmt.fraction + 1)])
    step = steps[(fraction.detach().round().long() + fmt.integer).clamp(0, len(steps) - 1)]
    largest = torch.floor(fmt.maximum * fmt.lsb / step)
    error = (w - torch.minimum(torch.floor(w / step + 0.5), largest) * step).detach()
    # d(error)/d(fraction) = -ln 2 * error: a bit more halves it.
    tilt = math.log(2) * fraction * error
    return w - error + (tilt - tilt.detach())


def _bias(layer: nn.Linear) -> Tensor:
    if layer.bias is None:
        return torch.zeros(layer.out_features)
    return layer.bias.detach().clone()


def _float64(x: Tensor) -> NDArray[np.float64]:
    array: NDArray[np.float64] = x.detach().double().numpy()
    return array
