"""Event records, library files, Pythia, readers of foreign files."""

from trigsim.events.model import Collisions

__all__ = ["Collisions"]
