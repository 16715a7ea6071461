"""The scale set of an L1Menu XML, as a shipped set where it is one, else written out."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trigsim.base.errors import InputError
from trigsim.base.manifest import first_fault
from trigsim.menu.scales import FieldScale, ObjectScales, Precision, ScaleSet, load_scales

SHIPPED = ("cms_run3", "cms_run2")
#: XML scale type → field.
FIELDS = {"ET": "pt", "ETA": "eta", "PHI": "phi", "UPT": "upt", "COUNT": "count", "CSCORE": "score"}
#: XML precision → ours.
PRECISIONS = {
    "Delta": "delta",
    "Math": "math",
    "Mass": "mass",
    "MassPt": "mass_pt",
    "TwoBodyPt": "pair_pt",
    "TwoBodyPtMath": "pair_pt_math",
}
TOLERANCE = 1e-9

Scales = dict[tuple[str, str], FieldScale]
Precisions = dict[tuple[str, str], dict[str, int]]


def scale_set(root: Element, path: Path) -> str | ScaleSet:
    """Return the name of the shipped set that agrees with the XML in every bin, else the set itself."""
    try:
        return _scale_set(*_read(root))
    except (ValidationError, ValueError, OverflowError) as failure:
        said = first_fault(failure) if isinstance(failure, ValidationError) else failure
        raise InputError(f"a scale is not readable: {said}; check scale_set", path) from None


def _scale_set(scales: Scales, precisions: Precisions) -> str | ScaleSet:
    for name in SHIPPED:
        if _agrees(load_scales(name), scales, precisions):
            return name
    base = load_scales(SHIPPED[0])
    objects: dict[str, ObjectScales] = {}
    for kind in dict.fromkeys(kind for kind, _ in scales):
        # Fields without a scale of their own (isolation, quality, …) are plain integers of known width.
        plain = (
            {}
            if kind not in base.objects
            else {name: field for name, field in base.objects[kind].fields.items() if field.step is None}
        )
        own = {field: scale for (k, field), scale in scales.items() if k == kind}
        extra = {"phi_out": own["phi"]} if kind == "MU" and "phi" in own else {}
        objects[kind] = ObjectScales(fields={**own, **extra, **plain})
    for kind, known in base.objects.items():
        if "flag" in known.fields:
            objects.setdefault(kind, known)
    found = ScaleSet(
        name="l1menu", objects=objects, precision={"MU-*": Precision(math=4)} if "MU" in objects else {}
    )
    different = {
        f"{one}-{other}": Precision(**decimals)
        for (one, other), decimals in precisions.items()
        if one in objects and other in objects and not _same_precision(found, one, other, decimals)
    }
    return found.model_copy(update={"precision": {**found.precision, **different}})


def _read(root: Element) -> tuple[Scales, Precisions]:
    scales: Scales = {}
    precisions: Precisions = {}
    for element in root.iterfind("scale_set/scale"):
        kind, what = (element.findtext("object") or "").strip(), (element.findtext("type") or "").strip()
        one, other, name = [*what.split("-"), "", ""][:3]
        try:
            if kind == "PRECISION" and name in PRECISIONS:
                precisions.setdefault((one, other), {})[PRECISIONS[name]] = int(element.findtext("n_bits") or "")
            elif what in FIELDS:
                scales[kind, FIELDS[what]] = _field(element, what, int(element.findtext("n_bits") or ""))
        except (ValueError, OverflowError) as failure:
            said = first_fault(failure) if isinstance(failure, ValidationError) else failure
            raise ValueError(f"{kind} {what}: {said}") from None
    return scales, precisions


def _field(element: Element, what: str, bits: int) -> FieldScale:
    step, low, high = (float(element.findtext(tag) or "") for tag in ("step", "minimum", "maximum"))
    bins = [
        (int(b.findtext("number") or ""), float(b.findtext("minimum") or ""), float(b.findtext("maximum") or ""))
        for b in element.iterfind("bin")
    ]
    if not bins:
        return FieldScale(bits=bits, lsb=step, start=low)
    signed = what == "ETA"
    turn = 1 << bits
    # Numbers are given as unsigned fields: those of the upper half are negative.
    numbered = sorted((n - turn if signed and n >= turn // 2 else n, a, b) for n, a, b in bins)
    first = numbered[0][0]
    edges = np.array([a for _, a, _ in numbered] + [numbered[-1][2]])
    if [n for n, _, _ in numbered] != list(range(first, first + len(numbered))):
        raise ValueError("its bins are not consecutive")
    if what == "PHI":
        candidates = [FieldScale(bits=bits, bins=len(bins))]
    else:
        # The outermost edges are cut at the maximum, or the bins end before it.
        limits = (high, float(np.abs(edges).max())) if signed else (None,)
        start = _start(numbered, step)
        candidates = [FieldScale(bits=bits, signed=signed, lsb=step, start=start, limit=limit) for limit in limits]
    for candidate in candidates:
        if _same_edges(candidate, first, edges):
            return candidate
    return FieldScale(bits=bits, signed=signed, first=first, edges=tuple(edges.tolist()))


def _start(numbered: list[tuple[int, float, float]], step: float) -> float:
    """Return the lower edge of number 0, from a bin in the middle, which no limit cuts."""
    number, low, _ = numbered[len(numbered) // 2]
    zero = next((a for n, a, _ in numbered if n == 0), low - number * step)
    return zero + 0.0


def _same_edges(scale: FieldScale, first: int, edges: NDArray[np.float64]) -> bool:
    known_first, known = scale.bin_edges()
    # A scale may know numbers above the last bin of the XML, which are overflow there: they pass alike.
    return (
        known_first == first
        and len(known) >= len(edges)
        and bool(np.all(np.abs(known[: len(edges)] - edges) < TOLERANCE))
    )


def _agrees(known: ScaleSet, scales: Scales, precisions: Precisions) -> bool:
    for (kind, field), scale in scales.items():
        if kind not in known.objects or field not in known.objects[kind].fields:
            return False
        ours = known.objects[kind].fields[field]
        if (ours.bits, ours.signed) != (scale.bits, scale.signed):
            return False
        if not _same_edges(ours, *scale.bin_edges()) or not _same_edges(scale, *ours.bin_edges()):
            return False
    scaled = {
        (kind, name)
        for kind, o in known.objects.items()
        for name, field in o.fields.items()
        if field.step is not None
    }
    if scaled - set(scales) - {("MU", "phi_out")}:
        return False
    return all(_same_precision(known, one, other, decimals) for (one, other), decimals in precisions.items())


def _same_precision(known: ScaleSet, one: str, other: str, decimals: dict[str, int]) -> bool:
    if one not in known.objects or other not in known.objects:
        return False
    return known.pair_precision(one, other).model_dump().items() >= decimals.items()
