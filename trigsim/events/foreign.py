"""Events that others made: slices of LHE files for Pythia to shower, and HepMC events as they are.

Both are read through the libraries of their formats, pylhe and pyhepmc (the extra `generate`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from trigsim.base.errors import InputError
from trigsim.events import truth_kernels
from trigsim.events.arrays import concatenate, offsets_of
from trigsim.events.sample import TruthLabel
from trigsim.events.truth import Truth, label_fields

MB_PER_PB = 1e-9


def _library(name: str) -> Any:
    try:
        return __import__(name)
    except ImportError:
        raise InputError(f"{name} is not installed; pip install 'trigsim[generate]'") from None


def slice_lhe(source: str | Path, start: int, events: int, target: str | Path) -> None:
    """Write events `start` to `start + events` of an LHE file to `target`, with its header.

    Raises
    ------
    InputError
        If the file is no LHE file or has fewer events.
    """
    pylhe = _library("pylhe")
    source = Path(source)
    try:
        with warnings.catch_warnings():
            # Of a broken file pylhe warns and gives what came before: the count below says so.
            warnings.simplefilter("ignore", RuntimeWarning)
            whole = pylhe.LHEFile.fromfile(str(source))
            chosen = list(islice(whole.events, start, start + events))
        if len(chosen) == events:
            whole.events = chosen
            whole.tofile(str(target))
            return
    except (SyntaxError, ValueError, KeyError, AttributeError, OSError, TypeError, IndexError) as failure:
        raise InputError(f"not a whole LHE file ({failure}); check it", source) from None
    raise InputError(f"has {start + len(chosen)} events, fewer than asked; lower `events`", source)


class HepMC:
    """A HepMC file of any version and compression that pyhepmc reads, read forward.

    Parameters
    ----------
    path : path
        The file.
    wanted : TruthLabel or None
        What to write into the truth columns.
    sigma_mb : float or None
        Cross section for files that do not say theirs.
    """

    def __init__(self, path: str | Path, wanted: TruthLabel | None, sigma_mb: float | None) -> None:
        self.path = Path(path)
        self.wanted = wanted
        self.sigma_mb = sigma_mb
        self.position = 0
        self._events = self._read(_library("pyhepmc"))

    def _read(self, pyhepmc: Any) -> Iterator[Any]:
        try:
            with pyhepmc.open(str(self.path)) as file:
                yield from file
        except (OSError, ValueError, RuntimeError) as failure:
            raise InputError(f"not a whole HepMC file ({failure}); check it", self.path) from None

    def take(self, start: int, events: int) -> tuple[Truth, float, float]:
        """Return `events` events from number `start`, then the cross section and its error in mb.

        `start` must not lie before where the last call ended.

        Raises
        ------
        InputError
            If the file is damaged, has fewer events, or says no cross section where none was given.
        """
        chosen = list(islice(self._events, start - self.position, start - self.position + events))
        self.position = start + len(chosen)
        if len(chosen) < events:
            raise InputError(f"has {self.position} events, fewer than asked; lower `events`", self.path)
        sigma, error = self.sigma_mb or 0.0, 0.0
        section = chosen[-1].cross_section
        if not sigma and section is not None:
            sigma, error = section.xsec() * MB_PER_PB, section.xsec_err() * MB_PER_PB
        if not sigma > 0:
            raise InputError("says no cross section; give sigma_mb in the stratum", self.path)
        return concatenate([truth_of_event(event, self.wanted) for event in chosen]), sigma, error


def truth_of_event(event: Any, wanted: TruthLabel | None) -> Truth:
    """Return the stable particles and labels of one `pyhepmc.GenEvent`."""
    from particle import PDGID  # noqa: PLC0415 - of the extra `generate`

    pyhepmc = _library("pyhepmc")
    event.set_units(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    particles = list(event.particles)
    place = {p.id: k for k, p in enumerate(particles)}
    momenta = np.array([(p.momentum.px, p.momentum.py, p.momentum.pz, p.momentum.e) for p in particles])
    pdg = np.array([p.pid for p in particles], dtype=np.int32)
    decay = np.zeros((len(particles), 2), dtype=np.int64)
    for k, p in enumerate(particles):
        children = p.end_vertex.particles_out if p.end_vertex is not None else []
        if len(children) == 2:
            decay[k] = [place[c.id] for c in children]
    labels = np.zeros((1, 3, 3))
    if wanted is not None:
        px, py, pz, _ = momenta.T.copy()
        first, second = decay.T.copy()
        labels = truth_kernels.label(
            np.array([0, len(pdg)]), pdg, first, second, px, py, pz, wanted.resonance, np.array(wanted.quarks)
        )
    label = labels.astype(np.float32)
    stable = np.array([p.status == 1 for p in particles], dtype=bool) & (momenta[:, 3] > 0)
    # Relative to where the beams met; the overlay gives the collision its vertex.
    origin = _position(particles[0].end_vertex)
    births = np.array([_position(p.production_vertex) for p in particles]) - origin
    scale = event.attributes["event_scale"] if "event_scale" in event.attributes else 0.0  # noqa: SIM401 - no get
    return Truth(
        offsets=offsets_of(np.array([stable.sum()])),
        pdg=pdg[stable],
        charge=np.array([round(PDGID(int(c)).charge or 0) for c in pdg[stable]], dtype=np.int8),
        px=momenta[stable, 0],
        py=momenta[stable, 1],
        pz=momenta[stable, 2],
        energy=momenta[stable, 3],
        x=births[stable, 0],
        y=births[stable, 1],
        z=births[stable, 2],
        pt_hat=np.array([max(float(scale), 0.0)], dtype=np.float32),
        weight=np.array([event.weight() if event.weights else 1.0], dtype=np.float32),
        **label_fields(label),
    )


def _position(vertex: Any) -> tuple[float, float, float]:
    if vertex is None:
        return 0.0, 0.0, 0.0
    return vertex.position.x, vertex.position.y, vertex.position.z
