"""What all hidden layers together may cost, so that training decides which of them gives up how many nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trigsim.base.errors import InputError
from trigsim.tagger.model import Model, significant_bits
from trigsim.tagger.quantise import grid_format

#: LUTs for each effective bit operation, in the layer that reads the inputs and in the others, of a fully pipelined
#: network as shifts and adds. That the two are proportional is the finding of HGQ (Sun et al., arXiv 2405.00645);
#: these ratios are fitted to da4ml's model of the networks of docs/resizing.md, which says how far off they are.
LUT_PER_BIT_OPERATION = (0.56, 0.20)


def estimated_luts(model: Model) -> float:
    """Return the LUTs of a finished network by the same estimate that `NodeBudget` goes by."""
    total, width = 0.0, model.inputs.format.width
    for i, layer in enumerate(model.layers):
        raw = layer.weight_format.from_float(layer.weight)
        total += LUT_PER_BIT_OPERATION[min(i, 1)] * width * int(significant_bits(raw).sum())
        width = layer.result_format.width
    return total


@dataclass(frozen=True, slots=True)
class NodeBudget:
    """A cost that the exported network may have.

    Attributes
    ----------
    limit : float
        Multiply-accumulates, or estimated LUTs.
    weight_bits, value_bits : tuple of int
        Width of each layer's weights and of what it reads, for LUTs; empty: products count one each.
    """

    limit: float
    weight_bits: tuple[int, ...] = ()
    value_bits: tuple[int, ...] = ()

    @property
    def unit(self) -> str:
        """What is counted, by the name that it has in a training file."""
        return "luts" if self.weight_bits else "macs"

    def prices(self, layers: Sequence[nn.Linear]) -> list[Tensor]:
        """Return what each product of each layer costs now, float32 of shape (out, in).

        A LUT price is that of the weight's effective bits on the grid it would be put on, times the width of
        what it is multiplied with.

        Raises
        ------
        InputError
            If there are not as many widths as layers.
        """
        if not self.weight_bits:
            return [torch.ones_like(layer.weight) for layer in layers]
        if not len(self.weight_bits) == len(self.value_bits) == len(layers):
            raise InputError(
                f"{len(self.weight_bits)} widths of weights and {len(self.value_bits)} of values for {len(layers)} "
                "layers; give one each"
            )
        found = []
        for i, (layer, bits, width) in enumerate(zip(layers, self.weight_bits, self.value_bits, strict=True)):
            raw = grid_format(layer.weight, bits, signed=True).from_float(layer.weight.detach().double().numpy())
            each = LUT_PER_BIT_OPERATION[min(i, 1)] * width
            found.append(each * torch.from_numpy(significant_bits(raw)).float())
        return found
