"""What a training may be asked for, as read from YAML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.numeric.fixed import FixedFormat, Overflow, Rounding


def _trainable(text: str) -> str:
    try:
        fmt = FixedFormat.parse(text)
    except InputError as failure:
        raise ValueError(failure.problem) from None
    if (fmt.rounding, fmt.overflow) != (Rounding.RND, Overflow.SAT) or not fmt.signed:
        raise ValueError(f"{text} is not trained with; use ap_fixed<W,I,AP_RND,AP_SAT>")
    return str(fmt)


FormatText = Annotated[str, AfterValidator(_trainable)]
Bits = Annotated[int, Field(ge=2, le=16)]


class Precision(Config):
    """Fixed-point widths of the trained network."""

    input: FormatText = "ap_fixed<8,3,AP_RND,AP_SAT>"
    #: Bits of the weights: one number, or one per layer.
    weights: Bits | tuple[Bits, ...] = 8
    #: Bits of the activations: one number, or one per hidden layer.
    activations: Bits | tuple[Bits, ...] = 8
    output: FormatText = "ap_fixed<16,6,AP_RND,AP_SAT>"
    #: Weight in the loss of the network's bit operations, 1 at the start: each weight learns its own width.
    bit_cost: Annotated[float, Field(ge=0)] = 0.0
    #: Weights of a layer share 2**shared values; None: all are free.
    shared: Annotated[int, Field(ge=1, le=8)] | None = None


class Epochs(Config):
    """Passes over the training candidates in each phase."""

    select: Annotated[int, Field(ge=1)] = 20
    tune: Annotated[int, Field(ge=1)] = 15
    quantise: Annotated[int, Field(ge=1)] = 20


class TrainConfig(Config):
    """One training: a feature budget, a network, its precision."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")] = "tagger"
    #: Features that stay; None: all.
    keep: Annotated[int, Field(ge=1)] | None = None
    #: Instead of `keep`: what the features that stay may cost together, in the unit of `prices`.
    price_budget: Annotated[float, Field(gt=0)] | None = None
    #: Feature → its price (LUT, ns, …), for all that are offered.
    prices: dict[str, Annotated[float, Field(gt=0)]] = Field(default={})
    #: Features not offered at all.
    exclude: tuple[str, ...] = ()
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(max_length=8)] = (32, 16)
    #: Nodes that stay in each hidden layer; None: all.
    nodes: tuple[Annotated[int, Field(ge=1)], ...] | None = None
    #: Instead of `nodes`: multiply-accumulates that the network may have; training shares them out.
    macs: Annotated[int, Field(ge=1)] | None = None
    #: Instead of `nodes`: LUTs that the network may take, by the estimate of `node_budget`.
    luts: Annotated[int, Field(ge=1)] | None = None
    precision: Precision = Precision()
    #: Share of the weights set to zero by magnitude.
    prune: Annotated[float, Field(ge=0, lt=1)] = 0.0
    epochs: Epochs = Epochs()
    #: Selections from different random numbers; the one of the best validation loss is kept.
    restarts: Annotated[int, Field(ge=1, le=100)] = 2
    #: Whether more tries choose by recursive elimination or, where at most three may stay, by a search of all.
    elimination: bool = True
    batch: Annotated[int, Field(ge=1)] = 512
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0)] = 1.0
    seed: Annotated[int, Field(ge=0)] = 0
    #: Working points: name → signal efficiency.
    working_points: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        default={"tight": 0.3, "medium": 0.5, "loose": 0.7}
    )
    #: How candidates are weighted: classes equal in sum, or as given.
    balance: Literal["classes", "none"] = "classes"

    @property
    def selects(self) -> bool:
        """Whether features are to be chosen."""
        return self.keep is not None or self.price_budget is not None

    def budget(self, offered: Sequence[str]) -> tuple[float | None, list[float] | None]:
        """Return how many inputs may stay, or what they may cost and the price of each that is offered."""
        if self.price_budget is None:
            return self.keep, None
        return self.price_budget, [self.prices[name] for name in offered]

    @property
    def tries(self) -> int:
        """Restarts that make sense: one if nothing is chosen."""
        return self.restarts if self.selects or self.prunes_nodes else 1

    @property
    def prunes_nodes(self) -> bool:
        """Whether hidden nodes are to leave."""
        return any(given is not None for given in (self.nodes, self.macs, self.luts))

    @model_validator(mode="after")
    def _consistent(self) -> TrainConfig:
        if self.keep is not None and self.price_budget is not None:
            raise ValueError("keep and price_budget are both given; give one")
        given = [what for what in ("nodes", "macs", "luts") if getattr(self, what) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given; give one")
        if self.nodes is not None:
            if len(self.nodes) != len(self.hidden):
                raise ValueError(
                    f"nodes has {len(self.nodes)} numbers and hidden {len(self.hidden)}; give one each"
                )
            for m, n in zip(self.nodes, self.hidden, strict=True):
                if m > n:
                    raise ValueError(f"nodes keeps {m} of {n}; keep at most what hidden has")
        layers = len(self.hidden) + 1
        self.layer_bits(self.precision.weights, layers, "weights")
        self.layer_bits(self.precision.activations, layers - 1, "activations")
        return self

    @staticmethod
    def layer_bits(bits: int | tuple[int, ...], layers: int, what: str) -> tuple[int, ...]:
        """Return one width a layer."""
        if isinstance(bits, int):
            return (bits,) * layers
        if len(bits) != layers:
            raise ValueError(f"precision.{what} has {len(bits)} numbers for {layers} layers; give one or {layers}")
        return bits


class TaggerPlan(Config):
    """A file for `trigsim train`: the same training for several feature budgets."""

    #: Candidates (ROOT, Parquet or npz), relative to the YAML file.
    data: str
    budgets: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    training: TrainConfig = TrainConfig()
