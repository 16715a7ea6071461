"""The points of a scan: each a budget of inputs, nodes and bits, trained once a seed, and kept once trained."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from trigsim.base.errors import InputError
from trigsim.studies.scan_config import Sweep
from trigsim.tagger.config import TaggerPlan, TrainConfig
from trigsim.tagger.dataset import Candidates
from trigsim.tagger.model import MODEL_FILE, Model, load
from trigsim.tagger.training import epochs, for_budget, train_candidates


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of budgets.

    Attributes
    ----------
    keep : int
        Input features.
    nodes : tuple of int
        Nodes of the hidden layers.
    bits : int or None
        Width of weights and activations; None: as the training says.
    trainings : tuple of TrainConfig
        One a seed.
    """

    keep: int
    nodes: tuple[int, ...]
    bits: int | None
    trainings: tuple[TrainConfig, ...]


def points(plan: TaggerPlan, sweep: Sweep) -> tuple[Point, ...]:
    """Return every combination, fewest inputs first.

    Raises
    ------
    InputError
        If nodes do not fit the network.
    """
    base = plan.training
    found = []
    for keep, nodes, bits in product(sorted(plan.budgets), sweep.nodes or (None,), sweep.bits or (None,)):
        trainings = [for_budget(base, keep, nodes, bits, seed) for seed in sweep.seeds or (base.seed,)]
        found.append(Point(keep, nodes or base.nodes or base.hidden, bits, tuple(trainings)))
    return tuple(found)


def content_sha256(candidates: Candidates) -> str:
    """Return the SHA-256 of all that training reads of candidates."""
    digest = hashlib.sha256(repr(candidates.names).encode())
    for array in (candidates.features_hw, candidates.label, candidates.collision, candidates.weight):
        digest.update(array.tobytes())
    if candidates.fold is not None:
        digest.update(candidates.fold.tobytes())
    return digest.hexdigest()


def train_all(
    trainings: Sequence[TrainConfig],
    candidates: Candidates,
    folder: Path,
    record: Mapping[str, Any],
    advance: Callable[[int], None],
) -> Iterator[Model]:
    """Yield the model of each training, from `folder` if it is there, made by the same training on the same data.

    Parameters
    ----------
    trainings : sequence of TrainConfig
    candidates : Candidates
    folder : path
        Models are in subfolders by name; each is written when it is trained, so that a broken scan goes on there.
    record : mapping
        Provenance; a model is taken again if its code, libraries and "candidates_sha256" are the same.
    advance : callable
        Called with epochs done.
    """
    for training in trainings:
        made = _kept(folder / training.name, training, record)
        if made is None:
            made = train_candidates(candidates, training, provenance=record, advance=advance)
            made.save(folder / training.name)
        else:
            advance(epochs(training, candidates.names))
        yield made


def load_trained(trainings: Sequence[TrainConfig], folder: Path, names: Sequence[str]) -> list[Model]:
    """Return the models that were trained elsewhere, one a training, by its name.

    Parameters
    ----------
    trainings : sequence of TrainConfig
    folder : path
        Models are in its subfolders.
    names : sequence of str
        Features by column.

    Raises
    ------
    InputError
        If one is missing, or its inputs or nodes are not those of its training.
    """
    return [_fits(load(folder / training.name), training, folder / training.name, names) for training in trainings]


def _fits(model: Model, training: TrainConfig, folder: Path, names: Sequence[str]) -> Model:
    known = [names[i] if 0 <= i < len(names) else None for i in model.columns]
    if known != list(model.features):
        odd = next(name for name, column in zip(model.features, known, strict=True) if name != column)
        raise InputError(f"reads '{odd}' of other features than these {len(names)}; train it on them", folder)
    found, fewer = model.widths[1:-1], training.macs is not None or training.luts is not None
    wanted = training.nodes or training.hidden
    if len(known) != (training.keep or len(known)) or (found != wanted and not fewer):
        raise InputError(
            f"has {len(known)} inputs and {_dashed(found)} nodes; {training.name} is to have "
            f"{training.keep or len(known)} and {_dashed(wanted)}: train it so",
            folder,
        )
    return model


def _dashed(nodes: Sequence[int]) -> str:
    return "-".join(map(str, nodes)) or "no"


def _kept(folder: Path, training: TrainConfig, record: Mapping[str, Any]) -> Model | None:
    if not (folder / MODEL_FILE).exists():
        return None
    try:
        model = load(folder)
    except InputError:
        return None  # Damaged or of another version: it is trained again.
    same = model.config == training.model_dump(mode="json") and all(
        model.provenance.get(what) == record[what] for what in ("candidates_sha256", "libraries", "git")
    )
    return model if same else None
