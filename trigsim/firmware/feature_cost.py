"""What computing the features costs beside the network: operations counted, everything else assumed."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.base.errors import InputError
from trigsim.base.shipped import shipped
from trigsim.firmware.parts import Part

DEFAULT_COSTS = shipped("firmware") / "feature_costs.yaml"
KINDS = ("lut", "ff", "dsp", "bram")
#: What the cheapest feature is given as a price: none is free, since its wires are not.
LEAST_PRICE = 1e-4
BOTH: tuple[int, ...] = (1, 2)

Item = Literal["constituent", "pair", "triple", "track"]
#: A step, and the track jet it is of (0: of the jet).
Instance = tuple[str, int]


class Operation(Config):
    """What one unit takes, pipelined."""

    lut: Annotated[float, Field(ge=0)] = 0
    ff: Annotated[float, Field(ge=0)] = 0
    dsp: Annotated[float, Field(ge=0)] = 0
    bram: Annotated[float, Field(ge=0)] = 0
    cycles: Annotated[int, Field(ge=0)]


class Step(Config):
    """A quantity on the way to features; see `configs/firmware/feature_costs.yaml`."""

    of: Literal["jet", "track_jet"] = "jet"
    per: Item | None = None
    ops: dict[str, Annotated[float, Field(ge=0)]]
    sums: Annotated[int, Field(ge=0)] = 0
    serial: bool = False
    chain: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class FeatureCosts(Config):
    """Operations, steps and features, as read from YAML."""

    name: str
    constituents: Annotated[int, Field(ge=3, le=1000)]
    tracks: Annotated[int, Field(ge=2, le=1000)]
    interval: Annotated[int, Field(ge=1, description="Clocks between jets.")]
    operations: dict[str, Operation]
    steps: dict[str, Step]
    features: dict[str, tuple[str, ...]]

    @model_validator(mode="after")
    def _known(self) -> Self:
        if "add" not in self.operations:
            raise ValueError("operations lack 'add', which sums are made of")
        before: set[str] = set()
        for name, step in self.steps.items():
            for used in (*step.ops, *step.chain):
                if used not in self.operations:
                    raise ValueError(
                        f"step '{name}': no operation '{used}'; there are {', '.join(self.operations)}"
                    )
            for needed in step.needs:
                if needed not in before:
                    raise ValueError(f"step '{name}' needs '{needed}', which is not written above it")
            before.add(name)
        for name, needs in self.features.items():
            for needed in needs:
                if needed not in before:
                    raise ValueError(f"feature '{name}': no step '{needed}'")
        return self


@dataclass(frozen=True, slots=True)
class Cost:
    """What features cost to compute.

    Attributes
    ----------
    lut, ff, dsp, bram : float
        Registers that only wait are not counted.
    cycles : int
        From the last constituent to the last feature.
    """

    lut: float
    ff: float
    dsp: float
    bram: float
    cycles: int

    @property
    def resources(self) -> dict[str, float]:
        """Return "lut", "ff", "dsp", "bram" → number."""
        return {kind: float(getattr(self, kind)) for kind in KINDS}


def source(costs: FeatureCosts) -> str:
    """Return where the figures come from."""
    return f"estimate, assumed: operations of the formulas, {costs.name}"


def cost(costs: FeatureCosts, features: Collection[str]) -> Cost:
    """Return what a set of features costs; what they share is counted once.

    Raises
    ------
    InputError
        If a feature is not in the file.
    """
    wanted = _wanted(costs, features)
    total = dict.fromkeys(KINDS, 0.0)
    for step, _ in wanted:
        for kind, value in _own(costs, costs.steps[step]).items():
            total[kind] += value
    return Cost(**total, cycles=max((_cycles(costs, step) for step, _ in wanted), default=0))


def serial_cycles(costs: FeatureCosts, features: Collection[str]) -> int:
    """Return the clocks of a set of features if one step is done after another, each once for all that need it.

    Raises
    ------
    InputError
        If a feature is not in the file.
    """
    wanted = _wanted(costs, features)
    streaming = costs.interval - 1 if any(costs.steps[step].per for step, _ in wanted) else 0
    return sum(_own_cycles(costs, step) for step, _ in wanted) + streaming


def prices(costs: FeatureCosts, part: Part, features: Collection[str]) -> dict[str, float]:
    """Return feature → price in per cent of a part, for `BudgetedCancelOut` and `TrainConfig.prices`.

    A price is the largest of the shares of LUT, FF, DSP and block RAM; a step that several features need is paid
    in equal parts by all of them. Prices of a set add up to what the set of all would cost; fewer features cost
    more than their prices say, by what is no longer shared.
    """
    users: dict[Instance, int] = {}
    needed = {name: _instances(costs, name) for name in features}
    for instances in needed.values():
        for instance in instances:
            users[instance] = users.get(instance, 0) + 1
    found = {}
    for name, instances in needed.items():
        own = dict.fromkeys(KINDS, 0.0)
        for step, which in instances:
            for kind, value in _own(costs, costs.steps[step]).items():
                own[kind] += value / users[step, which]
        shares = part.share(own)
        found[name] = max(LEAST_PRICE, 100 * max(value or 0.0 for value in shares.values()))
    return found


def _wanted(costs: FeatureCosts, features: Collection[str]) -> set[Instance]:
    return set().union(*(_instances(costs, name) for name in features)) if features else set()


def _instances(costs: FeatureCosts, feature: str) -> set[Instance]:
    """Return all steps that a feature needs, those of track jets with the number of theirs."""
    family, which = feature, BOTH
    if feature[:2] == "tj" and feature[2:4] in ("1_", "2_"):
        family, which = f"tj_{feature[4:]}", (int(feature[2]),)
    if family not in costs.features:
        raise InputError(f"no cost of feature '{feature}' is known; add '{family}' to the features of the file")
    return {instance for step in costs.features[family] for instance in _closure(costs, step, which)}


def _closure(costs: FeatureCosts, name: str, which: tuple[int, ...]) -> Iterator[Instance]:
    step = costs.steps[name]
    for number in which if step.of == "track_jet" else (0,):
        yield name, number
    for needed in step.needs:
        yield from _closure(costs, needed, which)


def _items(costs: FeatureCosts, step: Step) -> int:
    n = costs.constituents
    counts: Mapping[Item | None, int] = {
        None: 1,
        "constituent": n,
        "pair": math.comb(n, 2),
        "triple": math.comb(n, 3),
        "track": costs.tracks,
    }
    return counts[step.per]


def _own(costs: FeatureCosts, step: Step) -> dict[str, float]:
    """Return the resources of one step: as many units as its operations need within the interval."""
    items = _items(costs, step)
    counts = {name: number * items for name, number in step.ops.items()}
    if step.sums:
        counts["add"] = counts.get("add", 0.0) + step.sums * (items - 1)
    total = dict.fromkeys(KINDS, 0.0)
    for name, number in counts.items():
        units = math.ceil(number / costs.interval)
        for kind in KINDS:
            total[kind] += units * float(getattr(costs.operations[name], kind))
    return total


def _cycles(costs: FeatureCosts, name: str, streams: bool = False) -> int:
    """Return the clocks of the longest way to the end of a step, the interval once if anything on it `streams`."""
    step = costs.steps[name]
    streams = streams or step.per is not None
    start = costs.interval - 1 if streams else 0
    before = max((_cycles(costs, needed, streams) for needed in step.needs), default=start)
    return before + _own_cycles(costs, name)


def _own_cycles(costs: FeatureCosts, name: str) -> int:
    """Return the clocks of one step, from when it has what it needs."""
    step, items = costs.steps[name], _items(costs, costs.steps[name])
    own = sum(costs.operations[operation].cycles for operation in step.chain)
    if step.serial:
        own *= items - 1
    if step.sums:
        own += math.ceil(math.log2(items)) * costs.operations["add"].cycles
    return own
