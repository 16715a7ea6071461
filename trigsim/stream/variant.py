"""A menu with taggers bound to its score cuts: what one block becomes in one variant of a study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.legs import ResolvedLeg
from trigsim.menu.menu import Menu
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.stream.block import Block
from trigsim.stream.count_kernels import with_groups
from trigsim.tagger.tagger import Tagger

#: Collection that taggers score.
SCORED = "FATJET"
#: Score of a slot without a jet, and best score of a crossing without a candidate.
NO_SCORE = np.iinfo(np.int32).min


@dataclass(frozen=True, slots=True)
class Decision:
    """What n crossings did in one variant.

    Attributes
    ----------
    bits : bool, shape (n, rows)
        What passed, in the rows of the variant.
    best_score : int32, shape (n,)
        Best score among the jets that pass the other cuts of the scored leg; `NO_SCORE` if none does.
    objects : TriggerObjects
        What was decided on: the block's objects with scores.
    """

    objects: TriggerObjects
    bits: NDArray[np.bool_]
    best_score: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Variant:
    """A compiled menu and its taggers.

    Attributes
    ----------
    name : str
        What results call it.
    menu : CompiledMenu
        Compiled with the working points of these taggers.
    groups : tuple of str
        Groups of algorithms.
    member : bool, shape (groups + 1, algorithms)
        Which algorithms are in each group; in the last, the total, all are.
    taggers : mapping of str to Tagger
        Name in the menu → tagger.
    leg : ResolvedLeg or None
        The leg whose best score is recorded; see `scored_leg`.
    """

    name: str
    menu: CompiledMenu
    groups: tuple[str, ...]
    member: NDArray[np.bool_]
    taggers: Mapping[str, Tagger]
    leg: ResolvedLeg | None = None

    @classmethod
    def bind(cls, name: str, menu: Menu, taggers: Mapping[str, Tagger], algorithm: str | None = None) -> Variant:
        """Compile `menu` with `taggers`; record the score of `algorithm`'s leg if one is named.

        Raises
        ------
        InputError
            If the menu needs a tagger that is not given, or `algorithm` is not a single scored leg.
        """
        for model in menu.models:
            if model not in taggers:
                raise InputError(f"the menu cuts on tagger '{model}'; give it with --tagger {model}=FOLDER")
        compiled = menu.compile(models=taggers)
        groups = group_columns(menu, compiled.names)
        member = np.ones((len(groups) + 1, len(compiled.names)), np.bool_)
        for row, columns in zip(member, groups.values(), strict=False):
            row[:] = np.isin(np.arange(len(row)), columns)
        leg = None if algorithm is None else scored_leg(menu, algorithm)
        return cls(name, compiled, tuple(groups), member, taggers, leg)

    @property
    def rows(self) -> tuple[str, ...]:
        """Algorithms, then ``group NAME`` for each group, then ``total``."""
        return (*self.menu.names, *(f"group {g}" for g in self.groups), "total")

    def decide(self, block: Block) -> Decision:
        """Score the block's large-R jets and decide its crossings."""
        objects = self.scored(block)
        decided = self.menu.decide(objects)
        bits = np.empty((len(self.member) + decided.shape[1], len(decided)), np.bool_)
        with_groups(decided.T, self.member, bits)
        return Decision(objects, bits.T, self._best(objects))

    def scored(self, block: Block) -> TriggerObjects:
        """Return the block's objects with the taggers' scores, as the menu reads them."""
        jets = block.objects.collections[SCORED]
        fields = dict(jets.fields)
        for model, tagger in self.taggers.items():
            score = fields[f"score_{model}"] = np.full(jets.shape, NO_SCORE, np.int32)
            # Most chunks have nothing to score, and even so a tagger took 0.2 us a crossing.
            if len(block.crossing):
                score[block.crossing, block.slot] = tagger.score_hw(block.features_hw[:, tagger.columns])
        return TriggerObjects({**block.objects.collections, SCORED: Collection(fields)}, block.objects.externals)

    def _best(self, objects: TriggerObjects) -> NDArray[np.int32]:
        if self.leg is None:
            return np.full(len(objects), NO_SCORE, np.int32)
        fields = objects.collections[SCORED].fields
        passed = np.ones(fields["pt"].shape, np.bool_)
        field = ""
        for name, intervals in self.leg.passes:
            if name.startswith("score_"):
                field = name
                continue
            passed &= np.any([(low <= fields[name]) & (fields[name] <= high) for low, high in intervals], axis=0)
        best: NDArray[np.int32] = np.where(passed, fields[field], NO_SCORE).max(axis=1)
        return best


def group_columns(menu: Menu, names: Sequence[str]) -> dict[str, NDArray[np.int64]]:
    """Return for each group of `menu` the places of its algorithms in `names`."""
    column = {name: i for i, name in enumerate(names)}
    return {
        group: np.array([column[a] for a in algorithms if a in column], np.int64)
        for group, algorithms in menu.groups.items()
    }


def scored_leg(menu: Menu, algorithm: str) -> ResolvedLeg:
    """Return the only leg of an algorithm that is one large-R jet with one tagger score.

    Raises
    ------
    InputError
        If there is no such algorithm, or it is anything else.
    """
    programs = menu.programs()
    if algorithm not in programs:
        raise InputError(f"the menu has no algorithm '{algorithm}'; it has {', '.join(programs)}")
    program = programs[algorithm]
    first = program[0]
    if len(program) == 1 and not isinstance(first, str) and len(first.legs) == 1:
        leg = first.legs[0]
        if leg.object == SCORED and sum(name.startswith("score_") for name, _ in leg.passes) == 1:
            return leg
    raise InputError(f"algorithm '{algorithm}' is not one {SCORED} with one tagger score; choose one that is")
