"""A map from the branches of someone else's ntuple to features, label and split, as read from YAML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.numeric.scales import Scale
from trigsim.tagger.dataset import COLUMNS, DETAILS

Number = Annotated[float, Field(allow_inf_nan=False)]
#: What an expression can be, besides a branch: name → how many operands (None: two or more).
OPERATIONS: dict[str, int | None] = {
    "sum": None, "product": None, "difference": 2, "ratio": 2, "delta_phi": 2, "log": 1, "sqrt": 1, "abs": 1,
}  # fmt: skip


class Expression(Config):
    """A number of each candidate: a branch, or one operation on expressions; a plain name is a branch.

    Attributes
    ----------
    branch : str
        Name of a branch. Or one of:
    sum, product, difference, ratio, delta_phi : sequence of Expression
        Of two operands (sum and product: or more); `delta_phi` is the difference folded into [-pi, pi).
    log, sqrt, abs : Expression
        Natural logarithm, root, absolute value.
    scale, offset : float
        The value is then ``scale * x + offset``.
    """

    branch: Annotated[str, Field(min_length=1)] | None = None
    sum: tuple[Expression, ...] | None = None
    product: tuple[Expression, ...] | None = None
    difference: tuple[Expression, ...] | None = None
    ratio: tuple[Expression, ...] | None = None
    delta_phi: tuple[Expression, ...] | None = None
    log: Expression | None = None
    sqrt: Expression | None = None
    abs: Expression | None = None
    scale: Number = 1.0
    offset: Number = 0.0

    @model_validator(mode="before")
    @classmethod
    def _a_name_is_a_branch(cls, value: Any) -> Any:
        if isinstance(value, dict):  # Handed on as Python, where strict mode tells lists from tuples.
            return {name: tuple(part) if isinstance(part, list) else part for name, part in value.items()}
        return {"branch": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [name for name in ("branch", *OPERATIONS) if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"an expression is one of branch, {', '.join(OPERATIONS)}; this has {len(given)} of them"
            )
        wanted = OPERATIONS.get(given[0])
        operands = getattr(self, given[0])
        if isinstance(operands, tuple) and (len(operands) < 2 or wanted not in (None, len(operands))):
            raise ValueError(f"{given[0]} of {len(operands)} operands; give {wanted or 'two or more'}")
        return self

    @property
    def operation(self) -> str:
        """Name of the operation, "branch" for a branch."""
        return next(name for name in ("branch", *OPERATIONS) if getattr(self, name) is not None)

    @property
    def operands(self) -> tuple[Expression, ...]:
        """What the operation is on."""
        found = getattr(self, self.operation)
        return found if isinstance(found, tuple) else () if isinstance(found, str) else (found,)

    def branches(self) -> Iterator[str]:
        """Yield the names of all branches in it."""
        if self.branch is not None:
            yield self.branch
        for operand in self.operands:
            yield from operand.branches()


class Window(Config):
    """A condition: min <= value < max; NaN fulfils none."""

    value: Expression
    min: Number | None = None
    max: Number | None = None

    @model_validator(mode="after")
    def _some_limit(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("a window without limits; give min, max or both")
        if self.min is not None and self.max is not None and self.max <= self.min:
            raise ValueError(f"a window from {self.min:g} to {self.max:g} is empty; max must be larger")
        return self


Windows = Annotated[tuple[Window, ...], Field(min_length=1)]


class MappedFeature(Config):
    """A feature: its value, its integer scale, and what to do where it is missing.

    Attributes
    ----------
    value : Expression
        In the unit of `lsb`.
    lsb, bits, signed, unit
        Integer = nearest of value / lsb, saturated.
    missing : float, optional
        Value put where it is NaN, infinite or one of `absent`. Without it such candidates are left out.
    absent : tuple of float
        Values that mean "missing" in the files (-999, say).
    """

    value: Expression
    lsb: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    bits: Annotated[int, Field(ge=1, le=32)] = 16
    signed: bool = False
    unit: str = ""
    missing: Number | None = None
    absent: tuple[Number, ...] = ()

    @property
    def scale(self) -> Scale:
        """The integer scale; unsigned 32 bits do not fit the files and are refused by the map."""
        return Scale(self.lsb, self.bits, self.signed, self.unit)


class Label(Config):
    """What is signal and what background: all windows of one of the two hold; others are left out."""

    signal: Windows
    background: Windows


class Shares(Config):
    """Shares of the split."""

    train: Annotated[float, Field(gt=0)] = 0.6
    validation: Annotated[float, Field(gt=0)] = 0.15
    test: Annotated[float, Field(gt=0)] = 0.25


class ForeignMap(Config):
    """How candidates are made of the entries of a tree.

    Attributes
    ----------
    name : str
        Of the data set.
    tree : str
        Path of the tree in the files.
    jagged : bool
        Whether an entry is an event with a list of candidates (branches without lists go to each of them), rather
        than a candidate.
    features : mapping
        Name → feature, in this order.
    label : Label
    select : tuple of Window
        What candidates have to fulfil.
    group : tuple of str
        Branches (integers) that tell events apart: candidates of one event stay on one side of the split.
        Without them every entry of a tree is an event.
    weight, pile_up : Expression, optional
        Weight (1 if not given), and mean or true pile-up (0).
    shares : Shares
        Of the split, which goes by a hash of the event.
    """

    name: str
    tree: str
    jagged: bool = False
    features: Annotated[dict[str, MappedFeature], Field(min_length=1)]
    label: Label
    select: tuple[Window, ...] = ()
    group: tuple[str, ...] = ()
    weight: Expression | None = None
    pile_up: Expression | None = None
    shares: Shares = Shares()

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name, feature in self.features.items():
            if name in COLUMNS or name in DETAILS:
                raise ValueError(f"feature '{name}' has the name of a column that is no feature; rename it")
            if feature.bits == 32 and not feature.signed:
                raise ValueError(f"feature '{name}' is unsigned of 32 bits; use at most 31, or signed")
        return self

    def branches(self) -> tuple[str, ...]:
        """Return the names of all branches that are read, each once."""
        windows = (*self.select, *self.label.signal, *self.label.background)
        values = [
            *(f.value for f in self.features.values()),
            *(w.value for w in windows),
            self.weight,
            self.pile_up,
        ]
        names = [name for value in values if value is not None for name in value.branches()]
        return tuple(dict.fromkeys([*names, *self.group]))
