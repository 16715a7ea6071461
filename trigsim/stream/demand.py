"""What a run's menus ask for: objects that nobody reads are not made, and the decisions stay what they are.

Objects stand in their slots by falling pT, so that one below every threshold of its kind cannot be seen by any
condition, whatever else the condition says: the smallest pT of a kind is raised to its smallest threshold, and a
kind that no condition reads is left out. Only what costs time is: jets, electrons and photons, large-R jets with
their track jets, and the features of jets whose score nobody asks for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from trigsim.menu.legs import ResolvedLeg
from trigsim.menu.menu import Menu
from trigsim.objects.calorimeter_kernels import TO_PT
from trigsim.objects.scales import PT
from trigsim.objects.settings import Parameters

#: A threshold that nothing reaches.
NEVER = 1 << 30


@dataclass(frozen=True, slots=True)
class Demand:
    """Smallest pT of the objects that are looked at, in hardware steps; `NEVER` where none is.

    Attributes
    ----------
    electrons : int
        Electrons and photons.
    jets : int
        Jets.
    jet_sums : bool
        Whether H_T or its missing part is looked at, for which jets count from a threshold of their own.
    large_jets : int
        Large-R jets; 0 where track jets are looked at, which name the one that holds them.
    scored : int
        Large-R jets whose features are needed.
    track_jets : bool
        Whether track jets are made also where no large-R jet is possible: `TRKJET` is empty there if not.
    """

    electrons: int = 0
    jets: int = 0
    jet_sums: bool = True
    large_jets: int = 0
    scored: int = 0
    track_jets: bool = True

    def raised(self, par: Parameters) -> Parameters:
        """Return the parameters of the object reconstruction with thresholds raised to what is asked for."""
        # Stored pT is rounded, halves up: a jet of half a step less may pass. The rest is for rounding of floats.
        large = math.inf if self.large_jets >= NEVER else (self.large_jets - 0.5) * PT.lsb - 1e-6
        jets = min(self.jets << TO_PT, par.ht_jet_min if self.jet_sums else NEVER)
        return par._replace(
            eg_min=max(par.eg_min, self.electrons << TO_PT),
            jet_min=max(par.jet_min, jets),
            fat_min=max(par.fat_min, large),
        )


#: All objects, for whom they are stored or looked at.
EVERYTHING = Demand()


def demanded(menus: Iterable[Menu]) -> Demand:
    """Return what any of several menus looks at."""
    all_menus = tuple(menus)
    if any(menu.networks for menu in all_menus):
        return EVERYTHING  # A network sees whole collections.
    legs = [leg for menu in all_menus for leg in _legs(menu)]
    track_jets = any(leg.object == "TRKJET" for leg in legs)
    fat = [leg for leg in legs if leg.object == "FATJET"]
    return Demand(
        electrons=_least(leg for leg in legs if leg.object == "EG"),
        jets=_least(leg for leg in legs if leg.object == "JET"),
        jet_sums=any(leg.object in ("HT", "MHT") for leg in legs),
        large_jets=0 if track_jets else _least(fat),
        scored=_least(leg for leg in fat if any(name.startswith("score_") for name, _ in leg.passes)),
        track_jets=track_jets,
    )


def _legs(menu: Menu) -> Iterable[ResolvedLeg]:
    for program in menu.programs().values():
        for condition in program:
            if not isinstance(condition, str):
                yield from condition.legs
                if condition.reference is not None:
                    yield condition.reference


def _least(legs: Iterable[ResolvedLeg]) -> int:
    """Return the smallest pT that passes any of the legs; 0 if one has no threshold."""
    thresholds = (min((low for low, _ in dict(leg.passes).get("pt", ((0, 0),))), default=NEVER) for leg in legs)
    return max(0, min(thresholds, default=NEVER))
