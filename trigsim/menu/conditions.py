"""Conditions in hardware integers: legs as intervals of numbers, cuts on pairs as integer limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trigsim.base.errors import InputError
from trigsim.menu.grammar import (
    Condition,
    ExternalCondition,
    Leg,
    MenuFile,
    NetworkCondition,
    ObjectCondition,
    Window,
)
from trigsim.menu.legs import ResolvedLeg, TaggerScores, resolve
from trigsim.menu.scales import ObjectScales, PairPrecision, ScaleSet

#: Limits beyond this are no limits; sums of products stay below it.
HUGE = 1 << 62
NO_LIMIT = (-HUGE, HUGE)
#: Beyond all quantities of pairs, GeV.
FAR = 1e12
#: Scores and inputs of networks are below it.
HW_LIMIT = 1 << 31

Limits = tuple[int, int]
#: Keys of an `ObjectCondition` that cut on pairs.
PAIR_KEYS = (
    "deta",
    "dphi_rad",
    "dr",
    "mass_gev",
    "mass_upt_gev",
    "mass_t_gev",
    "mass_over_dr_gev",
    "pair_pt_gev",
)


@dataclass(frozen=True, slots=True)
class PairCuts:
    """Integer limits on the pair of legs `first`, `second` of a condition.

    Attributes
    ----------
    first, second : int
        Places of the legs; the reference of an overlap removal is the last.
    precision : PairPrecision
        Decimals of the tables.
    limits : tuple of (quantity, limits)
        Quantity ("deta", "dphi", "dr", "mass", "mass_upt", "mass_t", "mass_over_dr", "pair_pt") → lowest and
        highest integer that pass.
    """

    first: int
    second: int
    precision: PairPrecision
    limits: tuple[tuple[str, Limits], ...]


@dataclass(frozen=True, slots=True)
class ResolvedCondition:
    """A condition with nothing left to look up; equal conditions compare equal.

    Attributes
    ----------
    legs : tuple of ResolvedLeg
        Objects required, all different.
    reference : ResolvedLeg or None
        Reference object of the overlap removal.
    charges : str or None
        "same", "opposite": of all muons.
    pairs : tuple of PairCuts
        One for two legs; three for the mass of three.
    overlaps : tuple of PairCuts
        For each leg, the ranges around the reference that remove it.
    external : (int, int) or None
        Bit and BX offset of an external signal.
    network : str
        Name of the network whose score is the only leg.
    """

    legs: tuple[ResolvedLeg, ...] = ()
    reference: ResolvedLeg | None = None
    charges: str | None = None
    pairs: tuple[PairCuts, ...] = ()
    overlaps: tuple[PairCuts, ...] = ()
    external: tuple[int, int] | None = None
    network: str = ""

    @property
    def reach(self) -> tuple[int, int]:
        """Earliest and latest BX looked at, relative to the one decided on."""
        legs = self.legs + (() if self.reference is None else (self.reference,))
        seen = [leg.bx for leg in legs] + ([self.external[1]] if self.external else []) + [0]
        return min(seen), max(seen)


def delta_limits(window: Window, decimals: int) -> Limits:
    """Return limits on a delta eta or delta phi with `decimals` decimals."""
    return _limits(math.floor(window[0] * 10**decimals), math.ceil(window[1] * 10**decimals), window)


def dr_limits(window: Window, decimals: int) -> Limits:
    """Return limits on delta R squared: squared, rounded outwards to `decimals`, compared with twice as many."""
    unit = 10**decimals
    return _limits(
        math.floor(window[0] * window[0] * unit) * unit, math.ceil(window[1] * window[1] * unit) * unit, window
    )


def mass_limits(window: Window, precision: PairPrecision) -> Limits:
    """Return limits on half the squared mass, in units of its products of tables."""
    shift = 2 * precision.mass_pt + precision.math - precision.mass
    low = math.floor(window[0] * window[0] / 2 * 10**precision.mass)
    high = math.ceil(window[1] * window[1] / 2 * 10**precision.mass)
    if shift < 0:
        raise InputError("mass has more decimals than its tables; lower 'mass' in the scale set")
    return _limits(low * 10**shift, high * 10**shift, window)


def half_mass_limits(window: Window, precision: PairPrecision) -> Limits:
    """Return limits on half the squared (mass over delta R), with the decimals of masses."""
    unit = 10**precision.mass
    return _limits(
        math.floor(window[0] * window[0] / 2 * unit), math.ceil(window[1] * window[1] / 2 * unit), window
    )


def pair_pt_limits(window: Window, precision: PairPrecision) -> Limits:
    """Return limits on the squared pt of a pair, in units of its products of tables."""
    shift = 2 * precision.mass_pt + 2 * precision.pair_pt_math - precision.pair_pt
    if shift < 0:
        raise InputError("pair_pt has more decimals than its tables; lower 'pair_pt' in the scale set")
    unit = 10**precision.pair_pt
    low, high = math.floor(window[0] * window[0] * unit), math.ceil(window[1] * window[1] * unit)
    return _limits(low * 10**shift, high * 10**shift, window)


def _limits(low: int, high: int, window: Window) -> Limits:
    if low > HUGE:
        raise InputError(f"window [{window[0]:g}, {window[1]:g}] lies beyond what is computed; lower its minimum")
    return low, min(high, HUGE)


def largest(quantity: str, one: ObjectScales, other: ObjectScales) -> float:
    """Return what a quantity of two objects cannot exceed; `FAR` where it is not bounded.

    With bin centres, of which numbers beyond the last bin have the largest.
    """

    def most(field: str) -> float:
        scales = [kind.fields[field] for kind in (one, other)]
        return math.prod(float(scale.centre(np.array(scale.numbers[1]))) for scale in scales)

    deta = 0.0
    if "eta" in FIELDS_OF[quantity]:
        ends = [kind.fields["eta"].bin_edges()[1] for kind in (one, other)]
        deta = float(max(ends[0][-1] - ends[1][0], ends[1][-1] - ends[0][0]))
    match quantity:
        case "deta":
            return deta
        case "dphi":
            return math.pi
        case "dr":
            return math.hypot(deta, math.pi)
        case "mass" | "mass_upt":
            return math.sqrt(2 * most("pt" if quantity == "mass" else "upt") * (math.cosh(deta) + 1))
        case "mass_t":
            return 2 * math.sqrt(most("pt"))
    return FAR


class Lowering:
    """Turns conditions as written into `ResolvedCondition`."""

    def __init__(
        self,
        config: MenuFile,
        scales: ScaleSet,
        externals: Mapping[str, int],
        models: Mapping[str, TaggerScores] | None,
    ) -> None:
        self.config = config
        self.scales = scales
        self.externals = externals
        self.models = models

    def lower(self, condition: Condition) -> ResolvedCondition:
        """Return the condition in hardware integers; InputError says what cannot be met."""
        if isinstance(condition, ExternalCondition):
            if condition.external not in self.externals:
                raise InputError(f"no external signal '{condition.external}'; define its bit under 'externals'")
            return ResolvedCondition(external=(self.externals[condition.external], condition.bx))
        if isinstance(condition, NetworkCondition):
            return self._network(condition)
        if isinstance(condition, Leg):
            if condition.times > 1:
                return self._objects(ObjectCondition(objects=(condition,)))
            return ResolvedCondition(legs=(self._leg(condition),))
        assert isinstance(condition, ObjectCondition)
        return self._objects(condition)

    def _leg(self, leg: Leg) -> ResolvedLeg:
        if leg.offline_gev is not None:
            name = leg.scaling or leg.object
            if name not in self.config.scalings:
                raise InputError(f"no scaling '{name}'; name the file of `trigsim scaling` under 'scalings'")
            leg = leg.model_copy(update={"pt_gev": self.config.scalings[name].online(leg.offline_gev)})
        return resolve(leg, self.scales.objects, self.config.cuts, self.config.defaults, self.models)

    def _network(self, condition: NetworkCondition) -> ResolvedCondition:
        name = condition.network
        if name not in self.config.networks:
            raise InputError(f"no network '{name}'; declare its inputs under 'networks'")
        for group in self.config.networks[name].inputs:
            if group.object not in self.scales.objects:
                raise InputError(f"network '{name}': unknown object '{group.object}'; see the scale set")
            fields = self.scales.objects[group.object].fields
            unknown = [f.field for f in group.fields if f.field is not None and f.field not in fields]
            if unknown:
                raise InputError(f"network '{name}': {group.object} has no field '{unknown[0]}'")
            constants = [f.constant for f in group.fields if f.constant is not None]
            wide = [number for number in constants if not -HW_LIMIT <= number < HW_LIMIT]
            if wide:
                raise InputError(f"network '{name}': constant {wide[0]} does not fit 32 bits; make it smaller")
        if not -HW_LIMIT <= condition.score_min < HW_LIMIT:
            raise InputError(f"score_min {condition.score_min} does not fit 32 bits, as scores do; correct it")
        passes = (("score", ((condition.score_min, (1 << 31) - 1),)),)
        return ResolvedCondition(legs=(ResolvedLeg(f"network {name}", condition.bx, passes),), network=name)

    def _objects(self, condition: ObjectCondition) -> ResolvedCondition:
        written = condition.legs
        if len(written) > 12:
            raise InputError(f"{len(written)} objects; a condition takes at most 12")
        legs = tuple(self._leg(leg) for leg in written)
        given = [key for key in PAIR_KEYS if getattr(condition, key) is not None]
        if condition.charges is not None:
            muons = sum(self._charged(leg) for leg in legs)
            if muons < (1 if condition.charges == "same" else 2):
                raise InputError(f"charges: '{condition.charges}' compares objects with charge; there are {muons}")
        pairs: tuple[PairCuts, ...] = ()
        if given == ["mass_gev"] and len(legs) == 3:
            pairs = tuple(self._pair(legs, i, j, condition, given) for i, j in ((0, 1), (0, 2), (1, 2)))
            if len({pair.limits for pair in pairs}) > 1:
                raise InputError("the three pairs of mass_gev have different precisions; use objects of one kind")
        elif given:
            if len(legs) != 2:
                raise InputError(f"'{given[0]}' needs two objects (mass_gev: two or three); got {len(legs)}")
            pairs = (self._pair(legs, 0, 1, condition, given),)
        reference = None
        overlaps: tuple[PairCuts, ...] = ()
        if condition.remove_overlap is not None:
            overlap = condition.remove_overlap
            if overlap.reference.times > 1:
                raise InputError("one reference object is looked for; drop 'times'")
            reference = self._leg(overlap.reference)
            every = (*legs, reference)
            keys = [key for key in ("deta", "dphi_rad", "dr") if getattr(overlap, key) is not None]
            overlaps = tuple(self._pair(every, i, len(legs), overlap, keys) for i in range(len(legs)))
        return ResolvedCondition(legs, reference, condition.charges, pairs, overlaps)

    def _charged(self, leg: ResolvedLeg) -> bool:
        return "charge" in self.scales.objects[leg.object].fields

    def _pair(self, legs: tuple[ResolvedLeg, ...], i: int, j: int, cuts: object, keys: list[str]) -> PairCuts:
        one, other = legs[i].object, legs[j].object
        precision = self.scales.pair_precision(one, other)
        limits: dict[str, Limits] = {}
        for key in keys:
            window: Window = getattr(cuts, key)
            quantity = key.removesuffix("_gev").removesuffix("_rad")
            for field in FIELDS_OF[quantity]:
                for name in (one, other):
                    if field not in self.scales.objects[name].fields:
                        raise InputError(f"'{key}' needs {field}, which {name} lacks; choose other objects")
            if not 0 <= window[0] <= window[1]:
                raise InputError(
                    f"window [{window[0]:g}, {window[1]:g}] is impossible; give 0 <= minimum <= maximum"
                )
            most = largest(quantity, *(self.scales.objects[name] for name in (one, other)))
            # Look-up tables round, and a mass may be of three pairs.
            if window[0] > (most * math.sqrt(3) if quantity == "mass" else most) + 0.01:
                raise InputError(f"no pair has {key} of {window[0]:g}, at most {most:.5g}; lower the minimum")
            window = (window[0], min(window[1], FAR))
            match quantity:
                case "deta" | "dphi":
                    limits[quantity] = delta_limits(window, precision.delta)
                case "dr":
                    limits[quantity] = dr_limits(window, precision.delta)
                case "mass" | "mass_upt" | "mass_t":
                    limits[quantity] = mass_limits(window, precision)
                case "mass_over_dr":
                    limits[quantity] = half_mass_limits(window, precision)
                case _:
                    limits[quantity] = pair_pt_limits(window, precision)
        return PairCuts(i, j, precision, tuple(sorted(limits.items())))


#: Fields that a quantity of a pair needs of both objects.
FIELDS_OF = {
    "deta": ("eta",),
    "dphi": ("phi",),
    "dr": ("eta", "phi"),
    "mass": ("pt", "eta", "phi"),
    "mass_upt": ("upt", "eta", "phi"),
    "mass_t": ("pt", "phi"),
    "mass_over_dr": ("pt", "eta", "phi"),
    "pair_pt": ("pt", "phi"),
}
