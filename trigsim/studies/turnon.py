"""Turn-on curves: efficiency against what was generated, with fits and the points that they reach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hist import Hist
from numpy.typing import NDArray
from scipy import optimize, special, stats

from trigsim.base.errors import InputError
from trigsim.menu.menu import Menu
from trigsim.numeric.intervals import Estimate, efficiency
from trigsim.studies.decided import decided
from trigsim.studies.histograms import binned
from trigsim.studies.ladder import Free, decide_ladders, object_of, users
from trigsim.studies.store import Store
from trigsim.studies.tabular import Cells, Tabular

Shape = Literal["erf", "logistic"]
#: Shape → its rise from 0 to 1, the rise's derivative, and its inverse.
SHAPES: Mapping[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "erf": (special.ndtr, stats.norm.pdf, special.ndtri),
    "logistic": (special.expit, lambda z: special.expit(z) * special.expit(-z), special.logit),
}
#: Shares of the plateau at which the curve is read.
POINTS = (0.5, 0.9, 0.95)
#: Passing and failing crossings that a fit needs at least.
LEAST = 10


@dataclass(frozen=True, slots=True)
class TurnOnFit:
    """A fitted turn-on: ``plateau * F((x - middle) / width)``, F the normal or the logistic distribution.

    Attributes
    ----------
    shape : str
        "erf" or "logistic".
    plateau, middle, width : Estimate
        By maximum likelihood on the crossings, unbinned, with the errors of the Fisher information.
    points : mapping of float to Estimate
        Share of the plateau → where the curve reaches it.
    """

    shape: Shape
    plateau: Estimate
    middle: Estimate
    width: Estimate
    points: Mapping[float, Estimate]

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the efficiency at `x`."""
        z = (np.asarray(x) - self.middle.value) / self.width.value
        return np.asarray(self.plateau.value * SHAPES[self.shape][0](z))

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "shape": self.shape,
            **{name: getattr(self, name).as_dict() for name in ("plateau", "middle", "width")},
            "points": {f"{share:g}": estimate.as_dict() for share, estimate in self.points.items()},
        }


@dataclass(frozen=True, slots=True)
class TurnOn(Tabular):
    """Efficiency of an algorithm, a group or the menu in bins of a generated quantity.

    Attributes
    ----------
    name, signal, quantity : str
        What passes, in which sample, against what.
    edges : float64, shape (n + 1,)
        Of the bins.
    efficiencies : tuple of Estimate
        Of each bin, with the interval of Clopper and Pearson; 0 in [0, 1] where a bin is empty.
    passed, total : int64, shape (n,)
        Crossings of each bin that passed, and all.
    fit : TurnOnFit or None
        None where there is not enough to fit.
    """

    name: str
    signal: str
    quantity: str
    edges: NDArray[np.float64]
    efficiencies: tuple[Estimate, ...]
    passed: NDArray[np.int64]
    total: NDArray[np.int64]
    fit: TurnOnFit | None

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.name}, {self.signal}"

    def cells(self) -> Cells:
        """Return the efficiency in each bin."""
        return (f"{self.quantity} from", "to", "efficiency"), tuple(
            (f"{low:.4g}", f"{high:.4g}", e.numbers)
            for low, high, e in zip(self.edges[:-1], self.edges[1:], self.efficiencies, strict=True)
        )

    def histograms(self) -> dict[str, Hist]:
        """Return crossings that passed and all: an efficiency with its interval is made of both."""
        return {
            f"{self.name}_{what}": binned(
                self.edges.tolist(),
                counts,
                counts,
                over=f"generated {self.quantity}",
                label=f"{self.signal}, {what}",
            )
            for what, counts in (("passed", self.passed), ("all", self.total))
        }

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "signal": self.signal,
            "quantity": self.quantity,
            "edges": self.edges.tolist(),
            "efficiencies": [e.as_dict() for e in self.efficiencies],
            "fit": None if self.fit is None else self.fit.as_dict(),
        }


def turn_on(
    x: NDArray[Any],
    passed: NDArray[np.bool_],
    *,
    name: str,
    signal: str,
    quantity: str,
    bins: int = 20,
    shape: Shape = "erf",
) -> TurnOn:
    """Return the turn-on of n crossings.

    Parameters
    ----------
    x : float array, shape (n,)
        Generated quantity.
    passed : bool, shape (n,)
        What passes.
    name, signal, quantity : str
        For the result.
    bins : int
        Of equal width, from the first to the last per mille of x.
    shape : str
        "erf" or "logistic".
    """
    x = np.asarray(x, np.float64)
    if x.shape != passed.shape or x.ndim != 1 or len(x) == 0:
        raise ValueError(f"x and passed must be of one length, not zero; got {x.shape} and {passed.shape}")
    low, high = np.quantile(x, [0.001, 0.999])
    edges = np.linspace(low, max(high, low + 1e-6), bins + 1)
    total = np.histogram(x, edges)[0]
    some = np.histogram(x[passed], edges)[0]
    estimates = tuple(efficiency(int(p), int(n)) for p, n in zip(some, total, strict=True))
    return TurnOn(name, signal, quantity, edges, estimates, some, total, fit_turn_on(x, passed, shape))


def fit_turn_on(x: NDArray[np.float64], passed: NDArray[np.bool_], shape: Shape) -> TurnOnFit | None:
    """Fit a turn-on by maximum likelihood; None where too few crossings pass or fail, or nothing turns on."""
    if min(int(passed.sum()), int((~passed).sum())) < LEAST:
        return None
    rise, slope, inverse = SHAPES[shape]
    spread = float(np.std(x)) or 1.0

    def probability(p: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.clip(special.expit(p[0]) * rise((x - p[1]) * np.exp(-p[2])), 1e-12, 1 - 1e-12))

    def deviance(p: NDArray[np.float64]) -> float:
        chance = probability(p)
        return float(-np.log(np.where(passed, chance, 1 - chance)).mean())

    # Several starts: the likelihood is flat far from the rise.
    starts = [
        np.array([2.0, middle, np.log(spread * w)])
        for middle in np.quantile(x, [0.1, 0.5, 0.9])
        for w in (0.1, 0.5)
    ]
    found = min((optimize.minimize(deviance, s, method="Nelder-Mead") for s in starts), key=lambda r: r.fun)
    found = optimize.minimize(deviance, found.x, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-12})
    plateau, middle, width = float(special.expit(found.x[0])), float(found.x[1]), float(np.exp(found.x[2]))
    z = (x - middle) / width
    gradient = np.stack([rise(z), -plateau * slope(z) / width, -plateau * slope(z) * z / width])
    chance = probability(found.x)
    information = (gradient / (chance * (1 - chance))) @ gradient.T
    # At a plateau of 1 its own error is not a normal's: only the other two are then free.
    free = [0, 1, 2] if plateau < 1 - 1e-4 else [1, 2]
    covariance = np.zeros((3, 3))
    try:
        covariance[np.ix_(free, free)] = np.linalg.inv(information[np.ix_(free, free)])
    except np.linalg.LinAlgError:
        return None
    error = np.sqrt(np.diag(covariance))
    if not np.isfinite(error).all() or error[1] > np.ptp(x) or not x.min() <= middle <= x.max():
        return None

    def at(share: float) -> Estimate:
        along = np.array([0.0, 1.0, inverse(share)])
        return _around(middle + width * inverse(share), float(np.sqrt(along @ covariance @ along)))

    # There the interval is that of what passes well above the rise.
    above = z > 3
    top = efficiency(int(passed[above].sum()), int(above.sum()))
    low = plateau - error[0] if 0 in free else min(top.low, plateau)
    return TurnOnFit(
        shape,
        Estimate(plateau, max(low, 0.0), min(plateau + error[0], 1.0) if 0 in free else 1.0),
        _around(middle, float(error[1])),
        _around(width, float(error[2])),
        {share: at(share) for share in POINTS},
    )


def _around(value: float, error: float) -> Estimate:
    return Estimate(float(value), float(value - error), float(value + error))


def turn_ons(
    store: Store,
    menu: Menu | None,
    signal: str,
    names: Sequence[str],
    quantity: str,
    *,
    bins: int = 20,
    shape: Shape = "erf",
) -> tuple[TurnOn, ...]:
    """Return turn-ons of algorithms, of groups (``group NAME``) or of the menu (``total``).

    Parameters
    ----------
    store : Store
        With the signal.
    menu : Menu or None
        To decide with; None reads the stored decisions, which have no groups.
    signal : str
        Sample.
    names : sequence of str
        What passes.
    quantity : str
        One of `store_format.TRUTH`.
    bins, shape : int, str
        See `turn_on`.
    """
    sample = decided(store, signal, menu)
    x = store.truth(signal, quantity)
    found = []
    for name in names:
        passed = sample.passes(members(menu, sample.names, name))
        found.append(turn_on(x, passed, name=name, signal=signal, quantity=quantity, bins=bins, shape=shape))
    return tuple(found)


def members(menu: Menu | None, names: Sequence[str], name: str) -> Sequence[str]:
    """Return the algorithms of a row: an algorithm, ``group NAME``, or ``total``."""
    groups = {} if menu is None else menu.groups
    if name == "total":
        return names
    if name.removeprefix("group ") in groups and name.startswith("group "):
        return [a for a in groups[name.removeprefix("group ")] if a in names]
    if name not in names:
        known = ", ".join([*names, *(f"group {g}" for g in groups), "total"])
        raise InputError(f"no algorithm or group '{name}'; there are {known}")
    return [name]


@dataclass(frozen=True, slots=True)
class Scaling(Tabular):
    """What a threshold of the trigger means in a generated quantity: ``offline = offset + slope * online``.

    Attributes
    ----------
    name : str
        What menus call it.
    number, signal, quantity : str
        Free number, sample, and quantity.
    share : float
        Share of the plateau at which turn-ons are read.
    points : tuple of (online, Estimate)
        Where they are read.
    offset, slope : Estimate
        Of the line through them, by least squares in units of their errors.
    """

    name: str
    number: str
    signal: str
    quantity: str
    share: float
    points: tuple[tuple[float, Estimate], ...]
    offset: Estimate
    slope: Estimate

    @property
    def caption(self) -> str:
        """What it shows, one line."""
        return f"{self.signal}: offline = ({self.offset}) + ({self.slope}) · online"

    def cells(self) -> Cells:
        """Return the points that the line goes through."""
        header = (self.number, f"{self.quantity} at {self.share:.0%} of the plateau")
        return header, tuple((f"{online:g}", offline.numbers) for online, offline in self.points)

    def as_file(self) -> dict[str, Any]:
        """Return what a menu reads under `scalings`; see `menu.scalings`."""
        online = [point for point, _ in self.points]
        if self.slope.value <= 0:
            raise InputError(f"{self.quantity} does not rise with {self.number}: no menu can use that")
        return {
            "scalings": {
                self.name: {
                    "offset_gev": self.offset.value,
                    "slope": self.slope.value,
                    "online_gev": [min(online), max(online)],
                    "source": self.as_dict(),
                }
            }
        }

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "number": self.number,
            "signal": self.signal,
            "quantity": self.quantity,
            "share_of_plateau": self.share,
            "offset": self.offset.as_dict(),
            "slope": self.slope.as_dict(),
            "points": [{"online": online, "offline": e.as_dict()} for online, e in self.points],
        }


def scaling(
    store: Store,
    menu: Menu,
    number: Free,
    values: Sequence[float],
    signal: str,
    quantity: str,
    *,
    share: float = 0.95,
    shape: Shape = "erf",
    name: str = "",
) -> Scaling:
    """Fit turn-ons of one algorithm at several thresholds, and a line through the points they reach.

    The algorithm is the first that the number belongs to; `name` is what menus call the scaling, by default the
    object that the threshold is of.

    Raises
    ------
    InputError
        If the share is not one of `POINTS`, or fewer than two of the turn-ons can be fitted.
    """
    if share not in POINTS:
        raise InputError(f"turn-ons are not read at {share:g}; give one of {', '.join(map(str, POINTS))}")
    algorithm = users(menu, number.where)[0]
    settings = [{number.where: number.set_to(v)} for v in values]
    packed = decide_ladders(store, menu, [(algorithm, settings)], [signal])[signal]
    x = store.truth(signal, quantity).astype(np.float64)
    bits = np.unpackbits(packed, axis=1, count=len(values), bitorder="little").astype(np.bool_)
    fits = [fit_turn_on(x, passed, shape) for passed in bits.T]
    points = [(float(v), f.points[share]) for v, f in zip(values, fits, strict=True) if f is not None]
    if len(points) < 2:
        raise InputError(f"{len(points)} of {len(values)} turn-ons of {algorithm} can be fitted; two are needed")
    online = np.array([p[0] for p in points])
    offline = np.array([p[1].value for p in points])
    error = np.maximum([(p[1].high - p[1].low) / 2 for p in points], 1e-9)
    design = np.stack([np.ones_like(online), online]) / error
    covariance = np.linalg.inv(design @ design.T)
    offset, slope = covariance @ (design @ (offline / error))
    errors = np.sqrt(np.diag(covariance))
    return Scaling(
        name or object_of(menu, number),
        number.name,
        signal,
        quantity,
        share,
        tuple(points),
        _around(float(offset), float(errors[0])),
        _around(float(slope), float(errors[1])),
    )
