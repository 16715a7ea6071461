"""Hunts for a differing bit between the emulator and hls4ml's C++, over many drawn networks.

    nice python benchmarks/fuzz_emulator.py --cases 300 --output fuzz

Writes a line of JSON per case to OUTPUT/cases.jsonl and the counts to OUTPUT/summary.json; exit code 1 where a bit
differs. The C simulation's numbers are kept in OUTPUT, so that a changed emulator is checked again without g++.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from trigsim.base.errors import InputError
from trigsim.base.files import atomic_path, write_json
from trigsim.emulator import from_hls4ml
from trigsim.firmware import csim
from trigsim.firmware.compare import compare_results, write_reproducer
from trigsim.firmware.fuzz import draw


def check(number: int, events: int, kept: Path) -> dict[str, Any]:
    """Compare one case and return its line of the report."""
    warnings.simplefilter("ignore")
    case = draw(number, events)
    line: dict[str, Any] = {"case": number, "backend": case.backend, "io": case.io}
    line["strategy"] = case.config["Model"]["Strategy"]
    with tempfile.TemporaryDirectory() as folder:
        try:
            graph = case.graph(folder)
            network = from_hls4ml(graph)
        except (InputError, RuntimeError, ValueError, AssertionError) as error:
            return {**line, "outcome": "not built", "reason": f"{type(error).__name__}: {error}"[:300]}
        file = kept / f"case{number}-{events}.npz"
        if not file.exists():
            try:
                simulation = csim.build(graph, folder, csim.UNOPTIMISED)
                results = {"output": simulation.predict(case.inputs), **simulation.trace(case.inputs)}
            except RuntimeError as error:
                return {**line, "outcome": "not built", "reason": f"csim: {error}"[:300]}
            with atomic_path(file) as path:
                np.savez_compressed(path, **results)
        with np.load(file, allow_pickle=False) as stored:
            results = dict(stored)
        found = compare_results(network, results.pop("output"), results, case.inputs)
        if not found.exact:
            target = kept / f"mismatch{number}"
            shutil.copytree(folder, target, dirs_exist_ok=True)
            write_reproducer(found, network, case.inputs, target)
    line |= {"outcome": "exact" if found.exact else "mismatch", **found.as_dict()}
    line["kinds"] = sorted({type(step).__name__ for step in network.steps})
    line["values"] = int(sum(np.prod(r.shape) for r in results.values()))
    line["distinct"] = len(np.unique(network.predict(case.inputs)))
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("fuzz"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    numbers = range(options.first, options.first + options.cases)
    n = len(numbers)
    outcomes: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    started = time.monotonic()
    with ProcessPoolExecutor(options.workers) as pool, (options.output / "cases.jsonl").open("w") as report:
        for line in pool.map(check, numbers, [options.events] * n, [options.output] * n):
            outcomes[line["outcome"]] += 1
            totals["values"] += line.get("values", 0)
            for kind in [line["backend"], line["io"], line["strategy"], *line.get("kinds", [])]:
                totals[kind] += line["outcome"] != "not built"
            report.write(json.dumps(line) + "\n")
            report.flush()
            print(line["case"], line["outcome"], line.get("first") or line.get("reason") or "", flush=True)
    summary = {"cases": n, "seconds": round(time.monotonic() - started), **outcomes, "covered": dict(totals)}
    write_json(options.output / "summary.json", summary)
    print(json.dumps(summary, indent=2))
    sys.exit(bool(outcomes["mismatch"]))


if __name__ == "__main__":
    main()
