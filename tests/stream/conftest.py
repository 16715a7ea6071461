"""The shipped library, opened once."""

from pathlib import Path

import pytest

from trigsim.events.library import Library

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def library():
    return Library.open(ROOT / "data" / "library")
