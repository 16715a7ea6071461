"""The shipped library, opened once."""

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.stream.runs import recipe, run
from trigsim.events.library import Library
from trigsim.stream.parallel import in_order

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def library():
    return Library.open(ROOT / "data" / "library")


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A small recipe, its worker, and the bytes of its run in one thread."""
    made = recipe(tmp_path_factory.mktemp("run"))
    worker = made.open()
    return SimpleNamespace(
        recipe=made, worker=worker, unbroken=run(worker, partial(in_order, worker.answer, threads=1))
    )
