"""How small a model's weights can be stored: effective bits, and Huffman codes as in Deep Compression.

Han et al., arXiv 1510.00149: the weights that are not zero are listed with the distance to the one before, both
Huffman coded; a distance beyond the largest is bridged by a filler zero.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from trigsim.base.errors import InputError
from trigsim.tagger.model import Model, significant_bits

#: Largest distance between weights that are listed, as in the paper's dense layers (5 bits).
MAX_GAP = 31


@dataclass(frozen=True, slots=True)
class Size:
    """Bits that the weights of a model take, biases left out.

    Attributes
    ----------
    weights, nonzero : int
        How many.
    float32, fixed, huffman : int
        As 32-bit floats; as integers of each layer's width; pruned, shared and Huffman coded, with the code tables.
    """

    weights: int
    nonzero: int
    float32: int
    fixed: int
    huffman: int


def effective_bits(model: Model) -> NDArray[np.int64]:
    """Return for each weight the bits from its leading to its last one, 0 for a zero, all layers in a row."""
    raw = [layer.weight_format.from_float(layer.weight).ravel() for layer in model.layers]
    return significant_bits(np.concatenate(raw))


def size(model: Model) -> Size:
    """Return how many bits the weights of `model` take in each form."""
    fixed = huffman = weights = nonzero = 0
    for layer in model.layers:
        raw = layer.weight_format.from_float(layer.weight).astype(np.int64).ravel()
        gaps, values = runs(raw)
        weights, nonzero = weights + len(raw), nonzero + int((raw != 0).sum())
        fixed += len(raw) * layer.weight_format.width
        for symbols, width in ((gaps, 5), (values, layer.weight_format.width)):
            code = huffman_code(symbols)
            # A table holds each symbol and the length of its code.
            huffman += sum(len(code[s]) for s in symbols) + len(code) * (width + 4)
    return Size(weights, nonzero, 32 * weights, fixed, huffman)


def runs(values: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Return the distances to, and the values of, what is not zero, with filler zeros; `expand` undoes it."""
    gaps, kept, last = [], [], -1
    for i in np.flatnonzero(values):
        while i - last > MAX_GAP:
            last += MAX_GAP
            gaps.append(MAX_GAP)
            kept.append(0)
        gaps.append(int(i) - last)
        kept.append(int(values[i]))
        last = int(i)
    return gaps, kept


def expand(gaps: Iterable[int], kept: Iterable[int], n: int) -> NDArray[np.int64]:
    """Return the n values that `runs` listed."""
    values = np.zeros(n, dtype=np.int64)
    at = -1
    for gap, value in zip(gaps, kept, strict=True):
        at += gap
        values[at] = value
    return values


def huffman_code(symbols: Iterable[int]) -> dict[int, str]:
    """Return the binary code of each symbol ("0" if there is only one), shortest in sum (Huffman 1952)."""
    counts = Counter(symbols)
    order = count()
    heap: list[tuple[int, int, list[int]]] = [(n, next(order), [s]) for s, n in sorted(counts.items())]
    heapq.heapify(heap)
    code = dict.fromkeys(counts, "0" if len(counts) == 1 else "")
    while len(heap) > 1:
        rare, often = heapq.heappop(heap), heapq.heappop(heap)
        for bit, (_, _, members) in (("0", rare), ("1", often)):
            for s in members:
                code[s] = bit + code[s]
        heapq.heappush(heap, (rare[0] + often[0], next(order), rare[2] + often[2]))
    return code


def encode(symbols: Iterable[int], code: Mapping[int, str]) -> str:
    """Return the symbols as one string of 0 and 1."""
    return "".join(code[s] for s in symbols)


def decode(bits: str, code: Mapping[int, str]) -> list[int]:
    """Return the symbols of a string that `encode` made.

    Raises
    ------
    InputError
        If it ends within a symbol.
    """
    symbol = {word: s for s, word in code.items()}
    found, word = [], ""
    for bit in bits:
        word += bit
        if word in symbol:
            found.append(symbol[word])
            word = ""
    if word:
        raise InputError(f"bits end within a symbol ('{word}'); give the whole string")
    return found
