"""What every reader returns: trigger objects, the decisions recorded with them, and which event is which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trigsim.menu.decide import Rows
from trigsim.objects.model import TriggerObjects


@dataclass(frozen=True, slots=True)
class Recorded:
    """Crossings with the decisions that were recorded for them.

    Attributes
    ----------
    objects : TriggerObjects
        All rows; an event may own several (one for each BX around it).
    decided : int64 array, shape (n,)
        The row of each event's own crossing.
    rows : str
        What BX offsets see; see `CompiledMenu.decide`.
    offsets : (int, int)
        Earliest and latest BX offset that the rows really hold.
    offsets_of : mapping of str to (int, int)
        The same of kinds of object that the data holds in fewer crossings.
    has_externals : bool
        Whether external signals are in the file.
    by_index : bool array, shape (n, bits), or None
        Recorded decisions by bit.
    by_name : mapping of str to bool array, shape (n,)
        Recorded decisions by name of the algorithm.
    run, lumi, event : uint64 arrays, shape (n,)
        Where each event comes from; of a test vector 0, 0 and the BX.
    prescaled : bool
        Whether the recorded bits are after prescale: one that is not set then says nothing.
    """

    objects: TriggerObjects
    decided: NDArray[np.int64]
    rows: Rows
    offsets: tuple[int, int]
    has_externals: bool
    by_index: NDArray[np.bool_] | None
    by_name: Mapping[str, NDArray[np.bool_]]
    run: NDArray[np.uint64]
    lumi: NDArray[np.uint64]
    event: NDArray[np.uint64]
    prescaled: bool = False
    offsets_of: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.decided)

    def expected(self, name: str, index: int) -> NDArray[np.bool_] | None:
        """Return the recorded decisions of an algorithm, by name or else by bit; None if there are none."""
        if name in self.by_name:
            return self.by_name[name]
        if self.by_index is not None and index < self.by_index.shape[1]:
            return self.by_index[:, index]
        return None

    def place(self, i: int) -> str:
        """Return ``run:lumi:event`` of event i."""
        return f"{self.run[i]}:{self.lumi[i]}:{self.event[i]}"
