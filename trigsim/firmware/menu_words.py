"""How trigger objects are packed into words: the interface of the menu's firmware."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.menu.decide import CompiledMenu
from trigsim.menu.legs import field_scale
from trigsim.menu.networks import gather
from trigsim.menu.readers.vectors import CALORIMETER, JET, LAYOUTS, MUON, N_MUONS
from trigsim.menu.scales import FieldScale, ObjectScales, ScaleSet
from trigsim.objects.model import Collection, TriggerObjects
from trigsim.objects.scales import SLOTS

#: Words of the CMS global trigger: kind → width and places of the fields.
UGT_WORDS = {"MU": (64, MUON), "EG": (32, CALORIMETER), "TAU": (32, CALORIMETER), "JET": (32, JET)}
#: Where neither data nor a known system says how many objects there are. Assumed.
DEFAULT_SLOTS = 12
EXTERNAL_BITS = 256
_NETWORK = "network "
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
#: Words that C++ keeps for itself and a menu might use.
_KEYWORDS = frozenset(
    {
        "and",
        "auto",
        "bool",
        "break",
        "case",
        "catch",
        "char",
        "class",
        "const",
        "continue",
        "default",
        "delete",
        "do",
    }
    | {"double", "else", "enum", "extern", "false", "float", "for", "goto", "if", "inline", "int", "long", "new"}
    | {"not", "operator", "or", "private", "public", "register", "return", "short", "signed", "static", "struct"}
    | {"switch", "template", "this", "throw", "true", "try", "typedef", "union", "unsigned", "using", "virtual"}
    | {"void", "volatile", "while", "xor"}
)


@dataclass(frozen=True, slots=True)
class Field:
    """Place of a field in a word.

    Attributes
    ----------
    name : str
        As in the scale set.
    low, width : int
        Lowest bit, number of bits.
    signed : bool
        Two's complement.
    """

    name: str
    low: int
    width: int
    signed: bool

    @property
    def type(self) -> str:
        """The C++ type."""
        return f"ap_{'' if self.signed else 'u'}int<{self.width}>"


@dataclass(frozen=True, slots=True)
class Word:
    """One kind of object: a word of `width` bits for each of its slots."""

    kind: str
    slots: int
    width: int
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """The kind as a C++ identifier."""
        return identifier(self.kind)


def identifier(text: str) -> str:
    """Return a C++ identifier made of a name."""
    name = re.sub(r"\W", "_", text)
    name = name if not name[:1].isdigit() else f"_{name}"
    return f"{name}_" if name in _KEYWORDS else name


def is_network(kind: str) -> bool:
    """Whether the kind is the score of a network that looks at the whole crossing."""
    return kind.startswith(_NETWORK)


def slots_of(scales: ScaleSet, objects: TriggerObjects | None = None) -> dict[str, int]:
    """Return kind → number of objects: those of the data, else of the system the scale set belongs to."""
    found = {}
    n_eg, n_tau, n_jet, _, _ = LAYOUTS[48 if scales.name == "cms_run2" else 60]
    known: Mapping[str, int] = SLOTS
    if scales.name.startswith("cms_"):
        known = {"MU": N_MUONS, "EG": n_eg, "TAU": n_tau, "JET": n_jet}
    for kind, what in scales.objects.items():
        found[kind] = known.get(kind, DEFAULT_SLOTS if "eta" in what.fields else 1)
        if objects is not None and kind in objects.collections:
            found[kind] = objects.collections[kind].shape[1]
    return found


def lay_out(scales: ScaleSet, menu: CompiledMenu, slots: Mapping[str, int]) -> tuple[Word, ...]:
    """Return the words of all kinds that a compiled menu reads.

    MU, EG, TAU and JET of CMS's scale sets lie as in the words of its global trigger; fields of other kinds lie
    side by side in the order of the scale set, the first lowest, scores of taggers last.
    """
    read: dict[str, list[str]] = {}
    for kind, name in menu.fields:
        read.setdefault(kind, []).append(name)
    ordered = [kind for kind in scales.objects if kind in read] + [kind for kind in read if is_network(kind)]
    words = []
    for kind in ordered:
        if is_network(kind):
            words.append(Word(kind, 1, 32, (Field("score", 0, 32, True),)))
            continue
        what = scales.objects[kind]
        width, layout = UGT_WORDS.get(kind, (0, {}))
        if _fits(what, layout):
            fields = [Field(name, *layout[name]) for name in what.fields]
        else:
            names = [*what.fields, *(name for name in read[kind] if name not in what.fields)]
            fields, width = [], 0
            for name in names:
                scale = field_scale(what, name)
                fields.append(Field(name, width, scale.bits, scale.signed))
                width += scale.bits
        words.append(Word(kind, slots[kind], width, tuple(fields)))
    return tuple(words)


def _fits(what: ObjectScales, layout: Mapping[str, tuple[int, int, bool]]) -> bool:
    return all(
        name in layout and layout[name][1:] == (scale.bits, scale.signed) for name, scale in what.fields.items()
    )


def numbers_of(scale: FieldScale) -> tuple[int, int]:
    """Return the smallest and the largest number of data: an angle ends with its last bin, everything at int32."""
    low, high = scale.numbers
    return low, scale.bins - 1 if scale.bins else min(high, (1 << 31) - 1)


def with_scores(menu: CompiledMenu, objects: TriggerObjects) -> dict[str, Collection]:
    """Return the collections with the scores of the menu's networks as kinds of their own."""
    found = dict(objects.collections)
    for name, use in menu.networks.items():
        score = use.network.scores(gather(use.inputs, objects.collections, len(objects)))
        found[f"{_NETWORK}{name}"] = Collection({"score": score[:, None].astype(np.int32)})
    return found


def pack(
    words: Iterable[Word], menu: CompiledMenu, objects: TriggerObjects, rows: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return crossings as lines of hexadecimal words, in the order of `words`, external signals last.

    Parameters
    ----------
    words : iterable of Word
    menu : CompiledMenu
        Says what is read.
    objects : TriggerObjects
    rows : int64 array, shape (m,)
        Crossings to write; -1 is an empty one.

    Returns
    -------
    uint8 array, shape (m, length)
        ASCII, each row with its line end.

    Raises
    ------
    InputError
        If a kind or field that the menu reads is missing, or there are too many objects of a kind.
    """
    collections = with_scores(menu, objects)
    empty = rows < 0
    needed = set(menu.fields)
    parts: list[NDArray[np.uint8]] = []
    for word in words:
        for slot in range(word.slots):
            bits = np.zeros((len(rows), word.width), dtype=np.uint8)
            for field in word.fields:
                values = _column(collections, word, field, slot, (word.kind, field.name) in needed)
                if values is not None:
                    shifts = np.arange(field.width, dtype=np.int64)
                    chosen = np.where(empty, 0, values[rows].astype(np.int64))
                    bits[:, field.low : field.low + field.width] = (chosen[:, None] >> shifts) & 1
            parts.append(_digits(bits))
    if menu.uses_externals:
        signals = np.where(empty[:, None], np.uint64(0), objects.externals[rows])
        parts.append(_digits(np.unpackbits(signals.view(np.uint8), axis=1, bitorder="little")))
    lines = np.concatenate(parts, axis=1)
    lines[:, -1] = ord("\n")
    return lines


def _column(
    collections: Mapping[str, Collection], word: Word, field: Field, slot: int, needed: bool
) -> NDArray[np.int32] | None:
    found = collections.get(word.kind)
    if found is None or field.name not in found.fields:
        if needed:
            raise InputError(f"the data has no {field.name} of {word.kind}, which the menu reads")
        return None
    if found.shape[1] > word.slots:
        raise InputError(
            f"{found.shape[1]} objects {word.kind}; the firmware takes {word.slots}: build it for them"
        )
    return found.fields[field.name][:, slot] if slot < found.shape[1] else None


def _digits(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return rows of bits, the lowest first, as hexadecimal digits and a blank."""
    n, width = bits.shape
    padded = np.pad(bits, ((0, 0), (0, -width % 4))).reshape(n, -1, 4)
    digits = _HEX[padded @ np.array([1, 2, 4, 8], dtype=np.uint8)][:, ::-1]
    return np.concatenate([digits, np.full((n, 1), ord(" "), dtype=np.uint8)], axis=1)
