"""The networks that this room works on: dense layers with elementwise activations between them."""

from __future__ import annotations

import copy
from itertools import pairwise

from torch import nn

from trigsim.base.errors import InputError

#: Activations that work node by node, so that a node may leave.
ELEMENTWISE = (
    nn.ReLU,
    nn.LeakyReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Hardtanh,
    nn.ReLU6,
    nn.Softplus,
)


def dense_layers(module: nn.Sequential) -> list[nn.Linear]:
    """Return the dense layers of a checked network.

    Raises
    ------
    InputError
        If there is another kind of layer, no dense layer, an activation at the end or widths that disagree.
    """
    if not isinstance(module, nn.Sequential):
        raise InputError(f"the network is a {type(module).__name__}; give a torch.nn.Sequential")
    for i, layer in enumerate(module):
        if not isinstance(layer, (nn.Linear, nn.Identity, nn.Dropout, *ELEMENTWISE)):
            raise InputError(f"layer {i} is {type(layer).__name__}; use dense layers and elementwise activations")
    layers = [layer for layer in module if isinstance(layer, nn.Linear)]
    if not layers or not isinstance(module[-1], nn.Linear):
        raise InputError("the network must end in a dense layer that gives a logit or class scores")
    for one, two in pairwise(layers):
        if one.out_features != two.in_features:
            raise InputError(
                f"a layer of {one.out_features} nodes feeds one of {two.in_features} inputs; make them equal"
            )
    return layers


def fresh(module: nn.Sequential) -> nn.Sequential:
    """Return a copy of the network with new initial weights."""
    new = copy.deepcopy(module)
    for layer in dense_layers(new):
        layer.reset_parameters()
    return new
