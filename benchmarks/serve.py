"""How long a slider of `trigsim serve` waits: HTTP round trips on 10^6 stored crossings, wall clock.

    trigsim run MENU --signal vh_bb --crossings 50000 --store DIR …
    python benchmarks/serve.py DIR [--crossings 1000000] [--moves 60]

The crossings of the store are taken several times over until they are enough. Each move asks for a value of one
number that was not asked for before, as dragging a slider does; menus are the stored one, and one of 400 algorithms
made of thresholds on the same objects. Prints JSON: milliseconds, median and 95 % of all moves, and the
processor time of the server and the load of the machine beside them.
"""

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import numpy as np

from trigsim.menu import load, loads
from trigsim.menu.menu import Menu
from trigsim.report.serve import Server
from trigsim.studies.live import Live
from trigsim.studies.store import Store
from trigsim.studies.store_format import BEAM, MENU


def repeated(store: Store, crossings: int) -> Store:
    """Return a store whose beam crossings are there several times."""
    manifest = store.manifest
    times = -(-crossings // sum(manifest.drawn))
    beam = tuple(part for part in manifest.parts if part.sample == BEAM)
    rest = tuple(part for part in manifest.parts if part.sample != BEAM)
    drawn = tuple(times * n for n in manifest.drawn)
    return Store(store.folder, manifest.model_copy(update={"parts": beam * times + rest, "drawn": drawn}))


def many(store: Store, algorithms: int) -> Menu:
    """Return a menu of thresholds on what is stored: singles, pairs, and both with sums; a dozen groups."""
    rows, rng = [], np.random.default_rng(1)
    kinds = [k for k in ("JET", "EG", "MU", "FATJET") if "pt" in store.manifest.objects.get(k, {}).fields]
    for i in range(algorithms):
        kind, low = kinds[i % len(kinds)], 10 + int(rng.exponential(60.0))
        leg = f"{{object: {kind}, pt_gev: {low}}}"
        pair = f"{{objects: [{{object: {kind}, pt_gev: {low}}}, {{object: JET, pt_gev: {20 + low // 2}}}]}}"
        rows.append(f"  - {{name: A{i}, groups: [g{i % 12}], when: {pair if i % 2 else leg}}}")
    return loads("name: many\nscales: phase2\nalgorithms:\n" + "\n".join(rows) + "\n")


def measured(store: Store, menu: Menu, moves: int) -> dict:
    """Return the times of `moves` round trips."""
    began = time.perf_counter()
    live = Live.open(store, menu)
    opened = time.perf_counter() - began
    server = Server.of(live)
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    rng, names, wall, cpu = np.random.default_rng(2), list(live.ranges), [], []
    began = time.perf_counter()
    with urlopen(f"{server.url}state", timeout=600) as said:
        said.read()
    first = time.perf_counter() - began
    for _ in range(moves):
        name = names[rng.integers(len(names))]
        one = live.ranges[name]
        value = one.low + one.step * rng.integers(int((one.high - one.low) / one.step) + 1)
        before, began = time.process_time(), time.perf_counter()
        with urlopen(f"{server.url}state?{urlencode({name: value})}", timeout=600) as said:
            json.loads(said.read())
        wall.append(1e3 * (time.perf_counter() - began))
        cpu.append(1e3 * (time.process_time() - before))
    server.http.shutdown()
    server.http.server_close()
    return {
        "algorithms": len(live.names),
        "numbers": len(names),
        "open_s": opened,
        "first_answer_s": first,
        "wall_ms_median": float(np.median(wall)),
        "wall_ms_95": float(np.quantile(wall, 0.95)),
        "cpu_ms_median": float(np.median(cpu)),
        "load": os.getloadavg()[0],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--crossings", type=int, default=1_000_000)
    parser.add_argument("--algorithms", type=int, default=400)
    parser.add_argument("--moves", type=int, default=60)
    given = parser.parse_args()
    store = repeated(Store.open(given.store), given.crossings)
    document = {
        "crossings": sum(store.manifest.drawn),
        "stored": load(given.store / MENU).name,
        "menu": measured(store, load(given.store / MENU), given.moves),
        "many": measured(store, many(store, given.algorithms), given.moves),
    }
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
