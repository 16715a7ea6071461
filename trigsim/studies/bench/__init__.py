"""Benchmarks: ratios against named peers, measured in one run on the same inputs."""

from trigsim.studies.bench.model import Bench, Row

__all__ = ["Bench", "Row"]
