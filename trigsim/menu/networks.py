"""Networks that look at a whole crossing: a declared input map in front of integer arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.grammar import InputGroup
from trigsim.objects.model import Collection


class CrossingNetwork(Protocol):
    """What the menu needs of a network."""

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""

    def scores(self, inputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the integer score of each row of ``(n, n_inputs)`` hardware integers."""


def gather(groups: Sequence[InputGroup], collections: Mapping[str, Collection], n: int) -> NDArray[np.int64]:
    """Return the inputs of n crossings by the input map.

    Parameters
    ----------
    groups : sequence of InputGroup
        The first slots of each kind of object, field by field; slots that the data lacks count as empty.
    collections : mapping
        Objects of n crossings.
    n : int
        Crossings.

    Returns
    -------
    int64 array of shape (n, inputs)
    """
    columns: list[NDArray[np.int64]] = []
    for group in groups:
        if group.object not in collections:
            raise InputError(f"the data has no {group.object}, which a network looks at")
        collection = collections[group.object]
        missing = [f.field for f in group.fields if f.field is not None and f.field not in collection.fields]
        if missing:
            raise InputError(
                f"the data has no field '{missing[0]}' of {group.object}, which a network looks at"
            )
        for slot in range(group.slots):
            for field in group.fields:
                if field.field is None or slot >= collection.shape[1]:
                    columns.append(np.full(n, field.constant or 0, dtype=np.int64))
                else:
                    columns.append(collection.fields[field.field][:, slot].astype(np.int64) >> field.shift)
    return np.stack(columns, axis=1)
