"""The YAML grammar of a menu: what may be written, with its types and units in the keys.

See `docs/menu.md` for examples. Names of conditions are joined by `and`, `or`, `xor`, `not` and parentheses.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from trigsim.base.config import Config
from trigsim.menu.scales import ScaleSet, SignalBit
from trigsim.menu.scalings import OfflineScaling

#: Names of conditions, cuts, networks, algorithms.
NAME = r"[A-Za-z_][A-Za-z0-9_.]*"
RESERVED = frozenset({"and", "or", "not", "xor"})

Name = Annotated[str, Field(pattern=f"^{NAME}$", max_length=200)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Window = Annotated[tuple[Finite, Finite], Field(description="[minimum, maximum], both included.")]
IntWindow = tuple[int, int]


def _listed(value: Any) -> Any:
    """Let one window stand for a list of one; strict models take tuples."""
    if not isinstance(value, list | tuple):
        return value
    if len(value) == 2 and not any(isinstance(v, list | tuple) for v in value):
        return (tuple(value),)
    return tuple(tuple(v) if isinstance(v, list) else v for v in value)


Windows = Annotated[
    tuple[Window, ...],
    BeforeValidator(_listed, json_schema_input_type=Window | list[Window]),
    Field(min_length=1),
]
IntWindows = Annotated[
    tuple[IntWindow, ...],
    BeforeValidator(_listed, json_schema_input_type=IntWindow | list[IntWindow]),
    Field(min_length=1),
]
Numbers = Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1, description="Accepted numbers.")]


class ScoreCut(Config):
    """A cut on the score that a tagger gave to the object: a working point, a raw integer or a real number."""

    model: Annotated[Name, Field(description="Name of the tagger.")]
    working_point: Annotated[str | None, Field(description="Name of one of the tagger's working points.")] = None
    hw: Annotated[int | None, Field(description="Smallest raw network output that passes.")] = None
    value: Annotated[Finite | None, Field(description="Smallest real score that passes.")] = None

    @model_validator(mode="after")
    def _one_cut(self) -> Self:
        if sum(cut is not None for cut in (self.working_point, self.hw, self.value)) != 1:
            raise ValueError("give exactly one of working_point, hw, value")
        return self


class Cuts(Config):
    """Cuts on one object. Windows of one kind are alternatives; different kinds are all required."""

    eta: Windows | None = None
    abs_eta_max: Annotated[Finite | None, Field(gt=0)] = None
    phi_rad: Annotated[Windows | None, Field(description="A window with minimum > maximum wraps around.")] = None
    upt_gev: Annotated[Windows | None, Field(description="Unconstrained pt.")] = None
    mass_gev: Windows | None = None
    index: Annotated[IntWindows | None, Field(description="Windows of track-finder numbers.")] = None
    iso: Numbers | None = None
    quality: Numbers | None = None
    ip: Annotated[Numbers | None, Field(description="Impact parameter.")] = None
    displaced: Numbers | None = None
    charge: Literal["positive", "negative"] | None = None
    n_track_jets_min: Annotated[int | None, Field(ge=0)] = None
    score: ScoreCut | None = None

    @model_validator(mode="after")
    def _one_eta(self) -> Self:
        if self.eta is not None and self.abs_eta_max is not None:
            raise ValueError("give eta or abs_eta_max, not both")
        return self


class Leg(Cuts):
    """One required object. The threshold is in the unit of its key; an object with a flag only has none."""

    object: Annotated[str, Field(description="Kind, as in the scale set.")]
    pt_gev: Annotated[Finite | None, Field(description="Smallest transverse momentum or energy.")] = None
    offline_gev: Annotated[Finite | None, Field(description="The same offline, by one of `scalings`.")] = None
    scaling: Annotated[Name | None, Field(description="Name of the scaling; by default the object's.")] = None
    count: Annotated[int | None, Field(description="Smallest count.")] = None
    score_min: Annotated[Finite | None, Field(description="Smallest score of a score object.")] = None
    compare: Annotated[Literal["ge", "eq"], Field(description="How the threshold is compared.")] = "ge"
    bx: Annotated[int, Field(ge=-2, le=2, description="Crossing, relative to the one decided on.")] = 0
    cuts: Annotated[tuple[Name, ...], Field(description="Names of shared cuts, joined with the own ones.")] = ()
    times: Annotated[int, Field(ge=1, le=12, description="How many different such objects.")] = 1

    @model_validator(mode="after")
    def _one_pt(self) -> Self:
        if self.offline_gev is not None and self.pt_gev is not None:
            raise ValueError("give pt_gev or offline_gev, not both")
        if self.scaling is not None and self.offline_gev is None:
            raise ValueError("a scaling is for offline_gev; give that")
        return self


class Overlap(Config):
    """Objects within any of these ranges of the reference object are removed."""

    reference: Leg
    dr: Window | None = None
    deta: Window | None = None
    dphi_rad: Window | None = None

    @model_validator(mode="after")
    def _some_range(self) -> Self:
        if self.dr is None and self.deta is None and self.dphi_rad is None:
            raise ValueError("give dr, deta or dphi_rad")
        return self


class ObjectCondition(Config):
    """Different objects that meet the legs, in some assignment, and every cut of the condition."""

    objects: Annotated[tuple[Leg, ...], Field(min_length=1, max_length=12)]
    charges: Annotated[Literal["same", "opposite"] | None, Field(description="Of all muons.")] = None
    deta: Window | None = None
    dphi_rad: Window | None = None
    dr: Window | None = None
    mass_gev: Annotated[Window | None, Field(description="Invariant mass of two or three objects.")] = None
    mass_upt_gev: Annotated[Window | None, Field(description="Invariant mass with unconstrained pt.")] = None
    mass_t_gev: Annotated[Window | None, Field(description="Transverse mass.")] = None
    mass_over_dr_gev: Annotated[Window | None, Field(description="Invariant mass over delta R.")] = None
    pair_pt_gev: Annotated[Window | None, Field(description="Transverse momentum of the pair.")] = None
    remove_overlap: Overlap | None = None

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The legs, with `times` written out."""
        return tuple(leg for leg in self.objects for _ in range(leg.times))


class ExternalCondition(Config):
    """A signal from outside."""

    external: str
    bx: Annotated[int, Field(ge=-2, le=2)] = 0


class NetworkCondition(Config):
    """The score of a network that looks at the whole crossing."""

    network: Name
    score_min: Annotated[int, Field(description="Smallest integer score that passes.")]
    bx: Annotated[int, Field(ge=-2, le=2)] = 0


def _condition_kind(value: Any) -> str:
    """Return the tag of a condition; in brackets, lest it be taken for a key of the document."""
    if isinstance(value, str):
        return "(expression)"
    keys = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, Config) else ()
    for key in ("external", "network", "objects"):
        if key in keys:
            return f"({key})"
    return "(object)"


Condition = Annotated[
    Annotated[str, Tag("(expression)"), Field(max_length=20_000)]
    | Annotated[ExternalCondition, Tag("(external)")]
    | Annotated[NetworkCondition, Tag("(network)")]
    | Annotated[ObjectCondition, Tag("(objects)")]
    | Annotated[Leg, Tag("(object)")],
    Discriminator(_condition_kind),
]


class InputField(Config):
    """One number of the input map: a field shifted right, dropping its lowest bits, or a constant."""

    field: str | None = None
    constant: int | None = None
    shift: Annotated[int, Field(ge=0, le=31)] = 0

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.field is None) == (self.constant is None):
            raise ValueError("give field or constant")
        return self


class InputGroup(Config):
    """The first `slots` objects of a kind, each giving `fields` in order."""

    object: str
    slots: Annotated[int, Field(ge=1, le=64)] = 1
    fields: Annotated[tuple[InputField, ...], Field(min_length=1)]


class NetworkInputs(Config):
    """What a network is fed with; its numbers are given when the menu is compiled."""

    inputs: Annotated[tuple[InputGroup, ...], Field(min_length=1)]


class Algorithm(Config):
    """One algorithm: one bit of the decision."""

    name: Name
    index: Annotated[int | None, Field(ge=0, lt=65536, description="Its bit; by default its place.")] = None
    when: Annotated[Condition | None, Field(description="Condition, or expression over names.")] = None
    unsupported: Annotated[str | None, Field(description="Why it cannot be decided, instead of `when`.")] = None
    groups: tuple[Name, ...] = ()
    label: str = ""
    prescale: Annotated[Finite, Field(ge=0, le=42949672.95, description="Two decimals; 0 is off.")] = 1.0
    bx_mask: Annotated[tuple[tuple[int, int], ...] | None, Field(description="Open ranges of crossings.")] = None
    veto: Annotated[bool, Field(description="Blocks the final OR.")] = False

    @field_validator("prescale")
    @classmethod
    def _no_fraction(cls, value: float) -> float:
        if 0 < value < 1:
            raise ValueError("a prescale is 0 (off) or at least 1")
        return value

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if (self.when is None) == (self.unsupported is None):
            raise ValueError("give `when` (or `unsupported`, with the reason)")
        return self


def _or_files(schema: dict[str, Any]) -> None:
    """Let the names of files stand for what they say, which is read before (`scalings.with_scalings`)."""
    written = {key: schema.pop(key) for key in ("type", "additionalProperties", "propertyNames") if key in schema}
    schema["anyOf"] = [written, {"type": "string"}, {"type": "array", "items": {"type": "string"}}]


def _scales_kind(value: Any) -> str:
    return "(set)" if isinstance(value, dict | ScaleSet) else "(name)"


class MenuFile(Config):
    """A whole menu file."""

    name: str
    comment: str = ""
    scales: Annotated[
        Annotated[str, Tag("(name)")] | Annotated[ScaleSet, Tag("(set)")],
        Discriminator(_scales_kind),
        Field(description="Name or path of a scale set, or the set itself."),
    ]
    externals: dict[str, SignalBit] = Field(default_factory=dict, description="External signal → bit.")
    defaults: dict[str, Cuts] = Field(
        default_factory=dict, description="Object → cuts of its legs unless given there."
    )
    cuts: dict[Name, Cuts] = Field(default_factory=dict, description="Shared cuts by name.")
    scalings: dict[Name, OfflineScaling] = Field(
        default_factory=dict,
        description="Files of `trigsim scaling`, or what they say: what offline thresholds are.",
        json_schema_extra=_or_files,
    )
    networks: dict[Name, NetworkInputs] = Field(default_factory=dict, description="Networks by name.")
    conditions: dict[Name, Condition] = Field(default_factory=dict, description="Conditions by name.")
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1, max_length=4096)]

    @field_validator("conditions", "cuts")
    @classmethod
    def _no_keywords(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            # Names of conditions are words of expressions.
            if name.lower() in RESERVED:
                raise ValueError(f"'{name}' is a keyword; choose another name")
        return value
