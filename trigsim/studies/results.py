"""Results of the studies: plain, frozen, JSON-ready, every figure with its interval or its source."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hist import Hist

from trigsim.base.html import html_table
from trigsim.numeric.intervals import Estimate
from trigsim.studies.histograms import labelled

if TYPE_CHECKING:
    from trigsim.studies.orbit_results import OrbitResult
    from trigsim.studies.rate_table import RateTable
    from trigsim.studies.run_details import RunDetails


@dataclass(frozen=True, slots=True)
class MenuResult:
    """Rates and efficiencies of one menu.

    Attributes
    ----------
    rates : mapping
        Algorithm, group or "total" → rate in kHz.
    unseen_khz : mapping
        Row → what strata in which nothing passed could add to its rate; see `studies.rates.unseen`.
    efficiencies : mapping
        Signal → row → efficiency.
    crossings : int
        Crossings streamed for the rates.
    live_time_s : float
        Seconds of beam that, unstratified, would give the rate of `total` the same precision.
    library_khz : mapping
        Row → standard deviation of its rate for the finite library alone, which is in the interval and which more
        crossings do not lessen.
    table : RateTable or None
        Passes, and rates before and after prescale, pure and shared; None where decision words were not counted.
    orbits : OrbitResult or None
        What dead time takes; None where it was not asked for.
    details : RunDetails or None
        Overlaps, gains and turn-ons; None where they were not asked for.
    """

    rates: Mapping[str, Estimate]
    unseen_khz: Mapping[str, float]
    efficiencies: Mapping[str, Mapping[str, Estimate]]
    crossings: int
    live_time_s: float
    library_khz: Mapping[str, float] = field(default_factory=dict)
    table: RateTable | None = None
    orbits: OrbitResult | None = None
    details: RunDetails | None = None

    def histograms(self) -> dict[str, Hist]:
        """Return rates, and efficiencies of each signal, one bin a row."""
        found = {"rate": labelled(list(self.rates.values()), list(self.rates), over="row", label="rate [kHz]")}
        found |= {
            f"efficiency_{signal}": labelled(list(some.values()), list(some), over="row", label="efficiency")
            for signal, some in self.efficiencies.items()
        }
        for more in (self.table, self.orbits, self.details):
            found |= {} if more is None else more.histograms()
        return found

    def _dead_time(self) -> dict[str, Any] | None:
        if self.orbits is None:
            return None
        found = self.orbits.as_dict()
        return {name: found[name] for name in found if name not in ("menu", "by_place_in_train")}

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        rows = [
            (name, rate.numbers, *(some[name].numbers for some in self.efficiencies.values()))
            for name, rate in self.rates.items()
        ]
        header = ("algorithm", "rate [kHz]", *(f"efficiency {signal}" for signal in self.efficiencies))
        return html_table(f"{self.crossings:,} crossings", header, rows)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "crossings": self.crossings,
            "live_time_s": self.live_time_s,
            "rates": {row: e.as_dict() for row, e in self.rates.items()},
            **(
                {} if self.table is None else {"rows": self.table.as_dict()["rows"], "dead_time": self._dead_time()}
            ),
            "unseen_khz": dict(self.unseen_khz),
            "library_khz": dict(self.library_khz),
            "efficiencies": {
                signal: {row: e.as_dict() for row, e in rows.items()} for signal, rows in self.efficiencies.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Beside:
    """Resources from another source than `Hardware`'s own: never mixed with them.

    Attributes
    ----------
    name : str
        What tables call it ("Yosys", "features").
    resources : mapping
        "LUT", "FF", "DSP", "BRAM" → number.
    cycles : int
        Latency in clock cycles.
    source : str
        Where they come from.
    """

    name: str
    resources: Mapping[str, float]
    cycles: int
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "resources": dict(self.resources),
            "cycles": self.cycles,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class RtlCheck:
    """What the simulated RTL did: inputs, outputs that differ, and the observed depth in clocks (None: no one)."""

    inputs: int
    mismatches: int
    depth: int | None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {"inputs": self.inputs, "mismatches": self.mismatches, "observed_depth": self.depth}


@dataclass(frozen=True, slots=True)
class Hardware:
    """What a network costs in the trigger's hardware.

    Attributes
    ----------
    cycles : int
        Latency in clock cycles.
    nanoseconds : float
        The same at the clock.
    budget_ns : float
        What the trigger allows the tagger.
    resources : mapping
        "LUT", "FF", "DSP", "BRAM" → number used.
    share : mapping
        The same as fractions of the part.
    part : str
        The FPGA.
    source : str
        Where latency and resources come from; an estimate is called one.
    beside : tuple of Beside
        The same from other sources, and what is needed beside the network.
    rtl : RtlCheck or None
        The simulation of its RTL, if it was asked for.
    """

    cycles: int
    nanoseconds: float
    budget_ns: float
    resources: Mapping[str, int]
    share: Mapping[str, float]
    part: str
    source: str
    beside: tuple[Beside, ...] = ()
    rtl: RtlCheck | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "cycles": self.cycles,
            "ns": self.nanoseconds,
            "budget_ns": self.budget_ns,
            "budget_share": self.nanoseconds / self.budget_ns,
            "resources": dict(self.resources),
            "part": self.part,
            "part_share": dict(self.share),
            "source": self.source,
            "beside": [one.as_dict() for one in self.beside],
            "rtl": None if self.rtl is None else self.rtl.as_dict(),
        }


@dataclass(frozen=True, slots=True)
class SeedResult:
    """What one training seed gave.

    Attributes
    ----------
    seed : int
    features : tuple of str
        What it kept.
    auc : float
        On the scan's test candidates.
    """

    seed: int
    features: tuple[str, ...]
    auc: float

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {"seed": self.seed, "features": list(self.features), "auc": self.auc}


@dataclass(frozen=True, slots=True)
class BudgetResult:
    """One budget of inputs, nodes and bits, from training to trigger.

    Attributes
    ----------
    features : tuple of str
        What the network reads.
    nodes : tuple of int
        Of its hidden layers.
    bits : int
        Width of its widest weights.
    bit_operations : int
        See `tagger.Model.bit_operations`.
    auc : Estimate
        On test candidates, of the quantised network.
    rejection : mapping of float to Estimate
        Signal efficiency → 1 / background efficiency, on the same.
    seeds : tuple of SeedResult
        One a training; the network is that of the best, chosen on other candidates.
    menu : MenuResult
        The whole menu with this network in it.
    efficiency_at_rate : Estimate
        Signal efficiency of the tagged algorithm at the scan's fixed rate.
    rate_at_efficiency : Estimate or None
        Its rate at the scan's fixed efficiency, None where no cut reaches it.
    curve : tuple of (rate_khz, efficiency)
        The tagged algorithm as the cut on the score moves.
    hardware : Hardware
        Latency and resources.
    csim_inputs, csim_mismatches : int
        Candidates compared with the C simulation, and how many outputs differ.
    """

    features: tuple[str, ...]
    nodes: tuple[int, ...]
    bits: int
    bit_operations: int
    auc: Estimate
    rejection: Mapping[float, Estimate]
    seeds: tuple[SeedResult, ...]
    menu: MenuResult
    efficiency_at_rate: Estimate
    rate_at_efficiency: Estimate | None
    curve: tuple[tuple[float, float], ...]
    hardware: Hardware
    csim_inputs: int
    csim_mismatches: int

    @property
    def auc_of_seeds(self) -> Estimate:
        """Mean AUC of the seeds and its standard error; with one seed, `auc`."""
        values = [one.auc for one in self.seeds]
        if len(values) < 2:
            return self.auc
        mean, error = statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5
        return Estimate(mean, mean - error, mean + error)

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        at_efficiency = self.rate_at_efficiency
        return {
            "inputs": len(self.features),
            "features": list(self.features),
            "nodes": list(self.nodes),
            "bits": self.bits,
            "bit_operations": self.bit_operations,
            "auc": self.auc.as_dict(),
            "auc_of_seeds": self.auc_of_seeds.as_dict(),
            "background_rejection": {f"{e:.2f}": r.as_dict() for e, r in self.rejection.items()},
            "seeds": [one.as_dict() for one in self.seeds],
            "efficiency_at_rate": self.efficiency_at_rate.as_dict(),
            "rate_at_efficiency": None if at_efficiency is None else at_efficiency.as_dict(),
            "curve": [list(point) for point in self.curve],
            "hardware": self.hardware.as_dict(),
            "csim_inputs": self.csim_inputs,
            "csim_mismatches": self.csim_mismatches,
            **self.menu.as_dict(),
        }


#: What a network may cost, by name.
COSTS: Mapping[str, Callable[[BudgetResult], float]] = {
    "bit operations": lambda b: b.bit_operations,
    "LUT": lambda b: b.hardware.resources["LUT"],
    "latency [ns]": lambda b: b.hardware.nanoseconds,
}


@dataclass(frozen=True, slots=True)
class ScanResult:
    """A feature-budget scan.

    Attributes
    ----------
    name : str
        From the configuration.
    beam, mean_pileup, crossing_rate_khz : str, float, float
        Conditions.
    algorithm, signal : str
        The tagged algorithm and the signal that the fixed-rate and fixed-efficiency figures are of.
    fixed_rate_khz, fixed_efficiency : float
        Where they are read.
    budgets : tuple of BudgetResult
        Fewest inputs first.
    """

    name: str
    beam: str
    mean_pileup: float
    crossing_rate_khz: float
    algorithm: str
    signal: str
    fixed_rate_khz: float
    fixed_efficiency: float
    budgets: tuple[BudgetResult, ...]

    def _repr_html_(self) -> str:
        """Return the table that a notebook shows."""
        rows = [
            (
                str(len(b.features)),
                "-".join(map(str, b.nodes)),
                str(b.bits),
                b.auc_of_seeds.numbers,
                b.efficiency_at_rate.numbers,
                f"{b.hardware.nanoseconds:g}",
                str(b.hardware.resources["LUT"]),
                f"{b.csim_mismatches} of {b.csim_inputs}",
            )
            for b in self.budgets
        ]
        header = ("inputs", "nodes", "bits", "AUC", f"efficiency {self.signal} at {self.fixed_rate_khz:g} kHz")
        return html_table(self.name, (*header, "latency [ns]", "LUT", "unlike csim"), rows)

    def histograms(self) -> dict[str, Hist]:
        """Return separation, efficiency and rate of each budget, one bin a budget, in the order of `budgets`."""
        names = [f"{len(b.features)} inputs, {'-'.join(map(str, b.nodes))}, {b.bits} bits" for b in self.budgets]
        wanted = {
            "auc": ([b.auc_of_seeds for b in self.budgets], "area under the ROC curve"),
            "rejection": ([b.rejection[0.5] for b in self.budgets], "background rejection at 50 %"),
            "efficiency_at_rate": (
                [b.efficiency_at_rate for b in self.budgets],
                f"efficiency {self.signal} at {self.fixed_rate_khz:g} kHz",
            ),
            "menu_rate": ([b.menu.rates[self.algorithm] for b in self.budgets], f"{self.algorithm} [kHz]"),
        }
        return {name: labelled(some, names, over="budget", label=label) for name, (some, label) in wanted.items()}

    @property
    def plateau(self) -> BudgetResult:
        """The fewest inputs, then bit operations, whose AUC is within one standard error of the best.

        The one-standard-error rule of Breiman, Friedman, Olshen and Stone (Classification and Regression Trees,
        1984); see `BudgetResult.auc_of_seeds` for the error.
        """
        best = max(self.budgets, key=lambda b: b.auc_of_seeds.value).auc_of_seeds
        near = [b for b in self.budgets if b.auc_of_seeds.value >= best.low]
        return min(near, key=lambda b: (len(b.features), b.bit_operations))

    def pareto(self, cost: Callable[[BudgetResult], float]) -> tuple[BudgetResult, ...]:
        """Return the budgets that none beats in both cost and AUC, cheapest first."""
        front: list[BudgetResult] = []
        for budget in sorted(self.budgets, key=lambda b: (cost(b), -b.auc_of_seeds.value)):
            if not front or budget.auc_of_seeds.value > front[-1].auc_of_seeds.value:
                front.append(budget)
        return tuple(front)

    @property
    def hardware_source(self) -> str:
        """Where latency and resources come from, each source once."""
        own = sorted({budget.hardware.source for budget in self.budgets})
        beside = sorted({f"{one.name}: {one.source}" for b in self.budgets for one in b.hardware.beside})
        return "; ".join([*own, *beside])

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "name": self.name,
            "beam": self.beam,
            "mean_pileup": self.mean_pileup,
            "crossing_rate_khz": self.crossing_rate_khz,
            "algorithm": self.algorithm,
            "signal": self.signal,
            "fixed_rate_khz": self.fixed_rate_khz,
            "fixed_efficiency": self.fixed_efficiency,
            "plateau": self.budgets.index(self.plateau),
            "pareto": {name: [self.budgets.index(b) for b in self.pareto(cost)] for name, cost in COSTS.items()},
            "rows": [budget.as_dict() for budget in self.budgets],
        }
