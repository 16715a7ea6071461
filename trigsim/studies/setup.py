"""From file names to a source of crossings and a builder of objects; see `stream.setup`."""

from trigsim.stream.setup import builder, d0_resolution, open_source

__all__ = ["builder", "d0_resolution", "open_source"]
