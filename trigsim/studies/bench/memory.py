"""Peak memory of `trigsim run`, by the length of the run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from trigsim.studies.bench.model import Row

#: Crossings of the shorter run of a full-size bench; the other is twice as long.
CROSSINGS = 50_000

_RUN = """
import json, sys
from trigsim.base.shipped import shipped
from trigsim.studies.menu_run import run_menu
library, menu, taggers, crossings = json.loads(sys.argv[1])
beam = shipped("beams") / "pileup200.yaml"
run_menu(menu, library, beam, taggers, signals=(), crossings=crossings, signal_crossings=0)
"""
# Linux hands the parent's peak on to `ru_maxrss` of its child; the child's own is in its status.
_PEAK = """
import re, resource, sys
from pathlib import Path
status = Path("/proc/self/status")
own = re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text()) if status.exists() else None
sys.stdout.write(own[1] if own else str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
"""


def memory(library: str | Path, menu: str | Path, taggers: Mapping[str, str | Path], share: float) -> list[Row]:
    """Return the peak memory of a run in a process of its own, and of one twice as long, at pile-up 200.

    Parameters
    ----------
    library, menu : path
    taggers : mapping of str to path
        Name in the menu → tagger folder.
    share : float
        Of the crossings of a full-size run.
    """
    rows = []
    for times in (0, 1, 2):  # the first only compiles
        crossings = max(1, round(times * share * CROSSINGS))
        given = json.dumps([str(library), str(menu), {name: str(t) for name, t in taggers.items()}, crossings])
        done = subprocess.run(
            [sys.executable, "-c", _RUN + _PEAK, given], capture_output=True, text=True, check=True
        )
        if times == 0:
            continue
        case = f"pile-up 200: run of {crossings} crossings, all threads"
        rows.append(Row(case, "trigsim, peak memory", "MiB", int(done.stdout) / 1024))
    return rows
