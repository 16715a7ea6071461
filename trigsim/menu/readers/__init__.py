"""Readers of foreign files with trigger objects and decisions: they end in `Recorded`."""

from trigsim.menu.readers.model import Recorded
from trigsim.menu.readers.open import read

__all__ = ["Recorded", "read"]
