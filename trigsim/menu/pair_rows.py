"""Cuts on pairs as rows of integers, and the look-up tables that they use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from trigsim.base.errors import InputError
from trigsim.menu import layout as at
from trigsim.menu.bounds import delta_bins, last_bin, least_product
from trigsim.menu.conditions import FIELDS_OF, HUGE, Limits, PairCuts
from trigsim.menu.legs import ResolvedLeg
from trigsim.menu.luts import (
    Table,
    common_unit,
    cos_table,
    cosh_table,
    delta_table,
    pt_table,
    sin_table,
)
from trigsim.menu.masks import Lanes

Pair = tuple[ResolvedLeg, ResolvedLeg]
#: Differences that vectors compare are below it.
_MOST_BINS = 1 << 28


@dataclass(slots=True)
class PairRows:
    """Rows of `layout.Tables.pairs`, and its `tables`, each made once.

    Attributes
    ----------
    lanes : Lanes
        Numbers of lanes; those that pairs look at are added.
    """

    lanes: Lanes
    rows: list[list[int]] = field(default_factory=list)
    parts: dict[int, Table] = field(default_factory=dict)
    offsets: dict[tuple[object, ...], int] = field(default_factory=dict)
    length: int = 0

    def add(self, legs: tuple[ResolvedLeg, ...], pair: PairCuts, together: bool = True) -> None:
        """Add the row of cuts on two of the legs, which must hold together, or any of them.

        Raises
        ------
        InputError
            If scales do not fit each other, or masses do not fit 63 bits.
        """
        row = [-1] * at.PAIR_COLUMNS
        both = (legs[pair.first], legs[pair.second])
        kinds = (both[0].object, both[1].object)
        limits = dict(pair.limits)
        decimals = pair.precision
        needed = {name for quantity in limits for name in FIELDS_OF[quantity]}
        row[at.CUTS] = sum(1 << at.QUANTITIES.index(quantity) for quantity in limits)
        row[at.UNIT] = 10**decimals.math
        largest = self._pts(row, both, needed, decimals.mass_pt)
        biggest = 10**decimals.math
        deta2 = dphi2 = 0
        if "eta" in needed:
            step, size = self._angle(row, both, "eta", (at.ETA1, at.ETA1_MUL, at.ETA1_ADD))
            delta = delta_table(step, size, decimals.delta)
            row[at.T_DETA2] = self._table(("delta2", step, size, decimals.delta), lambda: delta**2)
            if "deta" in limits:
                limits["deta"] = delta_bins(delta, limits["deta"])
            row[at.ETA_LOW : at.ETA_HIGH + 1] = _bins_apart(delta, limits, "deta", size - 1, together)
            if largest != [0, 0]:
                key = (step, size, decimals.math)
                row[at.T_COSH] = self._table(("cosh", *key), lambda: cosh_table(*key))
                biggest = int(self.parts[row[at.T_COSH]][-1])
            deta2 = int(delta[-1]) ** 2
        if "phi" in needed:
            step, size = self._angle(row, both, "phi", (at.PHI1, at.PHI1_MUL, at.PHI1_ADD))
            row[at.PHI_BINS] = size
            delta = delta_table(step, size, decimals.delta)
            row[at.T_DPHI2] = self._table(("delta2", step, size, decimals.delta), lambda: delta**2)
            if "dphi" in limits:
                limits["dphi"] = delta_bins(delta, limits["dphi"])
            row[at.PHI_LOW : at.PHI_HIGH + 1] = _bins_apart(delta, limits, "dphi", size // 2, together)
            turn, own = (step, size, decimals.math), (step, size, decimals.pair_pt_math)
            row[at.T_COS] = self._table(("cos", *turn), lambda: cos_table(*turn))
            row[at.T_COS_PHI] = self._table(("cos", *own), lambda: cos_table(*own))
            row[at.T_SIN_PHI] = self._table(("sin", *own), lambda: sin_table(*own))
            row[at.PT_UNIT] = 10**decimals.pair_pt_math
            dphi2 = int(delta[-1]) ** 2
        if "pt" in needed:
            self._least(row, limits)
        if "pair_pt" in limits:
            biggest = max(biggest, 4 * 10 ** (2 * decimals.pair_pt_math))
        if 3 * largest[0] * largest[1] * (biggest + 10**decimals.math) >= HUGE:
            raise InputError(
                f"masses of {kinds[0]} and {kinds[1]} do not fit 63 bits; lower the decimals in the scales"
            )
        if "mass_over_dr" in limits:
            shift = decimals.mass + 2 * decimals.delta - 2 * decimals.mass_pt - decimals.math
            row[at.DR_UP], row[at.DR_DOWN] = 10 ** max(-shift, 0), 10 ** max(shift, 0)
            low, high = limits["mass_over_dr"]
            most = HUGE // max((deta2 + dphi2) * row[at.DR_UP], 1)
            limits["mass_over_dr"] = max(min(low, most), 0), min(high, most)
        for quantity, (low, high) in limits.items():
            place = at.LIMITS + 2 * at.QUANTITIES.index(quantity)
            row[place], row[place + 1] = low, high
        self.rows.append(row)

    def _least(self, row: list[int], limits: dict[str, Limits]) -> None:
        """Fill in the table of the least pt of the second object, where limits on masses ask for one."""
        cosh = self.parts[row[at.T_COSH]] if row[at.T_COSH] >= 0 else None
        least = least_product(limits, cosh, row[at.UNIT])
        if least > 0:
            one, other = (self.parts[row[column]] for column in (at.T_PT1, at.T_PT2))
            key = ("least", row[at.T_PT1], row[at.T_PT2], least)
            row[at.T_LEAST] = self._table(
                key, lambda: np.searchsorted(other, -(-least // np.maximum(one, 1))).astype(np.int64)
            )

    def _table(self, key: tuple[object, ...], make: Callable[[], Table]) -> int:
        if key not in self.offsets:
            table = make()
            self.offsets[key] = self.length
            self.parts[self.length] = table
            self.length += len(table)
        return self.offsets[key]

    def _pts(self, row: list[int], both: Pair, needed: set[str], decimals: int) -> list[int]:
        """Fill in pt and unconstrained pt where needed; return the largest of both objects."""
        largest = [0, 0]
        for name, column, table in (("pt", at.PT1, at.T_PT1), ("upt", at.UPT1, at.T_UPT1)):
            if name not in needed:
                continue
            for i, leg in enumerate(both):
                scale = self.lanes.scales.objects[leg.object].fields[name]
                row[column + i] = self.lanes.narrow(leg.object, name, leg.bx)
                row[table + i] = self._table(("pt", scale, decimals), partial(pt_table, scale, decimals))
                largest[i] = max(largest[i], int(self.parts[row[table + i]][-1]))
        return largest

    def _angle(self, row: list[int], both: Pair, name: str, columns: tuple[int, int, int]) -> tuple[float, int]:
        """Fill in eta or phi in the common unit of both objects; return its step and how many there are."""
        one, other = (self.lanes.scales.objects[leg.object].fields[name] for leg in both)
        unit = common_unit(one, other, name)
        number, multiply, add = columns
        for i, leg in enumerate(both):
            row[number + i] = self.lanes.narrow(leg.object, name, leg.bx)
            row[multiply + 2 * i], row[add + 2 * i] = unit.multiply[i], unit.add[i]
        return unit.step, unit.size


def _bins_apart(delta: Table, limits: dict[str, Limits], quantity: str, most: int, together: bool) -> Limits:
    """Return how many bins apart two objects that meet the cuts are; (0, -1) where any of 0..most will do."""
    low, high = limits.get(quantity, (0, most))
    if "dr" in limits:
        high = min(high, last_bin(delta**2, limits["dr"][1]))
    # Of alternatives each may be met alone.
    if (not together and len(limits) > 1) or len(delta) > _MOST_BINS or (low <= 0 and high >= most):
        return 0, -1
    return (max(low, 0), high) if low <= high else (_MOST_BINS, _MOST_BINS)
