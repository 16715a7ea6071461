"""The H to bb tagger: features, CancelOut, training, pruning, quantisation, model files.

`CancelOut` and `BudgetedCancelOut` are layers for any PyTorch model; `train` gives a `Model`, and `Tagger` is
what the event loop runs. Names are imported when they are first used: the loop needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trigsim.tagger.adoption import adopt, feature_values
    from trigsim.tagger.cancelout import BudgetedCancelOut, CancelOut, fold
    from trigsim.tagger.config import TaggerPlan, TrainConfig
    from trigsim.tagger.dataset import Candidates, read
    from trigsim.tagger.dataset_folder import read_candidates
    from trigsim.tagger.foreign import import_dataset
    from trigsim.tagger.model import Model, load
    from trigsim.tagger.shrinking import Shrunk, shrink, shrink_each
    from trigsim.tagger.tagger import Tagger, load_tagger
    from trigsim.tagger.training import train

_HOMES = {
    "BudgetedCancelOut": "cancelout",
    "CancelOut": "cancelout",
    "Candidates": "dataset",
    "Model": "model",
    "Shrunk": "shrinking",
    "Tagger": "tagger",
    "TaggerPlan": "config",
    "TrainConfig": "config",
    "adopt": "adoption",
    "feature_values": "adoption",
    "fold": "cancelout",
    "import_dataset": "foreign",
    "load": "model",
    "load_tagger": "tagger",
    "read": "dataset",
    "read_candidates": "dataset_folder",
    "shrink": "shrinking",
    "shrink_each": "shrinking",
    "train": "training",
}

__all__ = [
    "BudgetedCancelOut",
    "CancelOut",
    "Candidates",
    "Model",
    "Shrunk",
    "Tagger",
    "TaggerPlan",
    "TrainConfig",
    "adopt",
    "feature_values",
    "fold",
    "import_dataset",
    "load",
    "load_tagger",
    "read",
    "read_candidates",
    "shrink",
    "shrink_each",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
