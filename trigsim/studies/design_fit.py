"""The best tagger for a part, a latency and a share of the part, out of what a scan has measured."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trigsim.base.errors import InputError
from trigsim.base.files import existing
from trigsim.firmware.feature_cost import KINDS, FeatureCosts, cost, source
from trigsim.firmware.parts import Part, part
from trigsim.numeric.intervals import Estimate

SCAN_FILE = "scan.json"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tagger may take.

    Attributes
    ----------
    part : Part
    latency_ns : float
        Of the network alone.
    share : float
        Of each of LUT, FF, DSP and block RAM of the part, 1 being all.
    """

    part: Part
    latency_ns: float
    share: float


@dataclass(frozen=True, slots=True)
class Design:
    """One row of a scan as the search sees it.

    Attributes
    ----------
    features : tuple of str
    nodes : tuple of int
    bits : int
    bit_operations : int
    efficiency : Estimate
        At the scan's fixed rate.
    nanoseconds, cycles : float, int
        Latency of the network.
    share : float
        The largest of the network's shares of the part.
    binding : str
        Which resource that is.
    lut : float
    upstream_share : float or None
        The same of computing its features, an assumption; None where that is not asked for.
    needs : float
        The largest share of the part, each resource counted for network and features together.
    source : str
        Where latency and resources come from.
    """

    features: tuple[str, ...]
    nodes: tuple[int, ...]
    bits: int
    bit_operations: int
    efficiency: Estimate
    nanoseconds: float
    cycles: int
    share: float
    binding: str
    lut: float
    upstream_share: float | None
    needs: float
    source: str

    @property
    def inputs(self) -> int:
        """Number of features."""
        return len(self.features)

    def fits(self, limits: Limits) -> bool:
        """Whether it stays within the limits."""
        return self.needs <= limits.share and self.nanoseconds <= limits.latency_ns

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-ready mapping."""
        return {
            "inputs": self.inputs,
            "features": list(self.features),
            "nodes": list(self.nodes),
            "bits": self.bits,
            "efficiency_at_rate": self.efficiency.as_dict(),
            "cycles": self.cycles,
            "ns": self.nanoseconds,
            "lut": self.lut,
            "share": self.share,
            "binding": self.binding.upper(),
            "upstream_share": self.upstream_share,
            "needs": self.needs,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class DesignFit:
    """What was found.

    Attributes
    ----------
    limits : Limits
    fixed_rate_khz : float
    algorithm, signal : str
        Of the scan.
    designs : tuple of Design
        All of them, best first.
    best : Design
        The most efficient that fits.
    cheapest : Design
        The smallest that fits and whose efficiency is within the interval of the best.
    upstream_source : str
        Where the cost of features comes from; empty if it is not counted.
    """

    limits: Limits
    fixed_rate_khz: float
    algorithm: str
    signal: str
    designs: tuple[Design, ...]
    best: Design
    cheapest: Design
    upstream_source: str

    @property
    def front(self) -> tuple[Design, ...]:
        """The designs that none beats in both share and efficiency, smallest first."""
        front: list[Design] = []
        for design in sorted(self.designs, key=lambda d: (d.needs, -d.efficiency.value)):
            if not front or design.efficiency.value > front[-1].efficiency.value:
                front.append(design)
        return tuple(front)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON document of `trigsim firmware fit`."""
        return {
            "part": self.limits.part.name,
            "latency_ns": self.limits.latency_ns,
            "share": self.limits.share,
            "fixed_rate_khz": self.fixed_rate_khz,
            "algorithm": self.algorithm,
            "signal": self.signal,
            "best": self.best.as_dict(),
            "cheapest": self.cheapest.as_dict(),
            "front": [self.designs.index(d) for d in self.front],
            "designs": [{**d.as_dict(), "fits": d.fits(self.limits)} for d in self.designs],
            "upstream_source": self.upstream_source or None,
        }


def limits(part_name: str, latency_ns: float, share_percent: float) -> Limits:
    """Return checked limits.

    Raises
    ------
    InputError
        For an unknown part, or numbers that are not above zero.
    """
    if not latency_ns > 0:
        raise InputError(f"a latency of {latency_ns:g} ns; give one above 0")
    if not 0 < share_percent <= 100:
        raise InputError(f"a share of {share_percent:g} %; give one of 0 to 100")
    return Limits(part(part_name), latency_ns, share_percent / 100)


def fit(folders: Sequence[str | Path], asked: Limits, costs: FeatureCosts | None = None) -> DesignFit:
    """Return the most efficient tagger that fits, out of one scan or several of the same conditions.

    Parameters
    ----------
    folders : sequence of path
        Outputs of `trigsim scan`.
    asked : Limits
    costs : FeatureCosts, optional
        Counts the computing of the features as well.

    Raises
    ------
    InputError
        If a folder holds no scan, scans differ in conditions, or nothing fits (saying what the smallest needs).
    """
    documents = [_read(folder) for folder in folders]
    conditions = {(d["algorithm"], d["signal"], d["fixed_rate_khz"], d["beam"]) for d in documents}
    if len(conditions) != 1:
        raise InputError("the scans differ in algorithm, signal, rate or beam; give scans of one kind")
    algorithm, signal, rate, _ = conditions.pop()
    rows = [row for document in documents for row in document["rows"]]
    designs = [_design(row, asked.part, costs, folders[0]) for row in rows]
    designs.sort(key=lambda d: (-d.efficiency.value, d.needs))
    fitting = [d for d in designs if d.fits(asked)]
    if not fitting:
        raise InputError(_impossible(designs, asked))
    best = fitting[0]
    near = [d for d in fitting if d.efficiency.value >= best.efficiency.low]
    return DesignFit(
        asked,
        float(rate),
        str(algorithm),
        str(signal),
        tuple(designs),
        best,
        min(near, key=lambda d: (d.needs, d.nanoseconds)),
        "" if costs is None else source(costs),
    )


def _impossible(designs: Sequence[Design], asked: Limits) -> str:
    smallest = min(designs, key=lambda d: d.needs)
    quickest = min(designs, key=lambda d: d.nanoseconds)
    return (
        f"none of {len(designs)} designs fits {asked.share:.3%} of {asked.part.name} in {asked.latency_ns:g} ns; "
        f"the smallest ({smallest.inputs} inputs) needs {smallest.needs:.3%} of its {smallest.binding.upper()} and "
        f"{smallest.nanoseconds:g} ns, the quickest ({quickest.inputs} inputs) {quickest.needs:.3%} and "
        f"{quickest.nanoseconds:g} ns"
    )


def _read(folder: str | Path) -> dict[str, Any]:
    folder = Path(folder)
    file = folder if folder.suffix == ".json" else folder / SCAN_FILE
    existing(file, f"scan ({SCAN_FILE} of `trigsim scan -o DIR`)")
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        _ = [document[key] for key in ("algorithm", "signal", "fixed_rate_khz", "beam")]
        if not document["rows"]:
            raise InputError("the scan has no rows; run it again", file)
    except (ValueError, KeyError, TypeError):
        raise InputError("not the output of `trigsim scan`; run it again", file) from None
    return document


def _design(row: dict[str, Any], on: Part, costs: FeatureCosts | None, file: str | Path) -> Design:
    try:
        hardware = row["hardware"]
        shares = on.share({kind: float(hardware["resources"].get(kind.upper(), 0.0)) for kind in KINDS})
        binding, share = max(((kind, shares[kind] or 0.0) for kind in KINDS), key=lambda pair: pair[1])
        at = row["efficiency_at_rate"]
        upstream, both = None, shares
        if costs is not None:
            computing = on.share(cost(costs, row["features"]).resources)
            upstream = max(computing[kind] or 0.0 for kind in KINDS)
            both = {kind: (shares[kind] or 0.0) + (computing[kind] or 0.0) for kind in KINDS}
        return Design(
            features=tuple(row["features"]),
            nodes=tuple(row["nodes"]),
            bits=int(row["bits"]),
            bit_operations=int(row["bit_operations"]),
            efficiency=Estimate(float(at["value"]), float(at["low"]), float(at["high"])),
            nanoseconds=float(hardware["ns"]),
            cycles=int(hardware["cycles"]),
            share=share,
            binding=binding,
            lut=float(hardware["resources"]["LUT"]),
            upstream_share=upstream,
            needs=max(both[kind] or 0.0 for kind in KINDS),
            source=str(hardware["source"]),
        )
    except (KeyError, TypeError, ValueError):
        raise InputError("a row lacks a figure; run the scan again with this trigsim", Path(file)) from None
