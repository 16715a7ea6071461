"""The sample configuration: what `trigsim generate` is asked to make."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from trigsim.base.config import Config

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Setting = bool | int | float | str | tuple[float, ...] | tuple[str, ...]
Settings = dict[str, Setting]

#: Read-outs of one collision, at most: they are numbered in a byte, and tell little beyond a few.
MOST_READOUTS = 100


class TruthLabel(Config):
    """What makes an event a signal: a resonance (PDG code) and the quarks it decays to."""

    resonance: int = Field(gt=0)
    quarks: Annotated[tuple[int, ...], Field(min_length=1)] = (5,)


class ReadOut(Config):
    """What says how often each generated collision went through the detector.

    Attributes
    ----------
    readouts : int
        Times, each with randomness of its own. One is not written down: so it was before there could be more.
    """

    readouts: int = Field(default=1, ge=1, le=MOST_READOUTS)

    @model_serializer(mode="wrap")
    def _told(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        told: dict[str, Any] = whole(self)
        if self.readouts == 1:
            told.pop("readouts", None)
        return told


class StratumConfig(ReadOut):
    """One stratum: a process, its range of hardness, how many collisions.

    Attributes
    ----------
    name, kind : str
        A lower-case name; "inelastic" strata together are the pile-up, "signal" is anything else.
    events, chunk : int
        Collisions wanted, and how many of them one worker makes at a time.
    readouts : int
        Times that each of them is read out, with smearing, efficiencies and showers drawn anew: so many consecutive
        entries of the file. One collision stays one collision in all statistics.
    pt_hat : (float, float or null)
        Range of the hard process, GeV. SoftQCD events above it are vetoed, others are not generated.
    process : mapping
        Pythia settings that choose the process. Or:
    lhe, hepmc : str
        A file with events, relative to the configuration; LHE events are showered by Pythia, HepMC events are
        taken as they are.
    sigma_mb : float, optional
        Cross section of a HepMC file that does not say it.
    truth : TruthLabel, optional
        What to write into the truth columns.
    """

    name: Name
    kind: Literal["inelastic", "signal"]
    events: int = Field(gt=0, le=10**9)
    chunk: int = Field(default=500, gt=0, le=100_000)
    pt_hat: tuple[Annotated[float, Field(ge=0)], float | None] = (0.0, None)
    process: Settings | None = None
    lhe: str | None = None
    hepmc: str | None = None
    sigma_mb: Annotated[float, Field(gt=0)] | None = None
    truth: TruthLabel | None = None

    @model_validator(mode="after")
    def _sensible(self) -> StratumConfig:
        low, high = self.pt_hat
        if high is not None and high <= low:
            raise ValueError(f"pt_hat must rise; got {low:g} to {high:g}")
        if sum(source is not None for source in (self.process, self.lhe, self.hepmc)) != 1:
            raise ValueError(f"stratum '{self.name}' needs exactly one of process, lhe, hepmc")
        if self.sigma_mb is not None and self.hepmc is None:
            raise ValueError("sigma_mb is only for hepmc files; otherwise Pythia or the LHE file says it")
        return self

    @property
    def soft(self) -> bool:
        """Whether the hardness is an outcome, to be vetoed, rather than a setting."""
        return any(key.lower().startswith("softqcd:") for key in self.process or ())


class Sample(Config):
    """A whole library.

    Attributes
    ----------
    name : str
        What the library is called.
    detector : str
        Path of the detector preset, relative to the configuration.
    seed : int
        Seed of all randomness.
    energy : float
        Centre-of-mass energy, GeV.
    compression : str
        "zstd", or "lzma" for files a sixth smaller that take 30 times as long to write.
    settings : mapping
        Pythia settings for all strata.
    strata : sequence of StratumConfig
        At least one; the inelastic ones must follow each other in pt_hat from 0 to null.
    """

    name: Name
    detector: str
    seed: int = Field(ge=0, lt=2**63)
    energy: float = Field(default=14000.0, ge=10, le=1e6)
    compression: Literal["zstd", "lzma"] = "zstd"
    settings: Settings = Field(default_factory=dict)
    strata: Annotated[tuple[StratumConfig, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _strata(self) -> Sample:
        names = [s.name for s in self.strata]
        if len(set(names)) != len(names):
            raise ValueError("two strata have one name; rename one")
        inelastic = [s for s in self.strata if s.kind == "inelastic"]
        if inelastic:
            if inelastic[0].pt_hat[0] != 0 or inelastic[-1].pt_hat[1] is not None:
                raise ValueError("inelastic strata must cover pt_hat from 0 to null")
            for softer, harder in pairwise(inelastic):
                if softer.pt_hat[1] != harder.pt_hat[0]:
                    raise ValueError(
                        f"strata '{softer.name}' and '{harder.name}' must meet in pt_hat, soft one first"
                    )
        return self


def beside(config: Path, name: str) -> Path:
    """Return the path of `name`, which a configuration file gives relative to itself."""
    return config.parent / name
