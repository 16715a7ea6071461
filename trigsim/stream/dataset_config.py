"""What a data set of candidates is told to be, as read from YAML."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from trigsim.base.config import Config
from trigsim.objects.settings import ObjectSettings
from trigsim.tagger.dataset_folder import FileFormat

Count = Annotated[int, Field(ge=0, le=10**9)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]


class SplitCounts(Config):
    """Candidates of each class, at each pile-up, in each split."""

    train: Count
    validation: Count
    test: Count


class DatasetConfig(Config):
    """A data set; paths are relative to the file.

    Attributes
    ----------
    name : str
        What it is called.
    library : str
        Event library (folder).
    beams : tuple of str
        Beams, each with a pile-up of its own.
    signals, background : tuple of str
        Strata of the library: signals come in equal numbers; multijets are mixed as the cross sections say.
    candidates : SplitCounts
        Signal candidates, and as many multijets, for each beam.
    max_weight : float
        Largest weight of a multijet candidate before weights are scaled to mean 1: a multijet whose pT is wanted
        w times as often as it is made is accepted with probability w, or weighted w where that is above 1. Larger
        is faster.
    pilot : int
        Crossings of each stratum and beam from which acceptances are computed.
    chunk : int
        Crossings that one thread builds at a time; part of what determines the result.
    formats : tuple of str
        "parquet", "root".
    objects : ObjectSettings
        Object reconstruction.
    seed : int
        Of all randomness.
    """

    name: str
    library: str
    beams: Names
    signals: Names
    background: Names
    candidates: SplitCounts
    max_weight: Annotated[float, Field(ge=1, le=100)] = 4.0
    pilot: Annotated[int, Field(ge=256)] = 16384
    chunk: Annotated[int, Field(ge=64, le=65536)] = 4096
    formats: Annotated[tuple[FileFormat, ...], Field(min_length=1)] = ("parquet", "root")
    objects: ObjectSettings = ObjectSettings()
    seed: Annotated[int, Field(ge=0)] = 1

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for what in ("beams", "signals", "background", "formats"):
            names = getattr(self, what)
            if len(set(names)) != len(names):
                raise ValueError(f"{what} names one thing twice; name each once")
        if self.candidates.train == 0:
            raise ValueError("candidates.train is 0; give at least 1")
        return self
