"""Finer strata: collisions of each stratum of the library sorted by the hardest object that they make alone.

Which of a stratum's collisions can pass a cut is mostly known from what they do without pile-up. Parts of a
stratum that hold those of like objects are strata themselves, of exactly known shares: every formula of
`stream.strata` holds, whatever the order, and crossings go to the parts around the turn-on, not to those that
always or never pass (docs/rates.md says what this saves).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from trigsim.menu.menu import Menu
from trigsim.objects.scales import SCALES
from trigsim.stream.block import Builder
from trigsim.stream.demand import EVERYTHING
from trigsim.stream.plan import Plan
from trigsim.stream.source import CHUNK, Source, by_collision

#: Shares of a stratum's collisions, the hardest first, at which parts end: finest where a cut leaves few.
ENDS = (0.01, 0.025, 0.06, 0.125, 0.25, 0.45, 0.7)
#: Collisions of a part, at least: their own spread has to tell the error of the part's share.
FEWEST = 8
#: What sorts where nothing better is known.
JETS = "JET"


def sorting(menu: Menu, target: str) -> str:
    """Return the collection that tells best what passes a row: the only one that it reads, else jets.

    Parameters
    ----------
    menu : Menu
    target : str
        Algorithm, ``group NAME`` or ``total``.
    """
    programs = menu.programs()
    names = menu.groups.get(target.removeprefix("group "), tuple(programs)) if target not in programs else (target,)
    read = {
        leg.object
        for name in names
        for condition in programs.get(name, ())
        if not isinstance(condition, str)
        for leg in condition.legs
    }
    kind = next(iter(read)) if len(read) == 1 else JETS
    return kind if "pt" in SCALES.get(kind, {}) else JETS


def parted(source: Source, builder: Builder, kind: str = JETS) -> Source:
    """Return the source with every stratum but the softest in parts.

    Parameters
    ----------
    source : Source
        Of whole strata.
    builder : Builder
        Of its crossings.
    kind : str
        Collection of `objects.scales.SCALES` with a pT, whose first object sorts.

    The softest stays whole, for its collisions come in blocks. Read-outs of a collision stay together: their mean
    sorts them.
    """
    hardness = _alone(source, builder, kind)
    members, shares = [source.members[0]], [np.ones(1)]
    for some in source.members[1:]:
        events = by_collision(source.collision, some)
        order = events[np.argsort(hardness[events].sum(axis=1), kind="stable")]
        ends = [len(order) - round(share * len(order)) for share in reversed(ENDS)]
        kept: list[int] = []
        for end in ends:
            if min(end - (kept[-1] if kept else 0), len(order) - end) >= FEWEST:
                kept.append(end)
        parts = np.split(order, kept)
        # In the order of the pool, as `Source.local` takes them.
        members += [np.sort(part.ravel()) for part in parts]
        shares.append(np.array([len(part) / len(order) for part in parts]))
    return replace(
        source,
        strata=source.strata.split(shares),
        members=tuple(members),
        parent=np.repeat(source.parent, [len(some) for some in shares]),
    )


def _alone(source: Source, builder: Builder, kind: str) -> NDArray[np.int32]:
    """Return the pT of the first object that each collision of the harder strata makes alone, 0 for all others."""
    found = np.zeros(len(source.pt_hat), np.int32)
    quick = replace(builder, wanted=np.zeros_like(builder.wanted), demand=EVERYTHING)
    event = np.concatenate([np.zeros(0, np.int64), *source.members[1:]])
    for first in range(0, len(event), CHUNK):
        some = event[first : first + CHUNK]
        nothing = np.zeros(len(some), np.int64)
        plan = Plan(np.arange(len(some) + 1), some, nothing, nothing.astype(np.bool_), nothing)
        found[some] = quick.build(plan).objects.collections[kind].fields["pt"][:, 0]
    return found
