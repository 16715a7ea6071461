"""Hypothesis: no deadlines, since a first call compiles; the same examples each time in continuous integration."""

import os

from hypothesis import settings

settings.register_profile("trigsim", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("trigsim")
