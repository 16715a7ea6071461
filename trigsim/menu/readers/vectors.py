"""uGT test vectors: one row of packed hardware words a crossing, and the algorithm bits expected."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.readers.model import Recorded
from trigsim.menu.texts import read_text
from trigsim.objects.model import Collection, TriggerObjects

Words = NDArray[np.uint64]

#: Fields of a row → numbers of EG, TAU, JET objects, sums words, CICADA words.
LAYOUTS = {48: (12, 8, 12, 4, 0), 60: (12, 12, 12, 6, 6)}
MAX_FIELDS = max(LAYOUTS) + 1
#: More than the longest text that is read can hold as rows.
MAX_LINES = 1_000_000
N_MUONS = 8
N_BITS = 512

#: Field → (lowest bit, width, signed).
MUON = {
    "phi": (0, 10, False),
    "pt": (10, 9, False),
    "quality": (19, 4, False),
    "eta": (23, 9, True),
    "iso": (32, 2, False),
    "charge": (34, 1, False),
    "charge_valid": (35, 1, False),
    "index": (36, 7, False),
    "phi_out": (43, 10, False),
    "upt": (53, 8, False),
    "ip": (62, 2, False),
}
CALORIMETER = {"pt": (0, 9, False), "eta": (9, 8, True), "phi": (17, 8, False), "iso": (25, 2, False)}
JET = {
    "pt": (0, 11, False),
    "eta": (11, 8, True),
    "phi": (19, 8, False),
    "displaced": (27, 1, False),
    "quality": (28, 2, False),
}
#: Object → (word, field, lowest bit, width) of the sums words.
SUMS = {
    "ETT": (0, "pt", 0, 12),
    "ETTEM": (0, "pt", 12, 12),
    "MBT0HFP": (0, "count", 28, 4),
    "HTT": (1, "pt", 0, 12),
    "TOWERCOUNT": (1, "count", 12, 13),
    "MBT0HFM": (1, "count", 28, 4),
    "ETM": (2, "pt", 0, 12),
    "ASYMET": (2, "count", 20, 8),
    "MBT1HFP": (2, "count", 28, 4),
    "HTM": (3, "pt", 0, 12),
    "ASYMHT": (3, "count", 20, 8),
    "MBT1HFM": (3, "count", 28, 4),
    "ETMHF": (4, "pt", 0, 12),
    "ASYMETHF": (4, "count", 20, 8),
    "HTMHF": (5, "pt", 0, 12),
    "ASYMHTHF": (5, "count", 20, 8),
}
WITH_PHI = frozenset({"ETM", "HTM", "ETMHF", "HTMHF"})
#: Muon word whose bit 61 is the shower flag.
SHOWERS = {"MUS0": 0, "MUS1": 2, "MUS2": 3, "MUSOOT0": 4, "MUSOOT1": 6}
SHOWER_BIT = 61


def bits(words: Words, low: int, width: int, signed: bool = False) -> NDArray[np.int32]:
    """Return bits ``low .. low + width - 1`` of each word."""
    value = ((words >> np.uint64(low)) & np.uint64((1 << width) - 1)).astype(np.int32)
    if signed:
        value -= (value >> (width - 1)) << width
    return value


def _collection(words: Words, fields: dict[str, tuple[int, int, bool]]) -> Collection:
    return Collection({name: bits(words, *place) for name, place in fields.items()})


def read_vectors(path: str | Path) -> Recorded:
    """Read a uGT test vector (text, or .gz of it); empty lines and those that start with # are passed over.

    Raises
    ------
    InputError
        Naming the line that has the wrong number of fields or is not hexadecimal.
    """
    path = Path(path)
    text = read_text(path)
    if text.count("\n") > MAX_LINES:
        raise InputError(f"more than {MAX_LINES} lines; this is no uGT vector", path)
    numbered = enumerate(text.splitlines(), start=1)
    lines = [(i, line) for i, line in numbered if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise InputError("the vector is empty; give one row a crossing", path)
    # Few fields are split off: the first line of another kind of file may be all of it.
    n_fields = len(lines[0][1].split(None, MAX_FIELDS))
    if n_fields not in LAYOUTS:
        raise InputError(
            f"a row has {n_fields} fields; a uGT vector has 48 (2016) or 60 (2017 on)", path, lines[0][0]
        )
    n_eg, n_tau, n_jet, n_sums, n_cicada = LAYOUTS[n_fields]
    n_words = N_MUONS + n_eg + n_tau + n_jet + n_sums + n_cicada
    words = np.zeros((len(lines), n_words), dtype=np.uint64)
    externals = np.zeros((len(lines), 4), dtype=np.uint64)
    decisions = np.zeros((len(lines), N_BITS // 8), dtype=np.uint8)
    crossing = np.zeros(len(lines), dtype=np.uint64)
    widths = [16] * N_MUONS + [8] * (n_words - N_MUONS) + [64, 128]
    for i, (number, line) in enumerate(lines):
        fields = line.split(None, MAX_FIELDS)
        if len(fields) != n_fields or [len(f) for f in fields[1:-1]] != widths:
            raise InputError(
                f"expected {n_fields} fields as in the first row; the row is cut short or broken", path, number
            )
        try:
            crossing[i] = int(fields[0])
            words[i] = [int(f, 16) for f in fields[1 : 1 + n_words]]
            signals = int(fields[1 + n_words], 16)
            externals[i] = [(signals >> 64 * k) & 0xFFFF_FFFF_FFFF_FFFF for k in range(4)]
            decisions[i] = np.frombuffer(bytes.fromhex(fields[2 + n_words]), dtype=np.uint8)[::-1]
        except (ValueError, OverflowError):
            raise InputError(
                "a field is not a number; words are hexadecimal, the BX decimal", path, number
            ) from None
    ends = np.cumsum([0, N_MUONS, n_eg, n_tau, n_jet, n_sums, n_cicada])
    part = [words[:, a:b] for a, b in pairwise(ends)]
    return Recorded(
        objects=TriggerObjects(_collections(*part), externals),
        decided=np.arange(len(lines)),
        rows="cyclic",
        offsets=(-2, 2),
        has_externals=True,
        by_index=np.unpackbits(decisions, axis=1, bitorder="little").astype(np.bool_),
        by_name={},
        run=np.zeros(len(lines), dtype=np.uint64),
        lumi=np.zeros(len(lines), dtype=np.uint64),
        event=crossing,
    )


def _collections(mu: Words, eg: Words, tau: Words, jet: Words, sums: Words, cicada: Words) -> dict[str, Collection]:
    found = {
        "MU": _collection(mu, MUON),
        "EG": _collection(eg, CALORIMETER),
        "TAU": _collection(tau, CALORIMETER),
        "JET": _collection(jet, JET),
    }
    for name, (word, field, low, width) in SUMS.items():
        if word < sums.shape[1]:
            column = sums[:, word : word + 1]
            fields = {field: bits(column, low, width)}
            if name in WITH_PHI:
                fields["phi"] = bits(column, 12, 8)
            found[name] = Collection(fields)
    if sums.shape[1] == 6:
        for i in range(8):
            found[f"CENT{i}"] = Collection({"flag": bits(sums[:, 4 + i // 4][:, None], 28 + i % 4, 1)})
    for name, word in SHOWERS.items():
        found[name] = Collection({"flag": bits(mu[:, word : word + 1], SHOWER_BIT, 1)})
    if cicada.shape[1]:
        nibbles = bits(cicada[:, :4], 28, 4)
        found["CICADA"] = Collection({"score": (nibbles @ np.array([4096, 256, 16, 1], dtype=np.int32))[:, None]})
    return found
