"""Trains the neighbours of the best design of a scan: a few inputs, nodes or bits more or fewer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from trigsim.base.config import load
from trigsim.base.errors import InputError
from trigsim.base.files import write_json, write_text
from trigsim.firmware.feature_cost import FeatureCosts
from trigsim.studies.design_fit import SCAN_FILE, Design, DesignFit, fit
from trigsim.studies.scan import scan
from trigsim.studies.scan_config import ScanConfig, Sweep
from trigsim.tagger.config import TaggerPlan
from trigsim.tagger.features import FEATURES

#: A neighbour is trained if its size, scaled by multiplications and bits, is at most this times the limit.
HOPE = 1.25
#: Candidates that a scan trained with, in its folder.
CANDIDATES = "candidates.parquet"
PATHS = ("library", "beam", "menu", "tagger", "firmware")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A design to be trained."""

    inputs: int
    nodes: tuple[int, ...]
    bits: int

    @property
    def size(self) -> int:
        """Multiplications times bits, by which designs are compared before they are trained."""
        widths = (self.inputs, *self.nodes, 1)
        return self.bits * sum(a * b for a, b in itertools.pairwise(widths))


def neighbours(found: DesignFit, hidden: tuple[int, ...]) -> list[list[Neighbour]]:
    """Return what to train around the best design, by what is varied: inputs, nodes, bits.

    Parameters
    ----------
    found : DesignFit
    hidden : tuple of int
        Nodes that there are before any leave.
    """
    best = Neighbour(found.best.inputs, found.best.nodes, found.best.bits)
    known = {(d.inputs, d.nodes, d.bits) for d in found.designs}
    step = max(1, best.inputs // 4)
    ways = [
        [Neighbour(k, best.nodes, best.bits) for k in (best.inputs - step, best.inputs + step)],
        [Neighbour(best.inputs, _scaled(best.nodes, hidden, factor), best.bits) for factor in (0.75, 1.25)],
        [Neighbour(best.inputs, best.nodes, bits) for bits in (best.bits - 1, best.bits + 1)],
    ]

    def hopeful(one: Neighbour) -> bool:
        legal = 1 <= one.inputs <= len(FEATURES) and 2 <= one.bits <= 16
        new = (one.inputs, one.nodes, one.bits) not in known
        return legal and new and found.best.share * one.size / best.size <= HOPE * found.limits.share

    return [[one for one in dict.fromkeys(some) if hopeful(one)] for some in ways]


def _scaled(nodes: Sequence[int], hidden: Sequence[int], factor: float) -> tuple[int, ...]:
    return tuple(max(1, min(round(n * factor), most)) for n, most in zip(nodes, hidden, strict=True))


def refine(
    file: str | Path,
    folders: Sequence[str | Path],
    found: DesignFit,
    output: str | Path,
    rounds: int = 1,
    costs: FeatureCosts | None = None,
    threads: int = 0,
) -> DesignFit:
    """Train and stream neighbours of the best design until a round finds no better one.

    Parameters
    ----------
    file : path
        The configuration of the scan.
    folders : sequence of path
        Its outputs; candidates found in the first are trained with again.
    found : DesignFit
        What `fit` found in them.
    output : path
        Each small scan goes into a subfolder.
    rounds : int
        At most.
    costs, threads
        As for `fit` and `scan`.
    """
    file, output = Path(file), Path(output)
    config = load(file, ScanConfig)
    plan = load(file.parent / config.tagger, TaggerPlan)
    if config.algorithm != found.algorithm:
        raise InputError(f"the configuration is of {config.algorithm}, the scan of {found.algorithm}", file)
    candidates = Path(folders[0]) / CANDIDATES
    every = list(folders)
    for number in range(rounds):
        before = found.best
        some = [group for group in neighbours(found, plan.training.hidden) if group]
        for place, group in enumerate(some):
            folder = output / f"refine-{number}-{place}"
            small = _write(folder, file, config, plan, group)
            result = scan(small, folder, threads=threads, data=candidates if candidates.exists() else None)
            write_json(folder / SCAN_FILE, result.as_dict())
            every.append(folder)
        found = fit(every, found.limits, costs)
        if not some or _same(before, found.best):
            break
    return found


def _same(one: Design, other: Design) -> bool:
    return (one.inputs, one.nodes, one.bits) == (other.inputs, other.nodes, other.bits)


def _write(folder: Path, file: Path, config: ScanConfig, plan: TaggerPlan, group: Sequence[Neighbour]) -> Path:
    """Write the configuration of a small scan; JSON is YAML."""
    beside = file.parent.resolve()
    paths = dict(_absolute(beside, config))
    sweep = Sweep(
        nodes=tuple(dict.fromkeys(one.nodes for one in group)),
        bits=tuple(dict.fromkeys(one.bits for one in group)),
        seeds=config.sweep.seeds,
    )
    tagger = plan.model_dump(mode="json") | {"budgets": sorted({one.inputs for one in group})}
    tagger["data"] = str((beside / config.tagger).parent / plan.data)
    document = config.model_dump(mode="json") | paths | {"sweep": sweep.model_dump(mode="json")}
    write_text(folder / "tagger.yaml", json.dumps(tagger, indent=2))
    write_text(folder / "scan.yaml", json.dumps(document | {"tagger": "tagger.yaml"}, indent=2))
    return folder / "scan.yaml"


def _absolute(beside: Path, config: ScanConfig) -> Iterator[tuple[str, str]]:
    for name in PATHS:
        yield name, str(beside / getattr(config, name))
