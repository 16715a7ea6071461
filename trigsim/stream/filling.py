"""Filling schemes: which of the 3564 slots of each beam hold a bunch, and which bunches meet at IP1 and IP5."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.base.files import existing
from trigsim.stream.beam import SLOTS

#: Empty slots that the dump kickers need to rise: 3 us (LHC Design Report, CERN-2004-003), 120 steps of 25 ns.
ABORT_GAP = 119
#: RF buckets in a slot: 400 MHz against 40 MHz.
BUCKETS = 10
#: A scheme is a small file.
MAX_BYTES = 2**20
#: Names of the two lists of 0 and 1 as the LHC's programme coordination (LPC) writes them, and as short forms do.
_LISTS = (("schemebeam1", "schemebeam2"), ("beam1", "beam2"))
_INJECTION = {"ring", "rf_bucket", "batches", "bunches_per_batch", "batch_spacing"}


@dataclass(frozen=True, slots=True)
class FillingScheme:
    """The bunches of both beams.

    Attributes
    ----------
    name : str
        In the LHC's style: spacing, bunches, collisions at IP1/5, bunches an injection, injections.
    beam1, beam2 : bool, shape (3564,)
        Whether a slot holds a bunch. At IP1 and IP5 slot i of one beam meets slot i of the other.
    """

    name: str
    beam1: NDArray[np.bool_]
    beam2: NDArray[np.bool_]

    @property
    def colliding(self) -> NDArray[np.bool_]:
        """Slots in which two bunches meet at IP1 and IP5, bool of shape (3564,)."""
        return self.beam1 & self.beam2

    @property
    def single(self) -> NDArray[np.bool_]:
        """Slots in which one bunch passes alone, bool of shape (3564,)."""
        return self.beam1 ^ self.beam2

    @property
    def abort_gap(self) -> int:
        """Longest run of slots that are empty in both beams; it may go over the orbit's end."""
        filled = np.flatnonzero(self.beam1 | self.beam2)
        if len(filled) == 0:
            return SLOTS
        return int((np.diff(np.append(filled, filled[0] + SLOTS)) - 1).max())


def read_filling(path: str | Path) -> FillingScheme:
    """Read a filling scheme.

    Parameters
    ----------
    path : path
        JSON with two lists of 3564 zeros and ones, ``schemebeam1`` and ``schemebeam2`` (as LPC's files have them)
        or ``beam1`` and ``beam2``; or with ``injections``, each `ring` (1 or 2), `rf_bucket` of its first bunch
        (1, 11, 21, …), `batches`, `bunches_per_batch` at 25 ns, and `batch_spacing`, the slots from the last bunch
        of a batch to the first of the next. `collisions_ip1_5`, if there, is checked.

    Raises
    ------
    InputError
        If it is none of these, a beam has not 3564 slots, bunches overlap, no abort gap is left, or the collisions
        are not as many as it says.
    """
    file = existing(path, "filling scheme")
    if file.stat().st_size > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES // 2**20} MiB; a filling scheme is small", file)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as failure:
        raise InputError(f"not JSON: {failure.msg}; correct it", file, failure.lineno, failure.colno) from None
    except (UnicodeDecodeError, RecursionError):
        raise InputError("not JSON; give a filling scheme in the LHC's style", file) from None
    if not isinstance(document, dict):
        raise InputError("not a JSON object; give beam1 and beam2, or injections", file)
    try:
        scheme = _scheme(document, file)
        _check(scheme, document.get("collisions_ip1_5"))
    except InputError as failure:
        raise InputError(failure.problem, file) from None
    return scheme


def _scheme(document: dict[str, Any], file: Path) -> FillingScheme:
    name = str(document.get("name", file.stem))
    for names in _LISTS:
        if all(key in document for key in names):
            return FillingScheme(name, *(_listed(document[key], key) for key in names))
    if isinstance(document.get("injections"), list):
        return FillingScheme(name, *_injected(document["injections"]))
    raise InputError("no bunches; give beam1 and beam2 (3564 zeros and ones each), or a list injections")


def _listed(values: Any, key: str) -> NDArray[np.bool_]:
    if not isinstance(values, list) or len(values) != SLOTS:
        found = f"{len(values)} slots" if isinstance(values, list) else "no list"
        raise InputError(f"{key} has {found}; an LHC orbit has {SLOTS}")
    for slot, value in enumerate(values):
        if value not in (0, 1):
            raise InputError(f"{key} slot {slot} is {value!r}; write 0 (empty) or 1 (a bunch)")
    return np.array(values, dtype=np.bool_)


def _injected(injections: Sequence[Any]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    beams = (np.zeros(SLOTS, np.bool_), np.zeros(SLOTS, np.bool_))
    for number, injection in enumerate(injections, start=1):
        if not isinstance(injection, dict) or set(injection) != _INJECTION:
            raise InputError(f"injection {number} is not right; it needs {', '.join(sorted(_INJECTION))}")
        if not all(type(value) is int and value >= 1 for value in injection.values()):
            raise InputError(f"injection {number} has what is no positive whole number; correct it")
        bucket, ring = injection["rf_bucket"], injection["ring"]
        if ring > 2 or bucket % BUCKETS != 1:
            raise InputError(f"injection {number} needs ring 1 or 2 and an rf_bucket of 1, 11, 21, …")
        first = bucket // BUCKETS
        bunches, batches = injection["bunches_per_batch"], injection["batches"]
        pitch = bunches - 1 + injection["batch_spacing"]
        slots = (batches - 1) * pitch + bunches
        if first + slots > SLOTS:
            raise InputError(f"injection {number} ends at slot {first + slots - 1}; the last is {SLOTS - 1}")
        place = first + (np.arange(batches)[:, None] * pitch + np.arange(bunches)).ravel()
        if beams[ring - 1][place].any():
            raise InputError(f"injection {number} puts bunches where ring {ring} has some; move it")
        beams[ring - 1][place] = True
    return beams


def _check(scheme: FillingScheme, stated: Any) -> None:
    if scheme.abort_gap < ABORT_GAP:
        raise InputError(
            f"the longest gap is {scheme.abort_gap} slots; leave {ABORT_GAP} (3 us) free in both beams to dump in"
        )
    found = int(scheme.colliding.sum())
    if found == 0:
        raise InputError("no bunches collide at IP1 and IP5; fill equal slots of both beams")
    if stated is not None and stated != found:
        raise InputError(f"{found} pairs collide at IP1 and IP5, collisions_ip1_5 says {stated!r}; correct one")


def require_bunches(scheme: FillingScheme, colliding_bunches: int) -> None:
    """Raise `InputError` unless as many pairs collide as the beam states."""
    found = int(scheme.colliding.sum())
    if found != colliding_bunches:
        raise InputError(
            f"filling scheme '{scheme.name}' has {found} colliding pairs, the beam {colliding_bunches}; "
            "give the scheme of that beam"
        )
