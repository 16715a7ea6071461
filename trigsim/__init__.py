"""trigsim: Level-1 trigger emulation with neural taggers, bit for bit.

The verbs of the command line are functions here: `trigsim.run`, `trigsim.scan`; the rooms hold the rest
(`trigsim.menu.load`, `trigsim.emulator.from_hls4ml`, `trigsim.tagger.BudgetedCancelOut`, …).
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

#: Verb → module and function; imported when asked for, so that `import trigsim` costs nothing.
_VERBS = {
    "run": ("trigsim.studies.menu_run", "run_menu"),
    "scan": ("trigsim.studies.scan", "scan"),
}

__all__ = ["__version__", "run", "scan"]


def __getattr__(name: str) -> Any:
    """Return a verb."""
    if name not in _VERBS:
        raise AttributeError(f"module 'trigsim' has no attribute '{name}'")
    module, function = _VERBS[name]
    return getattr(importlib.import_module(module), function)


def __dir__() -> list[str]:
    """Return the public names."""
    return sorted(__all__)
