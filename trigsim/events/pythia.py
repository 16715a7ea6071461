"""Pythia 8 behind one class: seeds per chunk, batches to `Truth`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.events import truth_kernels
from trigsim.events.arrays import concatenate, offsets_of
from trigsim.events.pythia_settings import lines, pythia8
from trigsim.events.sample import Sample, Setting, StratumConfig, TruthLabel
from trigsim.events.truth import Truth, label_fields

#: Events asked of `nextBatch` at a time: larger ones only cost memory.
BATCH = 250
#: PDG codes of nearly all stable particles lie below.
SMALL_CODE = 6000


@dataclass(frozen=True, slots=True)
class Tally:
    """What one chunk says of the cross section.

    Attributes
    ----------
    sigma_mb, sigma_error_mb : float
        Pythia's own, of the process as generated, before any veto.
    generated, kept : int
        Events before and after the veto.
    """

    sigma_mb: float
    sigma_error_mb: float
    generated: int
    kept: int


class Generator:
    """Pythia (the attribute `pythia`), set up for one stratum; each chunk depends on its own seed alone.

    Parameters
    ----------
    sample, stratum : Sample, StratumConfig
        Checked before.
    lhe : path, optional
        Events to shower instead of a process of Pythia's.
    """

    def __init__(self, sample: Sample, stratum: StratumConfig, lhe: str | Path | None = None) -> None:
        self.stratum = stratum
        self.pythia = pythia8().Pythia("", False)
        low, high = stratum.pt_hat
        ours: dict[str, Setting] = {
            "Print:quiet": True,
            "Random:setSeed": True,
            "Random:seed": 1,
            "Stat:reset": True,
            "Stat:showProcessLevel": False,
            "Stat:showPartonLevel": False,
            "Stat:showErrors": False,
        }
        if lhe is not None:
            ours |= {"Beams:frameType": 4, "Beams:LHEF": str(lhe)}
        else:
            ours["Beams:eCM"] = sample.energy
        if not stratum.soft and low > 0:
            ours["PhaseSpace:pTHatMin"] = low
        if not stratum.soft and high is not None:
            ours["PhaseSpace:pTHatMax"] = high
        for key, value in {**ours, **sample.settings, **(stratum.process or {})}.items():
            for line in lines(key, value):
                if not self.pythia.readString(line):
                    raise InputError(f"Pythia refuses '{line}'; see its manual")
        if not self.pythia.init():
            raise InputError(f"Pythia cannot start stratum '{stratum.name}'; does its process choose anything?")
        self._ceiling = np.inf if high is None or not stratum.soft else high

    def chunk(self, seed: int, events: int) -> tuple[Truth, Tally]:
        """Return `events` collisions and what they say of the cross section.

        Parameters
        ----------
        seed : int
            1 to 900 000 000.
        events : int
            How many to keep after the veto.
        """
        self.pythia.rndm.init(seed)
        self.pythia.stat()  # with Stat:reset: forgets the counts of earlier chunks
        parts: list[Truth] = []
        kept = generated = 0
        for batch in self._batches(events):
            part = truth_of(batch, self.pythia.particleData, self.stratum.truth)
            good = part.pt_hat <= self._ceiling
            # The event that completes the chunk ends the count of those generated.
            enough = np.cumsum(good) >= events - kept
            last = int(np.argmax(enough)) + 1 if enough.any() else len(good)
            good[last:] = False
            generated += last
            kept += int(good.sum())
            parts.append(part.take(good))
            if kept == events:
                break
        info = self.pythia.infoPython()
        # Rounded so that the last bits, which depend on what was generated before, never show.
        sigma, error = (float(f"{v:.10g}") for v in (info.sigmaGen(0), info.sigmaErr(0)))
        return concatenate(parts), Tally(sigma, error if error > 1e-6 * sigma else 0.0, generated, kept)

    def _batches(self, events: int) -> Iterator[Any]:
        """Yield batches until the caller has enough; sizes depend on `events` alone."""
        missing = events
        while True:
            batch = self.pythia.nextBatch(min(BATCH, max(missing, 10)))
            if len(batch) == 0:
                raise InputError(
                    f"Pythia gave up in stratum '{self.stratum.name}' (or its file ended); ask for fewer"
                )
            missing -= len(batch)
            yield batch


def charges_of(pdg: NDArray[np.int32], particle_data: Any) -> NDArray[np.int8]:
    """Return the electric charges of `pdg` codes; the few large ones are looked up one by one."""
    codes = np.abs(pdg)
    small = codes < SMALL_CODE
    present = np.flatnonzero(np.bincount(codes[small], minlength=SMALL_CODE))
    table = np.zeros(SMALL_CODE, dtype=np.int8)
    table[present] = [round(particle_data.charge(int(c))) for c in present]
    charges = table[np.where(small, codes, 0)] * np.sign(pdg).astype(np.int8)
    for k in np.flatnonzero(~small):
        charges[k] = round(particle_data.charge(int(pdg[k])))
    return charges


def truth_of(batch: Any, particle_data: Any, wanted: TruthLabel | None) -> Truth:
    """Return the stable particles and labels of a batch of Pythia's events."""
    particles = batch.prt
    flat = {name: ak.to_numpy(ak.flatten(particles[name])) for name in ("id", "status", "daughter1", "daughter2")}
    momentum = ak.flatten(particles.p)
    px, py, pz, energy = (ak.to_numpy(momentum[c]) for c in ("px", "py", "pz", "e"))
    # No vertex means the origin.
    vertex = ak.flatten(particles.vProd)
    x, y, z = (ak.to_numpy(ak.fill_none(vertex[c], 0.0)) for c in ("px", "py", "pz"))
    offsets = offsets_of(ak.to_numpy(ak.num(particles.id)))
    n = len(batch)
    labels = np.zeros((n, 3, 3))
    if wanted is not None:
        labels = truth_kernels.label(
            offsets, flat["id"], flat["daughter1"], flat["daughter2"], px, py, pz,
            wanted.resonance, np.array(wanted.quarks),
        )  # fmt: skip
    label = labels.astype(np.float32)
    stable = flat["status"] > 0
    pdg = flat["id"][stable].astype(np.int32)
    running = offsets_of(stable)
    weights = ak.to_numpy(ak.firsts(batch.info.weights))
    return Truth(
        offsets=running[offsets],
        pdg=pdg,
        charge=charges_of(pdg, particle_data),
        px=px[stable],
        py=py[stable],
        pz=pz[stable],
        energy=energy[stable],
        x=x[stable],
        y=y[stable],
        z=z[stable],
        pt_hat=np.sqrt(ak.to_numpy(batch.info.pT2Hat)).astype(np.float32),
        weight=np.asarray(weights).astype(np.float32),
        **label_fields(label),
    )
